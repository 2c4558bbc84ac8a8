"""SQL about registration, registration_history, pending, porting.

Rules of this room: versions are counted by the database in the statement that writes, so two writers never share one; a
change that comes after an edition claimed its number makes the number pending again (`edition` back to NULL).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from registry.store.engine import Engine, Row

_MASKS = "calls, robocalls, messages, quiet"
_LOOKUP = 500  # numbers in one IN list


class Registrations:
    """Rows of registration, registration_history, pending, porting."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # the current row

    def current(self, number: bytes) -> Row | None:
        """The current row of a number, whatever its state."""
        return self._engine.row("SELECT * FROM registration WHERE number = :number", number=number)

    def any_number(self) -> bytes | None:
        """One sealed number, whichever; None where there is none."""
        row = self._engine.row("SELECT number FROM registration LIMIT 1")
        return bytes(row["number"]) if row else None

    def put(self, values: Mapping[str, Any]) -> int:
        """Write the current row whole (version excepted); its new version."""
        row = self._engine.row(
            f"""INSERT INTO registration (number, state, {_MASKS}, source, language, since, expires, version)
            VALUES (:number, :state, :calls, :robocalls, :messages, :quiet, :source, :language, :since, :expires, 1)
            ON CONFLICT (number) DO UPDATE SET state = excluded.state, calls = excluded.calls,
                robocalls = excluded.robocalls, messages = excluded.messages, quiet = excluded.quiet,
                source = excluded.source, language = excluded.language, since = excluded.since,
                expires = excluded.expires, version = registration.version + 1
            RETURNING version""",  # noqa: S608 - fixed column names
            **values,
        )
        assert row is not None
        return int(row["version"])

    def next_version(self, number: bytes) -> int | None:
        """Count the version of a current row up and change nothing else; None where there is no row."""
        row = self._engine.row(
            "UPDATE registration SET version = version + 1 WHERE number = :number RETURNING version", number=number
        )
        return int(row["version"]) if row else None

    def expire(self, *, at: int, most: int) -> list[Row]:
        """End at most `most` registrations that are due; their new rows."""
        return self._engine.rows(
            """UPDATE registration SET state = 'expired', calls = 0, robocalls = 0, messages = 0, quiet = 0,
                since = :at, expires = 0, version = version + 1
            WHERE state = 'active' AND expires > 0 AND expires <= :at AND number IN (
                SELECT number FROM registration WHERE state = 'active' AND expires > 0 AND expires <= :at LIMIT :most)
            RETURNING *""",
            at=at, most=most,
        )

    def versions(self, numbers: Sequence[bytes]) -> dict[bytes, tuple[int, str]]:
        """Version and state of those of some numbers that have a row."""
        found: dict[bytes, tuple[int, str]] = {}
        for start in range(0, len(numbers), _LOOKUP):
            rows = self._engine.rows(
                "SELECT number, version, state FROM registration WHERE number IN :numbers",
                numbers=tuple(numbers[start : start + _LOOKUP]),
            )
            found.update((row["number"], (int(row["version"]), str(row["state"]))) for row in rows)
        return found

    def put_many(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write many current rows with their history and pending rows; `version` and `event` are given."""
        self._engine.run_many(
            f"""INSERT INTO registration (number, state, {_MASKS}, source, language, since, expires, version)
            VALUES (:number, 'active', :calls, :robocalls, :messages, :quiet, :source, :language, :at, 0, :version)
            ON CONFLICT (number) DO UPDATE SET state = excluded.state, calls = excluded.calls,
                robocalls = excluded.robocalls, messages = excluded.messages, quiet = excluded.quiet,
                source = excluded.source, language = excluded.language, since = excluded.since,
                expires = excluded.expires, version = excluded.version""",  # noqa: S608 - fixed column names
            rows,
        )
        self.remember(rows)
        self.await_publishing(rows)

    def active(self) -> Iterator[list[tuple[bytes, int, int, int, int]]]:
        """All active registrations as (number, calls, robocalls, messages, quiet), sorted by number, in chunks."""
        return self._engine.stream(
            f"SELECT number, {_MASKS} FROM registration WHERE state = 'active' ORDER BY number"  # noqa: S608
        )

    def numbers(self) -> Iterator[list[tuple[bytes]]]:
        """All numbers that stand on lists, and then those that have nothing but exceptions, in chunks."""
        yield from self._engine.stream("SELECT number FROM registration WHERE state = 'active'")
        yield from self._engine.stream(
            """SELECT DISTINCT e.number FROM exception e
            LEFT JOIN registration r ON r.number = e.number AND r.state = 'active' WHERE r.number IS NULL"""
        )

    # history

    def remember(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add history rows."""
        self._engine.run_many(
            f"""INSERT INTO registration_history (number, version, state, {_MASKS}, event, source, at)
            VALUES (:number, :version, :state, :calls, :robocalls, :messages, :quiet, :event, :source, :at)""",  # noqa: S608
            rows,
        )

    def history(self, number: bytes) -> list[Row]:
        """The history rows of a number, oldest first."""
        return _in_order(self._engine.rows(
            "SELECT * FROM registration_history WHERE number = :number ORDER BY version", number=number
        ))

    def histories(self, numbers: Sequence[bytes]) -> dict[bytes, list[Row]]:
        """The history rows of many numbers, oldest first; numbers without any are left out."""
        found: dict[bytes, list[Row]] = {}
        for start in range(0, len(numbers), _LOOKUP):
            rows = self._engine.rows(
                "SELECT * FROM registration_history WHERE number IN :numbers ORDER BY number, version",
                numbers=tuple(numbers[start : start + _LOOKUP]),
            )
            for row in rows:
                found.setdefault(row["number"], []).append(row)
        return {number: _in_order(rows) for number, rows in found.items()}

    # what the next edition has to say

    def await_publishing(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Make numbers pending (`number`, `at`)."""
        self._engine.run_many(
            """INSERT INTO pending (number, since, edition) VALUES (:number, :at, NULL)
            ON CONFLICT (number) DO UPDATE SET edition = NULL, since = excluded.since""",
            [{"number": row["number"], "at": row["at"]} for row in rows],
        )

    def those_await_publishing(self, numbers: Sequence[bytes], *, at: int) -> None:
        """Make those of some numbers pending about which there is something to say, with all their exceptions."""
        for start in range(0, len(numbers), _LOOKUP):
            part = tuple(numbers[start : start + _LOOKUP])
            self._engine.run(
                """INSERT INTO pending (number, since, edition)
                SELECT number, CAST(:at AS BIGINT), NULL FROM registration WHERE number IN :numbers
                ON CONFLICT (number) DO UPDATE SET edition = NULL, since = excluded.since""",
                at=at, numbers=part,
            )
            self._engine.run(
                """INSERT INTO pending_exception (number, telemarketer, kind, edition)
                SELECT number, telemarketer, kind, NULL FROM exception WHERE number IN :numbers
                ON CONFLICT (number, telemarketer, kind) DO UPDATE SET edition = NULL""",
                numbers=part,
            )

    def pending(self, number: bytes) -> Row | None:
        """The pending row of a number."""
        return self._engine.row("SELECT * FROM pending WHERE number = :number", number=number)

    def exceptions_await_publishing(self, number: bytes) -> int:
        """Make all exceptions of a number pending (they move to another feed with it); how many."""
        return self._engine.run(
            """INSERT INTO pending_exception (number, telemarketer, kind, edition)
            SELECT number, telemarketer, kind, NULL FROM exception WHERE number = :number
            ON CONFLICT (number, telemarketer, kind) DO UPDATE SET edition = NULL""",
            number=number,
        )

    # who serves it

    def put_porting(self, *, number: bytes, at: int, carrier: str) -> None:
        """Note that a carrier serves a number from a moment on."""
        self._engine.run(
            """INSERT INTO porting (number, since, carrier) VALUES (:number, :at, :carrier)
            ON CONFLICT (number, since) DO UPDATE SET carrier = excluded.carrier""",
            number=number, at=at, carrier=carrier,
        )

    def last_porting(self, number: bytes) -> tuple[int, str] | None:
        """When a number was last ported (Micros), and to whom; None where it never was."""
        row = self._engine.row(
            "SELECT since, carrier FROM porting WHERE number = :number ORDER BY since DESC LIMIT 1", number=number
        )
        return (int(row["since"]), str(row["carrier"])) if row else None

    def ported_to(self, number: bytes, *, at: int) -> str | None:
        """The carrier that a number was last ported to, as of a moment; None where it never was."""
        row = self._engine.row(
            "SELECT carrier FROM porting WHERE number = :number AND since <= :at ORDER BY since DESC LIMIT 1",
            number=number, at=at,
        )
        return str(row["carrier"]) if row else None

    def ported_of(self, numbers: Sequence[bytes], *, at: int) -> dict[bytes, str]:
        """For those of many numbers that were ever ported: the carrier as of a moment."""
        found: dict[bytes, str] = {}
        for start in range(0, len(numbers), _LOOKUP):
            rows = self._engine.rows(
                "SELECT number, carrier FROM porting WHERE number IN :numbers AND since <= :at ORDER BY number, since",
                numbers=tuple(numbers[start : start + _LOOKUP]), at=at,
            )
            found.update((row["number"], str(row["carrier"])) for row in rows)
        return found

    # figures

    def totals(self) -> dict[str, int]:
        """How many registrations there are in each state."""
        rows = self._engine.rows("SELECT state, COUNT(*) AS count FROM registration GROUP BY state")
        return {str(row["state"]): int(row["count"]) for row in rows}

    def events(self, *, since: int, until: int, bucket: int) -> list[tuple[int, str, int]]:
        """Events in [since, until) counted by time bucket: (start of the bucket, event, count); all in Micros."""
        rows = self._engine.rows(
            """SELECT (at / :bucket) * :bucket AS start, event, COUNT(*) AS count FROM registration_history
            WHERE at >= :since AND at < :until GROUP BY 1, 2 ORDER BY 1, 2""",
            bucket=bucket, since=since, until=until,
        )
        return [(int(row["start"]), str(row["event"]), int(row["count"])) for row in rows]


def _in_order(rows: list[Row]) -> list[Row]:
    """History rows by version, but the end of a holding stands where it belongs, however late we were told of it."""
    found: list[Row] = []
    for row in rows:
        place = len(found)
        while row["event"] == "recycled" and place and found[place - 1]["at"] > row["at"]:
            place -= 1
        found.insert(place, row)
    return found
