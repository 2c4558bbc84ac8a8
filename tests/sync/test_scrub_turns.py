"""Turns of scrubs, and their ends: fair, under leases, begun again when a worker is gone, stopped, cleaned up."""

from __future__ import annotations

import errno
import itertools
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry import leases, scrubfigures, scrubfiles, scrubjobs, scrubwork
from registry.calllists.spool import Spool
from registry.errors import ConflictError, UnavailableError
from registry.scrubwork import Held, lease_of
from registry.settings import JobSettings, Settings
from sync import scrubfolders, scrubrun, upkeep
from sync.scrubbing import scrub_due
from sync.scrubrun import Watch
from tests.sync.calling import (
    HELD,
    OTHER,
    listed,
    must_take,
    nothing,
    rolled,
    rows_of,
    seen,
    send,
    sender,
    taken,
)
from tests.sync.test_timetable import until
from tests.sync.town import Town

# turns


def test_who_has_the_fewest_that_run_comes_first_then_who_was_served_longest_ago(any_town: Town) -> None:
    town, order = any_town, []
    for party in ("acme", "acme", "acme", "globex", "globex"):
        send(town, b"13800138000\n", party=party)
        town.clock.advance(seconds=1)
    while (job := taken(town)) is not None:
        order.append(job.party)
        town.clock.advance(seconds=1)
    assert order == ["acme", "globex", "acme", "globex", "acme"]


def test_what_is_held_waits_and_what_is_slow_comes_last_and_no_faster_than_its_pace(any_town: Town) -> None:
    town = any_town
    slow, held, usual = (send(town, b"13800138000\n" * 120) for _ in range(3))
    with town.store.writing():
        town.store.scrub_jobs.change(slow.scrub, states=("waiting",), lane="slow")
        town.store.scrub_jobs.change(held.scrub, states=("waiting",), lane="held")
    assert must_take(town).scrub == usual.scrub
    assert taken(town) is None
    turn = seen(town, slow).not_before
    assert turn is not None
    assert timedelta(minutes=50) < turn - town.clock.now() < timedelta(hours=2)
    town.clock.advance(hours=2)
    again = must_take(town)
    assert again.scrub in {slow.scrub, usual.scrub}  # the lease of the usual one is over by now
    assert must_take(town).scrub in {slow.scrub, usual.scrub} - {again.scrub}
    assert taken(town) is None


def test_many_lists_of_a_slow_party_come_no_faster_than_one(small_town: Town) -> None:
    town = small_town
    with town.store.writing():
        town.store.guard.put_lane("acme", lane="slow", since=0, by="officer")
    for _ in range(3):
        send(town, b"13800138000\n" * 120)  # about an hour of the slow lane
    begun = []
    for minute in range(4 * 60):
        if (job := taken(town, Held("one:1:a", 10**6))) is not None:
            begun.append(minute)
            assert job.lane == "slow"
        town.clock.advance(minutes=1)
    assert len(begun) == 3
    assert begun[0] >= 55
    assert min(later - sooner for sooner, later in itertools.pairwise(begun)) >= 55


def test_a_scrub_whose_party_is_held_while_it_runs_waits_for_the_officer(any_town: Town) -> None:
    town = any_town
    job = send(town, listed(town, 1))
    must_take(town)
    with town.store.writing():
        town.store.guard.put_lane("acme", lane="held", since=0, by="officer")
    town.clock.advance(seconds=61)
    assert taken(town) is None
    assert (seen(town, job).state, seen(town, job).lane) == ("waiting", "usual")
    with town.store.writing():
        town.store.guard.put_lane("acme", lane="usual", since=0, by="officer")
    assert must_take(town).scrub == job.scrub


# workers that are gone


def test_a_scrub_whose_worker_is_gone_is_begun_again_and_ended_once(any_town: Town) -> None:
    town = any_town
    job = send(town, listed(town, 1, 2, 3))
    first = must_take(town)
    assert taken(town, OTHER) is None
    lost = Watch(town, first, HELD)
    town.clock.advance(seconds=61)
    second = must_take(town, OTHER)
    assert (second.scrub, second.attempts) == (job.scrub, 2)
    assert scrubrun.work(town, Watch(town, second, OTHER)) == {"scrubs": 1, "lines": 3}
    done = seen(town, job)
    assert scrubrun.work(town, lost) == {"put_back": 1}  # it comes to itself, much too late
    assert seen(town, job) == done
    assert scrubfiles.sweep(town.store, town.shelf) == 0
    assert list(town.shelf.names(f"scrubs/{job.scrub}/result-")) == [done.result]
    assert list(town.shelf.names("receipts/")) == [f"receipts/{done.receipt}"]
    assert len(town.store.receipts.of_party("acme", before=1 << 60, limit=9)) == 1


def test_a_scrub_that_was_the_end_of_several_workers_is_given_up(any_town: Town) -> None:
    town = any_town
    job = send(town, listed(town, 1))
    for _ in range(scrubwork.MOST_ATTEMPTS):
        must_take(town)
        town.clock.advance(seconds=61)
    assert taken(town) is None
    assert (seen(town, job).state, seen(town, job).problem) == ("failed", "gave_up")


