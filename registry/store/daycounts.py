"""SQL about day_count, day_step, desk_count: what came in on each day, how long steps took, what lies on desks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from registry.daycounts import PARTS
from registry.store.engine import Engine, Row
from registry.store.reports import REAL

_START = date(1970, 1, 1)
_COUNTED = f"h.received >= :first AND h.received < :after AND h.held = '' AND h.{REAL}"


def _number(day: date) -> int:
    return (day - _START).days


def _date(number: int) -> date:
    return _START + timedelta(days=number)


class DayCounts:
    """Rows of day_count, day_step, desk_count, day_mark; what they are counted from."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # counting

    def marks(self) -> tuple[int, int]:
        """When older days were looked at last, and when the newest were (Micros, 0: never)."""
        rows = {row["mark"]: int(row["at"]) for row in self._engine.rows("SELECT mark, at FROM day_mark")}
        return rows.get("whole", 0), rows.get("recent", 0)

    def set_marks(self, **marks: int) -> None:
        """Keep when days were looked at."""
        self._engine.run_many(
            "INSERT INTO day_mark (mark, at) VALUES (:mark, :at) ON CONFLICT (mark) DO UPDATE SET at = excluded.at",
            [{"mark": mark, "at": at} for mark, at in marks.items()],
        )

    def changed(self, *, since: int, width: int) -> list[int]:
        """Of reports that changed since a time (Micros) the stretches of `width` in which they came, by number."""
        rows = self._engine.rows(
            "SELECT DISTINCT received / :width AS stretch FROM handling WHERE updated >= :since",
            since=since, width=width,
        )
        return [int(row["stretch"]) for row in rows]

    def grouped(self, *, first: int, after: int) -> list[Row]:
        """Reports received in a time, by everything that they are counted by."""
        return self._engine.rows(
            f"""SELECT kind, class, category, province, carrier, state, outcome,
                CASE WHEN provider <> '' THEN provider ELSE content END AS enterprise, COUNT(*) AS reports
            FROM handling h WHERE {_COUNTED}
            GROUP BY kind, class, category, province, carrier, state, outcome,
                CASE WHEN provider <> '' THEN provider ELSE content END""",  # noqa: S608 - fixed texts
            first=first, after=after,
        )

    def moved(self, *, first: int, after: int) -> Iterator[tuple[Any, ...]]:
        """The moves of reports received in a time, each report's in order: source, source_id, at, action."""
        chunks = self._engine.stream(
            f"""SELECT m.source, m.source_id, m.at, m.action FROM handling h
            JOIN handling_move m ON m.source = h.source AND m.source_id = h.source_id
            WHERE {_COUNTED} ORDER BY m.source, m.source_id, m.place""",  # noqa: S608 - fixed texts
            first=first, after=after,
        )
        return (row for chunk in chunks for row in chunk)

    def put(
        self, day: date, cells: Mapping[tuple[str, str], Mapping[str, int]],
        steps: Mapping[tuple[str, int], Sequence[int]],
    ) -> bool:
        """Write the counts of a day in place of those that were there; whether there were any."""
        number = _number(day)
        known = self._engine.row("SELECT 1 AS yes FROM day_count WHERE part = 'all' AND day = :day", day=number)
        self._engine.run("DELETE FROM day_step WHERE day = :day", day=number)
        self._engine.run("DELETE FROM day_count WHERE part IN :parts AND day = :day", parts=PARTS, day=number)
        self._engine.run_many(
            """INSERT INTO day_count (part, day, name, reports, upheld, unfounded)
            VALUES (:part, :day, :name, :reports, :upheld, :unfounded)""",
            [{"part": part, "day": number, "name": name, "reports": each["reports"],
              "upheld": each.get("violation", 0), "unfounded": each.get("unfounded", 0)}
             for (part, name), each in cells.items()],
        )  # fmt: skip
        self._engine.run_many(
            """INSERT INTO day_step (day, step, hours, ended, late) VALUES (:day, :step, :hours, :ended, :late)""",
            [{"day": number, "step": step, "hours": hours, "ended": ended, "late": late}
             for (step, hours), (ended, late) in steps.items()],
        )  # fmt: skip
        return known is not None

    def open_by_desk(self, states: Sequence[str], *, at: int) -> list[Row]:
        """Desks ("" the centre) with the reports that lie there in some states, and those overdue at a time."""
        return self._engine.rows(
            f"""SELECT desk, COUNT(*) AS open, CAST(SUM(CASE WHEN due > 0 AND due <= :at THEN 1 ELSE 0 END) AS INTEGER)
                AS overdue
            FROM handling WHERE state IN :states AND held = '' AND {REAL} GROUP BY desk""",  # noqa: S608 - fixed texts
            states=tuple(states), at=at,
        )

    def put_desks(self, desks: Sequence[Row]) -> None:
        """Write what lies on desks in place of what was there."""
        self._engine.run("DELETE FROM desk_count")
        self._engine.run_many(
            "INSERT INTO desk_count (desk, open, overdue) VALUES (:desk, :open, :overdue)", desks
        )

    # reading

    def since(self) -> date | None:
        """The first day that was counted, None before the first."""
        row = self._engine.row("SELECT MIN(day) AS day FROM day_count WHERE part = 'all'")
        return _date(row["day"]) if row and row["day"] is not None else None

    def line(self, part: str, name: str, *, first: date, last: date) -> dict[date, int]:
        """Reports by day, of one name of a part; days without any are left out."""
        rows = self.per_day(part, name, first=first, last=last)
        return {day: int(row["reports"]) for day, row in rows.items()}

    def per_day(self, part: str, name: str, *, first: date, last: date) -> dict[date, Row]:
        """Reports, upheld and unfounded by day, of one name of a part."""
        rows = self._engine.rows(
            """SELECT day, reports, upheld, unfounded FROM day_count
            WHERE part = :part AND name = :name AND day >= :first AND day <= :last""",
            part=part, name=name, first=_number(first), last=_number(last),
        )
        return {_date(row["day"]): row for row in rows}

    def summed(self, part: str, *, first: date, last: date, limit: int) -> list[Row]:
        """Names of a part over days, the most reported first: name, reports, upheld, unfounded."""
        return self._engine.rows(
            """SELECT name, CAST(SUM(reports) AS INTEGER) AS reports, CAST(SUM(upheld) AS INTEGER) AS upheld,
                CAST(SUM(unfounded) AS INTEGER) AS unfounded
            FROM day_count WHERE part = :part AND day >= :first AND day <= :last
            GROUP BY name ORDER BY reports DESC, name LIMIT :limit""",
            part=part, first=_number(first), last=_number(last), limit=limit,
        )

    def beside(self, part: str, *, base: date, first: date, last: date, least: int) -> list[Row]:
        """Names of a part with at least so many reports from `first` to `last`; `base`: those from then to `first`."""
        return self._engine.rows(
            """SELECT name, CAST(SUM(CASE WHEN day >= :first THEN reports ELSE 0 END) AS INTEGER) AS reports,
                CAST(SUM(CASE WHEN day < :first THEN reports ELSE 0 END) AS INTEGER) AS base
            FROM day_count WHERE part = :part AND day >= :base AND day <= :last GROUP BY name
            HAVING SUM(CASE WHEN day >= :first THEN reports ELSE 0 END) >= :least""",
            part=part, base=_number(base), first=_number(first), last=_number(last), least=least,
        )

    def steps(self, *, first: date, last: date) -> list[Row]:
        """How long steps of the reports received in these days took: step, hours, ended, late."""
        return self._engine.rows(
            """SELECT step, hours, CAST(SUM(ended) AS INTEGER) AS ended, CAST(SUM(late) AS INTEGER) AS late
            FROM day_step WHERE day >= :first AND day <= :last GROUP BY step, hours ORDER BY step, hours""",
            first=_number(first), last=_number(last),
        )

    def desks(self) -> list[Row]:
        """What lies on desks: desk, open, overdue."""
        return self._engine.rows("SELECT desk, open, overdue FROM desk_count ORDER BY overdue DESC, open DESC, desk")
