"""Migration 20: quarterly bulletins, drafted and published, computed here or known from before."""

from __future__ import annotations

from registry.store.migrations.step import Migration

BULLETINS = Migration(
    20,
    "quarterly bulletins",
    (
        """CREATE TABLE bulletin (quarter TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
            origin TEXT NOT NULL, cutoff INTEGER NOT NULL, figures TEXT NOT NULL, sha256 TEXT NOT NULL,
            note TEXT NOT NULL, drafted_by TEXT NOT NULL, drafted INTEGER NOT NULL, submitted_by TEXT NOT NULL,
            submitted INTEGER NOT NULL, published_by TEXT NOT NULL, published INTEGER NOT NULL,
            PRIMARY KEY (quarter, version))""",
    ),
)
