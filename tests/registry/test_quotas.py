"""Tests of quotas: what counts once, what is free, what the limit stops, who asks at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from registry import charging, guardlanes, parties, quotas, sealing
from registry.errors import ConflictError, NotAllowedError, TooManyError
from registry.guardsettings import Tier
from registry.keys import KeyRing
from registry.meter import HOLD, Meter
from registry.parties import Party
from registry.quotakeys import SortedKeys, merged, open_keys, write_keys
from registry.quotas import Balance, Ledger
from registry.settings import ScrubSettings, Settings
from registry.store import Store
from tests.doubles import FakeClock, MemoryShelf

FIRST = 8_613_800_000_000


def numbers(*digits: int | range) -> NDArray[np.uint8]:
    """Sealed numbers that end in some digits."""
    all_digits = [d for part in digits for d in (part if isinstance(part, range) else (part,))]
    return sealing.seal_many(bytes(range(32)), np.array(all_digits, np.uint64) + np.uint64(FIRST))


class Desk:
    """A party with limits, and what it asks."""

    def __init__(self, ledger: Ledger, party: Party, work: Path) -> None:
        self.ledger, self.party, self.work = ledger, party, work

    def check(self, *digits: int | range) -> list[bool]:
        return charging.charge_few(self.ledger, party=self.party, sealed=numbers(*digits)).tolist()

    def meter(self, scrub: str = "a") -> Meter:
        return Meter(self.ledger, party=self.party, scrub=scrub, work=self.work)

    def fold(self) -> None:
        while quotas.fold(
            self.ledger, party=self.party.party, epoch=self.ledger.period().epoch, work=self.work,
            see=lambda _sealed, _unassigned: None,
        ):
            pass

    def balance(self) -> Balance:
        return quotas.balance(self.ledger.store, self.ledger.clock, self.ledger.settings, self.party)

    @property
    def used(self) -> tuple[int, int]:
        found = self.balance()
        return found.day.used, found.epoch.used

    def elsewhere(self) -> Desk:
        """The same, as another process sees it."""
        ledger = self.ledger
        return Desk(Ledger(ledger.store, ledger.clock, ledger.shelf, ledger.keys, ledger.settings), self.party,
                    self.work)  # fmt: skip


Make = Callable[..., Desk]


@pytest.fixture
def make(clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path) -> Make:
    def desk(store: Store, *, day: int = 100, epoch: int = 1000, slow_hour: int = 10, party: str = "acme") -> Desk:
        tier = Tier(day=day, epoch=epoch, slow_hour=slow_hour)
        added = parties.add_party(store, clock, party=party, kind="telemarketer", name_zh="某", name_en="A")
        ledger = Ledger(store, clock, shelf, keys, Settings(scrubs=ScrubSettings(tiers={"small": tier})))
        return Desk(ledger, added, tmp_path)

    return desk


def test_a_number_counts_once_a_month_however_often_and_wherever_it_is_asked(store: Store, make: Make) -> None:
    desk = make(store)
    assert desk.check(1, 2, 2, 3) == [True] * 4
    assert desk.used == (3, 3)
    desk.fold()
    assert desk.check(3, 4) == [True, True]
    with desk.meter() as meter:
        assert meter.admit(numbers(range(6), 5, 5)).all()
        assert meter.admit(numbers(5, 6)).all()
        assert meter.close(done=True).numbers == 3  # 0, 5 and 6
    assert desk.used == (7, 7)
    assert all(desk.check(range(7)))
    assert desk.elsewhere().used == (7, 7)


def test_the_day_and_the_month_renew_at_local_midnight(store: Store, make: Make, clock: FakeClock) -> None:
    desk = make(store, day=5, epoch=8)
    assert desk.check(range(6)) == [True] * 5 + [False]
    assert desk.balance().day.renews.isoformat() == "2026-11-23T16:00:00+00:00"
    clock.advance(days=1)
    assert desk.check(range(9)) == [True] * 8 + [False]  # five known ones are free, three are left in the month
    assert (desk.used, desk.balance().left) == ((3, 8), 0)
    assert desk.balance().epoch.renews.isoformat() == "2026-11-30T16:00:00+00:00"
    clock.advance(days=8)
    assert desk.check(range(5)) == [True] * 5
    assert desk.used == (5, 5)


def test_a_scrub_that_brings_no_result_costs_nothing(store: Store, make: Make) -> None:
    desk = make(store, day=10)
    with desk.meter() as meter:
        meter.admit(numbers(range(8)))
        assert desk.check(range(20, 24)) == [True, True, False, False]  # while it runs, its part is reserved
    assert desk.used == (2, 2)
    assert desk.check(range(20, 24)) == [True] * 4


def test_the_quota_is_reached_in_the_middle_and_the_first_lines_are_served(store: Store, make: Make) -> None:
    desk = make(store, day=10)
    desk.check(7)
    with desk.meter() as meter:
        assert meter.admit(numbers(9, 7, 1, 9)).tolist() == [True] * 4
        assert meter.admit(numbers(1, 50, 8, 7, 6, 5, 4, 3, 2, 50, 30)).tolist() == [True] * 10 + [False]
        assert meter.admit(numbers(30, 9, 31)).tolist() == [False, True, False]
        charged = meter.close(done=True)
    assert (charged.numbers, desk.used) == (9, (10, 10))
    assert charged.refused == 3


def test_scrubs_of_one_party_at_once_stay_below_its_limit_together(store: Store, make: Make) -> None:
    desk = make(store, day=5000, epoch=9000)
    start = threading.Barrier(4)

    def scrub(number: int) -> tuple[int, int]:
        with desk.elsewhere().meter(f"scrub{number}") as meter:
            start.wait()
            blocks = [numbers(range(number * 10_000 + i * 100, number * 10_000 + i * 100 + 150)) for i in range(20)]
            answered = sum(int(meter.admit(block).sum()) for block in blocks)
            return meter.close(done=True).numbers, answered

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(scrub, range(4)))
    assert sum(charged for charged, _ in found) == desk.used[0] == 5000


def test_repeats_within_a_scrub_hold_nothing_back_from_another_one(store: Store, make: Make) -> None:
    desk = make(store, day=5000, epoch=9000)
    with desk.meter("one") as one, desk.elsewhere().meter("other") as other:
        for i in range(20):
            assert one.admit(numbers(range(i * 100, i * 100 + 150))).all()  # 3,000 lines, 2,050 numbers
        assert other.admit(numbers(range(10_000, 13_000))).sum() == 2950
        assert (one.close(done=True).numbers, other.close(done=True).numbers) == (2050, 2950)
    assert desk.used[0] == 5000


def test_scrubs_that_hold_the_same_numbers_pay_for_them_once(store: Store, make: Make) -> None:
    desk = make(store)
    one, other = desk.meter("a"), desk.elsewhere().meter("b")
    assert one.admit(numbers(range(10))).all()
    assert other.admit(numbers(range(5, 15))).all()
    assert all(desk.check(0, 99))
    assert one.close(done=True).numbers == 9
    assert other.close(done=True).numbers == 5
    assert desk.used == (16, 16)
    desk.fold()
    assert len(desk.ledger.file("acme", 202611)[1]) == 16


def test_what_a_killed_worker_reserved_is_free_when_its_scrub_begins_again_or_time_is_over(
    store: Store, make: Make, clock: FakeClock
) -> None:
    desk = make(store, day=10)
    desk.meter("a").admit(numbers(range(10)))  # and nothing more is heard of it
    assert desk.check(20) == [False]
    again = desk.elsewhere().meter("a")
    assert again.admit(numbers(range(10))).all()
    clock.advance(seconds=HOLD.total_seconds() + 1)
    assert desk.check(20) == [True]
    with pytest.raises(ConflictError) as raised:
        again.close(done=True)
    assert raised.value.code == "hold_lost"
    assert desk.used == (1, 1)


def test_a_long_scrub_keeps_what_it_reserved_for_as_long_as_it_asks(
    store: Store, make: Make, clock: FakeClock
) -> None:
    desk = make(store, day=10)
    with desk.meter() as meter:
        meter.admit(numbers(range(10)))
        for _ in range(5):
            clock.advance(seconds=(HOLD / 2).total_seconds())
            assert meter.admit(numbers(range(10))).all()
        assert desk.check(20) == [False]
        assert meter.close(done=True).numbers == 10


def test_who_is_slowed_down_asks_for_few_new_numbers_an_hour_and_who_is_held_for_none(
    store: Store, make: Make, clock: FakeClock
) -> None:
    desk = make(store, slow_hour=10)
    desk.check(range(3))
    with store.writing():
        store.guard.put_lane("acme", lane="slow", since=0, by="test")
    assert all(desk.check(range(10)))  # seven new ones
    with pytest.raises(TooManyError) as slow:
        desk.check(range(20, 24))
    assert (slow.value.code, slow.value.retry_after) == ("slow_lane", 360)
    clock.advance(seconds=360)
    assert all(desk.check(range(20, 24)))
    assert desk.used == (14, 14)
    with store.writing():
        store.guard.put_lane("acme", lane="held", since=0, by="test")
    with pytest.raises(NotAllowedError) as held:
        desk.check(1)
    assert held.value.code == "held_by_guard"
    assert guardlanes.lane_of(store, "acme") == desk.balance().lane == "held"


def test_small_checks_of_two_processes_never_pass_the_limit_together(store: Store, make: Make) -> None:
    desk = make(store, day=300, epoch=1000)

    def ask(start: int) -> int:
        mine = desk.elsewhere()
        return sum(sum(mine.check(range(start + i * 20, start + i * 20 + 30))) for i in range(6))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, (0, 50, 1000, 5000)))
    assert desk.used[0] == 300


def test_nothing_that_is_kept_of_what_was_asked_names_a_number(
    store: Store, make: Make, shelf: MemoryShelf, keys: KeyRing
) -> None:
    desk = make(store)
    desk.check(range(50))
    desk.fold()
    content = b"".join(shelf.files.values())
    assert len(content) == 16 + 50 * 8
    for sealed in numbers(range(50)):
        assert sealed.tobytes()[:8] not in content
        assert sealed.tobytes()[:8][::-1] not in content
    assert not store.quotas.recents("acme", epoch=202611, limit=9)


def test_months_before_the_last_are_forgotten(
    store: Store, make: Make, clock: FakeClock, shelf: MemoryShelf
) -> None:
    desk = make(store)
    desk.check(range(50))
    desk.fold()
    clock.advance(days=20)
    assert (quotas.forget(desk.ledger), len(shelf.files)) == (0, 1)
    clock.advance(days=30)
    assert (quotas.forget(desk.ledger), len(shelf.files)) == (1, 0)
    assert not store.quotas.used("acme", epoch=202611)


def test_keys_that_an_older_database_points_to_in_vain_are_paid_for_again_and_nobody_waits(
    store: Store, make: Make, shelf: MemoryShelf
) -> None:
    desk = make(store)
    for damage in (shelf.delete, lambda name: shelf.put(name, b"dc-asked what is this")):
        desk.check(range(10))
        desk.fold()
        for name in list(shelf.files):
            damage(name)
        again = desk.elsewhere()
        assert all(again.check(range(5)))
        with again.meter() as meter:
            meter.admit(numbers(range(12)))
            assert meter.close(done=True).numbers == 7
        again.fold()
        assert all(again.elsewhere().check(range(12)))
    assert desk.used[0] == 10 + 2 * (5 + 7)


@given(
    st.lists(st.tuples(st.sampled_from(["check", "scrub", "failed", "fold"]),
                       st.lists(st.integers(0, 40), min_size=1, max_size=12)), max_size=12),
    st.integers(1, 30),
)  # fmt: skip
@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_is_asked_in_whatever_order_the_charge_is_that_of_a_set(
    make: Make, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[int]]], limit: int
) -> None:
    from registry.store.engine import SqliteEngine

    store = Store(SqliteEngine(tmp_path_factory.mktemp("quota") / "registry.db"))
    store.migrate(at=0)
    desk = make(store, day=limit, epoch=limit)
    paid: set[int] = set()
    for step, digits in steps:
        expected, after = [], set(paid)
        for digit in digits:
            if digit in after or len(after) < limit:
                after.add(digit)
            expected.append(digit in after)
        if step == "check":
            assert desk.check(*digits) == expected
        elif step == "fold":
            desk.fold()
        else:
            with desk.meter() as meter:
                half = len(digits) // 2
                found = [meter.admit(numbers(*part)).tolist() for part in (digits[:half], digits[half:]) if part]
                assert [may for block in found for may in block] == expected
                meter.close(done=step == "scrub")
        if step in ("check", "scrub"):
            paid = after
        assert desk.used == (len(paid), len(paid))
    store.close()


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=50).map(sorted), max_size=5))
@settings(max_examples=50, deadline=None)
def test_merged_arrays_are_their_union_in_order(lists: list[list[int]]) -> None:
    parts = [np.array(part, np.uint64) for part in lists]
    found = np.concatenate([np.empty(0, np.uint64), *merged(parts)])
    assert found.tolist() == sorted({key for part in lists for key in part})


def test_large_sets_are_searched_and_merged_as_small_ones_are(tmp_path: Path) -> None:
    drawn = np.random.default_rng(7).integers(0, 2**64, 300_000, dtype=np.uint64)
    half = np.sort(drawn[::2])
    assert write_keys(tmp_path / "asked", (half, half[:10], np.sort(drawn[:1000]))) == 150_500
    mapped = SortedKeys(open_keys(tmp_path / "asked"))
    found = mapped.contains(drawn)
    assert found[::2].all()
    assert found[:1000].all()
    assert not found[1001::2].any()


def test_a_scrub_of_the_next_day_is_charged_to_the_day_on_which_it_began(
    store: Store, make: Make, clock: FakeClock
) -> None:
    desk = make(store, day=10)
    with desk.meter() as meter:
        meter.admit(numbers(range(4)))
        clock.moment += timedelta(days=1)
        meter.admit(numbers(range(6)))
        meter.close(done=True)
    assert desk.used == (0, 6)


def test_a_tier_that_the_settings_do_not_name_counts_as_the_smallest(store: Store, clock: FakeClock) -> None:
    added = parties.add_party(
        store, clock, party="acme", kind="telemarketer", name_zh="某", name_en="A", tier="gone"
    )
    assert quotas.tier_of(ScrubSettings(), added)[0] == "basic"
    assert quotas.tier_of(ScrubSettings(), parties.set_tier(store, clock, party="acme", tier="large"))[0] == "large"
