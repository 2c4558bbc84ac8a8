"""Migration 16: cases."""

from __future__ import annotations

from registry.store.migrations.step import Migration

CASES = Migration(16, "cases", ())
