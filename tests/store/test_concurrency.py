"""Many at once on both engines: who reads and then writes loses nothing, and nobody meets a locked database."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry import registrations
from registry.errors import NotFoundError, UnavailableError
from registry.preferences import EVERYTHING, Preference
from registry.sealing import SealedNumber
from registry.store import Store, postgres
from registry.store.engine import SqliteEngine
from registry.store.postgres import PostgresEngine
from tests.doubles import FakeClock
from tests.store.invariants import check
from tests.store.things import A, put, things

THREADS, ROUNDS = 8, 25
NUMBERS = [SealedNumber(bytes([i]) * 16) for i in range(5)]


def together(act: Callable[[int], object], threads: int = THREADS) -> None:
    """Run something in threads that start at the same moment; any exception counts."""
    start = threading.Barrier(threads)

    def one(which: int) -> None:
        start.wait()
        act(which)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(threads)))


def count_up(store: Store, times: int) -> None:
    for _ in range(times):
        with store.writing(about="counter"):
            row = store.engine.row("SELECT count FROM thing WHERE thing = :thing", thing=A)
            assert row is not None
            store.engine.run("UPDATE thing SET count = :count WHERE thing = :thing", count=row["count"] + 1, thing=A)


def counted(store: Store) -> int:
    row = store.engine.row("SELECT count FROM thing WHERE thing = :thing", thing=A)
    assert row is not None
    return int(row["count"])


def test_a_counter_that_is_read_and_then_written_loses_nothing(table: Store) -> None:
    with table.writing():
        put(table, A)
    together(lambda _which: count_up(table, ROUNDS))
    assert counted(table) == THREADS * ROUNDS


def test_registrations_of_the_same_numbers_by_many_leave_one_history(store: Store) -> None:
    done: list[int] = []

    def work(which: int) -> None:
        clock = FakeClock()
        for turn in range(ROUNDS):
            number = NUMBERS[(which + turn) % len(NUMBERS)]
            preference = Preference(which + 1, turn, 0, 0)
            if turn % 5 == 4:
                try:
                    registrations.withdraw(store, clock, number=number, source="web")
                except NotFoundError:
                    continue
            else:
                registrations.register(
                    store, clock, number=number, preference=preference, source="web", language="en"
                )  # fmt: skip
            done.append(1)

    together(work)
    assert check(store) == len(done)


def test_those_who_claim_and_those_who_change_never_lose_a_change(store: Store) -> None:
    """Editions are claimed while registrations arrive: every last word is claimed or still pending."""
    seen: dict[bytes, int] = {}
    over = threading.Event()

    def claim() -> None:
        while True:
            last = over.is_set()
            with store.writing(about="edition"):
                edition = len(seen) + 1
                store.engine.run("UPDATE pending SET edition = :e WHERE edition IS NULL", e=edition)
                for row in store.engine.rows(
                    """SELECT r.number, r.version FROM pending p JOIN registration r ON r.number = p.number
                    WHERE p.edition = :e""", e=edition,
                ):  # fmt: skip
                    seen[row["number"]] = row["version"]
                store.engine.run("DELETE FROM pending WHERE edition = :e", e=edition)
            if last:
                return

    def work(which: int) -> None:
        for turn in range(ROUNDS):
            registrations.register(
                store, FakeClock(), number=NUMBERS[turn % 5], preference=Preference(which + 1, turn, 0, 0),
                source="web", language="en",
            )  # fmt: skip

    claimer = threading.Thread(target=claim)
    claimer.start()
    together(work, 4)
    over.set()
    claimer.join()
    current = {row["number"]: row["version"] for row in store.engine.rows("SELECT number, version FROM registration")}
    assert seen == current


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_programs_beside_each_other_count_as_threads_do(table: Store) -> None:
    with table.writing():
        put(table, A)
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                workers = [threading.Thread(target=count_up, args=(table, 10)) for _ in range(3)]
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join()
                failed = 0
            finally:
                os._exit(failed)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    assert counted(table) == 90


def test_readers_go_on_while_somebody_writes(table: Store) -> None:
    with table.writing():
        put(table, A)
        together(lambda _which: things(table), 4)


def test_a_database_that_is_held_too_long_says_so(tmp_path: Path) -> None:
    one, other = (Store(SqliteEngine(tmp_path / "held.db", busy_timeout=0.1)) for _ in range(2))
    one.migrate(at=0)
    failures: list[UnavailableError] = []

    def write(store: Store) -> None:
        with pytest.raises(UnavailableError) as caught, store.writing():
            pass
        failures.append(caught.value)

    with one.writing():
        for store in (one, other):  # the queue of this program, then SQLite's own lock
            thread = threading.Thread(target=write, args=(store,))
            thread.start()
            thread.join()
        assert other.engine.rows("SELECT * FROM registration") == []
    assert [error.code for error in failures] == ["database_busy"] * 2
    write_again = threading.Thread(target=lambda: other.migrate(at=0))
    write_again.start()
    write_again.join()
    one.close()
    other.close()


def test_a_lock_on_postgres_that_is_held_too_long_says_so(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_LOCK_TIMEOUT_S", 0.1)
    store = Store(PostgresEngine(postgres_url))
    failures: list[UnavailableError] = []

    def write() -> None:
        with pytest.raises(UnavailableError) as caught, store.writing(about="x"):
            pass
        failures.append(caught.value)

    with store.writing(about="x"):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert [error.code for error in failures] == ["database_busy"]
    with store.writing(about="x"):
        pass
    store.close()


def test_writers_of_one_program_take_turns_quickly(sqlite_store: Store) -> None:
    waits: list[float] = []

    def work(which: int) -> None:
        for turn in range(ROUNDS):
            began, number = time.perf_counter(), SealedNumber(bytes([which, turn]) * 8)
            registrations.register(
                sqlite_store, FakeClock(), number=number, preference=EVERYTHING, source="web", language="en"
            )
            waits.append(time.perf_counter() - began)

    together(work)
    assert len(waits) == check(sqlite_store) == THREADS * ROUNDS
    assert sorted(waits)[len(waits) // 2] < 0.5
