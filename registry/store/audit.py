"""SQL about audit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from registry.audit import Entry
from registry.store.engine import Engine, Row
from registry.times import Micros

_COLUMNS = "entry, at, actor, action, subject, detail, previous, hash"


class Audit:
    """Rows of audit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lock_and_last(self) -> Entry | None:
        """The newest entry, with nobody else appending until this transaction ends."""
        if self._engine.dialect == "postgres":  # SQLite has one writer anyway
            self._engine.run("LOCK TABLE audit IN EXCLUSIVE MODE")
        return self.last()

    def last(self) -> Entry | None:
        """The newest entry, or None."""
        row = self._engine.row(f"SELECT {_COLUMNS} FROM audit ORDER BY entry DESC LIMIT 1")  # noqa: S608 - fixed names
        return _entry(row) if row else None

    def add(self, entry: Entry) -> None:
        """Append one entry."""
        self._engine.run(
            f"""INSERT INTO audit ({_COLUMNS})
            VALUES (:entry, :at, :actor, :action, :subject, :detail, :previous, :hash)""",  # noqa: S608 - fixed names
            entry=entry.entry, at=entry.at, actor=entry.actor, action=entry.action, subject=entry.subject,
            detail=entry.detail, previous=entry.previous, hash=entry.hash,
        )

    def walk(self) -> Iterator[Entry]:
        """All entries, oldest first; memory stays bounded."""
        for rows in self._engine.stream(f"SELECT {_COLUMNS} FROM audit ORDER BY entry"):  # noqa: S608 - fixed names
            for row in rows:
                yield _of(row)

    def newest(self, *, before: int | None, most: int) -> tuple[Entry, ...]:
        """At most `most` entries, newest first, older than `before`."""
        rows = self._engine.rows(
            f"SELECT {_COLUMNS} FROM audit WHERE entry < :before ORDER BY entry DESC LIMIT :most",  # noqa: S608
            before=before if before is not None else 2**62, most=most,
        )
        return tuple(_entry(row) for row in rows)


def _entry(row: Row) -> Entry:
    return _of(tuple(row[name] for name in _COLUMNS.split(", ")))


def _of(row: tuple[Any, ...]) -> Entry:
    entry, at, actor, action, subject, detail, previous, found = row
    return Entry(int(entry), Micros(int(at)), actor, action, subject, detail, bytes(previous), bytes(found))
