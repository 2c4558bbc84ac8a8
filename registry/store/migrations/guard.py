"""Migration 12: what telemarketers asked for and may ask for, alarms about it, and who is slowed down."""

from __future__ import annotations

from registry.store.migrations.step import Migration

GUARD = Migration(
    12,
    "quotas and alarms of scrubs",
    (
        """CREATE TABLE quota_use (party TEXT NOT NULL, epoch INTEGER NOT NULL, day INTEGER NOT NULL,
            used INTEGER NOT NULL, PRIMARY KEY (party, epoch, day))""",
        """CREATE TABLE quota_hold (hold TEXT PRIMARY KEY, party TEXT NOT NULL, epoch INTEGER NOT NULL,
            day INTEGER NOT NULL, numbers INTEGER NOT NULL, until INTEGER NOT NULL)""",
        "CREATE INDEX quota_hold_party ON quota_hold (party, epoch)",
        """CREATE TABLE quota_file (party TEXT NOT NULL, epoch INTEGER NOT NULL, file TEXT NOT NULL,
            numbers INTEGER NOT NULL, PRIMARY KEY (party, epoch))""",
        """CREATE TABLE quota_recent (party TEXT NOT NULL, epoch INTEGER NOT NULL, place INTEGER NOT NULL,
            at INTEGER NOT NULL, unassigned INTEGER NOT NULL, asked BLOB NOT NULL, sealed BLOB NOT NULL,
            PRIMARY KEY (party, epoch, place))""",
        """CREATE TABLE guard_profile (party TEXT NOT NULL, epoch INTEGER NOT NULL, at INTEGER NOT NULL,
            content BLOB NOT NULL, PRIMARY KEY (party, epoch))""",
        """CREATE TABLE guard_lane (party TEXT PRIMARY KEY, lane TEXT NOT NULL, since INTEGER NOT NULL,
            by TEXT NOT NULL)""",
        """CREATE TABLE guard_alarm (alarm TEXT PRIMARY KEY, party TEXT NOT NULL, epoch INTEGER NOT NULL,
            kind TEXT NOT NULL, scrub TEXT NOT NULL, lane TEXT NOT NULL, figures TEXT NOT NULL,
            raised INTEGER NOT NULL, settled INTEGER NOT NULL, decision TEXT NOT NULL, note TEXT NOT NULL,
            officer TEXT NOT NULL)""",
        "CREATE INDEX guard_alarm_party ON guard_alarm (party, epoch)",
        "CREATE INDEX guard_alarm_settled ON guard_alarm (settled, raised)",
    ),
)
