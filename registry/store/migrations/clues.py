"""Migration 19: marks of reported callers, and what was cleared of them."""

from __future__ import annotations

from registry.store.migrations.step import Migration

CLUES = Migration(
    19,
    "marks of reported callers",
    (
        """CREATE TABLE open_mark (number BLOB PRIMARY KEY, kind INTEGER NOT NULL, change INTEGER NOT NULL,
            state TEXT NOT NULL, reason TEXT NOT NULL, reports INTEGER NOT NULL, reporters INTEGER NOT NULL,
            calls INTEGER NOT NULL, messages INTEGER NOT NULL, categories TEXT NOT NULL, first INTEGER NOT NULL,
            last INTEGER NOT NULL, updated INTEGER NOT NULL, seen INTEGER NOT NULL)""",
        "CREATE UNIQUE INDEX open_mark_change ON open_mark (change)",
        "CREATE INDEX open_mark_seen ON open_mark (state, seen)",
        "CREATE TABLE open_counter (counter TEXT PRIMARY KEY, value INTEGER NOT NULL)",
        """CREATE TABLE mark_appeal (appeal TEXT PRIMARY KEY, number BLOB NOT NULL, state TEXT NOT NULL,
            asked INTEGER NOT NULL, decided INTEGER NOT NULL, actor TEXT NOT NULL, why TEXT NOT NULL)""",
        "CREATE INDEX mark_appeal_number ON mark_appeal (number, asked)",
        "CREATE INDEX mark_appeal_state ON mark_appeal (state, asked)",
        # reports from before its moment say nothing about a number any longer
        "CREATE TABLE open_clearing (number BLOB PRIMARY KEY, at INTEGER NOT NULL)",
    ),
)
