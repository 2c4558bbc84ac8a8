"""Allowances: GCRA as arithmetic, and spent in the database by many at once, on both engines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import TooManyError
from registry.keys import KeyRing
from registry.limits import (
    Limit,
    address_subject,
    forget_spent,
    gcra,
    give_back_inside,
    spend,
    spend_all,
    subject_of,
)
from registry.store import Store
from registry.times import Micros, to_micros
from tests.doubles import FakeClock

SECOND = 1_000_000
SUBJECT = b"s" * 16


def play(limit: Limit, waits: list[int]) -> tuple[list[int], int]:
    """Ask again after each wait (microseconds): the moments that were allowed, and when the last one was asked."""
    arrival, now, allowed = Micros(0), 10**15, []
    for wait in waits:
        now += wait
        arrival, refused = gcra(arrival, Micros(now), interval=limit.interval, tolerance=limit.tolerance)
        if not refused:
            allowed.append(now)
    return allowed, now


LIMITS = st.builds(Limit, st.just("x"), st.just(SUBJECT), st.integers(1, 50), st.integers(1, 86400))
WAITS = st.lists(st.integers(0, 3600 * SECOND), min_size=1, max_size=60)


@settings(max_examples=100)
@given(limit=LIMITS, waits=WAITS)
def test_never_more_at_once_and_never_more_in_the_long_run(limit: Limit, waits: list[int]) -> None:
    allowed, _now = play(limit, waits)
    for first in range(len(allowed)):
        for last in range(first, len(allowed)):
            span = allowed[last] - allowed[first]
            assert last - first + 1 <= limit.most + span * limit.most / (limit.per_s * SECOND) + 1e-6


@settings(max_examples=100)
@given(limit=LIMITS, waits=WAITS)
def test_the_wait_is_the_shortest_that_helps(limit: Limit, waits: list[int]) -> None:
    arrival, now = Micros(0), 10**15
    for wait in waits:
        now += wait
        arrival, refused = gcra(arrival, Micros(now), interval=limit.interval, tolerance=limit.tolerance)
        if refused:
            again = {"interval": limit.interval, "tolerance": limit.tolerance}
            assert 0 < refused <= limit.interval
            assert gcra(arrival, Micros(now + refused - 1), **again)[1] == 1
            assert gcra(arrival, Micros(now + refused), **again)[1] == 0


@settings(max_examples=50)
@given(limit=LIMITS)
def test_after_a_whole_period_everything_may_be_spent_again(limit: Limit) -> None:
    burst = [0] * (limit.most + 3)
    allowed, _now = play(limit, [*burst, limit.tolerance, *burst[1:]])
    assert len(allowed) == 2 * limit.most


def ask(store: Store, clock: FakeClock, *, most: int = 3, per_s: int = 60, name: str = "x") -> int:
    """The wait that a use costs; 0 where it was allowed."""
    try:
        spend(store, clock, name=name, subject=SUBJECT, most=most, per_s=per_s)
    except TooManyError as refused:
        return refused.retry_after if (refused.code, refused.facts["limit"]) == ("too_many", name) else -1
    return 0


def test_as_many_as_allowed_then_the_wait_is_said(store: Store, clock: FakeClock) -> None:
    assert [ask(store, clock) for _ in range(5)] == [0, 0, 0, 20, 20]
    clock.advance(19.5)
    assert ask(store, clock) == 1
    clock.advance(0.5)
    assert [ask(store, clock) for _ in range(2)] == [0, 20]
    clock.advance(3600)
    assert [ask(store, clock) for _ in range(4)] == [0, 0, 0, 20]


def test_the_database_counts_as_the_arithmetic_does(store: Store, clock: FakeClock) -> None:
    limit, arrival = Limit("x", SUBJECT, 7, 100), Micros(0)
    for wait in [0, 0, 0, 5, 0, 0, 0, 0, 0, 1, 3, 9.999999, 0.000001, 14.2, 14.3, 200, 0, 0, 0, 0, 0, 0, 0, 0]:
        clock.advance(wait)
        arrival, refused = gcra(
            arrival, to_micros(clock.now()), interval=limit.interval, tolerance=limit.tolerance
        )
        assert ask(store, clock, most=7, per_s=100) == -(-refused // SECOND)
        assert store.allowances.arrival(subject=SUBJECT, name="x") == arrival


def test_subjects_and_names_do_not_share_an_allowance(store: Store, clock: FakeClock) -> None:
    assert [ask(store, clock, most=1, name=name) for name in ("a", "b", "a")] == [0, 0, 60]
    spend(store, clock, name="a", subject=b"another", most=1, per_s=60)


def test_several_limits_are_spent_all_or_none(store: Store, clock: FakeClock) -> None:
    wide, narrow, hourly = Limit("wide", SUBJECT, 10, 60), Limit("narrow", SUBJECT, 2, 60), Limit("h", b"a", 2, 3600)
    for _ in range(2):
        spend_all(store, clock, limits=[wide, narrow, hourly])
    for _ in range(20):
        with pytest.raises(TooManyError) as caught:
            spend_all(store, clock, limits=[wide, narrow, hourly])
        assert (caught.value.retry_after, caught.value.facts["limit"]) == (1800, "h"), "the longest wait is said"
    for _ in range(8):
        spend_all(store, clock, limits=[wide])
    with pytest.raises(TooManyError):
        spend_all(store, clock, limits=[wide])


def test_what_is_given_back_can_be_spent_again(store: Store, clock: FakeClock) -> None:
    limit = Limit("x", SUBJECT, 1, 60)
    for _ in range(3):
        spend_all(store, clock, limits=[limit])
        with store.writing():
            give_back_inside(store, limits=[limit])
    spend_all(store, clock, limits=[limit])
    with pytest.raises(TooManyError):
        spend_all(store, clock, limits=[limit])


def test_allowances_that_are_whole_again_are_forgotten(store: Store, clock: FakeClock) -> None:
    ask(store, clock, most=1, per_s=60)
    ask(store, clock, most=1, per_s=600, name="longer")
    clock.advance(60)
    assert forget_spent(store, clock) == 1
    assert store.allowances.arrival(subject=SUBJECT, name="x") == 0
    assert ask(store, clock, most=1, per_s=600, name="longer") == 540


def test_many_who_spend_at_once_get_what_there_is_and_no_more(store: Store, clock: FakeClock) -> None:
    limits = [Limit(name, SUBJECT, most, 3600) for name, most in (("b", 25), ("a", 60), ("c", 100))]

    def try_some(order: int) -> int:
        done = 0
        for _ in range(10):
            try:
                spend_all(store, clock, limits=limits if order % 2 else limits[::-1])
                done += 1
            except TooManyError:
                pass
        return done

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_some, range(8))) == 25
    for name, most in (("b", 25), ("a", 60), ("c", 100)):
        spent = store.allowances.arrival(subject=SUBJECT, name=name) - to_micros(clock.now())
        assert spent == 25 * Limit(name, SUBJECT, most, 3600).interval


def test_an_address_is_one_subject_however_it_is_written(keys: KeyRing) -> None:
    one = address_subject(keys, "192.0.2.7")
    assert one == address_subject(keys, "::ffff:192.0.2.7")
    assert one != address_subject(keys, "192.0.2.8")
    assert address_subject(keys, "2001:db8::1") == address_subject(keys, "2001:DB8:0:0:ffff::2%eth0")
    assert address_subject(keys, "2001:db8::1") != address_subject(keys, "2001:db8:0:1::1")
    assert address_subject(keys, "unix socket") == address_subject(keys, "unix socket") != one


def test_a_subject_shows_nothing_of_what_it_stands_for(keys: KeyRing) -> None:
    other = KeyRing(masters={1: bytes(32)})
    assert len(subject_of(keys, b"number:1")) == 16
    assert subject_of(keys, b"number:1") != subject_of(other, b"number:1")
    newer = KeyRing(masters={1: keys.masters[1], 2: bytes(32)})
    assert subject_of(keys, b"number:1") == subject_of(newer, b"number:1"), "a new epoch must not refill allowances"


def test_a_clock_that_goes_back_refills_nothing(store: Store, clock: FakeClock) -> None:
    assert [ask(store, clock, most=2) for _ in range(3)] == [0, 0, 30]
    clock.moment -= timedelta(hours=1)
    assert ask(store, clock, most=2) > 3600
