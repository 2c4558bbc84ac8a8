"""Actors, the table of who may do what, and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from registry import access, credentials, parties
from registry.access import ANONYMOUS, ROLES, ROLES_OF, STRONG_ROLES, SYSTEM, Actor, may
from registry.errors import NotFoundError
from registry.keys import KeyRing
from registry.parties import Party
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.desk import Desk

if TYPE_CHECKING:
    from registry.sealing import SealedNumber

SEALED: SealedNumber = bytes(range(16))  # type: ignore[assignment]


def of_kind(kind: str) -> Party:
    return Party("some", 1, kind, "某", "Some", "active", "home", licensed=True)


@pytest.fixture
def desk(store: Store, clock: FakeClock, keys: KeyRing) -> Desk:
    return Desk(store, clock, keys)


# the table


def test_whoever_is_not_named_in_the_table_may_do_nothing() -> None:
    everything = set().union(*ROLES.values())
    assert not [action for action in everything if may(ANONYMOUS, action)]
    assert not [action for action in everything if may(Actor("member", role="stranger", strong=True), action)]
    assert not [action for action in everything if may(Actor("key", scopes=frozenset({"feed"})), action)]
    assert all(may(SYSTEM, action) for action in everything)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: str) -> None:
    everything = set().union(*ROLES.values())
    kinds = [kind for kind, roles in ROLES_OF.items() if role in roles]
    actors = [Actor("member", role=role, strong=True, party=of_kind(kind)) for kind in kinds]
    seen = {action for actor in actors or [Actor("person", role=role)] for action in everything if may(actor, action)}
    assert seen == ROLES[role]


@pytest.mark.parametrize("role", ["owner", "reader"])
def test_scrubs_are_for_telemarketers_and_reports_for_whoever_sends_them(role: str) -> None:
    said = {
        kind: {action for action in ("scrub", "see_scrubs", "send_reports")
               if may(Actor("member", role=role, strong=True, party=of_kind(kind)), action)}
        for kind in ("carrier", "telemarketer", "centre")
    }  # fmt: skip
    assert not said["carrier"] & {"scrub", "see_scrubs"}
    assert "see_scrubs" in said["telemarketer"]
    assert "send_reports" not in said["telemarketer"]
    assert said["centre"] == said["carrier"]


@pytest.mark.parametrize("role", sorted(STRONG_ROLES))
def test_a_strong_role_may_only_prove_itself_before_the_second_factor(role: str) -> None:
    actor = Actor("member", role=role)
    assert actor.needs_second_factor
    assert [action for action in ROLES[role] if may(actor, action)] == [access.PROVE]


def test_officers_and_owners_are_strong_roles_and_people_see_their_own_only() -> None:
    assert {"officer", "owner"} <= STRONG_ROLES
    assert ROLES["person"] == {"own_number", "own_reports"}
    assert not Actor("person", role="person").needs_second_factor
    assert {role for roles in ROLES_OF.values() for role in roles} | {"person"} == set(ROLES)
    assert set(ROLES_OF) == set(access.SCOPES_OF) == set(parties.KINDS)


# sessions


def test_a_persons_session_knows_the_number_until_it_ends(store: Store, clock: FakeClock) -> None:
    token = access.open_session(store, clock, kind="person", number=SEALED, minutes=30)
    found = access.find_session(store, clock, token)
    assert found is not None
    assert (found.kind, found.number, found.name) == ("person", SEALED, "person")
    assert may(found, "own_number")
    clock.advance(minutes=29, seconds=59)
    assert access.find_session(store, clock, token)
    clock.advance(1)
    assert access.find_session(store, clock, token) is None


def test_a_closed_unknown_or_strange_token_opens_nothing(store: Store, clock: FakeClock) -> None:
    token = access.open_session(store, clock, kind="person", number=SEALED, minutes=30)
    other = access.open_session(store, clock, kind="person", number=SEALED, minutes=30)
    access.close_session(store, token)
    access.close_session(store, token)
    for wrong in (token, "", "x", other[:-1], other + "A", "é" * 50, "\x00", "\ud800"):
        assert access.find_session(store, clock, wrong) is None
    assert access.find_session(store, clock, other)


def test_the_database_holds_no_token(store: Store, clock: FakeClock) -> None:
    token = access.open_session(store, clock, kind="person", number=SEALED, minutes=30)
    row = store.engine.row("SELECT session FROM session")
    assert row is not None
    assert bytes(row["session"]) == access.token_hash(token)
    assert len(token) >= 43


def test_expired_sessions_and_invitations_are_forgotten(desk: Desk) -> None:
    store, clock = desk.store, desk.clock
    access.open_session(store, clock, kind="person", number=SEALED, minutes=5)
    kept = access.open_session(store, clock, kind="person", number=SEALED, minutes=60 * 24 * 7)
    credentials.invite(store, clock, member=desk.hire())
    clock.advance(days=4)
    assert access.forget_expired(store, clock) == 2
    assert access.forget_expired(store, clock) == 0
    assert access.find_session(store, clock, kept)


def test_a_session_ends_at_once_when_member_or_party_is_suspended(desk: Desk) -> None:
    one, two = desk.welcome("clerk"), desk.welcome("reader", "han@example.cn")
    member = desk.actor(one).member
    assert member is not None
    parties.suspend_member(desk.store, desk.clock, member=member.member)
    assert access.find_session(desk.store, desk.clock, one) is None
    assert desk.actor(two)
    parties.set_party_state(desk.store, desk.clock, party="cmcc", state="suspended")
    assert access.find_session(desk.store, desk.clock, two) is None
    with pytest.raises(NotFoundError):
        parties.suspend_member(desk.store, desk.clock, member="nobody")


def test_no_role_of_casework_both_proposes_and_decides() -> None:
    steps = {"propose", "decide", "publish", "take_reports"}
    held = {role: ROLES[role] & steps for role in ROLES_OF["regulator"]}
    assert all(len(actions) <= 1 for actions in held.values())
    assert set().union(*held.values()) == steps
    assert not ROLES["auditor"] & {"work_cases", "propose", "decide", "publish", "settle_alarms"}
    assert set(ROLES_OF["regulator"]) <= STRONG_ROLES
