"""Migration 10, telemarketers who apply: licence tiers, keys of a sandbox, companies and whom they act for."""

from __future__ import annotations

from registry.store.migrations.step import Migration

APPLICATIONS = Migration(
    10,
    "telemarketers who apply",
    (
        "ALTER TABLE party ADD COLUMN tier TEXT NOT NULL DEFAULT 'basic'",
        "ALTER TABLE api_key ADD COLUMN sandbox INTEGER NOT NULL DEFAULT 0",
        """CREATE TABLE application (reference TEXT PRIMARY KEY, secret BLOB NOT NULL, form BLOB NOT NULL,
            state TEXT NOT NULL, name_zh TEXT NOT NULL, name_en TEXT NOT NULL, country TEXT NOT NULL,
            registration TEXT NOT NULL, sectors INTEGER NOT NULL, itself INTEGER NOT NULL, principals TEXT NOT NULL,
            contact BLOB NOT NULL, language TEXT NOT NULL, created INTEGER NOT NULL, decided INTEGER NOT NULL,
            decided_by TEXT NOT NULL, note TEXT NOT NULL, party TEXT NOT NULL)""",
        "CREATE UNIQUE INDEX application_form ON application (form)",
        "CREATE INDEX application_state ON application (state, created)",
        "CREATE INDEX application_company ON application (country, registration)",
        """CREATE TABLE organisation (party TEXT PRIMARY KEY, country TEXT NOT NULL, registration TEXT NOT NULL,
            sectors INTEGER NOT NULL, itself INTEGER NOT NULL, since INTEGER NOT NULL, contact BLOB NOT NULL)""",
        "CREATE UNIQUE INDEX organisation_company ON organisation (country, registration)",
        """CREATE TABLE principal (principal TEXT PRIMARY KEY, party TEXT NOT NULL, name TEXT NOT NULL,
            country TEXT NOT NULL, registration TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL)""",
        "CREATE INDEX principal_party ON principal (party, name)",
    ),
)
