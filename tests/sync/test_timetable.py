"""The clockwork: every job under its lease and recorded, two beside each other, stopped at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from registry import jobs, leases
from registry.assembly import Registry, assemble, prepare
from registry.errors import UnavailableError
from registry.outside.clock import SystemClock
from registry.settings import JobSettings, Settings
from sync import timetable
from sync.timetable import Clockwork
from sync.upkeep import JOBS, Job, Keep
from tests.sync.calling import listed, seen, send
from tests.sync.town import Town

Work = Callable[[Registry, Keep], dict[str, int]]


@pytest.fixture
def clocked(small_town: Town) -> Town:
    return replace(small_town, clock=SystemClock(), settings=Settings(jobs=JobSettings(lease_s=5)))


def every(seconds: float, work: Work, *, rarely: bool = False) -> Job:
    return Job(work, lambda _settings: seconds, 0, rarely=rarely)


@contextmanager
def running(*clockworks: Clockwork) -> Iterator[list[bool]]:
    """Clockworks that run beside each other; how each ended is known afterwards."""
    ended: list[bool] = []
    threads = [threading.Thread(target=lambda each=each: ended.append(each.run())) for each in clockworks]
    for thread in threads:
        thread.start()
    try:
        yield ended
    finally:
        for each in clockworks:
            each.stop.set()
        for thread in threads:
            thread.join()


def until(found: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


def test_two_clockworks_never_do_a_job_at_once_and_both_do_some(clocked: Town) -> None:
    inside, most, guard = 0, 0, threading.Lock()
    done: list[str] = []

    def work(registry: Registry, keep: Keep) -> dict[str, int]:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        time.sleep(0.01)
        keep()
        with guard:
            inside -= 1
        return {"rounds": 1}

    # at different paces: two that tick together could meet at the lease for ever, and the same one be first each time
    pair = [Clockwork(clocked, {"work": every(seconds, work)}) for seconds in (0.03, 0.05)]
    with running(*pair) as ended:
        until(lambda: len({run.holder for run in clocked.store.jobs.runs(job="work")}) == 2)
    done = [run.outcome for run in clocked.store.jobs.runs(job="work")]
    assert (most, ended) == (1, [True, True])
    assert set(done) <= {"done"} | {"failed"}  # one may have been stopped on its way


def test_what_is_done_rarely_is_not_done_again_by_the_other(clocked: Town) -> None:
    times: list[float] = []

    def work(registry: Registry, keep: Keep) -> dict[str, int]:
        times.append(time.monotonic())
        return {"x": 1}

    pair = [Clockwork(clocked, {"purge": every(3600, work, rarely=True)}) for _ in range(2)]
    with running(*pair):
        until(lambda: times)
        time.sleep(0.3)
    assert len(times) == 1


def test_a_failure_is_recorded_in_words_and_the_next_run_goes_on(clocked: Town) -> None:
    asked: list[int] = []

    def work(registry: Registry, keep: Keep) -> dict[str, int]:
        asked.append(1)
        if len(asked) == 1:
            raise UnavailableError("The disk of the shelf is full.", code="disk_full")
        if len(asked) == 2:
            raise ValueError("13800138000")
        return {"rounds": 1}

    with running(Clockwork(clocked, {"work": every(0.02, work)})):
        until(lambda: len(asked) > 3)
    runs = clocked.store.jobs.runs(job="work")[::-1]
    assert [(run.outcome, run.detail) for run in runs[:3]] == [
        ("failed", "The disk of the shelf is full."), ("failed", "ValueError"), ("done", ""),
    ]
    assert runs[2].counts == {"rounds": 1}
    assert runs[2].seconds is not None


def test_a_job_that_keeps_its_lease_stops_at_once_and_gives_it_back(clocked: Town) -> None:
    began = threading.Event()

    def work(registry: Registry, keep: Keep) -> dict[str, int]:
        while True:
            began.set()
            keep()
            time.sleep(0.01)

    clockwork = Clockwork(clocked, {"work": every(1, work)})
    with running(clockwork) as ended:
        assert began.wait(10)
        started = time.monotonic()
        clockwork.stop.set()
        until(lambda: ended)
    assert ended == [True]
    assert time.monotonic() - started < 2
    (run,) = clocked.store.jobs.runs(job="work")
    assert (run.outcome, run.detail) == ("failed", "The clockwork stops; the next one goes on.")
    assert leases.take(clocked.store, clocked.clock, lease="work", holder="next", seconds=5)


def test_a_job_that_cannot_stop_is_left_behind_in_less_than_two_seconds(clocked: Town) -> None:
    began, end = threading.Event(), threading.Event()

    def work(registry: Registry, keep: Keep) -> dict[str, int]:
        began.set()
        end.wait(20)
        return {}

    clockwork = Clockwork(clocked, {"work": every(1, work)})
    with running(clockwork) as ended:
        assert began.wait(10)
        started = time.monotonic()
        clockwork.stop.set()
        until(lambda: ended)
        assert time.monotonic() - started < 2
        assert ended == [False]
        assert leases.take(clocked.store, clocked.clock, lease="work", holder="next", seconds=5)
        end.set()


def test_leases_of_a_process_that_is_no_more_are_given_back(clocked: Town) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    own = timetable.own_name()
    space = own.rpartition(":")[0].rpartition(":")[0]
    gone, foreign = f"{space}:{dead.pid}:cafe", f"elsewhere:1:{dead.pid}:cafe"
    for lease, holder in (("publish", gone), ("ingest", own), ("tidy", foreign), ("x", "odd")):
        assert leases.take(clocked.store, clocked.clock, lease=lease, holder=holder, seconds=60)
    assert timetable.release_dead(clocked) == 1
    assert leases.holders(clocked.store) == {own, foreign, "odd"}


def test_every_job_runs_on_an_empty_registry_and_finds_nothing_twice(small_town: Town, rulebooks: object) -> None:
    town = replace(small_town)
    town.rulebooks = rulebooks
    for name, job in JOBS.items():
        assert job.every_s(town.settings) > 0
        first, second = (
            jobs.run(
                town.store, town.clock, job=name, holder="a", seconds=60,
                work=lambda hold, job=job: job.work(town, hold.keep),
            )
            for _ in range(2)
        )
        assert first is not None
        assert first[1] is None
        assert second == ("idle", None)


def test_a_job_that_sees_nothing_to_do_writes_nothing_not_even_that_it_ran(small_town: Town) -> None:
    job = JOBS["scrubs"]
    Clockwork(small_town)._do("scrubs", job)
    assert small_town.store.jobs.runs(job="scrubs") == ()
    sent = send(small_town, listed(small_town, 1))
    Clockwork(small_town)._do("scrubs", job)
    assert [run.counts for run in small_town.store.jobs.runs(job="scrubs")] == [{"scrubs": 1, "lines": 1}]
    assert seen(small_town, sent).state == "done"


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_real_clockwork_publishes_at_once_and_stops_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    instance = tmp_path / "instance"
    prepare(instance)
    with (tmp_path / "log").open("wb") as out:
        program = subprocess.Popen(
            [sys.executable, "-m", "sync", "--instance", str(instance), "run"], stdout=out, stderr=out,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )
    registry = assemble(instance)
    try:
        until(lambda: any(run.job == "publish" and run.finished for run in registry.store.jobs.last_runs()), 30)
        started = time.monotonic()
        program.send_signal(number)
        assert program.wait(10) == 0
        assert time.monotonic() - started < 2
        assert leases.holders(registry.store) == set()
        assert b"started" in (tmp_path / "log").read_bytes()
    finally:
        registry.close()
        if program.poll() is None:
            program.kill()
            program.wait()
