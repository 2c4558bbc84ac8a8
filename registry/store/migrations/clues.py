"""Migration 19: clues to departments."""

from __future__ import annotations

from registry.store.migrations.step import Migration

CLUES = Migration(19, "clues to departments", ())
