"""Databases for tests: schemas of the embedded PostgreSQL, one of them migrated once and emptied after each test.

Migrating takes PostgreSQL a second, deleting a few rows some milliseconds. A test that altered the tables, or left them
locked, leaves a schema that nobody gets again: the next test gets a new one.
"""

from __future__ import annotations

import itertools
from typing import Any, cast

import psycopg

from registry.store import Store
from registry.store.postgres import PostgresEngine

_numbers = itertools.count(1)
_LOCK_MS = 5_000
_SHAPE = """
    SELECT c.oid, a.attname, a.atttypid, a.attnotnull, (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid)
    FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = %s::regnamespace ORDER BY c.oid, a.attnum
"""
_OTHERS = """
    SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def hurry(server: str) -> None:
    """Let the server not wait for the disk: it lives no longer than the tests, which end processes, never machines."""
    with psycopg.connect(server, autocommit=True) as connection:
        for name in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(cast("Any", f"ALTER SYSTEM SET {name} = off"))
        connection.execute("SELECT pg_reload_conf()")


def make_schema(server: str) -> str:
    """A new, empty schema; its name."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(cast("Any", f"CREATE SCHEMA {name}"))
    return name


def drop_schema(server: str, name: str) -> None:
    """Remove a schema with everything in it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(cast("Any", f"DROP SCHEMA {name} CASCADE"))


def address(server: str, schema: str) -> str:
    """The address of a schema."""
    return f"{server}&options=-csearch_path%3D{schema}"


class Migrated:
    """A schema with all migrations, lent to one test after the other; emptied over one connection, which knows it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._schema = ""
        self._connection: psycopg.Connection[Any] | None = None
        self._shape: list[Any] = []
        self._rows: dict[str, list[Any]] = {}

    def lend(self) -> str:
        """The address of the migrated schema, which holds what the migrations put in and nothing else."""
        if not self._schema:
            self._schema = make_schema(self._server)
            store = Store(PostgresEngine(address(self._server, self._schema)))
            store.migrate(at=0)
            store.close()
            connection = self._connected()
            self._shape = connection.execute(_SHAPE, (self._schema,)).fetchall()
            self._rows = {
                name: connection.execute(cast("Any", f"SELECT * FROM {name}")).fetchall()
                for name in self._tables(connection)
            }
        return address(self._server, self._schema)

    def take_back(self) -> None:
        """Empty the schema, or forget it where that does not bring it back to what it was."""
        try:
            whole = self._emptied(self._connected())
        except psycopg.OperationalError:  # a test ended all connections, this one too
            self.close()
            whole = self._emptied(self._connected())
        if not whole:
            self._schema = ""
            self.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(address(self._server, self._schema), autocommit=True)
            self._connection.execute(cast("Any", f"SET lock_timeout = {_LOCK_MS}"))
        return self._connection

    def _emptied(self, connection: psycopg.Connection[Any]) -> bool:
        connection.execute(_OTHERS)
        try:
            for name in self._tables(connection) - set(self._rows):
                connection.execute(cast("Any", f"DROP TABLE {name} CASCADE"))
            if connection.execute(_SHAPE, (self._schema,)).fetchall() != self._shape:
                return False
            self._empty(connection)
        except psycopg.errors.LockNotAvailable:
            return False
        return True

    def _tables(self, connection: psycopg.Connection[Any]) -> set[str]:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (self._schema,))
        return {name for (name,) in found.fetchall()}

    def _empty(self, connection: psycopg.Connection[Any]) -> None:
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # in any order of the foreign keys
            connection.execute(cast("Any", ";".join(f"DELETE FROM {name}" for name in self._rows)))
            for name, rows in self._rows.items():
                for row in rows:
                    marks = ", ".join(["%s"] * len(row))
                    connection.execute(cast("Any", f"INSERT INTO {name} VALUES ({marks})"), row)
