"""Runs of jobs: each under a lease, each recorded with its outcome, its counts and its seconds.

Rules of this room: a job that somebody else is doing is left alone; a failure is recorded in words that hold no number
(our own errors hold none, of others only the kind is kept) and is nobody's end but that run's; a job that found
nothing to do is recorded as idle, and forgotten after a day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from registry import leases
from registry.errors import RegistryError
from registry.interfaces import Clock
from registry.naming import new_id
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.settings import JobSettings
    from registry.store import Store
    from registry.store.jobs import JobRun

Counts = dict[str, int]


@dataclass(frozen=True)
class Hold:
    """What a running job is given: the means to keep its lease while it works."""

    store: Store
    clock: Clock
    lease: str
    holder: str
    seconds: int

    def keep(self) -> None:
        """Renew the lease. Raises ConflictError `lease_lost`: then stop, somebody else has taken over."""
        leases.renew(self.store, self.clock, lease=self.lease, holder=self.holder, seconds=self.seconds)


def run(
    store: Store, clock: Clock, *, job: str, holder: str, seconds: int, work: Callable[[Hold], Counts],
    every_s: int = 0, shared: bool = False,
) -> tuple[str, Exception | None] | None:
    """Do a job under its lease of some seconds and record it: (outcome, error).

    None where somebody else is doing it, or did it less than `every_s` seconds ago. A `shared` job is done by any
    number of holders at once; what it works on has leases of its own.
    """
    lease = f"{job} {holder}" if shared else job
    if not leases.take(store, clock, lease=lease, holder=holder, seconds=seconds):
        return None
    name = new_id()
    with store.writing(about=f"job {job}"):
        now = clock.now()
        since = to_micros(now - timedelta(seconds=every_s))
        if store.jobs.done_between(job=job, since=since, until=to_micros(now)):
            store.jobs.release_lease(lease=lease, holder=holder)
            return None
        store.jobs.start(run=name, job=job, holder=holder, started=to_micros(clock.now()), shared=shared)
    counts: Counts = {}
    error: Exception | None = None
    try:
        counts = work(Hold(store, clock, lease, holder, seconds))
    except Exception as raised:  # noqa: BLE001 - a job may fail in any way; the next run goes on
        error = raised
    outcome = "failed" if error else "done" if any(counts.values()) else "idle"
    detail = in_words(error) if error else ""
    with store.writing(about=f"job {job}"):
        store.jobs.finish(
            run=name, finished=to_micros(clock.now()), outcome=outcome, counts=counts, detail=detail
        )
        store.jobs.release_lease(lease=lease, holder=holder)
    return outcome, error


def in_words(error: Exception) -> str:
    """What may be kept of an error: our own sentence, or only the kind of a foreign one, which might hold a number."""
    return error.detail if isinstance(error, RegistryError) else type(error).__name__


def purge(store: Store, clock: Clock, *, settings: JobSettings) -> int:
    """Forget old runs (JobSettings.history_days; idle ones after a day); how many."""
    before = clock.now() - timedelta(days=settings.history_days)
    idle_before = clock.now() - timedelta(days=1)
    with store.writing(about="job_run"):
        return store.jobs.purge(before=to_micros(before), idle_before=to_micros(idle_before))


def last_runs(store: Store) -> tuple[JobRun, ...]:
    """The newest run of every job, by name: what an officer looks at first."""
    return store.jobs.last_runs()
