"""SQL about batches row by row: report, quarantine and batch_duplicate by batch and line, batches by time."""

from __future__ import annotations

from collections.abc import Iterable

from registry.store.engine import Engine, Row

_BATCH = "batch, state, rows, accepted, duplicates, quarantined, origin, started, finished, answer"


class BatchRows:
    """Rows of batches in the order of their lines. Pages go by line: a large batch is as quick as a small one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # what a batch keeps of its duplicates

    def add_duplicates(self, *, source: str, batch: str, ranges: Iterable[tuple[int, int]]) -> None:
        """Keep which lines (first and last of each range) held what was there before; again changes nothing."""
        self._engine.run_many(
            """INSERT INTO batch_duplicate (source, batch, first, last) VALUES (:source, :batch, :first, :last)
               ON CONFLICT (source, batch, first) DO NOTHING""",
            ({"source": source, "batch": batch, "first": first, "last": last} for first, last in ranges),
        )

    def purge_duplicates(self, *, before: int, most: int) -> int:
        """Forget the duplicates of batches that began before a time (Micros), at most so many ranges; how many."""
        return self._engine.run(
            """DELETE FROM batch_duplicate WHERE (source, batch, first) IN
                   (SELECT d.source, d.batch, d.first FROM batch_duplicate d
                    JOIN batch b ON b.source = d.source AND b.batch = d.batch WHERE b.started < :before LIMIT :most)""",
            before=before, most=most,
        )

    # pages of rows

    def accepted(self, *, source: str, batch: str, verdict: str = "", after: int, limit: int) -> list[Row]:
        """Reports of a batch after a line: line, source_id, called, caller, channel, category, at and the verdict."""
        only = "AND verdict = :verdict" if verdict else ""
        return self._engine.rows(
            f"""SELECT line, source_id, called, caller, channel, category, at, verdict, reason, rule, rulebook
                FROM report WHERE source = :source AND batch = :batch AND line > :after {only}
                ORDER BY line LIMIT :limit""",  # noqa: S608 - fixed words
            source=source, batch=batch, after=after, limit=limit, **({"verdict": verdict} if verdict else {}),
        )  # fmt: skip

    def quarantined(self, *, source: str, batch: str, after: int, limit: int) -> list[Row]:
        """Quarantined rows of a batch after a line, whatever became of them: line, name, reason, detail, state."""
        return self._engine.rows(
            """SELECT line, quarantine, reason, detail, state FROM quarantine
               WHERE source = :source AND batch = :batch AND line > :after ORDER BY line LIMIT :limit""",
            source=source, batch=batch, after=after, limit=limit,
        )

    def duplicates(self, *, source: str, batch: str, after: int, limit: int) -> list[tuple[int, int]]:
        """Ranges of lines of a batch that held what was there before, those that end after a line."""
        rows = self._engine.rows(
            """SELECT first, last FROM batch_duplicate WHERE source = :source AND batch = :batch AND last > :after
               ORDER BY first LIMIT :limit""",
            source=source, batch=batch, after=after, limit=limit,
        )
        return [(int(row["first"]), int(row["last"])) for row in rows]

    def released(self, *, source: str, names: tuple[str, ...]) -> dict[str, Row]:
        """What became of quarantined rows that were released, by name: the report's id and verdict."""
        batches = {f"release {name}": name for name in names}
        rows = self._engine.rows(
            """SELECT batch, source_id, called, caller, channel, category, at, verdict, reason, rule, rulebook
               FROM report WHERE source = :source AND batch IN :batches""",
            source=source, batches=tuple(batches),
        )
        return {batches[row["batch"]]: row for row in rows}

    # batches

    def batches(
        self, *, source: str, only: str = "", before: int | None = None, limit: int
    ) -> list[Row]:
        """Batches of a source, newest first, from before a time (Micros) on.

        `only`: a state of batches, or `quarantined`, `duplicates`: those that have such rows.
        """
        where = {"": "", "quarantined": "AND quarantined > 0", "duplicates": "AND duplicates > 0"}.get(
            only, "AND state = :state"
        )
        return self._engine.rows(
            f"""SELECT {_BATCH} FROM batch WHERE source = :source AND started < :before {where}
                ORDER BY started DESC, batch LIMIT :limit""",  # noqa: S608 - fixed words
            source=source, before=2**62 if before is None else before, limit=limit,
            **({"state": only} if ":state" in where else {}),
        )  # fmt: skip

    def answers(self, *, source: str, since: int) -> list[Row]:
        """started and answer of the batches of a source that began since a time (Micros)."""
        return self._engine.rows(
            "SELECT started, answer FROM batch WHERE source = :source AND started >= :since AND answer IS NOT NULL",
            source=source, since=since,
        )
