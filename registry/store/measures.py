"""SQL about measure, measure_move, measure_order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from registry.measures import Measure
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name for field in fields(Measure))
_ALL = ", ".join(_NAMES)
_TIMES = ("proposed", "notified", "starts", "ends", "appealed", "ended")


class Measures:
    """Rows of measure, measure_move, measure_order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, measure: Measure) -> None:
        """Write a measure, new or changed."""
        row: dict[str, Any] = {name: getattr(measure, name) for name in _NAMES}
        row |= {name: to_micros(row[name]) if row[name] else 0 for name in _TIMES}
        changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])
        marks = ", ".join(f":{name}" for name in _NAMES)
        self._engine.run(
            f"INSERT INTO measure ({_ALL}) VALUES ({marks}) ON CONFLICT (measure) DO UPDATE SET {changes}",  # noqa: S608
            **row,
        )

    def measure(self, measure: str) -> Measure | None:
        """One measure."""
        found = self._many("measure = :measure", measure=measure)
        return found[0] if found else None

    def of_case(self, case_id: str) -> tuple[Measure, ...]:
        """The measures of a case, oldest first."""
        return self._many("case_id = :case_id ORDER BY proposed, measure", case_id=case_id)

    def of_enterprise(self, enterprise: str) -> tuple[Measure, ...]:
        """The measures against an enterprise, newest first."""
        return self._many("enterprise = :enterprise ORDER BY proposed DESC, measure", enterprise=enterprise)

    def in_states(self, states: Iterable[str], *, limit: int, after: int = 0) -> tuple[Measure, ...]:
        """Measures in some states, oldest first, from `after` rows on."""
        return self._many(
            "state IN :states ORDER BY proposed, measure LIMIT :limit OFFSET :after",
            states=tuple(states), limit=limit, after=after,
        )

    def counts(self) -> dict[str, int]:
        """How many measures stand in each state."""
        rows = self._engine.rows("SELECT state, COUNT(*) AS n FROM measure GROUP BY state")
        return {row["state"]: int(row["n"]) for row in rows}

    def kinds_in(self, states: Iterable[str]) -> dict[str, int]:
        """How many measures stand in some states, by kind, the most first."""
        rows = self._engine.rows(
            "SELECT kind, COUNT(*) AS n FROM measure WHERE state IN :states GROUP BY kind ORDER BY n DESC, kind",
            states=tuple(states),
        )
        return {row["kind"]: row["n"] for row in rows}

    def due(self, *, at: int, limit: int) -> list[str]:
        """Measures that are to start or to end by a time (Micros)."""
        rows = self._engine.rows(
            """SELECT measure FROM measure WHERE (state = 'notified' AND starts <= :at)
            OR (state = 'in_force' AND ends > 0 AND ends <= :at) ORDER BY starts LIMIT :limit""",
            at=at, limit=limit,
        )
        return [row["measure"] for row in rows]

    def note(self, measure: Measure, *, at: int, actor: str, action: str, note: str) -> None:
        """Keep one move."""
        self._engine.run(
            """INSERT INTO measure_move (measure, place, at, actor, action, state, note)
            SELECT :measure, COALESCE(MAX(place), 0) + 1, :at, :actor, :action, :state, :note
            FROM measure_move WHERE measure = :measure""",
            measure=measure.measure, at=at, actor=actor, action=action, state=measure.state, note=note,
        )

    def moves(self, measure: str) -> list[Row]:
        """All moves of a measure, in order: place, at, actor, action, state, note."""
        return self._engine.rows(
            """SELECT place, at, actor, action, state, note FROM measure_move
            WHERE measure = :measure ORDER BY place""",
            measure=measure,
        )

    # orders

    def order(self, measure: str, parties: Iterable[str], step: str, *, at: int) -> int:
        """Give carriers the order for a step; how many."""
        return self._engine.run_many(
            """INSERT INTO measure_order (measure, party, step, told, confirmed)
            VALUES (:measure, :party, :step, :told, 0) ON CONFLICT (measure, party, step) DO NOTHING""",
            [{"measure": measure, "party": party, "step": step, "told": at} for party in parties],
        )

    def forget_unbegun(self, measure: str) -> bool:
        """Take back orders to begin that nobody confirmed where none was; whether any was given at all."""
        row = self._engine.row(
            "SELECT COUNT(*) AS n FROM measure_order WHERE measure = :measure AND step = 'begin'", measure=measure
        )
        return bool(row and row["n"])

    def confirm(self, measure: str, party: str, step: str, *, at: int) -> bool:
        """Note that an order was carried out, the first time counts; whether there is such an order."""
        return self._engine.run(
            """UPDATE measure_order SET confirmed = CASE WHEN confirmed = 0 THEN :at ELSE confirmed END
            WHERE measure = :measure AND party = :party AND step = :step""",
            measure=measure, party=party, step=step, at=at,
        ) > 0

    def orders(
        self, *, party: str = "", measure: str = "", open_only: bool = False, limit: int = 500,
        after: tuple[str, str] | None = None,
    ) -> list[Row]:
        """Orders of a carrier or of a measure: measure, party, step, told, confirmed (Micros, 0: not yet).

        `after`: measure and step of the carrier's order behind which they begin.
        """
        said, step = after or ("", "")
        return self._engine.rows(
            """SELECT measure, party, step, told, confirmed FROM measure_order
            WHERE (party = :party OR :party = '') AND (measure = :measure OR :measure = '')
            AND (confirmed = 0 OR :open = 0) AND (:said = '' OR (told, measure, party, step) > (
                SELECT told, measure, party, step FROM measure_order
                WHERE measure = :said AND party = :party AND step = :step))
            ORDER BY told, measure, party, step LIMIT :limit""",
            party=party, measure=measure, open=int(open_only), limit=limit, said=said, step=step,
        )

    def _many(self, where: str, **values: Any) -> tuple[Measure, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM measure WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(map(_measure, rows))


def _measure(row: Row) -> Measure:
    values: dict[str, Any] = dict(row)
    values |= {name: from_micros(values[name]) if values[name] else None for name in _TIMES}
    return Measure(**values)
