"""One way to talk SQL to two engines: sqlite-utils (SQLite, the default) and psycopg 3 (PostgreSQL, Citus).

Rules of this room:
- One SQL text with `:name` parameters serves both engines; only the portable subset (UPSERT, RETURNING, CTE, windows).
- `writing()` is the only way to change anything; transactions never nest. On SQLite it is BEGIN IMMEDIATE, because a
  deferred begin that reads first loses to "database is locked" under threads.
- `writing(about=...)` serialises writers about the same thing on PostgreSQL (SQLite has one writer anyway); whoever
  reads before writing names what it is about.
- One connection per thread, opened at first use and closed by `close()` or with its thread.
- A tuple as a value stands for a list: `WHERE number IN :numbers`.
- What the world does to us (busy, full, gone) is UnavailableError, a key that exists is ConflictError; our own mistakes
  stay what the driver says.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import sqlite_utils

from registry.errors import ConflictError, RegistryError, UnavailableError
from registry.store.connections import Connections, Held

Row = dict[str, Any]
_NAME = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_CHANGES = re.compile(r"\s*(INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|REPLACE|TRUNCATE)\b", re.IGNORECASE)


class Engine(Protocol):
    """A database: transactions and statements."""

    dialect: str  # "sqlite" or "postgres"

    def writing(self, about: bytes | str | None = None) -> AbstractContextManager[None]:
        """One transaction that writes; commits at the end, rolls back on any exception."""

    def reading(self) -> AbstractContextManager[None]:
        """One transaction that reads a single consistent state."""

    def rows(self, sql: str, /, **values: Any) -> list[Row]:
        """All rows of a query (or of RETURNING, inside `writing()`), as dictionaries."""

    def row(self, sql: str, /, **values: Any) -> Row | None:
        """The first row of a query, or None."""

    def stream(self, sql: str, /, *, chunk: int = 50_000, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of a large query as lists of at most `chunk` tuples; memory stays bounded.

        Inside a transaction it is part of it; outside it sees one consistent state on a connection of its own.
        """

    def run(self, sql: str, /, **values: Any) -> int:
        """Run one statement inside `writing()`; how many rows it touched."""

    def run_many(self, sql: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Run one statement for many rows inside `writing()`; how many rows were given."""

    def script(self, statements: Iterable[str]) -> None:
        """Run schema statements inside `writing()`, in the dialect of this engine."""

    def close(self) -> None:
        """Close the connections of all threads."""


# words both engines share


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


def by_place(sql: str, values: dict[str, Any]) -> tuple[str, dict[str, Any] | list[Any]]:
    """As `expand`, with all parameters told by their places where there are lists: SQLite looks through all names for
    each name, so that thousands would take it longer than the query."""
    if not any(isinstance(value, tuple) for value in values.values()):
        return sql, values
    placed: list[Any] = []

    def place(found: re.Match[str]) -> str:
        value = values[found[1]]
        if not isinstance(value, tuple):
            placed.append(value)
            return "?"
        placed.extend(value)
        return f"({', '.join('?' * len(value)) or 'NULL'})"

    return _NAME.sub(place, sql), placed


@lru_cache(maxsize=1024)
def named_to_format(sql: str) -> str:
    """`:name` parameters in the form that psycopg takes (`%(name)s`)."""
    return _NAME.sub(r"%(\1)s", sql.replace("%", "%%"))


def lock_number(about: bytes | str) -> int:
    """A signed 64-bit number for an advisory lock about something."""
    raw = about if isinstance(about, bytes) else about.encode()
    return int.from_bytes(hashlib.sha256(raw).digest()[:8], "big", signed=True)


def must_write(sql: str, transaction: str) -> None:
    """Refuse a statement that changes something outside `writing()`. Raises RuntimeError."""
    if transaction != "writing" and _CHANGES.match(sql):
        raise RuntimeError("a change outside writing()")


def must_be_alone(transaction: str) -> None:
    """Refuse a transaction inside another. Raises RuntimeError."""
    if transaction:
        raise RuntimeError("transactions do not nest: open one in the use case only")


def busy() -> UnavailableError:
    """Somebody else holds what we need for too long."""
    return UnavailableError("The database is busy. Please try again.", code="database_busy")


def conflict() -> ConflictError:
    """A key that exists already."""
    return ConflictError("There is such an entry already.", code="already_there")


# SQLite

_CACHE_KIB = 16_000  # pages kept by each connection
_WAL_PAGES = 4_000  # 16 MB of log between checkpoints: at 10 M rows nearly every row touches pages of its own
_WAL_RETRY_S = 0.01
_BUSY_RETRY_S = 0.001
_WAL_KEPT = 64_000_000  # bytes of log file that stay after a long one

_BAD_DISK = {
    sqlite3.SQLITE_FULL: ("The disk of the database is full.", "disk_full"),
    sqlite3.SQLITE_READONLY: ("The database cannot be opened for writing.", "database_read_only"),
    sqlite3.SQLITE_CANTOPEN: ("The database cannot be opened.", "database_read_only"),
    sqlite3.SQLITE_PERM: ("The database cannot be opened.", "database_read_only"),
    sqlite3.SQLITE_IOERR: ("The disk of the database cannot be read or written.", "disk_error"),
    sqlite3.SQLITE_CORRUPT: ("The file of the database is damaged.", "database_damaged"),
    sqlite3.SQLITE_NOTADB: ("The file of the database is damaged.", "database_damaged"),
}


def _clear_form(error: sqlite3.Error) -> RegistryError | None:
    """What SQLite says, in the words of the registry; None for our own mistakes."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    if code in {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}:
        return conflict()
    if code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return busy()
    found = _BAD_DISK.get(code & 0xFF)
    return UnavailableError(found[0], code=found[1]) if found else None


class _Clearly:
    """Turns the errors of SQLite into ours."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, sqlite3.Error):
            found = _clear_form(error)
            if found is not None:
                raise found from error


class SqliteEngine:
    """SQLite through sqlite-utils: WAL, synchronous=FULL, STRICT tables, one connection per thread.

    Writers of one process queue at a lock of ours first: SQLite's own waiting is by sleeping, which is slow and unfair.
    """

    dialect = "sqlite"

    def __init__(self, path: Path, *, busy_timeout: float = 10.0, synchronous: str = "FULL") -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._synchronous = synchronous
        self._connections: Connections[sqlite3.Connection] = Connections(self._connect, sqlite3.Connection.close)

    def _connect(self) -> sqlite3.Connection:
        with _Clearly():
            connection = sqlite3.connect(
                self._path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False,
                cached_statements=256,
            )
            try:
                database = sqlite_utils.Database(connection, execute_plugins=False)
                self._enter_wal(database)
                for pragma in (
                    f"synchronous={self._synchronous}", "foreign_keys=ON", "temp_store=MEMORY",
                    f"cache_size=-{_CACHE_KIB}", f"wal_autocheckpoint={_WAL_PAGES}", f"journal_size_limit={_WAL_KEPT}",
                ):
                    database.execute(f"PRAGMA {pragma}").fetchall()
            except BaseException:
                connection.close()
                raise
        return connection

    def _enter_wal(self, database: sqlite_utils.Database) -> None:
        """WAL is kept in the file; the first to set it cannot wait by busy_timeout for others that do so too."""
        patience = time.monotonic() + self._busy_timeout
        while True:
            try:
                database.execute("PRAGMA journal_mode=WAL").fetchall()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                    raise
            time.sleep(_WAL_RETRY_S)

    @contextmanager
    def writing(self, about: bytes | str | None = None) -> Iterator[None]:  # noqa: ARG002 - one writer at a time anyway
        must_be_alone(self._connections.transaction())
        held, queue = self._connections.held(), self._connections.queue
        if not queue.acquire(timeout=self._busy_timeout):
            raise busy()
        try:
            yield from self._transaction(held, "BEGIN IMMEDIATE", "writing")
        finally:
            queue.release()

    def _begin(self, connection: sqlite3.Connection, begin: str) -> None:
        """Begin a transaction; one that writes asks again every millisecond until the busy timeout.

        SQLite's own waiting sleeps longer and longer, up to 100 ms, so that of two processes one starves.
        """
        patience = time.monotonic() + self._busy_timeout
        connection.execute("PRAGMA busy_timeout=0")
        try:
            while True:
                try:
                    connection.execute(begin)
                    return
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                        raise
                time.sleep(_BUSY_RETRY_S)
        finally:
            connection.execute(f"PRAGMA busy_timeout={int(self._busy_timeout * 1000)}")

    @contextmanager
    def reading(self) -> Iterator[None]:
        must_be_alone(self._connections.transaction())
        yield from self._transaction(self._connections.held(), "BEGIN", "reading")

    def _transaction(self, held: Held[sqlite3.Connection], begin: str, kind: str) -> Iterator[None]:
        with _Clearly():
            self._begin(held.connection, begin)
        held.transaction = kind
        try:
            yield
            with _Clearly():
                held.connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk may have rolled back already
                held.connection.execute("ROLLBACK")
            raise
        finally:
            held.transaction = ""

    def rows(self, sql: str, /, **values: Any) -> list[Row]:
        held = self._connections.held()
        must_write(sql, held.transaction)
        sql, given = by_place(sql, values)
        with _Clearly():
            cursor = held.connection.execute(sql, given)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]

    def row(self, sql: str, /, **values: Any) -> Row | None:
        rows = self.rows(sql, **values)
        return rows[0] if rows else None

    def stream(self, sql: str, /, *, chunk: int = 50_000, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        sql, given = by_place(sql, values)
        if self._connections.transaction():
            yield from _fetch(self._connections.held().connection, sql, given, chunk)
        else:
            with closing(self._connect()) as connection:
                yield from _fetch(connection, sql, given, chunk)

    def run(self, sql: str, /, **values: Any) -> int:
        held = self._writer()
        sql, given = by_place(sql, values)
        with _Clearly():
            return held.connection.execute(sql, given).rowcount

    def run_many(self, sql: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        held = self._writer()
        listed = list(rows)
        with _Clearly():
            held.connection.executemany(sql, listed)
        return len(listed)

    def script(self, statements: Iterable[str]) -> None:
        for statement in statements:
            strict = statement.lstrip().upper().startswith("CREATE TABLE")
            self.run(statement + (" STRICT" if strict else ""))

    def _writer(self) -> Held[sqlite3.Connection]:
        if self._connections.transaction() != "writing":
            raise RuntimeError("a change outside writing()")
        return self._connections.held()

    def close(self) -> None:
        self._connections.close()


def _fetch(
    connection: sqlite3.Connection, sql: str, values: dict[str, Any] | list[Any], chunk: int
) -> Iterator[list[tuple[Any, ...]]]:
    with _Clearly():
        cursor = connection.execute(sql, values)
        while rows := cursor.fetchmany(chunk):
            yield rows
