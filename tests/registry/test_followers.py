"""What recipients say they have: acknowledgements, lag, drift, and how far one number's choice has travelled."""

from __future__ import annotations

import pytest

from registry import followers
from registry.errors import InvalidInputError
from registry.sealing import SealedNumber
from registry.store import Store
from registry.store.feeds import FeedEditionRow
from registry.times import to_micros
from tests.doubles import FakeClock

ROOT, OTHER = b"\x11" * 32, b"\x22" * 32
NUMBER = SealedNumber(b"n" * 16)


def add_carrier(store: Store, party: str, ordinal: int, scope: str = "home", state: str = "active") -> None:
    with store.writing():
        store.engine.run(
            """INSERT INTO party (party, ordinal, kind, name_zh, name_en, state, scope, licensed, created)
               VALUES (:party, :ordinal, 'carrier', :party, :party, :state, :scope, 1, 0)""",
            party=party, ordinal=ordinal, scope=scope, state=state,
        )


def offer(store: Store, clock: FakeClock, party: str, edition: int) -> None:
    with store.writing():
        store.feeds.put_edition(
            FeedEditionRow(party, edition, "delta", 1, 900, 10, ROOT, ROOT, to_micros(clock.now()))
        )


def say(store: Store, clock: FakeClock, party: str, edition: int, root: bytes = ROOT) -> bool:
    return followers.acknowledge(
        store, clock, party=party, edition=edition, content_root=root.hex(), exceptions_root=ROOT.hex()
    )


def test_an_acknowledgement_agrees_when_both_roots_are_ours(store: Store, clock: FakeClock) -> None:
    add_carrier(store, "cmcc", 1)
    offer(store, clock, "cmcc", 7)
    assert say(store, clock, "cmcc", 7)
    assert not say(store, clock, "cmcc", 7, OTHER)
    (state,) = followers.feed_states(store, clock)
    assert (state.edition, state.acknowledged, state.agrees, state.size, state.entries) == (7, 7, False, 900, 10)


def test_a_future_or_foreign_edition_cannot_be_acknowledged(store: Store, clock: FakeClock) -> None:
    offer(store, clock, "ctcc", 8)
    for edition in (8, 9):
        with pytest.raises(InvalidInputError) as caught:
            say(store, clock, "cmcc", edition)
        assert caught.value.code == "unknown_edition"
    with pytest.raises(InvalidInputError) as caught:
        followers.acknowledge(store, clock, party="ctcc", edition=8, content_root="11", exceptions_root="zz")
    assert caught.value.code == "bad_root"


def test_lag_counts_from_the_oldest_edition_that_is_not_acknowledged(store: Store, clock: FakeClock) -> None:
    for ordinal, party in enumerate(("cmcc", "ctcc", "cucc"), 1):
        add_carrier(store, party, ordinal)
    add_carrier(store, "gone", 9, state="closed")
    for party in ("cmcc", "ctcc"):
        offer(store, clock, party, 1)
        clock.advance(60)
        offer(store, clock, party, 2)
    say(store, clock, "cmcc", 2)
    say(store, clock, "ctcc", 1)
    clock.advance(30)
    states = {state.party: state for state in followers.feed_states(store, clock)}
    assert list(states) == ["cmcc", "ctcc", "cucc"]
    assert (states["cmcc"].lag_s, states["ctcc"].lag_s, states["cucc"].lag_s) == (0, 30, 0)
    assert (states["ctcc"].edition, states["ctcc"].acknowledged, states["cucc"].edition) == (2, 1, None)


def test_a_choice_is_followed_from_pending_to_the_carriers_it_concerns(store: Store, clock: FakeClock) -> None:
    for ordinal, (party, scope) in enumerate((("cmcc", "home"), ("ctcc", "home"), ("all", "national")), 1):
        add_carrier(store, party, ordinal, scope)
    with store.writing():
        store.registrations.await_publishing([{"number": NUMBER, "at": 0}])
    assert followers.delivery_of(store, number=NUMBER) == followers.Delivery(None, None, 0, 0)
    with store.writing():
        store.editions.insert(edition=5, state="open", opened=0)
        store.editions.mark(5)
        (rows,) = store.editions.marked(5)
        store.editions.add_changes([{**row, "edition": 5, "carrier": "cmcc", "left_carrier": None} for row in rows])
        store.editions.unmark(5)
    assert followers.delivery_of(store, number=NUMBER) == followers.Delivery(None, None, 2, 0)
    with store.writing():
        store.editions.publish(edition=5, at=to_micros(clock.now()))
    assert followers.delivery_of(store, number=NUMBER) == followers.Delivery(5, clock.now(), 2, 0)
    for party in ("cmcc", "all", "ctcc"):
        offer(store, clock, party, 5)
        say(store, clock, party, 5)
    assert followers.delivery_of(store, number=NUMBER).acknowledged == 2


def test_old_acknowledgements_are_forgotten_but_never_the_newest(store: Store, clock: FakeClock) -> None:
    for edition in (1, 2):
        offer(store, clock, "cmcc", edition)
        say(store, clock, "cmcc", edition)
    with store.writing():
        assert store.feeds.forget_acknowledgements(before=to_micros(clock.now()) + 1) == 1
    assert store.feeds.acknowledged()["cmcc"].edition == 2
