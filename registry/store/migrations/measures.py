"""Migration 17: measures and appeals."""

from __future__ import annotations

from registry.store.migrations.step import Migration

MEASURES = Migration(17, "measures and appeals", ())
