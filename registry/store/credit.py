"""SQL about credit, credit_move: the entries of the credit file, and how they were changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from registry.credit import Entry
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name for field in fields(Entry))
_ALL = ", ".join(_NAMES)


class Credit:
    """Rows of credit, credit_move."""

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

    def entry(self, entry: str) -> Entry | None:
        """One entry."""
        found = self._many("entry = :entry", entry=entry)
        return found[0] if found else None

    def publish(self, entry: str) -> None:
        """Let the public see an entry."""
        self._engine.run("UPDATE credit SET public = 1 WHERE entry = :entry", entry=entry)

    def replace(self, entry: str, *, instead: str) -> None:
        """Let another entry stand instead of one."""
        self._engine.run("UPDATE credit SET instead = :instead WHERE entry = :entry", entry=entry, instead=instead)

    def page(
        self, *, kinds: Sequence[str], enterprises: Sequence[str] | None, at: int | None, public: int | None,
        limit: int, after: int,
    ) -> tuple[Entry, ...]:  # fmt: skip
        """Entries of some kinds and enterprises, the newest first; `at`: those that count at a time (Micros);
        `public`: 1 those that are published, 0 the others."""
        parts, values = ["kind IN :kinds"], dict[str, Any](kinds=tuple(kinds), limit=limit, after=after)
        if enterprises is not None:
            parts.append("enterprise IN :enterprises")
            values["enterprises"] = tuple(enterprises) or ("",)
        if at is not None:
            parts.append("instead = '' AND since <= :at AND (until = 0 OR until > :at)")
            values["at"] = at
        if public is not None:
            parts.append("public = :public")
            values["public"] = public
        where = " AND ".join(parts)
        return self._many(f"{where} ORDER BY since DESC, entry LIMIT :limit OFFSET :after", **values)

    def note(self, entry: str, *, at: int, actor: str, action: str, note: str) -> None:
        """Keep how an entry was changed, and why."""
        self._engine.run(
            """INSERT INTO credit_move (entry, place, at, actor, action, note)
            SELECT :entry, COALESCE(MAX(place), 0) + 1, :at, :actor, :action, :note
            FROM credit_move WHERE entry = :entry""",
            entry=entry, at=at, actor=actor, action=action, note=note,
        )

    def moves(self, enterprise: str) -> list[Row]:
        """How the entries of an enterprise were changed, the newest first: entry, at, actor, action, note."""
        return self._engine.rows(
            """SELECT m.entry, m.at, m.actor, m.action, m.note FROM credit AS c
            JOIN credit_move AS m ON m.entry = c.entry
            WHERE c.enterprise = :enterprise ORDER BY m.at DESC, m.entry, m.place DESC""",
            enterprise=enterprise,
        )

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
