"""SQL about peak_warning, and who holds resources."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from registry.peakwarnings import PeakWarning
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name for field in fields(PeakWarning))
_ALL = ", ".join(_NAMES)


class Peaks:
    """Rows of peak_warning."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, warning: PeakWarning) -> None:
        """Write a warning, new or changed."""
        row: dict[str, Any] = {name: getattr(warning, name) for name in _NAMES}
        row |= {"at": to_micros(warning.at), "confirmed": to_micros(warning.confirmed) if warning.confirmed else 0}
        marks = ", ".join(f":{name}" for name in _NAMES)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[3:])
        self._engine.run(
            f"""INSERT INTO peak_warning ({_ALL}) VALUES ({marks})
            ON CONFLICT (peak, year, enterprise) DO UPDATE SET {changes}""",  # noqa: S608 - fixed names
            **row,
        )

    def of(self, peak: str, year: int) -> tuple[PeakWarning, ...]:
        """The warnings of a peak's year, those that were not confirmed first."""
        return self._many("peak = :peak AND year = :year ORDER BY confirmed, state, enterprise", peak=peak, year=year)

    def of_party(self, party: str) -> tuple[PeakWarning, ...]:
        """The warnings that a party was given, the newest first."""
        return self._many("party = :party AND party <> '' AND state = 'told' ORDER BY at DESC, peak", party=party)

    def confirm(self, peak: str, year: int, *, party: str, at: int, by: str) -> None:
        """Keep that a party confirmed a warning."""
        self._engine.run(
            """UPDATE peak_warning SET confirmed = :at, confirmed_by = :by
            WHERE peak = :peak AND year = :year AND party = :party AND confirmed = 0""",
            peak=peak, year=year, party=party, at=at, by=by,
        )

    def senders(self, *, at: int) -> list[Row]:
        """Who sends from, or stands behind, resources in force at a time (Micros), by purpose and first digits:
        provider, content, purpose, start."""
        return self._engine.rows(
            """SELECT DISTINCT provider, content, purpose, SUBSTR(prefix, 1, 4) AS start FROM resource
            WHERE since <= :at AND (until = 0 OR until > :at) AND (provider <> '' OR content <> '')""",
            at=at,
        )

    def _many(self, where: str, **values: Any) -> tuple[PeakWarning, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM peak_warning WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(
            PeakWarning(**dict(row) | {"at": from_micros(row["at"]),
                                   "confirmed": from_micros(row["confirmed"]) if row["confirmed"] else None})
            for row in rows
        )  # fmt: skip
