"""Migration 22: fines with notice, term and end; entries of credit files that are changed; cases that are late; and
what carries the purge of what gathered from reports that are gone."""

from __future__ import annotations

from registry.store.migrations.step import Migration

FINES = Migration(
    22,
    "fines with notice, credit files that change, late cases",
    (
        # `due`: what runs in a state: the time limit of a fine, the answer to a notice, the payment; 0: nothing
        "ALTER TABLE penalty ADD COLUMN department TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE penalty ADD COLUMN due INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE penalty ADD COLUMN noticed INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE penalty ADD COLUMN hear_by INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE penalty ADD COLUMN asked INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE penalty ADD COLUMN stated INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE penalty ADD COLUMN statement TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE penalty ADD COLUMN settled INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX penalty_due ON penalty (state, due, penalty)",
        """CREATE TABLE penalty_move (penalty TEXT NOT NULL, place INTEGER NOT NULL, at INTEGER NOT NULL,
            actor TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL,
            PRIMARY KEY (penalty, place))""",
        # the entry that stands in place of one that was wrong, which counts for nothing any longer
        "ALTER TABLE credit ADD COLUMN instead TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX credit_since ON credit (since, entry)",
        """CREATE TABLE credit_move (entry TEXT NOT NULL, place INTEGER NOT NULL, at INTEGER NOT NULL,
            actor TEXT NOT NULL, action TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (entry, place))""",
        # `runs`: since when the deadline of a case runs
        "ALTER TABLE case_file ADD COLUMN runs INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE case_file ADD COLUMN late INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE case_file ADD COLUMN escalated INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE case_file ADD COLUMN undated INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE case_file ADD COLUMN erased INTEGER NOT NULL DEFAULT 0",
        "UPDATE case_file SET runs = updated WHERE due > 0",
        "CREATE INDEX case_undated ON case_file (opened) WHERE undated = 1",
        "CREATE INDEX case_late ON case_file (due) WHERE escalated = 0 AND due > 0",
        "CREATE INDEX case_escalated ON case_file (due) WHERE escalated = 1 AND due > 0",
        "CREATE INDEX text_cluster_made ON text_cluster (made)",
        "CREATE INDEX text_band_cluster ON text_band (cluster)",
        "CREATE INDEX campaign_made ON campaign (made)",
        "CREATE INDEX campaign_link_link ON campaign_link (link)",
        "CREATE INDEX campaign_link_campaign ON campaign_link (campaign)",
    ),
)
