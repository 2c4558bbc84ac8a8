"""Migration 7: outboxes in earnest."""

from __future__ import annotations

from registry.store.migrations.step import Migration

OUTBOXES = Migration(7, "outboxes", ())
