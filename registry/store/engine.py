"""One way to talk SQL to two engines: sqlite-utils (SQLite, the default) and psycopg 3 (PostgreSQL, Citus).

Rules of this room:
- One SQL text with `:name` parameters serves both engines; only the portable subset (UPSERT, RETURNING, CTE, windows).
- `writing()` is the only way to change anything; transactions never nest. On SQLite it is BEGIN IMMEDIATE, because a
  deferred begin that reads first loses to "database is locked" under threads.
- `writing(about=...)` serialises writers about the same thing on PostgreSQL (SQLite has one writer anyway); whoever reads
  before writing names what it is about.
- One connection per thread, opened at first use and closed by `close()`.
- A tuple as a value stands for a list: `WHERE number IN :numbers`.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import sqlite_utils

from registry.errors import UnavailableError

Row = dict[str, Any]
_NAME = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


class Engine(Protocol):
    """A database: transactions and statements."""

    dialect: str  # "sqlite" or "postgres"

    def writing(self, about: bytes | str | None = None) -> Any:
        """Context manager: one transaction that writes; commits at the end, rolls back on any exception."""

    def reading(self) -> Any:
        """Context manager: one transaction that reads a single consistent state."""

    def rows(self, sql: str, /, **values: Any) -> list[Row]:
        """All rows of a query, as dictionaries."""

    def row(self, sql: str, /, **values: Any) -> Row | None:
        """The first row of a query, or None."""

    def stream(self, sql: str, /, *, chunk: int = 50_000, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of a large query as lists of at most `chunk` tuples; memory stays bounded."""

    def run(self, sql: str, /, **values: Any) -> int:
        """Run one statement inside `writing()`; how many rows it touched."""

    def run_many(self, sql: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Run one statement for many rows inside `writing()`; how many rows were given."""

    def script(self, statements: Iterable[str]) -> None:
        """Run schema statements inside `writing()`, in the dialect of this engine."""

    def close(self) -> None:
        """Close the connections of all threads."""


def expand(sql: str, values: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Replace every tuple value by as many single parameters as it has items (an empty one matches nothing)."""
    lists = {name: value for name, value in values.items() if isinstance(value, tuple)}
    if not lists:
        return sql, values
    flat = {name: value for name, value in values.items() if name not in lists}
    for name, items in lists.items():
        marks = ", ".join(f":{name}_{i}" for i in range(len(items))) or "NULL"
        sql = re.sub(rf"(?<![:\w]):{name}\b", f"({marks})", sql)
        flat.update({f"{name}_{i}": item for i, item in enumerate(items)})
    return sql, flat


class _Connections(threading.local):
    """What one thread holds: its connection and whether a transaction is open on it."""

    connection: Any = None
    writing: bool = False
    reading: bool = False


class SqliteEngine:
    """SQLite through sqlite-utils: WAL, synchronous=FULL, STRICT tables, one connection per thread."""

    dialect = "sqlite"

    def __init__(self, path: Path, *, busy_timeout: float = 10.0, synchronous: str = "FULL") -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._synchronous = synchronous
        self._mine = _Connections()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def _connection(self) -> sqlite3.Connection:
        if self._mine.connection is None:
            try:
                connection = sqlite3.connect(
                    self._path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False
                )
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(f"PRAGMA synchronous={self._synchronous}")
                connection.execute("PRAGMA foreign_keys=ON")
            except sqlite3.Error as error:
                raise _unavailable(error) from error
            database = sqlite_utils.Database(connection, execute_plugins=False)
            self._mine.connection = database.conn
            with self._lock:
                self._all.append(connection)
        connection = self._mine.connection
        assert isinstance(connection, sqlite3.Connection)
        return connection

    def _execute(self, sql: str, values: dict[str, Any]) -> sqlite3.Cursor:
        sql, values = expand(sql, values)
        try:
            return self._connection().execute(sql, values)
        except sqlite3.OperationalError as error:
            raise _unavailable(error) from error

    @contextmanager
    def writing(self, about: bytes | str | None = None) -> Iterator[None]:  # noqa: ARG002
        yield from self._transaction("BEGIN IMMEDIATE", writing=True)

    @contextmanager
    def reading(self) -> Iterator[None]:
        yield from self._transaction("BEGIN", writing=False)

    def _transaction(self, begin: str, *, writing: bool) -> Iterator[None]:
        if self._mine.writing or self._mine.reading:
            raise RuntimeError("transactions do not nest: open one in the use case only")
        self._execute(begin, {})
        self._mine.writing, self._mine.reading = writing, not writing
        try:
            yield
            self._execute("COMMIT", {})
        except BaseException:
            connection = self._connection()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            self._mine.writing = self._mine.reading = False

    def rows(self, sql: str, /, **values: Any) -> list[Row]:
        cursor = self._execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def row(self, sql: str, /, **values: Any) -> Row | None:
        rows = self.rows(sql, **values)
        return rows[0] if rows else None

    def stream(self, sql: str, /, *, chunk: int = 50_000, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._execute(sql, values)
        while rows := cursor.fetchmany(chunk):
            yield rows

    def run(self, sql: str, /, **values: Any) -> int:
        self._must_write()
        return self._execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        self._must_write()
        listed = list(rows)
        try:
            self._connection().executemany(sql, listed)
        except sqlite3.OperationalError as error:
            raise _unavailable(error) from error
        return len(listed)

    def script(self, statements: Iterable[str]) -> None:
        for statement in statements:
            strict = statement.lstrip().upper().startswith("CREATE TABLE")
            self.run(statement + (" STRICT" if strict else ""))

    def _must_write(self) -> None:
        if not self._mine.writing:
            raise RuntimeError("a change outside writing()")

    def close(self) -> None:
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._mine = _Connections()


def _unavailable(error: Exception) -> UnavailableError:
    """The clear form of what SQLite says when it cannot read or write."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return UnavailableError("The database is busy. Please try again.", code="database_busy")
    if "full" in text:
        return UnavailableError("The disk of the database is full.", code="disk_full")
    if "readonly" in text or "unable to open" in text:
        return UnavailableError("The database cannot be opened for writing.", code="database_read_only")
    return UnavailableError(f"The database refused a statement: {text}", code="database_error")


def named_to_format(sql: str) -> str:
    """`:name` parameters in the form that psycopg takes (`%(name)s`)."""
    return _NAME.sub(r"%(\1)s", sql.replace("%", "%%"))


def lock_number(about: bytes | str) -> int:
    """A signed 64-bit number for an advisory lock about something."""
    raw = about if isinstance(about, bytes) else about.encode()
    return int.from_bytes(hashlib.sha256(raw).digest()[:8], "big", signed=True)
