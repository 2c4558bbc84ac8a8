"""Migration 2, carriers in earnest: resellers and their hosts, sandbox parties, editions that somebody wants."""

from __future__ import annotations

from registry.store.migrations.step import Migration

CARRIERS = Migration(
    2,
    "carriers in earnest",
    (
        "ALTER TABLE party ADD COLUMN host TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE party ADD COLUMN follows TEXT NOT NULL DEFAULT 'self'",
        "ALTER TABLE party ADD COLUMN sandbox INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE edition_wanted (reason TEXT PRIMARY KEY, at INTEGER NOT NULL)",
    ),
)
