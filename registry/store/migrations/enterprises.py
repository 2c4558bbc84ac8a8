"""Migration 13: enterprises, and the number resources that somebody answers for."""

from __future__ import annotations

from registry.store.migrations.step import Migration

ENTERPRISES = Migration(
    13,
    "enterprises and number resources",
    (
        """CREATE TABLE enterprise (enterprise TEXT PRIMARY KEY, name TEXT NOT NULL, skeleton TEXT NOT NULL,
            country TEXT NOT NULL, registration TEXT NOT NULL, category INTEGER NOT NULL, province TEXT NOT NULL,
            party TEXT NOT NULL, created INTEGER NOT NULL)""",
        "CREATE UNIQUE INDEX enterprise_company ON enterprise (country, registration) WHERE registration <> ''",
        "CREATE UNIQUE INDEX enterprise_party ON enterprise (party) WHERE party <> ''",
        "CREATE INDEX enterprise_skeleton ON enterprise (skeleton)",
        # digits of public codes and ports stand in clear, plain numbers are sealed
        """CREATE TABLE resource (resource TEXT PRIMARY KEY, kind TEXT NOT NULL, prefix TEXT NOT NULL, number BLOB,
            carrier TEXT NOT NULL, provider TEXT NOT NULL, content TEXT NOT NULL, purpose TEXT NOT NULL,
            licence TEXT NOT NULL, signature TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
            ledger TEXT NOT NULL, added INTEGER NOT NULL)""",
        "CREATE INDEX resource_prefix ON resource (prefix, since) WHERE prefix <> ''",
        "CREATE INDEX resource_number ON resource (number, since) WHERE number IS NOT NULL",
        "CREATE INDEX resource_provider ON resource (provider)",
        "CREATE INDEX resource_content ON resource (content)",
        "CREATE INDEX resource_carrier ON resource (carrier, since)",
        """CREATE TABLE ledger (ledger TEXT PRIMARY KEY, carrier TEXT NOT NULL, day INTEGER NOT NULL,
            taken INTEGER NOT NULL, actor TEXT NOT NULL, counted INTEGER NOT NULL, added INTEGER NOT NULL,
            changed INTEGER NOT NULL, unchanged INTEGER NOT NULL, held INTEGER NOT NULL, refused INTEGER NOT NULL,
            ended INTEGER NOT NULL, withheld INTEGER NOT NULL)""",
        "CREATE INDEX ledger_carrier ON ledger (carrier, day)",
    ),
)
