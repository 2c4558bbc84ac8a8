"""SQL about scrub, scrub_part: call lists that are being checked, and the parts in which they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry.scrubjobs import Part, ScrubJob, columns_of, job_from
from registry.store.engine import Engine

_NAMES = tuple(columns_of(None))
_ALL = ", ".join(_NAMES)


class ScrubJobs:
    """Rows of scrub and scrub_part."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, job: ScrubJob) -> None:
        """Add a scrub."""
        marks = ", ".join(f":{name}" for name in _NAMES)
        self._engine.run(f"INSERT INTO scrub ({_ALL}) VALUES ({marks})", **columns_of(job))  # noqa: S608 - fixed names

    def job(self, scrub: str) -> ScrubJob | None:
        """One scrub."""
        return self._one("scrub = :scrub", scrub=scrub)

    def of_idempotency(self, party: str, key: str) -> ScrubJob | None:
        """The scrub that a party began under an Idempotency-Key."""
        return self._one("party = :party AND idempotency = :key", party=party, key=key)

    def of_party(self, party: str, *, before: int, limit: int) -> tuple[ScrubJob, ...]:
        """A party's scrubs that were begun before a time (Micros), newest first."""
        return self._many(
            "party = :party AND created < :before ORDER BY created DESC, scrub LIMIT :limit",
            party=party, before=before, limit=limit,
        )

    def in_states(self, states: Sequence[str], *, limit: int) -> tuple[ScrubJob, ...]:
        """Scrubs of some states, the oldest first."""
        marks = ", ".join(f":s{i}" for i in range(len(states)))
        return self._many(
            f"state IN ({marks}) ORDER BY created, scrub LIMIT :limit",
            limit=limit, **{f"s{i}": state for i, state in enumerate(states)},
        )

    def expired(self, *, at: int, limit: int) -> tuple[ScrubJob, ...]:
        """Scrubs whose files are to be deleted by a time (Micros)."""
        return self._many(
            "expires <= :at AND state <> 'deleted' ORDER BY expires LIMIT :limit", at=at, limit=limit
        )

    def change(self, scrub: str, *, states: Sequence[str], **values: Any) -> bool:
        """Change columns of a scrub that is in one of some states; whether it was."""
        sets = ", ".join(f"{name} = :{name}" for name in values)
        marks = ", ".join(f":was{i}" for i in range(len(states)))
        changed = self._engine.run(
            f"UPDATE scrub SET {sets} WHERE scrub = :scrub AND state IN ({marks})",  # noqa: S608 - names of columns
            scrub=scrub, **{f"was{i}": state for i, state in enumerate(states)}, **values,
        )
        return changed > 0

    def parts(self, scrub: str) -> tuple[Part, ...]:
        """The parts of a call list that are there, in order."""
        rows = self._engine.rows(
            "SELECT part, size, sha256 FROM scrub_part WHERE scrub = :scrub ORDER BY part", scrub=scrub
        )
        return tuple(Part(**row) for row in rows)

    def put_part(self, scrub: str, part: Part) -> None:
        """Write a part, new or sent again."""
        self._engine.run(
            """INSERT INTO scrub_part (scrub, part, size, sha256) VALUES (:scrub, :part, :size, :sha256)
            ON CONFLICT (scrub, part) DO UPDATE SET size = excluded.size, sha256 = excluded.sha256""",
            scrub=scrub, part=part.part, size=part.size, sha256=part.sha256,
        )

    def forget_parts(self, scrub: str) -> None:
        """Forget the parts, whose files are gone."""
        self._engine.run("DELETE FROM scrub_part WHERE scrub = :scrub", scrub=scrub)

    def _one(self, where: str, **values: Any) -> ScrubJob | None:
        found = self._many(where, **values)
        return found[0] if found else None

    def _many(self, where: str, **values: Any) -> tuple[ScrubJob, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM scrub WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(job_from(row) for row in rows)
