"""SQL about scrub, scrub_part: call lists that are being checked, and the parts in which they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry.scrubjobs import Part, ScrubJob, columns_of, job_from
from registry.store.engine import Engine, Row
from registry.times import to_micros

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

    def of_party(
        self, party: str, *, before: int, limit: int, state: str = "", campaign: str = "", sandbox: bool = False
    ) -> tuple[ScrubJob, ...]:
        """A party's scrubs that were begun before a time (Micros), newest first; those of a state, of a campaign, those
        of the sandbox alone."""
        asked: dict[str, Any] = {"state": state, "campaign": campaign, "sandbox": int(sandbox)}
        wanted = {name: value for name, value in asked.items() if value}
        narrowed = "".join(f" AND {name} = :{name}" for name in wanted)
        return self._many(
            f"party = :party AND created < :before{narrowed} ORDER BY created DESC, scrub LIMIT :limit",
            party=party, before=before, limit=limit, **wanted,
        )

    def campaigns(self, party: str, *, limit: int) -> tuple[str, ...]:
        """The names of a party's campaigns, the one that was checked last first."""
        rows = self._engine.rows(
            """SELECT campaign, MAX(created) AS last FROM scrub WHERE party = :party AND campaign <> ''
            GROUP BY campaign ORDER BY last DESC LIMIT :limit""",
            party=party, limit=limit,
        )
        return tuple(row["campaign"] for row in rows)

    def in_states(self, states: Sequence[str], *, limit: int) -> tuple[ScrubJob, ...]:
        """Scrubs of some states, the oldest first."""
        marks = ", ".join(f":s{i}" for i in range(len(states)))
        return self._many(
            f"state IN ({marks}) ORDER BY created, scrub LIMIT :limit",
            limit=limit, **{f"s{i}": state for i, state in enumerate(states)},
        )

    def turns(self, *, at: int) -> tuple[str, ...]:
        """Scrubs that wait and may begin at a time (Micros), the one whose turn it is first; some.

        The party with the fewest that run, then who was served longest ago, then who waits longest. Those in the slow
        lane come after all others.
        """
        rows = self._engine.rows(
            """SELECT w.scrub FROM scrub w LEFT JOIN guard_lane g ON g.party = w.party
               WHERE w.state = 'waiting' AND w.lane <> 'held' AND COALESCE(g.lane, '') <> 'held' AND w.not_before <= :at
               ORDER BY CASE WHEN w.lane = 'slow' OR g.lane = 'slow' THEN 1 ELSE 0 END,
                   (SELECT COUNT(*) FROM scrub r WHERE r.state = 'running' AND r.party = w.party),
                   COALESCE((SELECT MAX(s.started) FROM scrub s WHERE s.party = w.party), 0), w.submitted, w.scrub
               LIMIT 20""",
            at=at,
        )
        return tuple(row["scrub"] for row in rows)

    def last_slow(self, party: str, *, but: str) -> ScrubJob | None:
        """A party's scrub in the slow lane, other than one, that began last."""
        return self._one(
            "party = :party AND lane = 'slow' AND started > 0 AND scrub <> :but ORDER BY started DESC LIMIT 1",
            party=party, but=but,
        )

    def left(self, *, at: int, longest: int) -> tuple[str, ...]:
        """Scrubs that run by their state, but whose lease nobody holds at a time (both Micros), oldest first."""
        rows = self._engine.rows(
            """SELECT scrub FROM scrub WHERE state = 'running' AND NOT EXISTS
                   (SELECT 1 FROM lease WHERE lease.lease = 'scrub ' || scrub.scrub
                    AND lease.until > :at AND lease.until <= :longest)
               ORDER BY created, scrub""",
            at=at, longest=longest,
        )
        return tuple(row["scrub"] for row in rows)

    def expired(self, *, at: int, limit: int) -> tuple[ScrubJob, ...]:
        """Scrubs whose files are to be deleted by a time (Micros)."""
        return self._many(
            "expires <= :at AND state <> 'deleted' ORDER BY expires LIMIT :limit", at=at, limit=limit
        )

    def figures(self, *, at: int) -> list[Row]:
        """Scrubs that have not ended by state and lane: many, since (Micros), pace (lines a second until `at`)."""
        return self._engine.rows(
            """SELECT state, lane, COUNT(*) AS many, MIN(submitted) AS since,
                      SUM(CASE WHEN started < :at AND started > 0 THEN 1e6 * lines / (:at - started) ELSE 0 END) AS pace
               FROM scrub WHERE state IN ('uploading', 'waiting', 'running') GROUP BY state, lane""",
            at=at,
        )

    def ending(self, *, after: int, until: int, limit: int) -> tuple[ScrubJob, ...]:
        """Scrubs whose answers end in a span (after, until] (Micros), of which nobody was told yet; the first first."""
        return self._many(
            """reminded = 0 AND valid_until > :after AND valid_until <= :until AND sandbox = 0
            AND state IN ('done', 'deleted') ORDER BY valid_until, scrub LIMIT :limit""",
            after=after, until=until, limit=limit,
        )

    def repeated(self, job: ScrubJob) -> bool:
        """Whether the same list was checked for the same kind of contact, with success, since."""
        return self._engine.row(
            """SELECT 1 AS one FROM scrub WHERE party = :party AND created > :created AND campaign = :campaign
               AND name = :name AND channel = :channel AND category = :category AND on_behalf = :on_behalf
               AND sandbox = 0 AND (state = 'done' OR (state = 'deleted' AND valid_until > 0)) LIMIT 1""",
            party=job.party, created=to_micros(job.created), campaign=job.ask.campaign, name=job.name,
            channel=int(job.ask.channel), category=int(job.ask.category), on_behalf=job.ask.on_behalf,
        ) is not None

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
            "SELECT part, size, sha256, file FROM scrub_part WHERE scrub = :scrub ORDER BY part", scrub=scrub
        )
        return tuple(Part(**row) for row in rows)

    def put_part(self, scrub: str, part: Part) -> None:
        """Write a part, new or sent again."""
        self._engine.run(
            """INSERT INTO scrub_part (scrub, part, size, sha256, file) VALUES (:scrub, :part, :size, :sha256, :file)
            ON CONFLICT (scrub, part) DO UPDATE
            SET size = excluded.size, sha256 = excluded.sha256, file = excluded.file""",
            scrub=scrub, part=part.part, size=part.size, sha256=part.sha256, file=part.file,
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
