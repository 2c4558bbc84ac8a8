"""PostgreSQL (and Citus) behind the same engine: psycopg 3, the SQL of `engine.py`, installed with the extra `postgres`.

Rules of this room: types of the schema are translated here (BLOB is bytea, INTEGER is bigint, REAL double precision);
`writing(about=...)` takes an advisory lock for the transaction, so that a read followed by a write sees no other writer.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from psycopg.rows import dict_row

from registry.errors import UnavailableError
from registry.store.engine import Row, expand, lock_number, named_to_format

_TYPES = ((re.compile(r"\bBLOB\b"), "BYTEA"), (re.compile(r"\bINTEGER\b"), "BIGINT"), (re.compile(r"\bREAL\b"), "DOUBLE PRECISION"))


class _Mine(threading.local):
    connection: Any = None
    writing: bool = False
    reading: bool = False


class PostgresEngine:
    """One connection per thread to a PostgreSQL server; a connection that broke is opened again at the next use."""

    dialect = "postgres"

    def __init__(self, url: str) -> None:
        self._url = url
        self._mine = _Mine()
        self._all: list[psycopg.Connection[Any]] = []
        self._lock = threading.Lock()

    def _connection(self) -> psycopg.Connection[Any]:
        connection = self._mine.connection
        if connection is None or connection.closed:
            try:
                connection = psycopg.connect(self._url, autocommit=True)
            except psycopg.Error as error:
                raise UnavailableError("The database does not answer.", code="database_away") from error
            self._mine.connection = connection
            with self._lock:
                self._all.append(connection)
        return cast("psycopg.Connection[Any]", connection)

    @contextmanager
    def writing(self, about: bytes | str | None = None) -> Iterator[None]:
        yield from self._transaction("BEGIN", about, writing=True)

    @contextmanager
    def reading(self) -> Iterator[None]:
        yield from self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", None, writing=False)

    def _transaction(self, begin: str, about: bytes | str | None, *, writing: bool) -> Iterator[None]:
        if self._mine.writing or self._mine.reading:
            raise RuntimeError("transactions do not nest: open one in the use case only")
        connection = self._connection()
        connection.execute(cast("Any", begin))
        self._mine.writing, self._mine.reading = writing, not writing
        try:
            if about is not None:
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number(about),))
            yield
            connection.execute("COMMIT")
        except BaseException:
            if not connection.closed:
                connection.execute("ROLLBACK")
            raise
        finally:
            self._mine.writing = self._mine.reading = False

    def _execute(self, sql: str, values: dict[str, Any]) -> psycopg.Cursor[Any]:
        sql, values = expand(sql, values)
        cursor = self._connection().cursor(row_factory=dict_row)
        try:
            cursor.execute(cast("Any", named_to_format(sql)), values)
        except psycopg.OperationalError as error:
            raise UnavailableError("The database does not answer.", code="database_away") from error
        return cursor

    def rows(self, sql: str, /, **values: Any) -> list[Row]:
        return cast("list[Row]", self._execute(sql, values).fetchall())

    def row(self, sql: str, /, **values: Any) -> Row | None:
        return cast("Row | None", self._execute(sql, values).fetchone())

    def stream(self, sql: str, /, *, chunk: int = 50_000, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        sql, values = expand(sql, values)
        with self._connection().transaction(), self._connection().cursor(name="stream") as cursor:
            cursor.execute(cast("Any", named_to_format(sql)), values)
            while rows := cursor.fetchmany(chunk):
                yield rows

    def run(self, sql: str, /, **values: Any) -> int:
        self._must_write()
        return self._execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        self._must_write()
        listed = list(rows)
        with self._connection().cursor() as cursor:
            cursor.executemany(cast("Any", named_to_format(sql)), listed)
        return len(listed)

    def script(self, statements: Iterable[str]) -> None:
        for statement in statements:
            for pattern, name in _TYPES:
                statement = pattern.sub(name, statement)
            self.run(statement)

    def _must_write(self) -> None:
        if not self._mine.writing:
            raise RuntimeError("a change outside writing()")

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._mine = _Mine()
