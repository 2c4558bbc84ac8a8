"""Migration 3: key epochs."""

from __future__ import annotations

from registry.store.migrations.step import Migration

EPOCHS = Migration(3, "key epochs", ())
