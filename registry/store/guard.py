"""SQL about guard_lane, guard_alarm, guard_profile: who is slowed down, why, and what their questions look like."""

from __future__ import annotations

from registry.guardalarms import AlarmRow
from registry.store.engine import Engine, Row

_COLUMNS = ", ".join(AlarmRow.__dataclass_fields__)


class Guard:
    """Rows of the guard."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lane(self, party: str) -> str:
        """The lane of a party."""
        row = self._engine.row("SELECT lane FROM guard_lane WHERE party = :party", party=party)
        return row["lane"] if row else "usual"

    def lanes(self) -> dict[str, str]:
        """The parties that are not in the usual lane."""
        return {row["party"]: row["lane"] for row in self._engine.rows("SELECT party, lane FROM guard_lane")}

    def put_lane(self, party: str, *, lane: str, since: int, by: str) -> None:
        """Move a party into a lane; `by` is who or what did it."""
        self._engine.run("DELETE FROM guard_lane WHERE party = :party", party=party)
        if lane != "usual":
            self._engine.run(
                "INSERT INTO guard_lane (party, lane, since, by) VALUES (:party, :lane, :since, :by)",
                party=party, lane=lane, since=since, by=by,
            )

    def raise_alarm(self, row: AlarmRow) -> None:
        """Add an alarm."""
        marks = ", ".join(f":{name}" for name in AlarmRow.__dataclass_fields__)
        self._engine.run(
            f"INSERT INTO guard_alarm ({_COLUMNS}) VALUES ({marks})",  # noqa: S608 - fixed names
            **{name: getattr(row, name) for name in AlarmRow.__dataclass_fields__},
        )

    def alarm(self, alarm: str) -> AlarmRow | None:
        """One alarm."""
        found = self._alarms("alarm = :alarm", alarm=alarm)
        return found[0] if found else None

    def open_alarms(self, party: str = "") -> tuple[AlarmRow, ...]:
        """Alarms that nobody has decided about, newest first; of one party or of all."""
        return self._alarms(
            "settled = 0 AND (:party = '' OR party = :party) ORDER BY raised DESC, alarm", party=party
        )

    def alarms_of(self, party: str, *, epoch: int) -> tuple[AlarmRow, ...]:
        """All alarms about a party in an epoch, newest first."""
        return self._alarms(
            "party = :party AND epoch = :epoch ORDER BY raised DESC, alarm", party=party, epoch=epoch
        )

    def rung(self, *, epoch: int) -> set[str]:
        """Parties that an alarm in an epoch has slowed down or stopped, decided about or not."""
        rows = self._engine.rows(
            "SELECT DISTINCT party FROM guard_alarm WHERE epoch = :epoch AND lane <> 'usual'", epoch=epoch
        )
        return {row["party"] for row in rows}

    def settled_alarms(self, *, limit: int) -> tuple[AlarmRow, ...]:
        """Alarms that were decided about, newest first."""
        return self._alarms("settled > 0 ORDER BY settled DESC, alarm LIMIT :limit", limit=limit)

    def settle(self, alarm: str, *, at: int, decision: str, note: str, officer: str) -> bool:
        """Decide about an alarm; False where somebody has already."""
        return self._engine.run(
            """UPDATE guard_alarm SET settled = :at, decision = :decision, note = :note, officer = :officer
            WHERE alarm = :alarm AND settled = 0""",
            alarm=alarm, at=at, decision=decision, note=note, officer=officer,
        ) == 1

    def forget_alarms(self, *, before: int) -> int:
        """Forget alarms that were settled before a time (Micros); how many."""
        return self._engine.run("DELETE FROM guard_alarm WHERE settled > 0 AND settled < :before", before=before)

    def counts(self) -> dict[str, int]:
        """Alarms that nobody has decided about, by kind."""
        rows = self._engine.rows("SELECT kind, COUNT(*) AS alarms FROM guard_alarm WHERE settled = 0 GROUP BY kind")
        return {row["kind"]: int(row["alarms"]) for row in rows}

    def stopped(self, party: str) -> tuple[str, ...]:
        """The scrubs of a party that wait in the slow or held lane."""
        rows = self._engine.rows(
            "SELECT scrub FROM scrub WHERE party = :party AND state = 'waiting' AND lane <> 'usual' ORDER BY created",
            party=party,
        )
        return tuple(row["scrub"] for row in rows)

    def young(self, *, since: int) -> set[str]:
        """Telemarketers that were added after a time (Micros)."""
        rows = self._engine.rows(
            "SELECT party FROM party WHERE kind = 'telemarketer' AND created > :since", since=since
        )
        return {row["party"] for row in rows}

    def profile(self, party: str, *, epoch: int) -> bytes | None:
        """The sealed profile of a party in an epoch."""
        row = self._engine.row(
            "SELECT content FROM guard_profile WHERE party = :party AND epoch = :epoch", party=party, epoch=epoch
        )
        return bytes(row["content"]) if row else None

    def put_profile(self, party: str, *, epoch: int, at: int, content: bytes) -> None:
        """Write the sealed profile of a party in an epoch."""
        self._engine.run(
            """INSERT INTO guard_profile (party, epoch, at, content) VALUES (:party, :epoch, :at, :content)
            ON CONFLICT (party, epoch) DO UPDATE SET at = excluded.at, content = excluded.content""",
            party=party, epoch=epoch, at=at, content=content,
        )

    def profiled(self, *, epoch: int) -> dict[str, int]:
        """Who has a profile in an epoch, and when it changed last (Micros)."""
        rows = self._engine.rows("SELECT party, at FROM guard_profile WHERE epoch = :epoch ORDER BY party", epoch=epoch)
        return {row["party"]: row["at"] for row in rows}

    def forget_profiles(self, *, epoch: int) -> int:
        """Forget profiles of epochs before one; how many."""
        return self._engine.run("DELETE FROM guard_profile WHERE epoch < :epoch", epoch=epoch)

    def _alarms(self, where: str, **values: str | int) -> tuple[AlarmRow, ...]:
        rows: list[Row] = self._engine.rows(f"SELECT {_COLUMNS} FROM guard_alarm WHERE {where}", **values)  # noqa: S608
        return tuple(AlarmRow(**row) for row in rows)
