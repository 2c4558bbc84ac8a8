"""SQL about edition, edition_change, edition_exception, base: claiming what is pending, and what every edition said.

Rules of this room: what an edition claims is marked first (`pending.edition`) and deleted by that mark last, so that a
change which arrives meanwhile is neither lost nor counted twice; pages go by key, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from registry.store.engine import Engine, Row

OPEN, PUBLISHED = "open", "published"
_LOOKUP = 500  # numbers in one IN list
RESUMED = "resumed"  # what the shelf had come to when an older database was put under it: no list goes on across it
_ROW = "SELECT edition, state, opened, published, changes, exceptions FROM edition"


@dataclass(frozen=True)
class EditionRow:
    """One edition (DESIGN §1): `opened`, `published` are Micros; `changes`, `exceptions` count its rows."""

    edition: int
    state: str
    opened: int
    published: int | None
    changes: int
    exceptions: int


@dataclass(frozen=True)
class BaseRow:
    """All sealed numbers with their preferences at one edition: `parts` is JSON, `made` Micros."""

    edition: int
    rows: int
    parts: str
    made: int


class Editions:
    """Rows of edition, edition_change, edition_exception, base."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # editions

    def newest(self) -> int:
        """The newest edition, claimed or published; 0 where there is none."""
        row = self._engine.row("SELECT COALESCE(MAX(edition), 0) AS newest FROM edition")
        assert row is not None
        return int(row["newest"])

    def open_edition(self) -> EditionRow | None:
        """The edition that was claimed and is not published yet."""
        row = self._engine.row(f"{_ROW} WHERE state = :state ORDER BY edition LIMIT 1", state=OPEN)
        return EditionRow(**row) if row else None

    def edition(self, edition: int) -> EditionRow | None:
        """One edition."""
        row = self._engine.row(f"{_ROW} WHERE edition = :edition", edition=edition)
        return EditionRow(**row) if row else None

    def latest(self, *, limit: int) -> tuple[EditionRow, ...]:
        """The newest editions, newest first."""
        rows = self._engine.rows(f"{_ROW} ORDER BY edition DESC LIMIT :limit", limit=limit)
        return tuple(EditionRow(**row) for row in rows)

    def opened(self, editions: tuple[int, ...]) -> dict[int, int]:
        """When editions were claimed (Micros)."""
        rows = self._engine.rows("SELECT edition, opened FROM edition WHERE edition IN :editions", editions=editions)
        return {int(row["edition"]): int(row["opened"]) for row in rows}

    def insert(self, *, edition: int, state: str, opened: int, published: int | None = None) -> None:
        """A new edition without rows yet."""
        self._engine.run(
            """INSERT INTO edition (edition, state, opened, published, changes, exceptions)
               VALUES (:edition, :state, :opened, :published, 0, 0)""",
            edition=edition, state=state, opened=opened, published=published,
        )

    def count(self, *, edition: int, changes: int, exceptions: int) -> None:
        """How many rows an edition claimed."""
        self._engine.run(
            "UPDATE edition SET changes = :changes, exceptions = :exceptions WHERE edition = :edition",
            edition=edition, changes=changes, exceptions=exceptions,
        )

    def publish(self, *, edition: int, at: int) -> None:
        """An open edition has been published; again changes nothing."""
        self._engine.run(
            "UPDATE edition SET state = :done, published = :at WHERE edition = :edition AND state = :open",
            edition=edition, at=at, done=PUBLISHED, open=OPEN,
        )

    def resumed(self) -> int:
        """The newest edition that no list goes on across, because the tables do not know it; 0 where there is none."""
        row = self._engine.row(
            "SELECT COALESCE(MAX(edition), 0) AS edition FROM edition WHERE state = :state", state=RESUMED
        )
        assert row is not None
        return int(row["edition"])

    def resume(self, *, edition: int, at: int) -> None:
        """Count on from an edition that was published without these tables; what was open is as good as published."""
        self._engine.run(
            "UPDATE edition SET state = :done, published = :at WHERE state = :open", at=at, done=PUBLISHED, open=OPEN
        )
        self.insert(edition=edition, state=RESUMED, opened=at)

    # claiming

    def anything_pending(self) -> bool:
        """Whether something changed since the newest edition was claimed."""
        return any(
            self._engine.row(f"SELECT 1 AS one FROM {table} LIMIT 1")  # noqa: S608 - fixed names
            for table in ("pending", "pending_exception", "edition_wanted")
        )

    def want(self, reason: str, *, at: int) -> None:
        """Ask for a next edition although no number changed (feeds did); `reason` is a word for operators."""
        self._engine.run(
            "INSERT INTO edition_wanted (reason, at) VALUES (:reason, :at) ON CONFLICT (reason) DO NOTHING",
            reason=reason, at=at,
        )

    def mark(self, edition: int) -> None:
        """Mark everything that is pending now as claimed by an edition, which is also the one that was wanted."""
        self._engine.run("UPDATE pending SET edition = :edition WHERE edition IS NULL", edition=edition)
        self._engine.run("UPDATE pending_exception SET edition = :edition WHERE edition IS NULL", edition=edition)
        self._engine.run("DELETE FROM edition_wanted")

    def marked(self, edition: int, *, most: int = 20_000) -> Iterator[list[Row]]:
        """What an edition claimed, with the present preferences, in pages: number, masks, quiet."""
        after = b""
        while page := self._engine.rows(
            """SELECT p.number, COALESCE(r.calls, 0) AS calls, COALESCE(r.robocalls, 0) AS robocalls,
                      COALESCE(r.messages, 0) AS messages, COALESCE(r.quiet, 0) AS quiet
               FROM pending p LEFT JOIN registration r ON r.number = p.number
               WHERE p.edition = :edition AND p.number > :after ORDER BY p.number LIMIT :most""",
            edition=edition, after=after, most=most,
        ):
            yield page
            after = page[-1]["number"]

    def marked_exceptions(self, edition: int, *, most: int = 20_000) -> Iterator[list[Row]]:
        """The exceptions that an edition claimed, as they are now (masks 0: gone), in pages."""
        number, telemarketer, kind = b"", "", -1
        while page := self._engine.rows(
            """SELECT x.number, x.telemarketer, x.kind, COALESCE(e.calls, 0) AS calls,
                      COALESCE(e.robocalls, 0) AS robocalls, COALESCE(e.messages, 0) AS messages,
                      COALESCE(e.until, 0) AS until
               FROM pending_exception x
               LEFT JOIN exception e ON e.number = x.number AND e.telemarketer = x.telemarketer AND e.kind = x.kind
               WHERE x.edition = :edition AND (x.number, x.telemarketer, x.kind) > (:number, :telemarketer, :kind)
               ORDER BY x.number, x.telemarketer, x.kind LIMIT :most""",
            edition=edition, number=number, telemarketer=telemarketer, kind=kind, most=most,
        ):
            yield page
            number, telemarketer, kind = (page[-1][name] for name in ("number", "telemarketer", "kind"))

    def told(self, numbers: Sequence[bytes]) -> dict[bytes, str]:
        """On whose lists those of some numbers stood when an edition last spoke of them: names, blanks between."""
        rows = _by_lookup(self._engine, numbers, """SELECT c.number, c.carrier FROM edition_change c
            WHERE c.number IN :numbers AND c.edition =
                (SELECT MAX(m.edition) FROM edition_change m WHERE m.number = c.number)""")
        return {row["number"]: str(row["carrier"]) for row in rows}

    def told_exceptions(self, numbers: Sequence[bytes]) -> dict[tuple[bytes, str, int], str]:
        """The same of each exception of some numbers, by (number, telemarketer, kind)."""
        rows = _by_lookup(self._engine, numbers, """SELECT e.number, e.telemarketer, e.kind, e.carrier
            FROM edition_exception e WHERE e.number IN :numbers AND e.edition =
                (SELECT MAX(m.edition) FROM edition_exception m WHERE m.number = e.number
                 AND m.telemarketer = e.telemarketer AND m.kind = e.kind)""")
        return {(row["number"], row["telemarketer"], row["kind"]): str(row["carrier"]) for row in rows}

    def add_changes(self, rows: list[dict[str, Any]]) -> None:
        """Keep what an edition says of numbers."""
        self._engine.run_many(
            """INSERT INTO edition_change (number, edition, calls, robocalls, messages, quiet, carrier, left_carrier)
               VALUES (:number, :edition, :calls, :robocalls, :messages, :quiet, :carrier, :left_carrier)""",
            rows,
        )

    def add_exceptions(self, rows: list[dict[str, Any]]) -> None:
        """Keep what an edition says of exceptions."""
        self._engine.run_many(
            """INSERT INTO edition_exception (number, edition, telemarketer, kind, calls, robocalls, messages, until,
                                              carrier, left_carrier)
               VALUES (:number, :edition, :telemarketer, :kind, :calls, :robocalls, :messages, :until,
                       :carrier, :left_carrier)""",
            rows,
        )

    def unmark(self, edition: int) -> None:
        """Delete what an edition claimed from what is pending."""
        self._engine.run("DELETE FROM pending WHERE edition = :edition", edition=edition)
        self._engine.run("DELETE FROM pending_exception WHERE edition = :edition", edition=edition)

    # what editions said

    def changes(
        self, *, after: int, upto: int, numbers: tuple[bytes, bytes] | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Changes of the editions (after, upto], in their order: number, masks, quiet, carrier, left_carrier.

        `numbers`: only those in [low, high).
        """
        bounds: dict[str, Any] = dict(zip(("low", "high"), numbers)) if numbers else {}
        within = "AND number >= :low AND number < :high" if numbers else ""
        return self._engine.stream(
            f"""SELECT number, calls, robocalls, messages, quiet, carrier, left_carrier FROM edition_change
               WHERE edition > :after AND edition <= :upto {within} ORDER BY edition, number""",  # noqa: S608
            after=after, upto=upto, **bounds,
        )

    def exceptions(self, *, after: int, upto: int) -> Iterator[list[tuple[Any, ...]]]:
        """Exceptions of the editions (after, upto], in their order, with the ordinal of their (known) party."""
        return self._engine.stream(
            """SELECT e.number, p.ordinal, e.kind, e.calls, e.robocalls, e.messages, e.until, e.carrier, e.left_carrier
               FROM edition_exception e JOIN party p ON p.party = e.telemarketer
               WHERE e.edition > :after AND e.edition <= :upto ORDER BY e.edition, e.number""",
            after=after, upto=upto,
        )

    def how_many(self, *, after: int, upto: int) -> int:
        """How many changes the editions (after, upto] hold."""
        row = self._engine.row(
            "SELECT COALESCE(SUM(changes), 0) AS total FROM edition WHERE edition > :after AND edition <= :upto",
            after=after, upto=upto,
        )
        assert row is not None
        return int(row["total"])

    def last_change(self, number: bytes) -> Row | None:
        """The newest change of a number: edition, carrier, left_carrier, opened, published."""
        return self._engine.row(
            """SELECT c.edition, c.carrier, c.left_carrier, e.opened, e.published
               FROM edition_change c JOIN edition e ON e.edition = c.edition
               WHERE c.number = :number ORDER BY c.edition DESC LIMIT 1""",
            number=number,
        )

    # the base

    def bases(self) -> tuple[BaseRow, ...]:
        """The bases there are, newest first."""
        rows = self._engine.rows("SELECT edition, rows, parts, made FROM base ORDER BY edition DESC")
        return tuple(BaseRow(**row) for row in rows)

    def put_base(self, base: BaseRow) -> None:
        """Keep a base; of one edition there is one."""
        self._engine.run(
            """INSERT INTO base (edition, rows, parts, made) VALUES (:edition, :rows, :parts, :made)
               ON CONFLICT (edition) DO UPDATE SET rows = excluded.rows, parts = excluded.parts,
                   made = excluded.made""",
            edition=base.edition, rows=base.rows, parts=base.parts, made=base.made,
        )

    def drop_bases(self, *, before: int) -> int:
        """Forget the bases of editions before one; how many."""
        return self._engine.run("DELETE FROM base WHERE edition < :before", before=before)

    def table_slice(self, *, low: bytes, high: bytes) -> list[tuple[Any, ...]]:
        """What the tables say of the numbers in [low, high), those that decline something, by number, nothing pending.

        number, masks, quiet: what base and later editions must say of them too.
        """
        rows = self._engine.rows(
            """SELECT number, calls, robocalls, messages, quiet FROM registration
               WHERE number >= :low AND number < :high AND (calls > 0 OR robocalls > 0 OR messages > 0 OR quiet > 0)
               AND number NOT IN (SELECT number FROM pending WHERE number >= :low AND number < :high)
               ORDER BY number""",
            low=low, high=high,
        )
        return [tuple(row.values()) for row in rows]

    def changes_slice(self, *, after: int, low: bytes, high: bytes) -> list[tuple[Any, ...]]:
        """What the editions after one said of the numbers in [low, high), the newest last: number, masks, quiet."""
        rows = self._engine.rows(
            """SELECT number, calls, robocalls, messages, quiet FROM edition_change
               WHERE number >= :low AND number < :high AND edition > :after ORDER BY number, edition""",
            after=after, low=low, high=high,
        )
        return [tuple(row.values()) for row in rows]

    def pending_slice(self, *, low: bytes, high: bytes) -> set[bytes]:
        """The pending numbers in [low, high)."""
        rows = self._engine.rows(
            "SELECT number FROM pending WHERE number >= :low AND number < :high", low=low, high=high
        )
        return {row["number"] for row in rows}


def _by_lookup(engine: Engine, numbers: Sequence[bytes], sql: str) -> Iterator[Row]:
    """The rows of a query about many numbers, asked for in slices."""
    for start in range(0, len(numbers), _LOOKUP):
        yield from engine.rows(sql, numbers=tuple(numbers[start : start + _LOOKUP]))
