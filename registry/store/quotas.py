"""SQL about quota_use, quota_hold, quota_file, quota_recent: what parties asked for and hold, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass

from registry.store.engine import Engine


@dataclass(frozen=True, slots=True)
class Recent:
    """What one small check asked for: keys and sealed numbers, joined; lines whose range nobody holds."""

    place: int
    unassigned: int
    asked: bytes
    sealed: bytes


class Quotas:
    """Rows about quotas; epochs and days are numbers of the calendar (`quotas.Period`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def used(self, party: str, *, epoch: int) -> dict[int, int]:
        """Distinct numbers charged in an epoch, by day."""
        rows = self._engine.rows(
            "SELECT day, used FROM quota_use WHERE party = :party AND epoch = :epoch", party=party, epoch=epoch
        )
        return {row["day"]: row["used"] for row in rows}

    def use(self, party: str, *, epoch: int, day: int, numbers: int) -> None:
        """Charge some numbers more."""
        self._engine.run(
            """INSERT INTO quota_use (party, epoch, day, used) VALUES (:party, :epoch, :day, :numbers)
            ON CONFLICT (party, epoch, day) DO UPDATE SET used = quota_use.used + excluded.used""",
            party=party, epoch=epoch, day=day, numbers=numbers,
        )

    def held(self, party: str, *, epoch: int, at: int, but: str = "") -> dict[int, int]:
        """Numbers that running scrubs have reserved, by day; holds that ended by `at` (Micros), and one, left out."""
        rows = self._engine.rows(
            """SELECT day, SUM(numbers) AS numbers FROM quota_hold
            WHERE party = :party AND epoch = :epoch AND until > :at AND hold <> :but GROUP BY day""",
            party=party, epoch=epoch, at=at, but=but,
        )
        return {row["day"]: int(row["numbers"]) for row in rows}

    def hold(self, hold: str, party: str, *, epoch: int, day: int, numbers: int, until: int) -> None:
        """Reserve numbers until a time (Micros), in place of what the same one held."""
        self._engine.run(
            """INSERT INTO quota_hold (hold, party, epoch, day, numbers, until)
            VALUES (:hold, :party, :epoch, :day, :numbers, :until)
            ON CONFLICT (hold) DO UPDATE SET party = excluded.party, epoch = excluded.epoch, day = excluded.day,
                numbers = excluded.numbers, until = excluded.until""",
            hold=hold, party=party, epoch=epoch, day=day, numbers=numbers, until=until,
        )

    def release(self, hold: str) -> bool:
        """Let a reservation go; whether it was there."""
        return self._engine.run("DELETE FROM quota_hold WHERE hold = :hold", hold=hold) > 0

    def file(self, party: str, *, epoch: int) -> tuple[str, int]:
        """The name of the file of an epoch and how many keys are in it; "" and 0 while there is none."""
        row = self._engine.row(
            "SELECT file, numbers FROM quota_file WHERE party = :party AND epoch = :epoch", party=party, epoch=epoch
        )
        return (row["file"], row["numbers"]) if row else ("", 0)

    def put_file(self, party: str, *, epoch: int, file: str, numbers: int) -> None:
        """Point to another file."""
        self._engine.run(
            """INSERT INTO quota_file (party, epoch, file, numbers) VALUES (:party, :epoch, :file, :numbers)
            ON CONFLICT (party, epoch) DO UPDATE SET file = excluded.file, numbers = excluded.numbers""",
            party=party, epoch=epoch, file=file, numbers=numbers,
        )

    def parties(self, *, epoch: int) -> dict[str, int]:
        """Who asked for anything in an epoch, and for how many distinct numbers; who asked for most first."""
        rows = self._engine.rows(
            """SELECT party, SUM(used) AS used FROM quota_use WHERE epoch = :epoch
            GROUP BY party ORDER BY used DESC, party""",
            epoch=epoch,
        )
        return {row["party"]: int(row["used"]) for row in rows}

    def add_recent(
        self, party: str, *, epoch: int, place: int, at: int, asked: bytes, sealed: bytes, unassigned: int
    ) -> None:
        """Keep what a small check was charged for, and how many lines of it no number can stand for."""
        self._engine.run(
            """INSERT INTO quota_recent (party, epoch, place, at, unassigned, asked, sealed)
            VALUES (:party, :epoch, :place, :at, :unassigned, :asked, :sealed)""",
            party=party, epoch=epoch, place=place, at=at, unassigned=unassigned, asked=asked, sealed=sealed,
        )

    def recent_keys(self, party: str, *, epoch: int, after: int = 0) -> tuple[int, bytes]:
        """The keys of small checks after a place, joined, and the last place."""
        rows = self._engine.rows(
            """SELECT place, asked FROM quota_recent
            WHERE party = :party AND epoch = :epoch AND place > :after ORDER BY place""",
            party=party, epoch=epoch, after=after,
        )
        return (rows[-1]["place"] if rows else after), b"".join(bytes(row["asked"]) for row in rows)

    def newest_asked(self, party: str, *, epoch: int, limit: int) -> tuple[bytes, int]:
        """The sealed numbers of the newest small checks, joined, and how many lines were unassigned."""
        rows = self._engine.rows(
            """SELECT unassigned, sealed FROM quota_recent WHERE party = :party AND epoch = :epoch
            ORDER BY place DESC LIMIT :limit""",
            party=party, epoch=epoch, limit=limit,
        )
        return b"".join(bytes(row["sealed"]) for row in rows), sum(row["unassigned"] for row in rows)

    def last_place(self, party: str, *, epoch: int) -> int:
        """The place of the newest small check; 0 where there is none."""
        row = self._engine.row(
            "SELECT COALESCE(MAX(place), 0) AS place FROM quota_recent WHERE party = :party AND epoch = :epoch",
            party=party, epoch=epoch,
        )
        return int(row["place"]) if row else 0

    def recents(self, party: str, *, epoch: int, limit: int) -> tuple[Recent, ...]:
        """The oldest small checks that are not yet in the file."""
        rows = self._engine.rows(
            """SELECT place, unassigned, asked, sealed FROM quota_recent WHERE party = :party AND epoch = :epoch
            ORDER BY place LIMIT :limit""",
            party=party, epoch=epoch, limit=limit,
        )
        return tuple(Recent(row["place"], row["unassigned"], bytes(row["asked"]), bytes(row["sealed"])) for row in rows)

    def forget_recent(self, party: str, *, epoch: int, upto: int) -> None:
        """Forget small checks up to a place, which are in the file now."""
        self._engine.run(
            "DELETE FROM quota_recent WHERE party = :party AND epoch = :epoch AND place <= :upto",
            party=party, epoch=epoch, upto=upto,
        )

    def unfolded(self) -> list[tuple[str, int]]:
        """Parties and epochs with small checks that are not yet in their file."""
        rows = self._engine.rows("SELECT DISTINCT party, epoch FROM quota_recent ORDER BY party, epoch")
        return [(row["party"], row["epoch"]) for row in rows]

    def forget_before(self, *, epoch: int, at: int) -> None:
        """Forget all of epochs before one, and holds that ended by `at` (Micros)."""
        for table in ("quota_file", "quota_recent", "quota_use"):
            self._engine.run(f"DELETE FROM {table} WHERE epoch < :epoch", epoch=epoch)  # noqa: S608 - fixed names
        self._engine.run("DELETE FROM quota_hold WHERE until <= :at", at=at)
