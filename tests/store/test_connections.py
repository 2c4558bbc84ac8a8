"""Connections: one per thread, none left behind, none shared with a forked child, a broken one replaced."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from pathlib import Path

import pytest

from registry.errors import UnavailableError
from registry.store import Store
from registry.store.engine import SqliteEngine
from registry.store.postgres import PostgresEngine
from tests.store.things import A, B, put, things


def test_a_thread_that_ends_closes_its_connection(table: Store) -> None:
    connections = table.engine._connections  # type: ignore[attr-defined]
    held: list[weakref.ref[object]] = []

    def look() -> None:
        things(table)
        held.append(weakref.ref(connections.held()))

    for _ in range(5):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    gc.collect()
    assert [ref() for ref in held] == [None] * 5
    assert len(connections._all) == 1


def test_a_closed_store_opens_again_at_the_next_use(table: Store) -> None:
    with table.writing():
        put(table, A)
    table.close()
    table.close()
    assert things(table) == [A]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_gets_connections_of_its_own(table: Store) -> None:
    with table.writing():
        put(table, A)
    ready, told = os.pipe()
    with table.reading():  # a connection in use crosses the fork
        before = things(table)
        child = os.fork()
        if child == 0:
            try:
                with table.writing():
                    put(table, B)
                os.write(told, b"ok" if things(table) == [B, A] else b"no")
                table.close()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(ready, 2) == b"ok"
        assert things(table) == before == [A], "the parent's transaction did not survive the child"
    assert things(table) == [B, A]
    os.close(ready)
    os.close(told)


def test_an_idle_connection_that_broke_is_replaced(postgres_store: Store, migrated_url: str) -> None:
    import psycopg

    row = postgres_store.engine.row("SELECT pg_backend_pid() AS pid")
    assert row is not None
    with psycopg.connect(migrated_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (row["pid"],))
    with postgres_store.writing():
        postgres_store.engine.run("DELETE FROM audit")


def test_a_connection_that_breaks_in_a_transaction_says_so_once(postgres_store: Store, migrated_url: str) -> None:
    import psycopg

    with pytest.raises(UnavailableError) as caught, postgres_store.writing():
        row = postgres_store.engine.row("SELECT pg_backend_pid() AS pid")
        assert row is not None
        with psycopg.connect(migrated_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (row["pid"],))
        postgres_store.engine.run("DELETE FROM audit")
    assert caught.value.code == "database_away"
    with postgres_store.writing():
        postgres_store.engine.run("DELETE FROM audit")


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    engine = PostgresEngine(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(UnavailableError, match="does not answer"):
        engine.rows("SELECT 1")


def test_closing_does_not_pull_the_database_from_under_a_thread_that_works(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path / "busy.db")
    with engine.writing():
        engine.run("CREATE TABLE thing (name TEXT NOT NULL)")
    began, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def work() -> None:
        with engine.reading():
            began.set()
            go_on.wait(10)
        seen.append(1)  # its transaction ended on a connection that was still open

    thread = threading.Thread(target=work)
    thread.start()
    assert began.wait(10)
    engine.close()
    go_on.set()
    thread.join(10)
    assert seen == [1]
