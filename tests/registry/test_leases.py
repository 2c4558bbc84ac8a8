"""Leases and runs of jobs, on both engines and under threads."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from registry import jobs, leases
from registry.errors import ConflictError, RegistryError, UnavailableError
from registry.settings import JobSettings
from registry.store import Store
from tests.doubles import FakeClock


def test_a_lease_has_one_holder_until_it_ends_or_is_given_back(store: Store, clock: FakeClock) -> None:
    assert leases.take(store, clock, lease="publish", holder="a", seconds=60)
    assert not leases.take(store, clock, lease="publish", holder="b", seconds=60)
    assert leases.take(store, clock, lease="ingest", holder="b", seconds=60)
    clock.advance(60)
    assert leases.take(store, clock, lease="publish", holder="b", seconds=60)
    assert not leases.release(store, lease="publish", holder="a")
    assert leases.release(store, lease="publish", holder="b")
    assert leases.take(store, clock, lease="publish", holder="a", seconds=60)


def test_a_lease_is_kept_by_renewing_and_its_loss_is_noticed(store: Store, clock: FakeClock) -> None:
    leases.take(store, clock, lease="publish", holder="a", seconds=60)
    clock.advance(50)
    leases.renew(store, clock, lease="publish", holder="a", seconds=60)
    clock.advance(50)
    assert not leases.take(store, clock, lease="publish", holder="b", seconds=60)
    clock.advance(11)
    assert leases.take(store, clock, lease="publish", holder="b", seconds=60)
    with pytest.raises(ConflictError) as caught:
        leases.renew(store, clock, lease="publish", holder="a", seconds=60)
    assert caught.value.code == "lease_lost"


def test_a_lease_from_before_the_clock_was_set_back_is_free(store: Store, clock: FakeClock) -> None:
    leases.take(store, clock, lease="publish", holder="dead", seconds=60)
    clock.moment -= timedelta(days=1)
    assert leases.take(store, clock, lease="publish", holder="b", seconds=60)


def test_of_eight_threads_that_ask_at_once_one_works_at_a_time(store: Store, clock: FakeClock) -> None:
    inside, most, done, failures = 0, 0, 0, []
    guard, gate = threading.Lock(), threading.Barrier(8)

    def work(name: str) -> None:
        nonlocal inside, most, done
        gate.wait()
        try:
            for _ in range(10):
                if not leases.take(store, clock, lease="publish", holder=name, seconds=60):
                    continue
                with guard:
                    inside += 1
                    most, done = max(most, inside), done + 1
                with guard:
                    inside -= 1
                assert leases.release(store, lease="publish", holder=name)
        except RegistryError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert (most, done >= 1) == (1, True)


def test_a_run_is_recorded_with_counts_and_seconds_and_gives_its_lease_back(store: Store, clock: FakeClock) -> None:
    def work(hold: jobs.Hold) -> dict[str, int]:
        assert not leases.take(store, clock, lease="tidy", holder="other", seconds=60)
        clock.advance(2.5)
        hold.keep()
        return {"codes": 3}

    assert jobs.run(store, clock, job="tidy", holder="a", seconds=60, work=work) == ("done", None)
    (run,) = store.jobs.runs(job="tidy")
    assert (run.job, run.holder, run.outcome, run.counts, run.detail) == ("tidy", "a", "done", {"codes": 3}, "")
    assert run.seconds == pytest.approx(2.5)
    assert leases.take(store, clock, lease="tidy", holder="other", seconds=60)


def test_a_job_that_somebody_else_does_is_left_alone(store: Store, clock: FakeClock) -> None:
    leases.take(store, clock, lease="tidy", holder="other", seconds=60)
    assert jobs.run(store, clock, job="tidy", holder="a", seconds=60, work=lambda hold: {"never": 1}) is None
    assert store.jobs.runs() == ()


def test_a_job_that_was_done_a_moment_ago_is_not_done_again(store: Store, clock: FakeClock) -> None:
    def once(every_s: int) -> bool:
        done = jobs.run(store, clock, job="purge", holder="a", seconds=60, work=lambda hold: {"x": 1}, every_s=every_s)
        return done is not None

    assert once(3600)
    clock.advance(3599)
    assert not once(3600)
    assert once(60)
    clock.advance(3600)
    assert once(3600)
    clock.moment -= timedelta(days=1)
    assert once(3600)
    assert leases.take(store, clock, lease="purge", holder="b", seconds=60)


def test_all_leases_of_a_dead_holder_can_be_given_back(store: Store, clock: FakeClock) -> None:
    for lease, holder in (("publish", "dead"), ("ingest", "dead"), ("tidy", "alive")):
        leases.take(store, clock, lease=lease, holder=holder, seconds=60)
    assert leases.holders(store) == {"dead", "alive"}
    assert leases.release_all(store, holder="dead") == 2
    assert leases.take(store, clock, lease="publish", holder="alive", seconds=60)


def test_a_failure_is_kept_in_words_without_numbers_and_the_next_run_goes_on(store: Store, clock: FakeClock) -> None:
    full = UnavailableError("The disk of the shelf is full.", code="disk_full")
    errors = iter([ValueError("13800138000 is odd"), full])

    def fail(hold: jobs.Hold) -> dict[str, int]:
        raise next(errors)

    for _ in range(2):
        clock.advance(1)
        outcome = jobs.run(store, clock, job="publish", holder="a", seconds=60, work=fail)
        assert outcome is not None
        assert outcome[0] == "failed"
    clock.advance(1)
    assert jobs.run(store, clock, job="publish", holder="a", seconds=60, work=lambda hold: {}) == ("idle", None)
    runs = store.jobs.runs(job="publish")
    assert [(run.outcome, run.detail) for run in runs] == [
        ("idle", ""), ("failed", "The disk of the shelf is full."), ("failed", "ValueError"),
    ]


def test_a_run_that_was_killed_is_marked_when_the_next_one_starts(store: Store, clock: FakeClock) -> None:
    with store.writing():
        store.jobs.start(run="killed", job="publish", holder="dead", started=0)
        store.jobs.start(run="alive", job="tidy", holder="alive", started=0)
    jobs.run(store, clock, job="publish", holder="a", seconds=60, work=lambda hold: {"editions": 1})
    found = {(run.run == "killed", run.outcome) for run in store.jobs.runs(job="publish")}
    assert found == {(True, "abandoned"), (False, "done")}
    assert [run.outcome for run in store.jobs.runs(job="tidy")] == ["running"]
    assert [run.job for run in jobs.last_runs(store)] == ["publish", "tidy"]


def test_old_runs_are_forgotten_and_idle_ones_sooner(store: Store, clock: FakeClock) -> None:
    for counts in ({"x": 1}, {}):
        jobs.run(store, clock, job="publish", holder="a", seconds=60, work=lambda hold, counts=counts: counts)
    clock.advance(days=2)
    assert jobs.purge(store, clock, settings=JobSettings()) == 1
    assert [run.outcome for run in store.jobs.runs()] == ["done"]
    clock.advance(days=90)
    assert jobs.purge(store, clock, settings=JobSettings()) == 1
