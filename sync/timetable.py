"""The clockwork: which job runs when, in a process of its own (APScheduler), any number of them beside each other.

Rules of this room:
- Every run takes a lease and is recorded (`registry.jobs`); a job that fails is logged without numbers, and its next
  run goes on. What is done once a day is not done again by the clockwork beside.
- A signal stops at once: jobs stop where they next renew their lease, or are left where they are after a moment: all of
  them resume. The leases are given back.
- The leases of a clockwork of this machine that was killed are given back by the next one that starts.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from registry import jobs, leases
from registry.errors import ConflictError, RegistryError
from registry.logs import log
from sync import holders
from sync.holders import own_name as own_name  # noqa: PLC0414 - commands name their leases by it
from sync.upkeep import JOBS, Job

if TYPE_CHECKING:
    from registry.assembly import Registry

GRACE_S = 1.5  # how long running jobs get to reach a place where they may stop


@dataclass(frozen=True)
class _Stopping(jobs.Hold):
    """A hold on a lease that is lost when the clockwork stops."""

    stop: threading.Event | None = None

    def keep(self) -> None:
        """As `Hold.keep`. Raises ConflictError `stopping`, too."""
        if self.stop is not None and self.stop.is_set():
            raise ConflictError("The clockwork stops; the next one goes on.", code="stopping")
        super().keep()


class Clockwork:
    """The scheduler of one process; `run` stays until a signal or `stop`."""

    def __init__(self, registry: Registry, timetable: Mapping[str, Job] = JOBS) -> None:
        self.registry = registry
        self.holder = own_name()
        self.stop = threading.Event()
        self._timetable = timetable
        self._running: set[str] = set()
        self._log = log("clockwork").bind(holder=self.holder)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(len(timetable))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self) -> bool:
        """Work until told to stop; whether every job had come to its end."""
        release_dead(self.registry)
        # that a run takes longer than its cadence is no news: scrubs of long lists do
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        for name, job in self._timetable.items():
            self._scheduler.add_job(
                self._do, "interval", args=(name, job), id=name, seconds=job.every_s(self.registry.settings),
                next_run_time=datetime.now(UTC) + timedelta(seconds=job.first_s),
            )
        self._scheduler.start()
        self._log.info("started", jobs=list(self._timetable))
        self.stop.wait()
        self._scheduler.shutdown(wait=False)
        until = time.monotonic() + GRACE_S
        while self._running and time.monotonic() < until:
            time.sleep(0.02)
        released = leases.release_all(self.registry.store, holder=self.holder)
        self._log.info("stopped", left=sorted(self._running), released=released)
        return not self._running

    def stop_on_signals(self) -> None:
        """Stop on SIGINT and SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: self.stop.set())

    def _do(self, name: str, job: Job) -> None:
        if self.stop.is_set():
            return
        self._running.add(name)
        try:
            if job.idle(self.registry):
                return
            self._under_lease(name, job, job.every_s(self.registry.settings) if job.rarely else 0)
        except RegistryError as error:  # the database itself: nothing can be recorded, the next run tries again
            self._log.warning("not_run", job=name, reason=error.detail)
        finally:
            self._running.discard(name)

    def _under_lease(self, name: str, job: Job, every_s: int) -> None:
        registry, seconds = self.registry, self.registry.settings.jobs.lease_s

        def stopping(hold: jobs.Hold) -> jobs.Counts:
            held = _Stopping(hold.store, hold.clock, hold.lease, hold.holder, hold.seconds, self.stop)
            return job.work(registry, held.keep)

        done = jobs.run(
            registry.store, registry.clock, job=name, holder=self.holder, seconds=seconds, work=stopping,
            every_s=every_s, shared=job.shared,
        )
        if done is None:
            return
        outcome, error = done
        if error is not None and getattr(error, "code", "") != "stopping":
            self._log.warning("failed", job=name, reason=jobs.in_words(error), kind=type(error).__name__)
        elif outcome == "done":
            self._log.info("done", job=name)


def run(registry: Registry) -> None:
    """Run the clockwork of this process until a signal; never returns where a job could not stop in time."""
    clockwork = Clockwork(registry)
    clockwork.stop_on_signals()
    ended = clockwork.run()
    if not ended:
        os._exit(0)  # the thread of a long job would keep the process; what it does resumes


def release_dead(registry: Registry, alive: Callable[[int], bool] | None = None) -> int:
    """Give back the leases of processes of this machine that are no more; how many."""
    released = 0
    for holder in leases.holders(registry.store):
        space, _, rest = holder.rpartition(":")[0].rpartition(":")
        if space == holders.space() and rest.isdigit() and not (alive or _alive)(int(rest)):
            released += leases.release_all(registry.store, holder=holder)
    return released


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
