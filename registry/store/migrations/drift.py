"""Migration 4: what carriers found in their lists."""

from __future__ import annotations

from registry.store.migrations.step import Migration

DRIFT = Migration(4, "drift", ())
