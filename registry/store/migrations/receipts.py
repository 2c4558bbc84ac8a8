"""Migration 11: receipts of scrubs."""

from __future__ import annotations

from registry.store.migrations.step import Migration

RECEIPTS = Migration(
    11,
    "receipts of scrubs",
    (
        """CREATE TABLE receipt (receipt TEXT PRIMARY KEY, party TEXT NOT NULL, scrub TEXT NOT NULL,
            campaign TEXT NOT NULL, on_behalf TEXT NOT NULL, channel TEXT NOT NULL, category TEXT NOT NULL,
            at INTEGER NOT NULL, valid_until INTEGER NOT NULL, issued INTEGER NOT NULL, size INTEGER NOT NULL,
            sandbox INTEGER NOT NULL, kept_until INTEGER NOT NULL, envelope TEXT NOT NULL, erased INTEGER NOT NULL)""",
        """CREATE TABLE receipt_key (keyid TEXT PRIMARY KEY, public TEXT NOT NULL, since INTEGER NOT NULL,
            until INTEGER)""",
        "CREATE INDEX receipt_party ON receipt (party, issued)",
        "CREATE INDEX receipt_asked ON receipt (party, channel, category, valid_until)",
        "CREATE INDEX receipt_kept ON receipt (kept_until) WHERE erased = 0",
    ),
)
