"""Migration 5: numbers that move."""

from __future__ import annotations

from registry.store.migrations.step import Migration

NUMBER_EVENTS = Migration(5, "number events", ())
