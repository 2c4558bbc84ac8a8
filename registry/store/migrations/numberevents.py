"""Migration 5: numbers that move: what carriers say of them, overlaps, resellers' blocks.

Whose lists hold a number stands with each change in `carrier`: several names with blanks between, the one that serves
it first; `left_carrier` likewise. Who has a number is read from there, so pending rows no longer carry it.
"""

from __future__ import annotations

from registry.store.migrations.step import Migration

NUMBER_EVENTS = Migration(
    5,
    "number events",
    (
        """CREATE TABLE overlap (number BLOB NOT NULL, carrier TEXT NOT NULL, until INTEGER NOT NULL,
            PRIMARY KEY (number, carrier))""",
        "CREATE INDEX overlap_until ON overlap (until)",
        "ALTER TABLE pending DROP COLUMN left_carrier",
        """CREATE TABLE number_block (prefix TEXT PRIMARY KEY, reseller TEXT NOT NULL, since INTEGER NOT NULL,
            moved INTEGER NOT NULL)""",
        """CREATE TABLE number_event (source TEXT NOT NULL, source_id TEXT NOT NULL, event TEXT NOT NULL,
            batch TEXT NOT NULL, line INTEGER NOT NULL, number BLOB NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
            giver TEXT NOT NULL, taker TEXT NOT NULL, received INTEGER NOT NULL, state TEXT NOT NULL,
            reason TEXT NOT NULL, other TEXT NOT NULL, settled INTEGER, actor TEXT NOT NULL, note TEXT NOT NULL,
            PRIMARY KEY (source, source_id))""",
        "CREATE INDEX number_event_number ON number_event (number, at)",
        "CREATE INDEX number_event_state ON number_event (state, at)",
        "CREATE INDEX number_event_event ON number_event (event)",
        "ALTER TABLE quarantine ADD COLUMN about TEXT NOT NULL DEFAULT 'reports'",
        "ALTER TABLE batch ADD COLUMN about TEXT NOT NULL DEFAULT 'reports'",
    ),
)