def test_a_clockwork_that_stops_puts_its_scrubs_back(small_town: Town) -> None:
    job = send(small_town, listed(small_town, 1))
    watch = Watch(small_town, must_take(small_town), HELD)
    watch.stop.set()
    assert scrubrun.work(small_town, watch) == {"put_back": 1}
    waiting = seen(small_town, job)
    assert (waiting.state, waiting.attempts, waiting.lines) == ("waiting", 0, 0)
    assert must_take(small_town, OTHER).scrub == job.scrub


class Stopping(Watch):
    """A watch that is told to stop while the receipt is made."""

    def seen(self, share: float) -> None:
        if share > 0.5:
            self.stop.set()
        assert 0 < self.share < 1
        super().seen(share)


def test_a_clockwork_may_stop_while_a_receipt_is_made_and_leaves_nothing_on_the_shelf(small_town: Town) -> None:
    job = send(small_town, listed(small_town, *range(40)))
    assert scrubrun.work(small_town, Stopping(small_town, must_take(small_town), HELD)) == {"put_back": 1}
    assert not list(small_town.shelf.names("receipts/"))
    assert not list(small_town.shelf.names(f"scrubs/{job.scrub}/result-"))
    assert scrub_due(small_town) == {"scrubs": 1, "lines": 40}
    assert seen(small_town, job).share == 1


def test_what_keep_raises_ends_the_round_when_its_scrubs_have_stopped(small_town: Town) -> None:
    job = send(small_town, listed(small_town, *range(100)))

    def keep() -> None:
        raise ConflictError("The clockwork stops.", code="stopping")

    with pytest.raises(ConflictError):
        scrub_due(small_town, keep)
    assert seen(small_town, job).state in {"waiting", "done"}
    assert not leases.holders(small_town.store)


