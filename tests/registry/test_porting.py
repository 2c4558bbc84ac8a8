"""Ported numbers move feeds, and what a number declined at any moment stays known, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry import registrations as rooms
from registry import serving
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.numbers import Number
from registry.preferences import EVERYTHING, Preference
from registry.sealing import SealedNumber, seal_one
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.registering import DIGITS, FRESH, LOANS, events, pending, published


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


def test_a_number_is_served_by_prefix_until_it_is_ported(
    store: Store, clock: FakeClock, plan: NumberPlan, number: SealedNumber
) -> None:
    assert serving.serving_carrier(store, plan, DIGITS, number) == "cmcc"
    start = clock.now()
    clock.advance(10)
    serving.port(store, clock, plan, number=number, digits=DIGITS, carrier="ctcc")
    clock.advance(10)
    serving.port(store, clock, plan, number=number, digits=DIGITS, carrier="cbn")
    served = [
        serving.serving_carrier(store, plan, DIGITS, number, start + timedelta(seconds=s)) for s in (0, 9.9, 10, 15, 20)
    ]
    assert served == ["cmcc", "cmcc", "ctcc", "ctcc", "cbn"]
    assert serving.serving_carrier(store, plan, DIGITS, number) == "cbn"
    assert serving.serving_carrier(store, plan, 15551234567, number, start) == ""


def test_porting_moves_a_registration_and_changes_nothing_it_says(
    store: Store, clock: FakeClock, plan: NumberPlan, number: SealedNumber, register: Register
) -> None:
    register(LOANS)
    published(store)
    registered = clock.now()
    clock.advance(10)
    serving.port(store, clock, plan, number=number, digits=DIGITS, carrier="cucc")
    found = rooms.current(store, number)
    assert found is not None
    assert (found.version, found.state, found.preference, found.since) == (2, "active", LOANS, registered)
    assert events(store, number) == ["registered", "ported"]
    assert pending(store, number) == FRESH
    then = rooms.as_of(store, number, clock.now())
    assert then is not None
    assert (then.version, then.preference, then.since) == (2, LOANS, registered)


def port_to(store: Store, clock: FakeClock, plan: NumberPlan, number: SealedNumber, *carriers: str) -> None:
    for carrier in carriers:
        clock.advance(1)
        serving.port(store, clock, plan, number=number, digits=DIGITS, carrier=carrier)


def test_porting_to_the_serving_carrier_is_nothing(
    store: Store, clock: FakeClock, plan: NumberPlan, number: SealedNumber, register: Register
) -> None:
    register()
    published(store)
    port_to(store, clock, plan, number, "cmcc")
    assert pending(store, number) is None
    assert events(store, number) == ["registered"]


def test_an_unregistered_number_is_ported_without_a_word_to_the_lists(
    store: Store, clock: FakeClock, plan: NumberPlan, number: SealedNumber
) -> None:
    port_to(store, clock, plan, number, "ctcc")
    assert serving.serving_carrier(store, plan, DIGITS, number) == "ctcc"
    assert rooms.current(store, number) is None
    assert pending(store, number) is None


def test_exceptions_move_with_a_ported_number_even_without_a_registration(
    store: Store, clock: FakeClock, plan: NumberPlan, number: SealedNumber
) -> None:
    with store.writing():
        store.engine.run(
            """INSERT INTO exception (number, telemarketer, kind, calls, robocalls, messages, until)
            VALUES (:number, 'bank', 1, 1, 1, 1, 0)""",
            number=number,
        )
    port_to(store, clock, plan, number, "ctcc")
    rows = store.engine.rows("SELECT number, telemarketer, kind, edition FROM pending_exception")
    assert rows == [{"number": number, "telemarketer": "bank", "kind": 1, "edition": None}]
    assert pending(store, number) == FRESH


def test_many_are_served_as_one_would_be(
    store: Store, clock: FakeClock, plan: NumberPlan, keys: KeyRing
) -> None:
    digits = np.array([8613800138000, 8613300138000, 8613000138000, 15551234567, 861062341234], dtype=np.uint64)
    numbers = [seal_one(keys.at_rest, Number(1, int(d))) for d in digits]
    serving.port(store, clock, plan, number=numbers[1], digits=int(digits[1]), carrier="mvno-7")
    clock.advance(1)
    many = serving.serving_carriers(store, plan, digits, numbers)
    assert many == [serving.serving_carrier(store, plan, int(d), n) for d, n in zip(digits, numbers)]
    assert many[1] == "mvno-7"
    before = serving.serving_carriers(store, plan, digits, numbers, clock.now() - timedelta(seconds=2))
    assert before[1] == "ctcc"


# as of any moment

DO = st.sampled_from(["everything", "loans", "withdraw", "recycle", "port", "wait"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(DO, max_size=12))
def test_what_a_number_declined_at_any_moment_is_known_for_ever(
    sqlite_store: Store, keys: KeyRing, plan: NumberPlan, steps: list[str]
) -> None:
    test_what_a_number_declined_at_any_moment_is_known_for_ever.runs += 1  # type: ignore[attr-defined]
    digits = DIGITS + test_what_a_number_declined_at_any_moment_is_known_for_ever.runs  # type: ignore[attr-defined]
    store, clock, number = sqlite_store, FakeClock(), seal_one(keys.at_rest, Number(1, digits))
    seen: list[tuple[datetime, Preference | None]] = [(clock.now(), None)]
    for step in steps:
        clock.advance(1)
        active = (now := rooms.current(store, number)) is not None and now.is_active
        if step in {"everything", "loans"}:
            said = {"everything": EVERYTHING, "loans": LOANS}[step]
            rooms.register(store, clock, number=number, preference=said, source="web", language="en")
        elif step == "withdraw" and active:
            rooms.withdraw(store, clock, number=number, source="web")
        elif step == "recycle":
            rooms.recycle(store, clock, number=number)
        elif step == "port":
            other = "ctcc" if serving.serving_carrier(store, plan, digits, number) == "cmcc" else "cmcc"
            serving.port(store, clock, plan, number=number, digits=digits, carrier=other)
        found = rooms.current(store, number)
        seen.append((clock.now(), found.preference if found else None))
        rows = store.registrations.history(number)
        assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
        if found:
            newest = (rows[-1]["version"], rows[-1]["state"], rows[-1]["calls"])
            assert newest == (found.version, found.state, found.preference.calls)
            assert pending(store, number) is not None
    for at, preference in seen:
        for moment in (at, at + timedelta(microseconds=999_999)):
            then = rooms.as_of(store, number, moment)
            assert (then.preference if then else None) == preference


test_what_a_number_declined_at_any_moment_is_known_for_ever.runs = 0  # type: ignore[attr-defined]


def test_the_preference_before_the_present_one_is_known_and_porting_is_none(
    store: Store, clock: FakeClock, plan: NumberPlan, number: SealedNumber, register: Register
) -> None:
    register(LOANS)
    clock.advance(1)
    register(EVERYTHING)
    port_to(store, clock, plan, number, "ctcc")
    now, before = rooms.standing_at(rooms.history(store, number), clock.now())
    assert now is not None
    assert before is not None
    assert (now.preference, before.preference) == (EVERYTHING, LOANS)
