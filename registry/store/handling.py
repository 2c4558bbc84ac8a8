"""SQL about handling, handling_move: what becomes of each report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from registry.handling import Handling
from registry.store.engine import Engine, Row
from registry.store.facets import packed
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name.rstrip("_") for field in fields(Handling))
_ALL = ", ".join(_NAMES)
_VALUES = attrgetter(*(field.name for field in fields(Handling)))
_OPTIONAL = ("due", "closed")
_TIMES = ("received", "at", "updated")


class Handlings:
    """Rows of handling and handling_move."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, handlings: Iterable[Handling]) -> int:
        """Insert handlings; how many."""
        marks = ", ".join(f":{name}" for name in _NAMES)
        return self._engine.run_many(
            f"INSERT INTO handling ({_ALL}, facets) VALUES ({marks}, :facets)", map(_columns, handlings)  # noqa: S608
        )

    def of_reference(self, reference: str) -> Handling | None:
        """The handling of a reference number."""
        found = self._many("reference = :reference", reference=reference)
        return found[0] if found else None

    def these(self, references: Sequence[str]) -> tuple[Handling, ...]:
        """The handlings of some references, in no order."""
        return self._many("reference IN :some", some=tuple(references)) if references else ()

    def of_report(self, source: str, source_id: str) -> Handling | None:
        """The handling of a report."""
        found = self._many("source = :source AND source_id = :id", source=source, id=source_id)
        return found[0] if found else None

    def queue(
        self, desk: str, *, states: Sequence[str], after: int, limit: int, until: int | None = None
    ) -> tuple[Handling, ...]:
        """What lies on a desk in some states, by deadline, from `after` rows on; what has no deadline comes last.
        `until`: only what was due by then (Micros)."""
        return self._many(
            """(:until = 0 OR (due > 0 AND due <= :until)) AND desk = :desk AND state IN :states
            ORDER BY CASE WHEN due = 0 THEN 1 ELSE 0 END, due, received, source,
            source_id LIMIT :limit OFFSET :after""",
            desk=desk, states=tuple(states), limit=limit, after=after, until=until or 0,
        )

    def in_order(
        self, desk: str, *, states: Sequence[str], after: int, reference: str, limit: int
    ) -> tuple[Handling, ...]:
        """What lies on a desk in some states as it came in, beyond a time (Micros) and reference."""
        return self._many(
            """desk = :desk AND state IN :states AND (received > :after OR (received = :after AND
            reference > :reference)) ORDER BY received, reference LIMIT :limit""",
            desk=desk, states=tuple(states), after=after, reference=reference, limit=limit,
        )

    def desk_counts(self, desk: str, *, at: int) -> dict[str, int]:
        """How many reports lie on a desk by state, and under "overdue" how many deadlines ran out by a time."""
        rows = self._engine.rows(
            """SELECT state, COUNT(*) AS n, SUM(CASE WHEN due > 0 AND due <= :at THEN 1 ELSE 0 END) AS late
            FROM handling WHERE desk = :desk GROUP BY state""",
            desk=desk, at=at,
        )
        counts = {str(row["state"]): int(row["n"]) for row in rows}
        return counts | {"overdue": sum(int(row["late"]) for row in rows)}

    def overdue(self, *, at: int, limit: int) -> tuple[Handling, ...]:
        """Reports whose deadline ended by a time (Micros), the oldest first."""
        return self._many("due > 0 AND due <= :at AND escalated = 0 ORDER BY due LIMIT :limit", at=at, limit=limit)

    def ended(self, state: str, *, at: int, limit: int) -> tuple[Handling, ...]:
        """Reports in a state whose deadline ended by a time (Micros), or that have none; the oldest first."""
        return self._many(
            "state = :state AND due <= :at AND undated = 0 ORDER BY due LIMIT :limit", state=state, at=at, limit=limit
        )

    def undated(self, *, limit: int) -> tuple[Handling, ...]:
        """Reports whose deadline the calendar could not say, the oldest first."""
        return self._many("undated = 1 ORDER BY received LIMIT :limit", limit=limit)

    def count_undated(self) -> int:
        """How many reports wait for the calendar."""
        row = self._engine.row("SELECT COUNT(*) AS n FROM handling WHERE undated = 1")
        return int(row["n"]) if row else 0

    def reporter(self, source: str, source_id: str) -> bytes | None:
        """The proved number of who reported (sealed), for telling them alone; no queue reads it."""
        row = self._engine.row(
            "SELECT reporter FROM report WHERE source = :source AND source_id = :id", source=source, id=source_id
        )
        return row["reporter"] if row else None

    def purge(self, *, before: int, most: int) -> int:
        """Delete what became of reports received before a time, with its moves and its place in a case, which goes on
        counting it; at most so many; how many."""
        which = """(SELECT source, source_id FROM handling WHERE received < :before
            ORDER BY received, source, source_id LIMIT :most)"""
        gone = self._engine.rows(
            f"""SELECT case_id, COUNT(*) AS n FROM case_report WHERE (source, source_id) IN {which} AND case_id <> ''
            GROUP BY case_id""",  # noqa: S608 - fixed text
            before=before, most=most,
        )
        self._engine.run_many("UPDATE case_file SET erased = erased + :n WHERE case_id = :case_id", gone)
        for table in ("handling_move", "case_report"):
            self._engine.run(
                f"DELETE FROM {table} WHERE (source, source_id) IN {which}", before=before, most=most  # noqa: S608
            )
        return self._engine.run(
            f"DELETE FROM handling WHERE (source, source_id) IN {which}", before=before, most=most  # noqa: S608
        )

    def change(self, source: str, source_id: str, **values: Any) -> None:
        """Change columns of one handling."""
        mask, facets = packed(values)
        sets = ", ".join(f"{name} = :{name}" for name in values)
        if mask:
            sets += f", facets = facets & {~mask} | {facets}"
        self._engine.run(
            f"UPDATE handling SET {sets} WHERE source = :source AND source_id = :source_id",  # noqa: S608 - column names
            source=source, source_id=source_id, **values,
        )

    def note(self, handling: Handling, *, at: int, actor: str, action: str, state: str, note: str) -> None:
        """Keep one move."""
        self._engine.run(
            """INSERT INTO handling_move (source, source_id, place, at, actor, action, state, note)
            SELECT :source, :source_id, COALESCE(MAX(place), 0) + 1, :at, :actor, :action, :state, :note
            FROM handling_move WHERE source = :source AND source_id = :source_id""",
            source=handling.source, source_id=handling.source_id, at=at, actor=actor, action=action, state=state,
            note=note,
        )

    def note_many(self, moves: Iterable[dict[str, Any]]) -> int:
        """Keep moves, every column given; how many."""
        return self._engine.run_many(
            """INSERT INTO handling_move (source, source_id, place, at, actor, action, state, note)
            VALUES (:source, :source_id, :place, :at, :actor, :action, :state, :note)""",
            moves,
        )

    def moves(self, source: str, source_id: str) -> list[Row]:
        """All moves of a report, in order: place, at, actor, action, state, note."""
        return self._engine.rows(
            """SELECT place, at, actor, action, state, note FROM handling_move
            WHERE source = :source AND source_id = :id ORDER BY place""",
            source=source, id=source_id,
        )

    def _many(self, where: str, **values: Any) -> tuple[Handling, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM handling WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(map(_handling, rows))


def _columns(handling: Handling) -> dict[str, Any]:
    row = dict(zip(_NAMES, _VALUES(handling)))
    for name in _TIMES:
        row[name] = to_micros(row[name])
    for name in _OPTIONAL:
        row[name] = to_micros(row[name]) if row[name] else 0
    row["escalated"], row["undated"] = int(handling.escalated), int(handling.undated)
    row["facets"] = packed(row)[1]
    return row


def _handling(row: Row) -> Handling:
    values: dict[str, Any] = dict(row)
    values |= {name: from_micros(values[name]) for name in _TIMES}
    values |= {name: from_micros(values[name]) if values[name] else None for name in _OPTIONAL}
    values["escalated"], values["undated"] = bool(values["escalated"]), bool(values["undated"])
    return Handling(class_=values.pop("class"), **values)
