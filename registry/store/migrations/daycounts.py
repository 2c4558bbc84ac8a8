"""Migration 23: counts of reports by day, which outlive them; and the warnings before peaks."""

from __future__ import annotations

from registry.store.migrations.step import Migration

DAY_COUNTS = Migration(
    23,
    "counts by day and warnings of peaks",
    (
        # days are whole local days since 1970
        """CREATE TABLE day_count (part TEXT NOT NULL, day INTEGER NOT NULL, name TEXT NOT NULL,
            reports INTEGER NOT NULL, upheld INTEGER NOT NULL, unfounded INTEGER NOT NULL,
            PRIMARY KEY (part, day, name))""",
        "CREATE INDEX day_count_name ON day_count (part, name, day)",
        """CREATE TABLE day_step (day INTEGER NOT NULL, step TEXT NOT NULL, hours INTEGER NOT NULL,
            ended INTEGER NOT NULL, late INTEGER NOT NULL, PRIMARY KEY (day, step, hours))""",
        "CREATE TABLE desk_count (desk TEXT PRIMARY KEY, open INTEGER NOT NULL, overdue INTEGER NOT NULL)",
        "CREATE TABLE day_mark (mark TEXT PRIMARY KEY, at INTEGER NOT NULL)",
        """CREATE TABLE peak_warning (peak TEXT NOT NULL, year INTEGER NOT NULL, enterprise TEXT NOT NULL,
            party TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, times REAL NOT NULL, at INTEGER NOT NULL,
            confirmed INTEGER NOT NULL, confirmed_by TEXT NOT NULL, PRIMARY KEY (peak, year, enterprise))""",
        "CREATE INDEX peak_warning_party ON peak_warning (party, confirmed, at)",
    ),
)
