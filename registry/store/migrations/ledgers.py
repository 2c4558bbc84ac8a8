"""Migration 25: rows of ledgers that were not taken, how ledgers ended, and what is found in what stands."""

from __future__ import annotations

from registry.store.migrations.step import Migration

LEDGERS = Migration(
    25,
    "rows of ledgers that were not taken, sublets and changes of purpose",
    (
        "ALTER TABLE ledger ADD COLUMN cut TEXT NOT NULL DEFAULT ''",
        # digits of codes stand in clear, plain numbers are sealed; neither where they could not be read
        """CREATE TABLE ledger_row (ledger TEXT NOT NULL, line INTEGER NOT NULL, result TEXT NOT NULL,
            reason TEXT NOT NULL, prefix TEXT NOT NULL, number BLOB, PRIMARY KEY (ledger, line))""",
        "CREATE INDEX ledger_row_reason ON ledger_row (ledger, reason, line)",
        # a sublet and the entry above it, or an entry and the one before it that had another purpose
        """CREATE TABLE resource_finding (kind TEXT NOT NULL, resource TEXT NOT NULL, other TEXT NOT NULL,
            carrier TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (kind, resource))""",
        "CREATE INDEX resource_finding_since ON resource_finding (kind, since, resource)",
        "CREATE INDEX resource_finding_carrier ON resource_finding (kind, carrier, since, resource)",
        "CREATE INDEX resource_gap ON resource (resource) WHERE (provider = '' OR content = '')",
        "CREATE INDEX resource_gap_carrier ON resource (carrier, resource) WHERE (provider = '' OR content = '')",
        "CREATE INDEX resource_listed ON resource (carrier, resource)",
        # reports against whose content it is, where nobody is known who sent
        "CREATE INDEX handling_kept ON handling (provider, received) WHERE held <> ''",
        "CREATE INDEX handling_content ON handling (content, received) WHERE provider = '' AND content <> ''",
    ),
)
