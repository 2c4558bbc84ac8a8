"""SQL about penalty: fines that are proposed and decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import msgspec

from registry.fining import Penalty
from registry.penalties import Facts, Proposal
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name for field in fields(Penalty))
_ALL = ", ".join(_NAMES)
_TIMES = ("proposed", "heard", "decided")


class Penalties:
    """Rows of penalty."""

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

    def _many(self, where: str, **values: Any) -> tuple[Penalty, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM penalty WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(map(_penalty, rows))


def _penalty(row: Row) -> Penalty:
    values: dict[str, Any] = dict(row)
    values |= {name: from_micros(values[name]) if values[name] else None for name in _TIMES}
    values["facts"] = msgspec.json.decode(values["facts"], type=Facts)
    values["proposal"] = msgspec.json.decode(values["proposal"], type=Proposal)
    return Penalty(**values)
