"""Migration 26: gaps in the chain by one condition, which no engine takes apart into the indexes of its halves."""

from __future__ import annotations

from registry.store.migrations.step import Migration

_OPEN = "LENGTH(provider) * LENGTH(content) = 0"

GAPS = Migration(
    26,
    "gaps in the chain",
    (
        "DROP INDEX resource_gap",
        "DROP INDEX resource_gap_carrier",
        f"CREATE INDEX resource_gap ON resource (resource) WHERE {_OPEN}",
        f"CREATE INDEX resource_gap_carrier ON resource (carrier, resource) WHERE {_OPEN}",
    ),
)
