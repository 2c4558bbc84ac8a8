"""Migration 6: endpoints of webhooks, events to tell of, and who was told what."""

from __future__ import annotations

from registry.store.migrations.step import Migration

WEBHOOKS = Migration(
    6,
    "webhooks",
    (
        """CREATE TABLE webhook_endpoint (endpoint TEXT PRIMARY KEY, party TEXT NOT NULL, url BLOB NOT NULL,
            label TEXT NOT NULL, events TEXT NOT NULL, state TEXT NOT NULL, secret BLOB NOT NULL, old_secret BLOB,
            old_until INTEGER NOT NULL, created INTEGER NOT NULL, next INTEGER NOT NULL, failures INTEGER NOT NULL,
            failure TEXT NOT NULL)""",
        "CREATE INDEX webhook_endpoint_party ON webhook_endpoint (party)",
        """CREATE TABLE webhook_event (event TEXT PRIMARY KEY, type TEXT NOT NULL, body TEXT NOT NULL,
            at INTEGER NOT NULL)""",
        """CREATE TABLE webhook_delivery (endpoint TEXT NOT NULL, event TEXT NOT NULL, state TEXT NOT NULL,
            since INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL, done INTEGER,
            status INTEGER NOT NULL, failure TEXT NOT NULL, PRIMARY KEY (endpoint, event))""",
        "CREATE INDEX webhook_delivery_due ON webhook_delivery (state, endpoint, due)",
        "CREATE INDEX webhook_delivery_since ON webhook_delivery (endpoint, since)",
        "CREATE INDEX webhook_delivery_event ON webhook_delivery (event)",
        "CREATE TABLE webhook_told (what TEXT PRIMARY KEY, newest INTEGER NOT NULL)",
    ),
)
