"""Migration 15: what people report with evidence."""

from __future__ import annotations

from registry.store.migrations.step import Migration

PEOPLES_REPORTS = Migration(15, "what people report with evidence", ())
