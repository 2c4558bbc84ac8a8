"""SQL about allowance: the theoretical arrival (GCRA) of each subject and limit, spent in one statement."""

from __future__ import annotations

from registry.store.engine import Engine


class Allowances:
    """Rows of allowance."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def spend(self, *, subject: bytes, name: str, now: int, interval: int, tolerance: int) -> bool:
        """Move the arrival on by one interval where the tolerance bears it; whether it did.

        The row is locked by the statement that reads it, so two who spend at once cannot both see the old arrival.
        """
        row = self._engine.row(
            """INSERT INTO allowance (subject, name, arrival) VALUES (:subject, :name, :first)
            ON CONFLICT (subject, name) DO UPDATE SET arrival = :interval +
                CASE WHEN allowance.arrival > :now THEN allowance.arrival ELSE :now END
            WHERE allowance.arrival <= :latest
            RETURNING arrival""",
            subject=subject, name=name, now=now, interval=interval, first=now + interval,
            latest=now + tolerance - interval,
        )
        return row is not None

    def arrival(self, *, subject: bytes, name: str) -> int:
        """The arrival as it stands; 0 where nothing was spent."""
        row = self._engine.row(
            "SELECT arrival FROM allowance WHERE subject = :subject AND name = :name", subject=subject, name=name
        )
        return int(row["arrival"]) if row else 0

    def give_back(self, *, subject: bytes, name: str, interval: int) -> None:
        """Move the arrival back by one interval."""
        self._engine.run(
            "UPDATE allowance SET arrival = arrival - :interval WHERE subject = :subject AND name = :name",
            subject=subject, name=name, interval=interval,
        )

    def forgive(self, *, subject: bytes, name: str) -> None:
        """Forget what was spent."""
        self._engine.run("DELETE FROM allowance WHERE subject = :subject AND name = :name", subject=subject, name=name)

    def forget(self, *, now: int) -> int:
        """Remove rows whose arrival has passed; how many."""
        return self._engine.run("DELETE FROM allowance WHERE arrival <= :now", now=now)
