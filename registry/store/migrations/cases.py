"""Migration 16: cases, what was done about them, and which reports gather to them."""

from __future__ import annotations

from registry.store.migrations.step import Migration

CASES = Migration(
    16,
    "cases",
    (
        """CREATE TABLE case_file (case_id TEXT PRIMARY KEY, enterprise TEXT NOT NULL, state TEXT NOT NULL,
            why TEXT NOT NULL, category INTEGER NOT NULL, kind TEXT NOT NULL, opened INTEGER NOT NULL,
            updated INTEGER NOT NULL, due INTEGER NOT NULL, assigned TEXT NOT NULL, reports INTEGER NOT NULL,
            numbers INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, proposal TEXT NOT NULL,
            proposed_by TEXT NOT NULL, proposed INTEGER NOT NULL, merged_into TEXT NOT NULL)""",
        "CREATE INDEX case_state ON case_file (state, due, case_id)",
        "CREATE INDEX case_assigned ON case_file (assigned, state, due)",
        "CREATE INDEX case_enterprise ON case_file (enterprise, opened)",
        """CREATE TABLE case_move (case_id TEXT NOT NULL, place INTEGER NOT NULL, at INTEGER NOT NULL,
            actor TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL,
            PRIMARY KEY (case_id, place))""",
        # an upheld report that counts: for which enterprise ("" nobody known) and campaign
        """CREATE TABLE case_report (source TEXT NOT NULL, source_id TEXT NOT NULL, enterprise TEXT NOT NULL,
            campaign TEXT NOT NULL, case_id TEXT NOT NULL, caller BLOB, at INTEGER NOT NULL,
            PRIMARY KEY (source, source_id))""",
        "CREATE INDEX case_report_case ON case_report (case_id, at, caller)",
        "CREATE INDEX case_report_campaign ON case_report (campaign, at, caller)",
        "CREATE INDEX case_report_waiting ON case_report (enterprise, at, campaign, caller) WHERE case_id = ''",
        """CREATE TABLE campaign (campaign TEXT PRIMARY KEY, enterprise TEXT NOT NULL, case_id TEXT NOT NULL,
            made INTEGER NOT NULL)""",
        "CREATE INDEX campaign_case ON campaign (case_id)",
        """CREATE TABLE campaign_link (enterprise TEXT NOT NULL, link TEXT NOT NULL, campaign TEXT NOT NULL,
            PRIMARY KEY (enterprise, link))""",
        # texts that are alike: one signature stands for all of them, its bands find it
        "CREATE TABLE text_cluster (cluster TEXT PRIMARY KEY, signature BLOB NOT NULL, made INTEGER NOT NULL)",
        "CREATE TABLE text_band (band BLOB NOT NULL, cluster TEXT NOT NULL, PRIMARY KEY (band, cluster))",
        """CREATE TABLE gather_mark (pass TEXT PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL,
            source_id TEXT NOT NULL)""",
        "CREATE INDEX handling_looked ON handling (received, source, source_id)",
        "CREATE INDEX handling_moved ON handling (updated, source, source_id)",
        "CREATE INDEX handling_cluster ON handling (cluster, received) WHERE cluster <> ''",
        """CREATE TABLE case_view (member TEXT NOT NULL, name TEXT NOT NULL, query TEXT NOT NULL,
            PRIMARY KEY (member, name))""",
    ),
)
