"""Migration 18: penalties and credit."""

from __future__ import annotations

from registry.store.migrations.step import Migration

PENALTIES = Migration(18, "penalties and credit", ())
