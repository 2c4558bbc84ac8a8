"""Migration 4: what carriers found in their lists."""

from __future__ import annotations

from registry.store.migrations.step import Migration

DRIFT = Migration(
    4,
    "drift",
    (
        """CREATE TABLE finding (finding TEXT PRIMARY KEY, recipient TEXT NOT NULL, edition INTEGER NOT NULL,
            epoch INTEGER NOT NULL, at INTEGER NOT NULL, lost INTEGER NOT NULL, weakened INTEGER NOT NULL,
            strengthened INTEGER NOT NULL, "foreign" INTEGER NOT NULL, exceptions INTEGER NOT NULL,
            repaired_bytes INTEGER NOT NULL, anew INTEGER NOT NULL, seen INTEGER, seen_by TEXT NOT NULL,
            note TEXT NOT NULL)""",
        "CREATE INDEX finding_recipient ON finding (recipient, at)",
    ),
)
