"""PostgreSQL (and Citus) behind the same engine: psycopg 3 and the SQL of `engine.py`; needs the extra `postgres`.

Rules of this room: types of the schema are translated here (BLOB is bytea, INTEGER is bigint, REAL double precision);
`writing(about=...)` takes an advisory lock for the transaction, so that a read followed by a write sees no other
writer; sums come back as the numbers they are on SQLite (int or float), never as Decimal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from types import TracebackType
from typing import Any, cast

import psycopg
from psycopg import errors
from psycopg.adapt import Buffer, Loader
from psycopg.rows import dict_row

from registry.errors import RegistryError, UnavailableError
from registry.store.connections import Connections, Held
from registry.store.engine import (
    Row,
    busy,
    conflict,
    expand,
    lock_number,
    must_be_alone,
    must_write,
    named_to_format,
)

Connection = psycopg.Connection[Any]

_TYPES = (
    (re.compile(r"\bBLOB\b"), "BYTEA"),
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\bREAL\b"), "DOUBLE PRECISION"),
)
_LOCK_TIMEOUT_S = 10
_CONNECT_TIMEOUT_S = 10
_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class _Sum(Loader):
    """`numeric`, which SUM and AVG give, as int or float."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data)
        return float(text) if b"." in text or b"N" in text else int(text)


def _clear_form(error: psycopg.Error) -> RegistryError | None:
    """What PostgreSQL says, in the words of the registry; None for our own mistakes."""
    if isinstance(error, errors.UniqueViolation):
        return conflict()
    if isinstance(error, (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure)):
        return busy()
    if isinstance(error, errors.DiskFull):
        return UnavailableError("The disk of the database is full.", code="disk_full")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return UnavailableError("The database cannot be opened for writing.", code="database_read_only")
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return UnavailableError("The database does not answer.", code="database_away")
    return None


class _Clearly:
    """Turns the errors of PostgreSQL into ours."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, psycopg.Error):
            found = _clear_form(error)
            if found is not None:
                raise found from error


class PostgresEngine:
    """One connection per thread to a PostgreSQL server; a connection that broke is opened again at the next use."""

    dialect = "postgres"

    def __init__(self, url: str) -> None:
        self._url = url
        self._connections: Connections[Connection] = Connections(self._connect, psycopg.Connection.close)

    def _connect(self) -> Connection:
        with _Clearly():
            connection = psycopg.connect(self._url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S)
            connection.adapters.register_loader("numeric", _Sum)
            try:
                connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT_S}s'")
            except BaseException:
                connection.close()
                raise
        return connection

    def _held(self) -> Held[Connection]:
        held = self._connections.held()
        if held.connection.closed and not held.transaction:
            self._connections.drop()
            held = self._connections.held()
        return held

    @contextmanager
    def writing(self, about: bytes | str | None = None) -> Iterator[None]:
        yield from self._transaction("BEGIN", "writing", about)

    @contextmanager
    def reading(self) -> Iterator[None]:
        yield from self._transaction(_READING, "reading", None)

    def _begin(self, begin: str) -> Held[Connection]:
        """A transaction has done nothing yet, so one that meets a dead connection is begun again on a new one."""
        held = self._held()
        try:
            held.connection.execute(cast("Any", begin))
        except psycopg.OperationalError:
            held = self._held()
            with _Clearly():
                held.connection.execute(cast("Any", begin))
        return held

    def _transaction(self, begin: str, kind: str, about: bytes | str | None) -> Iterator[None]:
        must_be_alone(self._connections.transaction())
        held = self._begin(begin)
        held.transaction = kind
        try:
            with _Clearly():
                if about is not None:
                    held.connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number(about),))
            yield
            with _Clearly():
                held.connection.execute("COMMIT")
        except BaseException:
            with suppress(psycopg.Error):  # a connection that broke has rolled back already
                held.connection.execute("ROLLBACK")
            raise
        finally:
            held.transaction = ""

    def _execute(self, held: Held[Connection], sql: str, values: dict[str, Any]) -> psycopg.Cursor[Any]:
        sql, values = expand(sql, values)
        cursor = held.connection.cursor(row_factory=dict_row)
        with _Clearly():
            cursor.execute(cast("Any", named_to_format(sql)), values)
        return cursor

    def rows(self, sql: str, /, **values: Any) -> list[Row]:
        held = self._held()
        must_write(sql, held.transaction)
        return cast("list[Row]", self._execute(held, sql, values).fetchall())

    def row(self, sql: str, /, **values: Any) -> Row | None:
        rows = self.rows(sql, **values)
        return rows[0] if rows else None

    def stream(self, sql: str, /, *, chunk: int = 50_000, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        sql, values = expand(sql, values)
        if self._connections.transaction():
            yield from _fetch(self._held().connection, sql, values, chunk)
        else:
            with closing(self._connect()) as connection:
                connection.execute(_READING)
                yield from _fetch(connection, sql, values, chunk)

    def run(self, sql: str, /, **values: Any) -> int:
        return self._execute(self._writer(), sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        held = self._writer()
        listed = list(rows)
        with _Clearly(), held.connection.cursor() as cursor:
            cursor.executemany(cast("Any", named_to_format(sql)), listed)
        return len(listed)

    def script(self, statements: Iterable[str]) -> None:
        for statement in statements:
            for pattern, name in _TYPES:
                statement = pattern.sub(name, statement)
            self.run(statement)

    def _writer(self) -> Held[Connection]:
        if self._connections.transaction() != "writing":
            raise RuntimeError("a change outside writing()")
        return self._held()

    def close(self) -> None:
        self._connections.close()


def _fetch(
    connection: Connection, sql: str, values: dict[str, Any], chunk: int
) -> Iterator[list[tuple[Any, ...]]]:
    with _Clearly(), connection.cursor(name=f"stream_{id(values)}") as cursor:
        cursor.execute(cast("Any", named_to_format(sql)), values)
        while rows := cursor.fetchmany(chunk):
            yield rows
