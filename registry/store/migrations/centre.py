"""Migration 24: the report centre's queue, views of any queue that members keep, decisions about what was held."""

from __future__ import annotations

from registry.store.migrations.step import Migration

CENTRE = Migration(
    24,
    "the report centre's desk",
    (
        # both hold all that the queue filters by, so that no filter reads the table for rows it leaves out
        """CREATE INDEX handling_dated ON handling (due, reference, state, desk, class, kind, channel, category,
            province, carrier, late, held, undated) WHERE due > 0""",
        """CREATE INDEX handling_rest ON handling (received, reference, state, desk, class, kind, channel, category,
            province, carrier, late, held, undated, due) WHERE due = 0""",
        "CREATE INDEX handling_held ON handling (held, cluster, state) WHERE held <> ''",
        """CREATE TABLE held_review (cluster TEXT NOT NULL, enterprise TEXT NOT NULL, held TEXT NOT NULL,
            at INTEGER NOT NULL, action TEXT NOT NULL, reports INTEGER NOT NULL, reporters INTEGER NOT NULL,
            actor TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (cluster, enterprise, held, at))""",
        "CREATE INDEX held_review_at ON held_review (at)",
        """CREATE TABLE saved_view (queue TEXT NOT NULL, member TEXT NOT NULL, name TEXT NOT NULL, query TEXT NOT NULL,
            PRIMARY KEY (queue, member, name))""",
        """INSERT INTO saved_view (queue, member, name, query)
            SELECT 'cases', member, name, query FROM case_view""",
        "DROP TABLE case_view",
    ),
)
