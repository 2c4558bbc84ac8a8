"""Migration 20: bulletins and open data."""

from __future__ import annotations

from registry.store.migrations.step import Migration

BULLETINS = Migration(20, "bulletins and open data", ())
