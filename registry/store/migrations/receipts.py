"""Migration 11: receipts of scrubs."""

from __future__ import annotations

from registry.store.migrations.step import Migration

RECEIPTS = Migration(11, "receipts of scrubs", ())
