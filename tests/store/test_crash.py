"""Killed at any point, full, read-only, damaged: the database stays whole, and what fails is said in clear words."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from registry import registrations, serving
from registry.errors import UnavailableError
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.numbers import Number
from registry.preferences import EVERYTHING, Preference
from registry.sealing import SealedNumber, seal_one
from registry.store import Store
from registry.store.engine import SqliteEngine
from tests.doubles import FakeClock
from tests.store.invariants import check

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

DIGITS = 8613800138000


def in_child(act: Callable[[], object]) -> int:
    """Run something in a forked child; its exit code (negative: the signal that killed it)."""
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            act()
            failed = 0
        except BaseException:  # noqa: BLE001 - the child must not live on as a second test run
            traceback.print_exc()
        finally:
            os._exit(failed)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def open_store(path: Path) -> Store:
    return Store(SqliteEngine(path, busy_timeout=1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = open_store(tmp_path / "registry.db")
    store.migrate(at=0)
    store.close()
    return tmp_path / "registry.db"


def whole(path: Path) -> int:
    """Open a database again, check everything, close it; how many events it holds."""
    store = open_store(path)
    try:
        assert store.engine.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
        return check(store)
    finally:
        store.close()


def live(store: Store, plan: NumberPlan, keys: KeyRing) -> None:
    """Everything that can happen to a number, one use case after the other."""
    clock, number = FakeClock(), seal_one(keys.at_rest, Number(1, DIGITS))
    registrations.register(store, clock, number=number, preference=EVERYTHING, source="web", language="en")
    clock.advance(1)
    registrations.change(store, clock, number=number, preference=Preference(1, 0, 0, 0), source="web")
    serving.port(store, clock, plan, number=number, digits=DIGITS, carrier="ctcc")
    registrations.withdraw(store, clock, number=number, source="web")
    registrations.register(
        store, clock, number=number, preference=EVERYTHING, source="web", language="en", expires=clock.now()
    )
    registrations.expire_due(store, clock)
    registrations.recycle(store, clock, number=number)


def test_killed_before_any_statement_it_is_whole_again(path: Path, plan: NumberPlan, keys: KeyRing) -> None:
    """A child kills itself before its k-th statement, for every k until it survives."""
    landed, k, code = [], 0, -signal.SIGKILL
    while code != 0:
        k += 1
        trial = path.with_name(f"trial-{k}.db")
        shutil.copy(path, trial)

        def act(trial: Path = trial, k: int = k) -> None:
            store, left = open_store(trial), k

            def count(_statement: str) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            store.engine._connections.held().connection.set_trace_callback(count)  # type: ignore[attr-defined]
            live(store, plan, keys)

        code = in_child(act)
        assert code in {0, -signal.SIGKILL}
        landed.append(whole(trial))
        for file in path.parent.glob(trial.name + "*"):
            file.unlink()
    assert k > 30, "so many statements at least"
    assert sorted(landed) == landed
    assert set(landed) == set(range(8)), "each use case landed whole or not at all"


def test_killed_at_any_moment_it_is_whole_again(path: Path) -> None:
    dice, events, survivors = random.Random(7), 0, 0
    heard, said = os.pipe()

    def act() -> None:
        store, clock = open_store(path), FakeClock()
        for turn in range(10**9):
            number = SealedNumber(turn.to_bytes(2, "big") * 8)
            registrations.register(
                store, clock, number=number, preference=Preference(1 + os.getpid() % 60000, 0, 0, 0), source="web",
                language="en",
            )  # fmt: skip
            if turn == 0:
                os.write(said, b".")

    for early in (turn % 4 == 0 for turn in range(25)):
        child = os.fork()
        if child == 0:
            try:
                act()
            finally:
                os._exit(1)
        if not early:
            os.read(heard, 1)  # its first row is in
        time.sleep(dice.uniform(0.0, 0.02))
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        found = whole(path)
        assert found >= events, "what was committed is still there"
        survivors += found > events
        events = found
    os.close(heard)
    os.close(said)
    assert survivors > 5, "most children got somewhere before they died"


def test_killed_while_many_are_loaded_only_whole_chunks_are_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registrations, "_CHUNK", 500)
    sealed = np.random.default_rng(1).integers(0, 256, (200_000, 16), dtype=np.uint8)
    mask, zero = np.full(len(sealed), 0xFFFF), np.zeros(len(sealed), dtype=np.int64)

    def act() -> None:
        registrations.load_many(
            open_store(path), FakeClock(), sealed=sealed, calls=mask, robocalls=mask, messages=mask, quiet=zero,
            source="load",
        )  # fmt: skip

    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(1)
    time.sleep(0.4)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert whole(path) % 500 == 0


# the disk


def register(store: Store, turn: int) -> None:
    registrations.register(
        store, FakeClock(), number=SealedNumber(turn.to_bytes(4, "big") * 4), preference=EVERYTHING, source="web",
        language="en",
    )  # fmt: skip


def register_until_it_fails(store: Store) -> tuple[int, UnavailableError]:
    done = 0
    try:
        for done in range(100_000):
            register(store, done)
    except UnavailableError as error:
        return done, error
    raise AssertionError("it never failed")


def test_a_full_disk_is_said_and_leaves_nothing_half_written(path: Path) -> None:
    store = open_store(path)
    pages = store.engine.row("PRAGMA page_count")
    assert pages is not None
    store.engine.row(f"PRAGMA max_page_count={pages['page_count'] + 8}")
    done, error = register_until_it_fails(store)
    assert error.code == "disk_full"
    assert check(store) == done
    store.engine.row("PRAGMA max_page_count=1000000")
    register(store, 99_999)
    store.close()
    assert whole(path) == done + 1


def test_a_file_that_may_not_grow_is_said_and_leaves_nothing_half_written(path: Path) -> None:
    def act() -> None:
        store = open_store(path)
        register(store, 99_999)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
        done, error = register_until_it_fails(store)
        assert error.code in {"disk_error", "disk_full"}
        assert check(store) == done + 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        register(store, 99_998)
        assert check(store) == done + 2
        os._exit(0)

    assert in_child(act) == 0
    assert whole(path) > 2


def unavailable(act: Callable[[], object]) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        act()
    return caught.value


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may reach, with a database in it, both read-only."""
    folder = Path(tempfile.mkdtemp(prefix="decline-read-only-"))
    store = open_store(folder / "registry.db")
    store.migrate(at=0)
    store.close()
    (folder / "registry.db").chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


def test_a_folder_that_cannot_be_written_is_said(open_folder: Path) -> None:
    def act() -> None:
        if os.getuid() == 0:
            os.setuid(65534)  # the superuser may write anywhere
        for name in ("registry.db", "new.db"):
            store = open_store(open_folder / name)
            error = unavailable(lambda store=store: store.migrate(at=0))
            assert error.code == "database_read_only", error.code

    assert in_child(act) == 0


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert unavailable(lambda: open_store(tmp_path / "no" / "r.db").migrate(at=0)).code == "database_read_only"


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.db").write_bytes(content)
    assert unavailable(lambda: open_store(tmp_path / "r.db").migrate(at=0)).code == "database_damaged"
    assert (tmp_path / "r.db").read_bytes() == content
