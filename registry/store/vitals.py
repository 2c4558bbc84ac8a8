"""SQL about what shows that the registry is well: counts and ages across aggregates, and the tallies of events."""

from __future__ import annotations

from collections.abc import Mapping

from registry.store.engine import Engine
from registry.store.reports import REAL


class Vitals:
    """Figures for operators; every query is bounded by an index or by the number of parties, jobs or editions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def answers(self) -> bool:
        """Whether the database answers and has its schema."""
        row = self._engine.row("SELECT MAX(number) AS newest FROM migration")
        return row is not None and row["newest"] is not None

    def newest_edition(self) -> tuple[int, int]:
        """Number and moment (Micros) of the newest published edition; (0, 0) before the first."""
        row = self._engine.row(
            "SELECT edition, published FROM edition WHERE published IS NOT NULL ORDER BY edition DESC LIMIT 1"
        )
        return (int(row["edition"]), int(row["published"])) if row else (0, 0)

    def waiting(self) -> tuple[int, int]:
        """How many numbers wait to be published, and since when (Micros, 0: none waits)."""
        row = self._engine.row("SELECT COUNT(*) AS many, MIN(since) AS since FROM pending")
        return (int(row["many"]), int(row["since"] or 0)) if row else (0, 0)

    def verdicts(self, *, since: int) -> dict[str, int]:
        """Reports received since a moment (Micros), by verdict."""
        rows = self._engine.rows(
            f"SELECT verdict, COUNT(*) AS many FROM report WHERE received >= :since AND {REAL} GROUP BY verdict",  # noqa: S608
            since=since,
        )
        return {row["verdict"]: int(row["many"]) for row in rows}

    def intake(self) -> dict[str, int]:
        """Rows taken in so far: accepted, duplicates, quarantined."""
        row = self._engine.row(
            f"""SELECT COALESCE(SUM(accepted), 0) AS accepted, COALESCE(SUM(duplicates), 0) AS duplicates,
                COALESCE(SUM(quarantined), 0) AS quarantined FROM batch WHERE {REAL}"""  # noqa: S608 - fixed
        )
        return {name: int(many) for name, many in (row or {}).items()}

    def add(self, tallies: Mapping[str, int]) -> None:
        """Count events."""
        self._engine.run_many(
            """INSERT INTO tally (tally, events) VALUES (:tally, :events)
            ON CONFLICT (tally) DO UPDATE SET events = tally.events + excluded.events""",
            [{"tally": name, "events": many} for name, many in sorted(tallies.items())],
        )

    def tallies(self) -> dict[str, int]:
        """Events counted so far, by name."""
        rows = self._engine.rows("SELECT tally, events FROM tally")
        return {row["tally"]: int(row["events"]) for row in rows}
