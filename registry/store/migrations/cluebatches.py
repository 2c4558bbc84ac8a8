"""Migration 21: clues for other departments, the batches in which they go, and how each went."""

from __future__ import annotations

from registry.store.migrations.step import Migration

CLUE_BATCHES = Migration(
    21,
    "clues for departments",
    (
        # a report, case or fine that a department is told of, as it stood then; batch "" waits for the next one
        """CREATE TABLE clue (clue TEXT PRIMARY KEY, kind TEXT NOT NULL, source TEXT NOT NULL, source_id TEXT NOT NULL,
            department TEXT NOT NULL, class TEXT NOT NULL, category INTEGER NOT NULL, at INTEGER NOT NULL, caller BLOB,
            facts TEXT NOT NULL, added INTEGER NOT NULL, added_by TEXT NOT NULL, reason TEXT NOT NULL,
            batch TEXT NOT NULL, place INTEGER NOT NULL, withdrawn INTEGER NOT NULL, told TEXT NOT NULL,
            feedback TEXT NOT NULL, fed_back INTEGER NOT NULL, passed_to TEXT NOT NULL, outcome TEXT NOT NULL,
            settled INTEGER NOT NULL, note TEXT NOT NULL)""",
        "CREATE UNIQUE INDEX clue_subject ON clue (kind, source, source_id, department)",
        "CREATE INDEX clue_place ON clue (batch, place)",
        "CREATE INDEX clue_waiting ON clue (department, added) WHERE batch = ''",
        "CREATE INDEX clue_withdrawn ON clue (department, told) WHERE withdrawn > 0",
        # `topic`: what it was made for, a department or what none is known for; `envelope`: what was signed
        """CREATE TABLE clue_batch (batch TEXT PRIMARY KEY, quarter TEXT NOT NULL, kind TEXT NOT NULL,
            topic TEXT NOT NULL, part INTEGER NOT NULL, department TEXT NOT NULL, state TEXT NOT NULL,
            cutoff INTEGER NOT NULL, clues INTEGER NOT NULL, answered INTEGER NOT NULL, settled INTEGER NOT NULL,
            envelope TEXT NOT NULL, made INTEGER NOT NULL, reviewed_by TEXT NOT NULL, sent INTEGER NOT NULL,
            way TEXT NOT NULL, received INTEGER NOT NULL, receiver TEXT NOT NULL, file_number TEXT NOT NULL,
            due INTEGER NOT NULL, code BLOB, code_until INTEGER NOT NULL, guesses INTEGER NOT NULL)""",
        "CREATE UNIQUE INDEX clue_batch_part ON clue_batch (quarter, kind, topic, part)",
        "CREATE INDEX clue_batch_state ON clue_batch (state, due)",
        "CREATE INDEX clue_batch_made ON clue_batch (made)",
        """CREATE TABLE clue_move (batch TEXT NOT NULL, place INTEGER NOT NULL, at INTEGER NOT NULL,
            actor TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL,
            PRIMARY KEY (batch, place))""",
        "CREATE INDEX handling_unlawful ON handling (received) WHERE class = 'unlawful'",
    ),
)
