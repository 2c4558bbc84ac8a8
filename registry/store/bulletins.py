"""SQL about bulletins, and the grouped counts of reports that their figures come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from registry.bulletins import Bulletin
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name for field in fields(Bulletin))
_ALL = ", ".join(_NAMES)
_CHUNK = 4_000  # rows at a time; of more at once the collector of garbage costs more
_OPTIONAL = ("cutoff", "submitted", "published")

# what changed after the cut-off counts as it stood then, by the moves that were made before
_LAST = """(SELECT m.action FROM handling_move m WHERE m.source = h.source AND m.source_id = h.source_id
    AND m.at < :cutoff AND m.action IN {actions} ORDER BY m.place DESC LIMIT 1)"""
# what was held or not before any such move is the contrary of the first one after it
_CONTRARY = """(SELECT CASE WHEN m.action = 'hold' THEN 'release' ELSE 'hold' END FROM handling_move m
    WHERE m.source = h.source AND m.source_id = h.source_id AND m.at >= :cutoff AND m.action IN ('hold', 'release')
    ORDER BY m.place LIMIT 1)"""
_HELD_NOW = "CASE WHEN h.held = '' THEN 'release' ELSE 'hold' END"
HELD = f"""CASE WHEN h.updated < :cutoff THEN {_HELD_NOW}
    ELSE COALESCE({_LAST.format(actions="('hold', 'release')")}, {_CONTRARY}, {_HELD_NOW}) END"""
_FINDINGS = "('find_violation', 'find_unfounded', 'disown')"
OUTCOME = f"""CASE WHEN h.updated < :cutoff THEN h.outcome
    ELSE COALESCE({_LAST.format(actions=_FINDINGS)}, CASE WHEN EXISTS (SELECT 1 FROM handling_move m
    WHERE m.source = h.source AND m.source_id = h.source_id AND m.action IN {_FINDINGS}) THEN '' ELSE h.outcome END)
    END"""  # noqa: S608 - fixed texts
_COUNTED = f"""h.received >= :first AND h.received < :after AND h.received < :cutoff AND {HELD} = 'release'
    AND h.source NOT IN (SELECT party FROM party WHERE sandbox <> 0)"""  # noqa: S608 - fixed texts
_ENTERPRISE = "CASE WHEN h.provider <> '' THEN h.provider ELSE h.content END"


class Bulletins:
    """Rows of bulletin; counts of handling."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, bulletin: Bulletin) -> None:
        """Write a version, new or moved on; a published one stays as it is."""
        row: dict[str, Any] = {name: getattr(bulletin, name) for name in _NAMES}
        row |= {name: to_micros(row[name]) if row[name] else 0 for name in _OPTIONAL}
        row["drafted"] = to_micros(bulletin.drafted)
        marks = ", ".join(f":{name}" for name in _NAMES)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[2:])
        self._engine.run(
            f"""INSERT INTO bulletin ({_ALL}) VALUES ({marks}) ON CONFLICT (quarter, version) DO UPDATE SET {changes}
            WHERE bulletin.state <> 'published'""",  # noqa: S608 - fixed names
            **row,
        )

    def of_quarter(self, quarter: str) -> tuple[Bulletin, ...]:
        """All versions of a quarter's bulletin, the newest first."""
        return self._many("quarter = :quarter ORDER BY version DESC", quarter=quarter)

    def all(self) -> tuple[Bulletin, ...]:
        """All versions of all bulletins, the newest first."""
        return self._many("1 = 1 ORDER BY quarter DESC, version DESC")

    def _many(self, where: str, **values: Any) -> tuple[Bulletin, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM bulletin WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(map(_bulletin, rows))

    # counts of reports

    def counted(self, *, first: int, after: int, cutoff: int) -> Iterator[list[tuple[Any, ...]]]:
        """Reports received from `first` until `after` and before `cutoff` (Micros), as they stood then: what it is
        (`bulletinfigures.Row`: 4 × (category + 1), 2 more for a call, 1 more where commercial), mode, province,
        carrier, caller, and the enterprise unless somebody found that it is not to be named.

        One pass without any grouping: sorting a million rows costs the database more than reading them. A value less
        in each row is a tenth of a second less.
        """
        return self._engine.stream(
            f"""SELECT 4 * (h.category + 1) + CASE WHEN h.kind = 'call' THEN 2 ELSE 0 END
            + CASE WHEN h.class = 'commercial' THEN 1 ELSE 0 END, h.mode, h.province, h.carrier, h.caller,
            CASE WHEN {_ENTERPRISE} = '' OR {OUTCOME} IN ('unfounded', 'not_ours', 'find_unfounded', 'disown')
            THEN '' ELSE {_ENTERPRISE} END FROM handling h WHERE {_COUNTED}""",  # noqa: S608 - fixed texts
            chunk=_CHUNK, first=first, after=after, cutoff=cutoff,
        )


def _bulletin(row: Row) -> Bulletin:
    values: dict[str, Any] = dict(row)
    values |= {name: from_micros(values[name]) if values[name] else None for name in _OPTIONAL}
    return Bulletin(**values | {"drafted": from_micros(values["drafted"])})
