"""SQL about number_event: what carriers say of numbers, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from registry.store.engine import Engine, Row

_LOOKUP = 500
_COLUMNS = (
    "source", "source_id", "event", "batch", "line", "number", "kind", "at", "giver", "taker", "received", "state",
    "reason", "other", "settled", "actor", "note",
)  # fmt: skip


class NumberEvents:
    """Rows of number_event."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known(self, source: str, ids: Sequence[str]) -> dict[str, Row]:
        """Events of a source that are there already, by the source's id: event, batch, line, kind, state."""
        found: dict[str, Row] = {}
        for start in range(0, len(ids), _LOOKUP):
            rows = self._engine.rows(
                """SELECT source_id, event, batch, line, kind, state FROM number_event
                WHERE source = :source AND source_id IN :ids""",
                source=source, ids=tuple(ids[start : start + _LOOKUP]),
            )
            found.update((row["source_id"], row) for row in rows)
        return found

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Insert events, every column given."""
        marks = ", ".join(f":{name}" for name in _COLUMNS)
        self._engine.run_many(
            f"INSERT INTO number_event ({', '.join(_COLUMNS)}) VALUES ({marks})", events  # noqa: S608 - fixed names
        )

    def event(self, event: str) -> Row | None:
        """One event by its name."""
        return self._engine.row("SELECT * FROM number_event WHERE event = :event", event=event)

    def due(self, *, now: int, most: int) -> list[Row]:
        """Events that wait and whose time has come, the earliest first."""
        return self._engine.rows(
            """SELECT * FROM number_event WHERE state = 'waiting' AND at <= :now
            ORDER BY at, received, source, source_id LIMIT :most""",
            now=now, most=most,
        )

    def of_number(self, number: bytes) -> list[Row]:
        """All events of a number, oldest first."""
        return self._engine.rows(
            "SELECT * FROM number_event WHERE number = :number ORDER BY at, received, source, source_id", number=number
        )

    def settle(
        self, *, event: str, was: str, state: str, reason: str, other: str, at: int, actor: str = "", note: str = ""
    ) -> bool:
        """Say what came of an event; False where it no longer is in the state it was in."""
        return bool(
            self._engine.run(
                """UPDATE number_event SET state = :state, reason = :reason, other = :other, settled = :at,
                    actor = :actor, note = :note WHERE event = :event AND state = :was""",
                event=event, was=was, state=state, reason=reason, other=other, at=at, actor=actor, note=note,
            )
        )

    def look_again(self, *, number: bytes, apart_from: str) -> None:
        """Events of a number that are held wait again, because something new is known of it."""
        self._engine.run(
            """UPDATE number_event SET state = 'waiting' WHERE number = :number AND state = 'held'
            AND event != :apart_from""",
            number=number, apart_from=apart_from,
        )

    def in_state(self, state: str, *, limit: int, after: int = 0) -> list[Row]:
        """Events in a state, the oldest first, from `after` rows on."""
        return self._engine.rows(
            """SELECT * FROM number_event WHERE state = :state ORDER BY received, source, source_id
            LIMIT :limit OFFSET :after""",
            state=state, limit=limit, after=after,
        )

    def counts(self) -> dict[str, int]:
        """How many events are in each state."""
        rows = self._engine.rows("SELECT state, COUNT(*) AS n FROM number_event GROUP BY state")
        return {str(row["state"]): int(row["n"]) for row in rows}

    def holder_since(self, number: bytes) -> int:
        """When a number last went to another holder by a carrier's word (Micros); 0 where none has said so."""
        row = self._engine.row(
            """SELECT COALESCE(MAX(at), 0) AS at FROM number_event
            WHERE number = :number AND state = 'done' AND kind IN ('recycled', 'reassigned')""",
            number=number,
        )
        return int(row["at"]) if row else 0
