"""Migration 15: what people report with evidence."""

from __future__ import annotations

from registry.store.migrations.step import Migration

PEOPLES_REPORTS = Migration(
    15,
    "what people report with evidence",
    (
        """CREATE TABLE peoples_report (source TEXT NOT NULL, source_id TEXT NOT NULL, reporter BLOB NOT NULL,
            kind TEXT NOT NULL, class TEXT NOT NULL, enterprise TEXT NOT NULL, province TEXT NOT NULL,
            consent INTEGER NOT NULL, missing TEXT NOT NULL, same BLOB NOT NULL, received INTEGER NOT NULL,
            PRIMARY KEY (source, source_id))""",
        "CREATE INDEX peoples_report_same ON peoples_report (same, received)",
        """CREATE TABLE evidence_file (file TEXT NOT NULL, source TEXT NOT NULL, source_id TEXT NOT NULL,
            type TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, at INTEGER NOT NULL,
            whole INTEGER NOT NULL, PRIMARY KEY (file))""",
        "CREATE INDEX evidence_file_report ON evidence_file (source, source_id)",
        "CREATE TABLE sms_in (message BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (message))",
        "CREATE INDEX sms_in_at ON sms_in (at)",
    ),
)
