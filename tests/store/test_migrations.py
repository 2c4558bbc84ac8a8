"""Migrations: numbered, over data, once, whole or not at all; and how SQLite stands afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry.errors import UnavailableError
from registry.store import Store
from registry.store import schema as schema_room
from registry.store.engine import Engine, SqliteEngine
from registry.store.postgres import PostgresEngine
from registry.store.schema import MIGRATIONS, Migration, migrate
from tests.store.things import A, B

TWO = Migration(
    len(MIGRATIONS) + 1,
    "two more columns",
    (
        "ALTER TABLE registration ADD COLUMN note TEXT NOT NULL DEFAULT 'old'",
        "CREATE TABLE extra (number BLOB PRIMARY KEY, at INTEGER NOT NULL)",
        "INSERT INTO extra (number, at) SELECT number, since FROM registration",
    ),
)


def _register(store: Store, number: bytes) -> None:
    with store.writing():
        store.registrations.put({
            "number": number, "state": "active", "calls": 65535, "robocalls": 1, "messages": 2, "quiet": 2**32 - 1,
            "source": "web", "language": "en", "since": 77, "expires": 0,
        })  # fmt: skip


def test_migrating_twice_changes_nothing(store: Store) -> None:
    assert store.migrate(at=5) == []
    rows = store.engine.rows("SELECT number, name, at FROM migration ORDER BY number")
    assert rows == [{"number": each.number, "name": each.name, "at": 0} for each in MIGRATIONS]


def test_migration_numbers_count_up_without_gaps() -> None:
    assert [each.number for each in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_migration_runs_over_data(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_room, "MIGRATIONS", (*MIGRATIONS, TWO))
    for number in (A, B):
        _register(store, number)
    assert store.migrate(at=9) == [TWO.number]
    row = store.engine.row("SELECT note, quiet FROM registration WHERE number = :number", number=A)
    assert row == {"note": "old", "quiet": 2**32 - 1}
    assert len(store.engine.rows("SELECT * FROM extra")) == 2


def test_a_migration_that_fails_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Migration(TWO.number, "broken", (*TWO.statements, "CREATE TABLE extra (a INTEGER)"))
    monkeypatch.setattr(schema_room, "MIGRATIONS", (*MIGRATIONS, broken))
    _register(store, A)
    with pytest.raises(Exception, match="extra"):
        store.migrate(at=9)
    monkeypatch.setattr(schema_room, "MIGRATIONS", (*MIGRATIONS, TWO))
    assert store.migrate(at=9) == [TWO.number]


def test_a_database_of_a_newer_program_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_room, "MIGRATIONS", (*MIGRATIONS, TWO))
    store.migrate(at=9)
    monkeypatch.setattr(schema_room, "MIGRATIONS", MIGRATIONS)
    with pytest.raises(UnavailableError, match="newer version") as caught:
        store.migrate(at=10)
    assert caught.value.code == "schema_newer"


def test_migrating_stops_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_room, "MIGRATIONS", (*MIGRATIONS, TWO))
    engine = SqliteEngine(tmp_path / "stepwise.db")
    assert migrate(engine, at=0, upto=len(MIGRATIONS)) == [each.number for each in MIGRATIONS]
    assert migrate(engine, at=0) == [TWO.number]
    engine.close()


def test_programs_that_migrate_at_the_same_time_do_it_once(tmp_path: Path, postgres_url: str) -> None:
    races: tuple[Sequence[Engine], ...] = (
        [SqliteEngine(tmp_path / "race.db") for _ in range(4)],
        [PostgresEngine(postgres_url) for _ in range(4)],
    )
    for engines in races:
        with ThreadPoolExecutor(4) as pool:
            ran = list(pool.map(lambda engine: migrate(engine, at=0), engines))
        assert sorted(number for each in ran for number in each) == [each.number for each in MIGRATIONS]
        for engine in engines:
            engine.close()


def test_sqlite_stands_as_the_design_says(tmp_path: Path) -> None:
    sqlite_store = Store(SqliteEngine(tmp_path / "registry.db"))
    sqlite_store.migrate(at=0)
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "wal_autocheckpoint": 4000}
    for name, value in wanted.items():
        row = sqlite_store.engine.row(f"PRAGMA {name}")
        assert row is not None
        assert next(iter(row.values())) == value
    tables = sqlite_store.engine.rows("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
    loose = {row["name"] for row in tables if not row["strict"]}
    assert loose <= {"migration", "sqlite_schema", "sqlite_sequence"}
    sqlite_store.close()
