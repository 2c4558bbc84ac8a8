"""What the tests of the engines share."""

from __future__ import annotations

import pytest

from registry.store import Store


@pytest.fixture
def table(store: Store) -> Store:
    """A store with a small table of every type."""
    with store.writing():
        store.engine.script(
            ["CREATE TABLE thing (thing BLOB PRIMARY KEY, count INTEGER NOT NULL, share REAL, word TEXT)"]
        )
    return store
