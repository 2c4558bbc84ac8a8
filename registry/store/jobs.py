"""SQL about lease, job_run: who may work now, and what every run came to."""

from __future__ import annotations

import json
from dataclasses import dataclass

from registry.store.engine import Engine, Row

RUNNING, DONE, IDLE, FAILED, ABANDONED = "running", "done", "idle", "failed", "abandoned"


@dataclass(frozen=True)
class JobRun:
    """One run of a job. Times are Micros; `finished` is None while it runs; `detail` says why it failed."""

    run: str
    job: str
    holder: str
    started: int
    finished: int | None
    outcome: str
    counts: dict[str, int]
    detail: str

    @property
    def seconds(self) -> float | None:
        """How long it took, or None while it runs."""
        return None if self.finished is None else (self.finished - self.started) / 1e6


class Jobs:
    """Rows of lease, job_run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_lease(self, *, lease: str, holder: str, now: int, until: int, longest: int) -> bool:
        """Take a lease that nobody holds at `now`; one statement, so that of two takers one gets it (all Micros).

        One that ends later than `longest` was taken before the clock was set back, and counts as free.
        """
        taken = self._engine.run(
            """INSERT INTO lease (lease, holder, until) VALUES (:lease, :holder, :until)
               ON CONFLICT (lease) DO UPDATE SET holder = excluded.holder, until = excluded.until
               WHERE lease.until <= :now OR lease.until > :longest""",
            lease=lease, holder=holder, now=now, until=until, longest=longest,
        )
        return taken == 1

    def renew_lease(self, *, lease: str, holder: str, until: int) -> bool:
        """Hold a lease until later; False where it went to somebody else."""
        return self._engine.run(
            "UPDATE lease SET until = :until WHERE lease = :lease AND holder = :holder",
            lease=lease, holder=holder, until=until,
        ) == 1

    def release_lease(self, *, lease: str, holder: str) -> bool:
        """Give a lease back; False where it was somebody else's."""
        return self._engine.run(
            "DELETE FROM lease WHERE lease = :lease AND holder = :holder", lease=lease, holder=holder
        ) == 1

    def start(self, *, run: str, job: str, holder: str, started: int, shared: bool = False) -> None:
        """Record that a run starts; runs of the same job that never ended are marked abandoned (the lease was free).

        Of a `shared` job those are meant whose holder has no lease to it any more.
        """
        self._engine.run(
            """UPDATE job_run SET outcome = :abandoned, finished = :started
               WHERE job = :job AND outcome = :running AND (:shared = 0 OR holder = :holder OR NOT EXISTS
                   (SELECT 1 FROM lease WHERE lease.lease = job_run.job || ' ' || job_run.holder
                    AND lease.until > :started))""",
            abandoned=ABANDONED, started=started, job=job, running=RUNNING, shared=int(shared), holder=holder,
        )
        self._engine.run(
            """INSERT INTO job_run (run, job, holder, started, finished, outcome, counts, detail)
               VALUES (:run, :job, :holder, :started, NULL, :outcome, '{}', '')""",
            run=run, job=job, holder=holder, started=started, outcome=RUNNING,
        )

    def finish(self, *, run: str, finished: int, outcome: str, counts: dict[str, int], detail: str) -> None:
        """Record how a run ended."""
        self._engine.run(
            """UPDATE job_run SET finished = :finished, outcome = :outcome, counts = :counts, detail = :detail
               WHERE run = :run""",
            run=run, finished=finished, outcome=outcome, counts=json.dumps(counts), detail=detail,
        )

    def done_between(self, *, job: str, since: int, until: int) -> bool:
        """Whether a run of a job that started in (since, until] has succeeded (Micros)."""
        return self._engine.row(
            """SELECT 1 AS one FROM job_run WHERE job = :job AND started > :since AND started <= :until
               AND outcome IN (:done, :idle) LIMIT 1""",
            job=job, since=since, until=until, done=DONE, idle=IDLE,
        ) is not None

    def holders(self) -> set[str]:
        """Who holds a lease, ended or not."""
        return {str(row["holder"]) for row in self._engine.rows("SELECT DISTINCT holder FROM lease")}

    def release_all(self, holder: str) -> int:
        """Give back all leases of a holder; how many."""
        return self._engine.run("DELETE FROM lease WHERE holder = :holder", holder=holder)

    def runs(self, *, job: str = "", limit: int = 50) -> tuple[JobRun, ...]:
        """The newest runs, of one job or of all."""
        rows = self._engine.rows(
            """SELECT run, job, holder, started, finished, outcome, counts, detail FROM job_run
               WHERE job = :job OR :job = '' ORDER BY started DESC, run LIMIT :limit""",
            job=job, limit=limit,
        )
        return tuple(_run(row) for row in rows)

    def last_runs(self) -> tuple[JobRun, ...]:
        """The newest run of every job, by name."""
        rows = self._engine.rows(
            """SELECT run, job, holder, started, finished, outcome, counts, detail FROM
               (SELECT job_run.*, row_number() OVER (PARTITION BY job ORDER BY started DESC, run) AS place
                FROM job_run) ranked
               WHERE place = 1 ORDER BY job""",
        )
        return tuple(_run(row) for row in rows)

    def purge(self, *, before: int, idle_before: int) -> int:
        """Forget runs that started before a moment, those that found nothing to do before a later one; how many."""
        return self._engine.run(
            "DELETE FROM job_run WHERE started < :before OR (outcome = :idle AND started < :idle_before)",
            before=before, idle=IDLE, idle_before=idle_before,
        )


def _run(row: Row) -> JobRun:
    return JobRun(**{**row, "counts": json.loads(row["counts"])})
