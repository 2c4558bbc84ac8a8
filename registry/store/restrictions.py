"""SQL that reads credit and measure together: what restricts enterprises."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from registry.restrictions import LISTS, MEASURES, Restriction
from registry.store.engine import Engine, Row
from registry.times import from_micros

_LOOKUP = 500
# a measure counts from its start until its end or until it was lifted, whichever is earlier; one that was appealed
# against before it began has not begun
_FOUND = """
    SELECT enterprise, kind AS why, since, until, entry AS source FROM credit
    WHERE kind IN :lists AND instead = '' AND {which}
    UNION ALL
    SELECT enterprise, kind, starts,
        CASE WHEN ended > 0 AND (ends = 0 OR ended < ends) THEN ended ELSE ends END, measure
    FROM measure WHERE kind IN :measures AND resource = '' AND starts > 0 AND state NOT IN ('proposed', 'refused')
    AND (state NOT IN ('appealed', 'lifted') OR EXISTS (
        SELECT 1 FROM measure_move AS m WHERE m.measure = measure.measure AND m.action = 'enter'))
    AND {which}"""


class Restrictions:
    """Rows of credit and measure that restrict somebody."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, enterprises: Collection[str]) -> tuple[Restriction, ...]:
        """Everything that ever restricts enterprises, oldest first."""
        wanted, found = sorted(set(enterprises) - {""}), list[Restriction]()
        for start in range(0, len(wanted), _LOOKUP):
            found += self._many("enterprise IN :some", some=tuple(wanted[start : start + _LOOKUP]))
        return tuple(sorted(found, key=lambda each: (each.since, each.source)))

    def of_party(self, party: str) -> tuple[Restriction, ...]:
        """Everything that ever restricts the enterprise of an account."""
        own = "enterprise IN (SELECT enterprise FROM enterprise WHERE party = :party AND party <> '')"
        return tuple(self._many(own, party=party))

    def at(self, at: int) -> tuple[Restriction, ...]:
        """Everything that restricts somebody at a time (Micros), the newest first."""
        rows = self._rows(
            f"""SELECT * FROM ({_FOUND.format(which="1 = 1")}) AS found
            WHERE since <= :at AND (until = 0 OR until > :at) ORDER BY since DESC, source""",  # noqa: S608 - fixed texts
            at=at,
        )
        return tuple(map(_restriction, rows))

    def _many(self, which: str, **values: Any) -> list[Restriction]:
        return list(map(_restriction, self._rows(_FOUND.format(which=which), **values)))

    def _rows(self, sql: str, **values: Any) -> list[Row]:
        return self._engine.rows(sql, lists=tuple(LISTS), measures=tuple(MEASURES), **values)


def _restriction(row: Row) -> Restriction:
    until = from_micros(row["until"]) if row["until"] else None
    return Restriction(row["enterprise"], row["why"], from_micros(row["since"]), until, row["source"])
