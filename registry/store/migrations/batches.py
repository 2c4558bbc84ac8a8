"""Migration 8: what pages ask of batches row by row, and of feeds by time."""

from __future__ import annotations

from registry.store.migrations.step import Migration

BATCHES = Migration(
    8,
    "batches row by row",
    (
        "CREATE INDEX report_batch ON report (source, batch, line, verdict)",
        "CREATE INDEX quarantine_batch ON quarantine (source, batch, line)",
        "CREATE INDEX batch_started ON batch (source, started)",
        # lines of a batch that held what was there before, as ranges: a whole file sent again is one row
        """CREATE TABLE batch_duplicate (source TEXT NOT NULL, batch TEXT NOT NULL, first INTEGER NOT NULL,
            last INTEGER NOT NULL, PRIMARY KEY (source, batch, first))""",
        # what a follower that keeps up fetches of an edition: its change set, without roll-ups and full lists
        "ALTER TABLE feed_edition ADD COLUMN changes INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE feed_edition ADD COLUMN change_bytes INTEGER NOT NULL DEFAULT 0",
        "UPDATE feed_edition SET changes = rows, change_bytes = bytes WHERE kind = 'delta'",
        "CREATE INDEX feed_edition_published ON feed_edition (recipient, published)",
    ),
)
