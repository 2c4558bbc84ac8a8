"""Registrations on both engines: what each event writes, what was declined at any moment, who serves a number."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from registry import registrations as rooms
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.keys import KeyRing
from registry.numbers import Number
from registry.preferences import EVERYTHING, NOTHING, Preference
from registry.sealing import SealedNumber, seal_many, seal_one
from registry.store import Store
from registry.times import to_micros
from tests.doubles import FakeClock
from tests.registry.registering import DIGITS, FRESH, LOANS, claim, events, pending, published

NIGHTS = Preference(0, 0, 0, 0b111)


@pytest.fixture
def number(keys: KeyRing) -> SealedNumber:
    return seal_one(keys.at_rest, Number(1, DIGITS))


@pytest.fixture
def register(store: Store, clock: FakeClock, number: SealedNumber) -> Callable[..., rooms.Registration]:
    def doing(preference: Preference = EVERYTHING, **more: Any) -> rooms.Registration:
        given = {"number": number, "preference": preference, "source": "web", "language": "zh_CN", **more}
        return rooms.register(store, clock, **given)

    return doing


Register = Callable[..., rooms.Registration]


# registering, changing, withdrawing


def test_a_number_nobody_registered_has_no_registration(store: Store, number: SealedNumber, clock: FakeClock) -> None:
    assert rooms.current(store, number) is None
    assert rooms.as_of(store, number, clock.now()) is None
    assert rooms.history(store, number) == ()


def test_registering_writes_current_history_and_pending(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    made = register(LOANS)
    wanted = rooms.Registration(number, "active", LOANS, "web", "zh_CN", clock.now(), None, 1)
    assert made == rooms.current(store, number) == wanted
    assert rooms.history(store, number) == (rooms.Event(1, "registered", "active", LOANS, "web", clock.now()),)
    assert pending(store, number) == FRESH


def test_registering_what_is_registered_already_changes_it(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    register(LOANS)
    clock.advance(60)
    again = register(EVERYTHING)
    assert (again.version, again.preference, again.since) == (2, EVERYTHING, clock.now())
    assert events(store, number) == ["registered", "changed"]


def test_registering_the_same_again_publishes_nothing_new(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    first = register()
    published(store)
    clock.advance(60)
    assert register() == first
    assert rooms.change(store, clock, number=number, preference=EVERYTHING, source="web") == first
    assert pending(store, number) is None
    assert events(store, number) == ["registered"]


def test_changing_keeps_language_and_counts_the_version(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    register(language="en")
    published(store)
    clock.advance(5)
    changed = rooms.change(store, clock, number=number, preference=NIGHTS, source="officer")
    assert changed == rooms.current(store, number)
    assert (changed.version, changed.language, changed.source, changed.preference) == (2, "en", "officer", NIGHTS)
    assert pending(store, number) == FRESH


def test_withdrawing_declines_nothing_any_more(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    register()
    clock.advance(5)
    ended = rooms.withdraw(store, clock, number=number, source="web")
    assert ended == rooms.current(store, number)
    assert (ended.state, ended.preference, ended.version, ended.is_active) == ("withdrawn", NOTHING, 2, False)


def test_after_withdrawing_one_can_register_again(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    for _ in range(2):
        register()
        clock.advance(5)
        rooms.withdraw(store, clock, number=number, source="web")
        clock.advance(5)
    assert events(store, number) == ["registered", "withdrawn"] * 2
    assert register().version == 5


@pytest.mark.parametrize("before", ["never", "withdrawn", "recycled"])
def test_what_is_not_registered_cannot_be_changed_or_withdrawn(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register, before: str
) -> None:
    if before != "never":
        register()
        end = {"withdrawn": rooms.withdraw, "recycled": rooms.recycle}[before]
        end(store, clock, number=number, source="web")
    for act in (
        lambda: rooms.change(store, clock, number=number, preference=LOANS, source="web"),
        lambda: rooms.withdraw(store, clock, number=number, source="web"),
    ):
        with pytest.raises(NotFoundError) as caught:
            act()
        assert caught.value.code == "not_registered"


def test_declining_nothing_is_refused(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        register(NOTHING)
    assert caught.value.code == "nothing_declined"
    register()
    with pytest.raises(InvalidInputError):
        rooms.change(store, clock, number=number, preference=NOTHING, source="web")


def test_a_change_while_an_edition_is_open_waits_for_the_next(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    register()
    claim(store, 7)
    rooms.change(store, clock, number=number, preference=LOANS, source="web")
    assert pending(store, number) == FRESH


def test_two_who_write_the_same_version_conflict(store: Store, number: SealedNumber, register: Register) -> None:
    register()
    row = store.registrations.history(number)[0]
    with pytest.raises(ConflictError), store.writing():
        store.registrations.remember([row])


# expiring


def test_what_is_due_expires_and_the_rest_stays(
    store: Store, clock: FakeClock, keys: KeyRing, register: Register
) -> None:
    numbers = [seal_one(keys.at_rest, Number(1, DIGITS + i)) for i in range(4)]
    day = timedelta(days=1)
    register(number=numbers[0], expires=clock.now() + day)
    register(number=numbers[1], expires=clock.now() + 2 * day)
    register(number=numbers[2])
    register(number=numbers[3], expires=clock.now() + day)
    rooms.withdraw(store, clock, number=numbers[3], source="web")
    published(store)
    assert rooms.expire_due(store, clock) == 0
    clock.advance(days=1)
    assert rooms.expire_due(store, clock) == 1
    assert rooms.expire_due(store, clock) == 0
    found = [rooms.current(store, number) for number in numbers]
    assert [one.state for one in found if one] == ["expired", "active", "active", "withdrawn"]
    assert found[0] is not None
    assert (found[0].preference, found[0].version, found[0].since, found[0].expires) == (NOTHING, 2, clock.now(), None)
    assert events(store, numbers[0]) == ["registered", "expired"]
    assert [pending(store, number) for number in numbers] == [FRESH, None, None, None]


def test_many_expire_in_more_than_one_transaction(
    store: Store, clock: FakeClock, keys: KeyRing, monkeypatch: pytest.MonkeyPatch, register: Register
) -> None:
    monkeypatch.setattr(rooms, "_EXPIRE_CHUNK", 3)
    for i in range(7):
        register(number=seal_one(keys.at_rest, Number(1, DIGITS + i)), expires=clock.now())
    assert rooms.expire_due(store, clock) == 7
    assert rooms.totals(store) == {"active": 0, "withdrawn": 0, "expired": 7, "recycled": 0}


# recycling


def test_recycling_ends_everything_and_the_next_holder_starts_anew(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    register()
    clock.advance(5)
    rooms.recycle(store, clock, number=number)
    found = rooms.current(store, number)
    assert found is not None
    assert (found.state, found.preference, found.language) == ("recycled", NOTHING, "")
    assert rooms.history(store, number) == ()
    clock.advance(5)
    assert register(LOANS).version == 3
    assert [event.event for event in rooms.history(store, number)] == ["registered"]
    assert events(store, number) == ["registered", "recycled", "registered"]


def test_recycling_twice_or_without_a_registration_is_fine(
    store: Store, clock: FakeClock, number: SealedNumber, register: Register
) -> None:
    rooms.recycle(store, clock, number=number)
    assert rooms.current(store, number) is None
    register()
    for _ in range(2):
        rooms.recycle(store, clock, number=number)
    assert events(store, number) == ["registered", "recycled"]


def test_recycling_a_number_that_only_reported_calls_draws_a_line_under_them(
    store: Store, clock: FakeClock, number: SealedNumber
) -> None:
    def report(name: str) -> None:
        with store.writing():
            store.engine.run(
                """INSERT INTO report (source, source_id, batch, line, called, at, received, verdict, reason, rule,
                    rulebook) VALUES ('web', :name, 'b', 1, :called, :at, :at, 'violation', 'x', '49', '2026')""",
                name=name, called=number, at=to_micros(clock.now()),
            )  # fmt: skip

    for name in ("first", "second"):
        report(name)
        clock.advance(5)
        for _ in range(2):
            rooms.recycle(store, clock, number=number)
        clock.advance(5)
    assert events(store, number) == ["recycled", "recycled"]
    assert rooms.history(store, number) == ()


def test_recycling_ends_what_the_old_holder_allowed_even_without_a_registration(
    store: Store, clock: FakeClock, number: SealedNumber
) -> None:
    at = to_micros(clock.now())
    said = {"number": number, "telemarketer": "bank", "kind": 1, "calls": 1, "robocalls": 0, "messages": 0, "until": 0}
    with store.writing():
        store.consents.add_entry({**said, "since": at})
        store.consents.put_exception(said)
    clock.advance(1)
    for _ in range(2):
        rooms.recycle(store, clock, number=number)
    assert store.consents.exceptions(number) == []
    (entry,) = store.consents.entries_of_numbers([number])
    assert entry["ended"] == to_micros(clock.now())
    assert events(store, number) == ["recycled"]


def test_recycling_ends_the_codes_of_the_old_holder(
    store: Store, clock: FakeClock, number: SealedNumber
) -> None:
    with store.writing():
        store.codes.put(number=number, purpose="sign-in", mac=b"m", nonce=b"n", created=0, expires=2**60, guesses=5)
    rooms.recycle(store, clock, number=number)
    assert store.codes.find(number=number, purpose="sign-in") is None


# many at once


def test_many_are_loaded_as_if_registered_one_by_one(store: Store, clock: FakeClock, keys: KeyRing) -> None:
    digits = np.arange(DIGITS, DIGITS + 30, dtype=np.uint64)
    sealed = seal_many(keys.at_rest, digits)
    first, second, third = (SealedNumber(sealed[i].tobytes()) for i in range(3))
    rooms.register(store, clock, number=first, preference=LOANS, source="web", language="en")
    rooms.register(store, clock, number=second, preference=LOANS, source="web", language="en")
    rooms.withdraw(store, clock, number=second, source="web")
    published(store)
    masks = np.full(30, 0xFFFF)
    zeros = np.zeros(30, dtype=np.uint32)
    calls = masks.copy()
    calls[29] = 0
    robocalls = np.where(np.arange(30) == 29, 0, masks)
    doubled = np.concatenate([sealed, sealed[:5]])
    columns = {"calls": calls, "robocalls": robocalls, "messages": calls, "quiet": zeros}
    doubled_columns = {name: np.concatenate([column, column[:5]]) for name, column in columns.items()}
    assert rooms.load_many(store, clock, sealed=doubled, **doubled_columns, source="load") == 28
    assert rooms.load_many(store, clock, sealed=sealed, **columns, source="load") == 0
    found = [rooms.current(store, SealedNumber(row.tobytes())) for row in sealed]
    assert [one.version for one in found if one] == [1, 3] + [1] * 27
    assert found[29] is None, "a row that declines nothing is no registration"
    assert found[0] is not None
    assert found[0].preference == LOANS, "loading changes nobody's choice"
    assert events(store, second) == ["registered", "withdrawn", "registered"]
    assert found[2] == rooms.Registration(third, "active", EVERYTHING, "load", "zh_CN", clock.now(), None, 1)
    assert pending(store, first) is None
    assert pending(store, third) == FRESH
    numbers = [row[0] for chunk in store.registrations.active() for row in chunk]
    assert numbers == sorted(row.tobytes() for row in sealed[:29])


def test_a_hundred_thousand_are_loaded_in_seconds(sqlite_store: Store, clock: FakeClock, keys: KeyRing) -> None:
    count = 100_000
    sealed = seal_many(keys.at_rest, np.arange(DIGITS, DIGITS + count, dtype=np.uint64))
    mask, quiet = np.full(count, 0xFFFF), np.zeros(count, dtype=np.int64)
    began = time.perf_counter()
    loaded = rooms.load_many(
        sqlite_store, clock, sealed=sealed, calls=mask, robocalls=mask, messages=mask, quiet=quiet, source="demo"
    )
    seconds = time.perf_counter() - began
    assert loaded == count == rooms.totals(sqlite_store)["active"]
    print(f"{count / seconds:,.0f} registrations loaded per second")
    assert seconds < 15  # three times the bar, for a machine under load


# figures


def test_events_are_counted_by_the_days_of_the_zone(
    store: Store, clock: FakeClock, keys: KeyRing, register: Register
) -> None:
    clock.moment = datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC)  # one second to midnight in Beijing
    numbers = [seal_one(keys.at_rest, Number(1, DIGITS + i)) for i in range(3)]
    register(number=numbers[0])
    clock.advance(1)
    register(number=numbers[1])
    register(number=numbers[2])
    clock.advance(hours=30)
    rooms.withdraw(store, clock, number=numbers[0], source="web")
    found = rooms.per_day(store, clock, days=4, zone="Asia/Shanghai")
    assert list(found) == [date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)]
    assert [day["registered"] for day in found.values()] == [0, 1, 2, 0]
    assert [day["withdrawn"] for day in found.values()] == [0, 0, 0, 1]
    assert rooms.totals(store) == {"active": 2, "withdrawn": 1, "expired": 0, "recycled": 0}
