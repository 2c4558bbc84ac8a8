"""Migration 9: scrubs, the parts in which their call lists arrive."""

from __future__ import annotations

from registry.store.migrations.step import Migration

SCRUBS = Migration(
    9,
    "scrubs",
    (
        """CREATE TABLE scrub (scrub TEXT PRIMARY KEY, party TEXT NOT NULL, actor TEXT NOT NULL,
            sandbox INTEGER NOT NULL, origin TEXT NOT NULL, state TEXT NOT NULL, lane TEXT NOT NULL,
            name TEXT NOT NULL, campaign TEXT NOT NULL, on_behalf TEXT NOT NULL, channel INTEGER NOT NULL,
            category INTEGER NOT NULL, at INTEGER NOT NULL, country TEXT NOT NULL, wanted TEXT NOT NULL,
            again TEXT NOT NULL, idempotency TEXT NOT NULL, found TEXT NOT NULL, size INTEGER NOT NULL,
            read INTEGER NOT NULL, lines INTEGER NOT NULL, counts TEXT NOT NULL, distinct_numbers INTEGER NOT NULL,
            charged INTEGER NOT NULL, edition INTEGER NOT NULL, rulebook TEXT NOT NULL, valid_until INTEGER NOT NULL,
            input_sha256 TEXT NOT NULL, result_sha256 TEXT NOT NULL, result TEXT NOT NULL,
            result_size INTEGER NOT NULL, receipt TEXT NOT NULL, problem TEXT NOT NULL, stop INTEGER NOT NULL,
            created INTEGER NOT NULL, submitted INTEGER NOT NULL, started INTEGER NOT NULL, finished INTEGER NOT NULL,
            picked_up INTEGER NOT NULL, expires INTEGER NOT NULL, keep INTEGER NOT NULL, attempts INTEGER NOT NULL,
            not_before INTEGER NOT NULL, reminded INTEGER NOT NULL, changes TEXT NOT NULL,
            permille INTEGER NOT NULL)""",
        "CREATE INDEX scrub_party ON scrub (party, created)",
        "CREATE INDEX scrub_state ON scrub (state, created)",
        "CREATE INDEX scrub_valid ON scrub (valid_until) WHERE reminded = 0",
        "CREATE INDEX scrub_served ON scrub (party, started)",
        "CREATE INDEX scrub_expires ON scrub (expires)",
        "CREATE UNIQUE INDEX scrub_idempotency ON scrub (party, idempotency) WHERE idempotency <> ''",
        """CREATE TABLE scrub_part (scrub TEXT NOT NULL, part INTEGER NOT NULL, size INTEGER NOT NULL,
            sha256 TEXT NOT NULL, file TEXT NOT NULL, PRIMARY KEY (scrub, part))""",
        # whom a telemarketer has anything from, for each scrub and check
        "CREATE INDEX consent_telemarketer ON consent (telemarketer, number)",
        "CREATE INDEX personal_entry_telemarketer ON personal_entry (telemarketer, number)",
    ),
)
