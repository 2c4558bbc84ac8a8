"""Migration 14: what becomes of each report, from its taking in to its end."""

from __future__ import annotations

from registry.store.migrations.step import Migration

HANDLING = Migration(
    14,
    "the handling of reports",
    (
        """CREATE TABLE handling (source TEXT NOT NULL, source_id TEXT NOT NULL, reference TEXT NOT NULL,
            state TEXT NOT NULL, desk TEXT NOT NULL, received INTEGER NOT NULL, at INTEGER NOT NULL,
            class TEXT NOT NULL, kind TEXT NOT NULL, channel INTEGER NOT NULL, category INTEGER NOT NULL,
            mode TEXT NOT NULL, caller BLOB, caller_kind INTEGER NOT NULL, province TEXT NOT NULL,
            carrier TEXT NOT NULL, provider TEXT NOT NULL, content TEXT NOT NULL, resource TEXT NOT NULL,
            rulebook TEXT NOT NULL, verdict TEXT NOT NULL, reason TEXT NOT NULL, due INTEGER NOT NULL,
            late INTEGER NOT NULL, escalated INTEGER NOT NULL, outcome TEXT NOT NULL, answer BLOB,
            held TEXT NOT NULL, cluster TEXT NOT NULL, case_id TEXT NOT NULL, closed INTEGER NOT NULL,
            updated INTEGER NOT NULL, undated INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (source, source_id))""",
        "CREATE UNIQUE INDEX handling_reference ON handling (reference)",
        "CREATE INDEX handling_desk ON handling (desk, state, due, received)",
        "CREATE INDEX handling_state ON handling (state, due, received)",
        "CREATE INDEX handling_undated ON handling (received) WHERE undated = 1",
        "CREATE INDEX handling_received ON handling (received, state)",
        "CREATE INDEX handling_provider ON handling (provider, received)",
        "CREATE INDEX handling_case ON handling (case_id, received)",
        "CREATE INDEX handling_caller ON handling (caller, received)",
        """CREATE TABLE handling_move (source TEXT NOT NULL, source_id TEXT NOT NULL, place INTEGER NOT NULL,
            at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL,
            PRIMARY KEY (source, source_id, place))""",
    ),
)
