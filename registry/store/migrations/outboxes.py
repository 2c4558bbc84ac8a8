"""Migration 7: outboxes in earnest: a sealed credential, and when an outbox last answered well."""

from __future__ import annotations

from registry.store.migrations.step import Migration

OUTBOXES = Migration(
    7,
    "outboxes",
    (
        "ALTER TABLE outbox ADD COLUMN credential BLOB",
        "ALTER TABLE outbox ADD COLUMN answered INTEGER NOT NULL DEFAULT 0",
    ),
)
