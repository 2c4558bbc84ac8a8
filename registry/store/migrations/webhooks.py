"""Migration 6: endpoints, events, deliveries."""

from __future__ import annotations

from registry.store.migrations.step import Migration

WEBHOOKS = Migration(6, "webhooks", ())