class FullShelf:
    """A shelf whose disk is full for a while."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.full = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def put(self, name: str, content: bytes | Path) -> None:
        if self.full and "result" in name:
            raise UnavailableError("The disk of the shelf is full.", code="disk_full")
        self._inner.put(name, content)


def test_trouble_that_passes_is_waited_for_and_trouble_that_stays_ends_the_scrub(small_town: Town) -> None:
    small_town.shelf = FullShelf(small_town.shelf)
    jobs = [send(small_town, listed(small_town, 1)), send(small_town, listed(small_town, 2))]
    assert scrub_due(small_town) == {"put_back": 2}
    assert scrub_due(small_town) == {}
    small_town.clock.advance(seconds=21)
    with small_town.store.writing():
        small_town.store.scrub_jobs.change(jobs[1].scrub, states=("waiting",), attempts=scrubwork.MOST_ATTEMPTS - 1)
    assert scrub_due(small_town) == {"put_back": 1, "failed": 1}
    small_town.shelf.full = False
    small_town.clock.advance(seconds=41)
    assert scrub_due(small_town) == {"scrubs": 1, "lines": 1}
    assert [seen(small_town, job).state for job in jobs] == ["done", "failed"]
    assert seen(small_town, jobs[1]).problem == "disk_full"


def test_a_full_disk_in_the_folder_for_work_is_waited_for(
    small_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = send(small_town, listed(small_town, 1))

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Spool, "add", full)
        assert scrub_due(small_town) == {"put_back": 1}
    assert seen(small_town, job).state == "waiting"
    assert not list((small_town.instance / "work").glob("scrub-*"))
    small_town.clock.advance(minutes=1)
    assert scrub_due(small_town) == {"scrubs": 1, "lines": 1}


def test_what_no_list_should_do_to_a_worker_ends_that_scrub_alone(
    small_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [send(small_town, listed(small_town, place), name=f"{'ab'[place]}.csv") for place in range(2)]
    inner = scrubrun.inspect

    def inspecting(source: Any, name: str, *given: Any, **more: Any) -> Any:
        if name == "a.csv":
            raise ZeroDivisionError("13800138000")
        return inner(source, name, *given, **more)

    monkeypatch.setattr(scrubrun, "inspect", inspecting)
    assert scrub_due(small_town) == {"failed": 1, "scrubs": 1, "lines": 1}
    assert [seen(small_town, job).problem for job in jobs] == ["internal_error", ""]


def test_leases_are_renewed_while_a_step_takes_long_and_a_lost_one_ends_the_attempt(
    small_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = small_town
    town.settings = Settings(jobs=JobSettings(lease_s=1))
    job = send(town, listed(town, 1))
    working, go_on = threading.Event(), threading.Event()
    inner = Spool.add

    def slowly(*given: Any) -> None:
        working.set()
        go_on.wait(20)
        inner(*given)

    def lease() -> dict[str, Any] | None:
        return town.store.engine.row("SELECT holder, until FROM lease WHERE lease = :lease", lease=lease_of(job.scrub))

    monkeypatch.setattr(Spool, "add", slowly)
    found: list[dict[str, int]] = []
    thread = threading.Thread(target=lambda: found.append(scrub_due(town)))
    thread.start()
    assert working.wait(20)
    first = lease()
    assert first is not None
    town.clock.advance(seconds=0.5)
    until(lambda: (lease() or first)["until"] > first["until"])
    leases.release(town.store, lease=lease_of(job.scrub), holder=first["holder"])
    assert leases.take(town.store, town.clock, lease=lease_of(job.scrub), holder="other", seconds=1)
    watching = time.monotonic()
    until(lambda: time.monotonic() - watching > 1)  # it is seen when the lease is to be renewed
    go_on.set()
    thread.join()
    assert found == [{"put_back": 1}]
    assert seen(town, job).state == "running"
    assert (lease() or {})["holder"] == "other"


# stopping


def test_a_running_scrub_stops_when_its_party_cancels_it(any_town: Town) -> None:
    town = any_town
    job = send(town, listed(town, 1, 2))
    watch = Watch(town, must_take(town), HELD)
    assert scrubjobs.cancel(town.store, town.clock, job=job, actor=sender(town)).stop
    assert scrubrun.work(town, watch) == {"cancelled": 1}
    ended = seen(town, job)
    assert (ended.state, ended.result) == ("cancelled", "")
    assert not list(town.shelf.names(f"scrubs/{job.scrub}/result-"))
    assert upkeep.JOBS["tidy"].work(town, nothing)["scrubs"] == 1
    assert not list(town.shelf.names("scrubs/"))


def test_a_party_that_is_suspended_meanwhile_gets_no_answers(small_town: Town) -> None:
    job = send(small_town, listed(small_town, 1))
    with small_town.store.writing():
        small_town.store.parties.set_state("acme", "suspended")
    assert scrub_due(small_town) == {"failed": 1}
    assert seen(small_town, job).problem == "party_suspended"


# what is left over


def test_what_killed_workers_left_in_folders_and_on_the_shelf_is_deleted(small_town: Town) -> None:
    town = small_town
    job = send(town, listed(town, 1))
    running = must_take(town)
    work = town.instance / "work"
    mine, dead = work / f"scrub-{running.scrub}-{running.attempts}", work / f"scrub-{running.scrub}-0"
    for folder in (mine, dead):
        folder.mkdir()
    (work / "scrub-upload").write_bytes(b"sealed")
    assert scrubfolders.tidy(town) == 1
    assert mine.is_dir()
    assert scrubrun.work(town, Watch(town, running, HELD)) == {"scrubs": 1, "lines": 1}
    assert not mine.is_dir()
    for name in (f"scrubs/{job.scrub}/result-old", "scrubs/nobody/part-00001"):
        town.shelf.put(name, b"sealed")
    assert scrubfiles.sweep(town.store, town.shelf) == 2
    town.clock.moment = seen(town, job).expires
    assert scrubfiles.delete_due(town.store, town.clock, town.shelf) == 1
    assert not list(town.shelf.names("scrubs/"))
    assert seen(town, job).lines == 1


def test_several_scrubs_run_at_a_time_and_each_has_its_own_answers(any_town: Town) -> None:
    town = any_town
    town.load(30)
    rolled(town)
    jobs = [send(town, listed(town, *range(start, start + 40))) for start in range(4)]
    assert scrub_due(town) == {"scrubs": 4, "lines": 160}
    for start, job in enumerate(jobs):
        assert [int(row["place"]) for row in rows_of(town, job)] == list(range(start, start + 40))
    assert threading.active_count() < 20


def test_progress_tells_lines_share_and_counts_while_it_runs(any_town: Town) -> None:
    town = any_town
    job = send(town, listed(town, 1, 2))
    running = must_take(town)
    assert scrubwork.progress(town.store, job=running, read=job.size // 2, lines=1, counts={"allowed/x": 1})
    found = seen(town, job)
    assert (found.lines, found.counts) == (1, {"allowed/x": 1})
    assert 0.4 < found.share < 0.6
    town.clock.advance(seconds=10)
    left = seen(town, job).seconds_left(town.clock.now())
    assert left is not None
    assert 5 < left < 15


def test_the_lease_of_a_scrub_goes_back_with_its_end(small_town: Town) -> None:
    job = send(small_town, listed(small_town, 1))
    scrub_due(small_town)
    assert leases.take(small_town.store, small_town.clock, lease=lease_of(job.scrub), holder="x", seconds=1)


def test_figures_say_what_waits_and_runs_how_fast_and_what_came_of_it(any_town: Town) -> None:
    town = any_town
    for part in (listed(town, 1, 2, 3), b"name\nLi\n"):
        send(town, part)
        scrub_due(town)
    for place in (4, 5):
        send(town, listed(town, place))
    scrubwork.progress(town.store, job=must_take(town), read=1, lines=50, counts={})
    town.clock.advance(seconds=10)
    found = scrubfigures.figures(town.store, town.clock)
    assert found.open == {("running", "usual"): 1, ("waiting", "usual"): 1}
    assert (found.lines_a_second, found.waiting_s) == (5.0, 10.0)
    assert {name: found.tallies[name] for name in ("scrub_lines", "scrubs_done", "scrubs_failed")} == {
        "scrub_lines": 3, "scrubs_done": 1, "scrubs_failed": 1,
    }
