"""Migration 10, telemarketers who apply: licence tiers, keys of a sandbox."""

from __future__ import annotations

from registry.store.migrations.step import Migration

APPLICATIONS = Migration(
    10,
    "telemarketers who apply",
    (
        "ALTER TABLE party ADD COLUMN tier TEXT NOT NULL DEFAULT 'basic'",
        "ALTER TABLE api_key ADD COLUMN sandbox INTEGER NOT NULL DEFAULT 0",
    ),
)
