"""Migration 12: quotas and alarms of scrubs."""

from __future__ import annotations

from registry.store.migrations.step import Migration

GUARD = Migration(12, "quotas and alarms of scrubs", ())
