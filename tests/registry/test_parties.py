"""Parties, their members and their API keys."""

from __future__ import annotations

import hashlib

import pytest

from registry import access, audit, parties
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError, SignInRequiredError
from registry.store import Store
from tests.doubles import FakeClock


def add(store: Store, clock: FakeClock, party: str = "cmcc", kind: str = "carrier") -> parties.Party:
    return parties.add_party(store, clock, party=party, kind=kind, name_zh="中国移动", name_en="China Mobile")


def test_parties_are_numbered_in_the_order_they_come(store: Store, clock: FakeClock) -> None:
    added = [add(store, clock, name) for name in ("cmcc", "ctcc", "a-shop")]
    assert [party.ordinal for party in added] == [1, 2, 3]
    assert store.parties.all() == tuple(added)
    assert parties.get_party(store, "ctcc") == added[1]
    assert added[0].licensed
    assert added[0].state == "active"
    assert audit.verify(store) == (3, None)


@pytest.mark.parametrize("party", ["", "c", "CMCC", "1cmcc", "cm cc", "中国", "a" * 33, "a/b", "a\n", "../a"])
def test_a_party_id_that_is_no_word_is_refused(sqlite_store: Store, clock: FakeClock, party: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        add(sqlite_store, clock, party)
    assert refused.value.code == "bad_party"


@pytest.mark.parametrize(
    "wrong", [{"kind": "person"}, {"scope": "all"}, {"name_zh": "  "}, {"name_en": "x" * 121}, {"name_en": "a\0b"}]
)
def test_a_party_without_kind_scope_or_names_is_refused(
    sqlite_store: Store, clock: FakeClock, wrong: dict[str, str]
) -> None:
    right = {"party": "cmcc", "kind": "carrier", "name_zh": "移动", "name_en": "Mobile", "scope": "home"}
    with pytest.raises(InvalidInputError):
        parties.add_party(sqlite_store, clock, **{**right, **wrong})  # type: ignore[arg-type]


def test_a_party_is_added_once(store: Store, clock: FakeClock) -> None:
    add(store, clock)
    with pytest.raises(ConflictError) as refused:
        add(store, clock)
    assert refused.value.code == "party_exists"
    with pytest.raises(NotFoundError):
        parties.get_party(store, "nobody")


def test_a_key_is_its_partys_and_has_its_scopes(store: Store, clock: FakeClock) -> None:
    party = add(store, clock)
    key, secret = parties.issue_key(store, clock, party="cmcc", scopes=("feed", "reports"), label="follower")
    actor = parties.key_actor(store, clock, secret)
    assert (actor.kind, actor.party, actor.key) == ("key", party, key)
    assert actor.scopes == {"feed", "reports"}
    assert actor.name == f"key:{key}"
    assert access.may(actor, "feed")
    assert not access.may(actor, "read")


def test_only_the_hash_of_a_key_is_stored(store: Store, clock: FakeClock) -> None:
    add(store, clock)
    key, whole = parties.issue_key(store, clock, party="cmcc", scopes=["feed"], label="")
    assert whole.startswith(f"dc_{key}_")
    secret = whole.removeprefix(f"dc_{key}_")
    assert len(secret) == 43
    row = store.engine.row("SELECT * FROM api_key")
    assert row is not None
    assert bytes(row["secret"]) == hashlib.sha256(secret.encode()).digest()
    assert secret not in str(row)
    assert secret not in str(audit.entries(store))


def test_a_wrong_unknown_or_revoked_key_gets_one_answer(store: Store, clock: FakeClock) -> None:
    add(store, clock)
    key, right = parties.issue_key(store, clock, party="cmcc", scopes=["feed"], label="")
    other, revoked = parties.issue_key(store, clock, party="cmcc", scopes=["feed"], label="")
    parties.revoke_key(store, clock, api_key=other)
    swapped = right[:-1] + ("A" if right[-1] != "A" else "B")
    answers = set()
    for presented in (
        "", "dc", "dc__", f"dc_{key}_", f"dc_{key}", swapped, revoked, right + "A", right.upper(), " " + right,
        "dc_0000000000000000_" + "A" * 43, "é" * 70, "dc_\x00_\x00", f"dc_{key}_" + "\x00" * 43,
    ):
        with pytest.raises(SignInRequiredError) as refused:
            parties.key_actor(store, clock, presented)
        answers.add((refused.value.code, refused.value.detail))
    assert len(answers) == 1
    assert parties.key_actor(store, clock, right).key == key


def test_the_last_use_of_a_key_is_kept_to_the_hour(store: Store, clock: FakeClock) -> None:
    add(store, clock)
    _key, secret = parties.issue_key(store, clock, party="cmcc", scopes=["feed"], label=" follower ")
    assert parties.keys_of(store, "cmcc")[0].used is None
    first = clock.now()
    for _ in range(3):
        parties.key_actor(store, clock, secret)
        clock.advance(minutes=20)
    assert parties.keys_of(store, "cmcc")[0].used == first
    parties.key_actor(store, clock, secret)
    kept = parties.keys_of(store, "cmcc")[0]
    assert kept.used == clock.now()
    assert kept.label == "follower"


def test_a_key_without_known_scopes_is_not_issued(store: Store, clock: FakeClock) -> None:
    add(store, clock)
    for scopes in ([], ["everything"], ["feed", "root"]):
        with pytest.raises(InvalidInputError) as refused:
            parties.issue_key(store, clock, party="cmcc", scopes=scopes, label="")
        assert refused.value.code == "bad_scope"
    with pytest.raises(InvalidInputError):
        parties.issue_key(store, clock, party="cmcc", scopes=["feed"], label="x" * 200)
    with pytest.raises(NotFoundError):
        parties.issue_key(store, clock, party="nobody", scopes=["feed"], label="")
    assert not parties.keys_of(store, "cmcc")


def test_a_key_is_revoked_by_its_own_party_only(store: Store, clock: FakeClock) -> None:
    add(store, clock)
    add(store, clock, "ctcc")
    key, secret = parties.issue_key(store, clock, party="cmcc", scopes=["feed"], label="")
    for wrong in ({"api_key": key, "party": "ctcc"}, {"api_key": "0" * 16}):
        with pytest.raises(NotFoundError):
            parties.revoke_key(store, clock, **wrong)
    assert parties.key_actor(store, clock, secret)
    parties.revoke_key(store, clock, api_key=key, party="cmcc")
    revoked = parties.keys_of(store, "cmcc")[0].revoked
    clock.advance(60)
    parties.revoke_key(store, clock, api_key=key)
    assert parties.keys_of(store, "cmcc")[0].revoked == revoked
    assert [entry.action for entry in audit.entries(store)].count("key_revoked") == 1


def test_the_keys_of_a_suspended_party_do_not_work_until_it_is_active_again(store: Store, clock: FakeClock) -> None:
    add(store, clock)
    _key, secret = parties.issue_key(store, clock, party="cmcc", scopes=["feed"], label="")
    parties.set_party_state(store, clock, party="cmcc", state="suspended", actor="member:1")
    with pytest.raises(NotAllowedError) as refused:
        parties.key_actor(store, clock, secret)
    assert refused.value.code == "party_suspended"
    parties.set_party_state(store, clock, party="cmcc", state="active")
    assert parties.key_actor(store, clock, secret).party is not None
    with pytest.raises(InvalidInputError):
        parties.set_party_state(store, clock, party="cmcc", state="gone")
    with pytest.raises(NotFoundError):
        parties.set_party_state(store, clock, party="nobody", state="suspended")


def test_members_belong_to_one_party_and_have_its_kind_of_role(store: Store, clock: FakeClock) -> None:
    add(store, clock)
    add(store, clock, "regulator", "regulator")
    owner = parties.add_member(store, clock, party="cmcc", email=" Li@Example.CN ", name="李雷", role="owner")
    assert owner.email == "li@example.cn"
    assert owner.state == "invited"
    assert not owner.second_factor
    assert store.parties.members("cmcc") == (owner,)
    assert store.parties.member_of_email("li@example.cn") == owner
    for party, role in (("cmcc", "officer"), ("regulator", "owner"), ("cmcc", "king")):
        with pytest.raises(InvalidInputError) as refused:
            parties.add_member(store, clock, party=party, email="x@y.cn", name="X", role=role)
        assert refused.value.code == "bad_member"
    with pytest.raises(ConflictError) as taken:
        parties.add_member(store, clock, party="regulator", email="LI@example.cn", name="Li", role="officer")
    assert taken.value.code == "email_taken"


@pytest.mark.parametrize(("email", "name"), [("", "X"), ("x", "X"), ("x@", "X"), ("a b@c", "X"), ("x\0@y", "X"),
                                             ("x@y", " "), ("x@y", "x" * 121), ("x@y", "a\0")])
def test_a_member_without_name_or_address_is_refused(
    sqlite_store: Store, clock: FakeClock, email: str, name: str
) -> None:
    add(sqlite_store, clock)
    with pytest.raises(InvalidInputError) as refused:
        parties.add_member(sqlite_store, clock, party="cmcc", email=email, name=name, role="owner")
    assert refused.value.code == "bad_member"


# telemarketers


def test_a_key_of_the_sandbox_is_a_telemarketers_and_says_so(store: Store, clock: FakeClock) -> None:
    add(store, clock, "shop", "telemarketer")
    add(store, clock)
    _key, real = parties.issue_key(store, clock, party="shop", scopes=("check", "read"), label="dialer")
    key, secret = parties.issue_key(store, clock, party="shop", scopes=("check",), label="trying", sandbox=True)
    assert not parties.key_actor(store, clock, real).sandbox
    assert parties.key_actor(store, clock, secret).sandbox
    assert [each.key for each in parties.keys_of(store, "shop") if each.sandbox] == [key]
    for party, scopes in (("cmcc", ("read",)), ("shop", ("webhooks",)), ("shop", ("check", "webhooks"))):
        with pytest.raises(InvalidInputError) as refused:
            parties.issue_key(store, clock, party=party, scopes=scopes, label="x", sandbox=True)
        assert refused.value.code == "bad_sandbox_key"


@pytest.mark.parametrize(
    ("kind", "scope"), [("telemarketer", "feed"), ("carrier", "scrub"), ("carrier", "check"), ("carrier", "metrics")]
)
def test_a_key_has_no_scope_that_does_not_fit_its_kind_of_party(
    sqlite_store: Store, clock: FakeClock, kind: str, scope: str
) -> None:
    add(sqlite_store, clock, "some", kind)
    with pytest.raises(InvalidInputError) as refused:
        parties.issue_key(sqlite_store, clock, party="some", scopes=("read", scope), label="x")
    assert refused.value.code == "bad_scope"


def test_a_licence_tier_is_a_telemarketers_and_may_change(store: Store, clock: FakeClock) -> None:
    added = add(store, clock, "shop", "telemarketer")
    assert added.tier == parties.get_party(store, "shop").tier == "basic"
    changed = parties.set_tier(store, clock, party="shop", tier="large", actor="member:1")
    assert changed == parties.get_party(store, "shop")
    assert changed.tier == "large"
    add(store, clock)
    for party, tier in (("cmcc", "large"), ("shop", ""), ("shop", "Large one"), ("shop", "x" * 33)):
        with pytest.raises(InvalidInputError) as refused:
            parties.set_tier(store, clock, party=party, tier=tier)
        assert refused.value.code == "bad_tier"
    with pytest.raises(NotFoundError):
        parties.set_tier(store, clock, party="nobody", tier="large")


@pytest.mark.parametrize(("kind", "role"), [("carrier", "scrubber"), ("telemarketer", "clerk"), ("centre", "officer")])
def test_a_role_fits_its_kind_of_party(sqlite_store: Store, clock: FakeClock, kind: str, role: str) -> None:
    add(sqlite_store, clock, "some", kind)
    with pytest.raises(InvalidInputError) as refused:
        parties.add_member(sqlite_store, clock, party="some", email="li@some.example", name="Li", role=role)
    assert refused.value.code == "bad_member"
