"""SQL about credit: the entries of the credit file."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from registry.credit import Entry
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name for field in fields(Entry))
_ALL = ", ".join(_NAMES)


class Credit:
    """Rows of credit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, entry: Entry) -> None:
        """Add an entry."""
        row: dict[str, Any] = {name: getattr(entry, name) for name in _NAMES}
        row |= {
            "public": int(entry.public), "since": to_micros(entry.since), "added": to_micros(entry.added),
            "until": to_micros(entry.until) if entry.until else 0,
        }
        marks = ", ".join(f":{name}" for name in _NAMES)
        self._engine.run(f"INSERT INTO credit ({_ALL}) VALUES ({marks})", **row)  # noqa: S608 - fixed names

    def end(self, entry: str, *, at: int) -> bool:
        """End an entry at a time (Micros); False where it does not count any longer, or there is none."""
        return self._engine.run(
            "UPDATE credit SET until = :at WHERE entry = :entry AND (until = 0 OR until > :at)", entry=entry, at=at
        ) > 0

    def of_enterprise(self, enterprise: str) -> tuple[Entry, ...]:
        """The entries of an enterprise, newest first."""
        return self._many("enterprise = :enterprise ORDER BY since DESC, entry", enterprise=enterprise)

    def of_kind(self, kind: str) -> tuple[Entry, ...]:
        """The entries of a kind, newest first."""
        return self._many("kind = :kind ORDER BY since DESC, entry", kind=kind)

    def _many(self, where: str, **values: Any) -> tuple[Entry, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM credit WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(map(_entry, rows))


def _entry(row: Row) -> Entry:
    values: dict[str, Any] = dict(row)
    values |= {"public": bool(values["public"]), "since": from_micros(values["since"]),
               "until": from_micros(values["until"]) if values["until"] else None,
               "added": from_micros(values["added"])}  # fmt: skip
    return Entry(**values)
