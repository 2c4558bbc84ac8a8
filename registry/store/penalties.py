"""SQL about penalty, penalty_move: fines that are proposed and decided, and each step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import msgspec

from registry.fining import Penalty
from registry.penalties import Facts, Proposal
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name for field in fields(Penalty))
_ALL = ", ".join(_NAMES)
_TIMES = ("proposed", "heard", "decided", "due", "noticed", "hear_by", "asked", "stated", "settled")


class Penalties:
    """Rows of penalty, penalty_move."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, penalty: Penalty) -> None:
        """Write a fine, new or changed."""
        row: dict[str, Any] = {name: getattr(penalty, name) for name in _NAMES}
        row |= {name: to_micros(row[name]) if row[name] else 0 for name in _TIMES}
        row |= {name: msgspec.json.encode(row[name]).decode() for name in ("facts", "proposal")}
        marks = ", ".join(f":{name}" for name in _NAMES)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])
        self._engine.run(
            f"INSERT INTO penalty ({_ALL}) VALUES ({marks}) ON CONFLICT (penalty) DO UPDATE SET {changes}",  # noqa: S608
            **row,
        )

    def penalty(self, penalty: str) -> Penalty | None:
        """One fine."""
        found = self._many("penalty = :penalty", penalty=penalty)
        return found[0] if found else None

    def of_case(self, case_id: str) -> tuple[Penalty, ...]:
        """The fines of a case, oldest first."""
        return self._many("case_id = :case_id ORDER BY proposed, penalty", case_id=case_id)

    def of_enterprise(self, enterprise: str) -> tuple[Penalty, ...]:
        """The fines of an enterprise, newest first."""
        return self._many("enterprise = :enterprise ORDER BY proposed DESC, penalty", enterprise=enterprise)

    def in_states(self, states: Iterable[str], *, limit: int) -> tuple[Penalty, ...]:
        """Fines in some states, oldest first."""
        return self._many(
            "state IN :states ORDER BY proposed, penalty LIMIT :limit", states=tuple(states), limit=limit
        )

    def queue(
        self, *, states: Iterable[str], enterprises: Sequence[str] | None = None, due_by: int = 0, limit: int,
        after: int = 0,
    ) -> tuple[Penalty, ...]:  # fmt: skip
        """Fines in some states, of some enterprises, whose deadline ends by a time (Micros): what is due first comes
        first."""
        parts, values = ["state IN :states"], dict[str, Any](states=tuple(states), limit=limit, after=after)
        if enterprises is not None:
            parts.append("enterprise IN :enterprises")
            values["enterprises"] = tuple(enterprises) or ("",)
        if due_by:
            parts.append("due > 0 AND due <= :due_by")
            values["due_by"] = due_by
        order = "CASE WHEN due = 0 THEN 1 ELSE 0 END, due, proposed DESC, penalty"
        return self._many(f"{' AND '.join(parts)} ORDER BY {order} LIMIT :limit OFFSET :after", **values)

    def counts(self) -> dict[str, int]:
        """How many fines stand in each state."""
        rows = self._engine.rows("SELECT state, COUNT(*) AS n FROM penalty GROUP BY state")
        return {row["state"]: row["n"] for row in rows}

    def due(self, states: Iterable[str], *, at: int, limit: int) -> list[str]:
        """Fines in some states whose deadline ended by a time (Micros), the oldest first."""
        rows = self._engine.rows(
            """SELECT penalty FROM penalty WHERE state IN :states AND due > 0 AND due <= :at
            ORDER BY due, penalty LIMIT :limit""",
            states=tuple(states), at=at, limit=limit,
        )
        return [row["penalty"] for row in rows]

    def note(self, penalty: Penalty, *, at: int, actor: str, action: str, note: str) -> None:
        """Keep one move."""
        self._engine.run(
            """INSERT INTO penalty_move (penalty, place, at, actor, action, state, note)
            SELECT :penalty, COALESCE(MAX(place), 0) + 1, :at, :actor, :action, :state, :note
            FROM penalty_move WHERE penalty = :penalty""",
            penalty=penalty.penalty, at=at, actor=actor, action=action, state=penalty.state, note=note,
        )

    def moves(self, penalty: str) -> list[Row]:
        """All moves of a fine, in order: place, at, actor, action, state, note."""
        return self._engine.rows(
            "SELECT place, at, actor, action, state, note FROM penalty_move WHERE penalty = :penalty ORDER BY place",
            penalty=penalty,
        )

    def _many(self, where: str, **values: Any) -> tuple[Penalty, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM penalty WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(map(_penalty, rows))


def _penalty(row: Row) -> Penalty:
    values: dict[str, Any] = dict(row)
    values |= {name: from_micros(values[name]) if values[name] else None for name in _TIMES}
    values["facts"] = msgspec.json.decode(values["facts"], type=Facts)
    values["proposal"] = msgspec.json.decode(values["proposal"], type=Proposal)
    return Penalty(**values)
