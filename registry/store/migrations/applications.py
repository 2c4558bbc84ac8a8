"""Migration 10: telemarketers who apply."""

from __future__ import annotations

from registry.store.migrations.step import Migration

APPLICATIONS = Migration(10, "telemarketers who apply", ())
