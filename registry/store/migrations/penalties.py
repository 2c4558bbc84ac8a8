"""Migration 18: fines that are proposed and decided, and the credit file."""

from __future__ import annotations

from registry.store.migrations.step import Migration

PENALTIES = Migration(
    18,
    "penalties and credit",
    (
        """CREATE TABLE penalty (penalty TEXT PRIMARY KEY, case_id TEXT NOT NULL, enterprise TEXT NOT NULL,
            rulebook TEXT NOT NULL, facts TEXT NOT NULL, proposal TEXT NOT NULL, state TEXT NOT NULL,
            sum INTEGER NOT NULL, proposed_by TEXT NOT NULL, decided_by TEXT NOT NULL, proposed INTEGER NOT NULL,
            heard INTEGER NOT NULL, hearing TEXT NOT NULL, decided INTEGER NOT NULL, reason TEXT NOT NULL)""",
        "CREATE INDEX penalty_case ON penalty (case_id, proposed)",
        "CREATE INDEX penalty_enterprise ON penalty (enterprise, proposed)",
        """CREATE TABLE credit (entry TEXT PRIMARY KEY, enterprise TEXT NOT NULL, kind TEXT NOT NULL,
            public INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, case_id TEXT NOT NULL,
            text TEXT NOT NULL, added_by TEXT NOT NULL, added INTEGER NOT NULL)""",
        "CREATE INDEX credit_enterprise ON credit (enterprise, since)",
        "CREATE INDEX credit_kind ON credit (kind, since)",
    ),
)
