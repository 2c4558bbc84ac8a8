"""What officers do to parties and members: find them, suspend them after a question, give access back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from registry import audit, parties
from registry.assembly import Registry
from registry.errors import ConflictError, NotAllowedError
from tests.doubles import FakeClock
from tests.web.filled import Viewers, Visitor, fill, member
from tests.web.test_carrier_pages import column


@pytest.fixture
def officer(app: Flask, viewers: Viewers) -> Visitor:
    return Visitor(app, viewers.tokens["officer"])


def trail(registry: Registry) -> list[tuple[str, str]]:
    return [(entry.action, entry.subject) for entry in audit.entries(registry.store, most=3)]


def test_carriers_sort_and_filter_by_the_address(officer: Visitor) -> None:
    assert column(officer.get("/officer"), "Carriers") == ["China Mobile", "China Telecom"]
    assert column(officer.get("/officer?sort=-name"), "Carriers") == ["China Telecom", "China Mobile"]
    assert column(officer.get("/officer?sort=-lag"), "Carriers") == ["China Telecom", "China Mobile"]
    assert column(officer.page, "Carriers", 4) == ["3", "0"], "lag in minutes"
    assert column(officer.get("/officer?state=drift"), "Carriers") == ["China Telecom"]
    assert "2 / 2" not in officer.page
    assert "1 / 2" in officer.page, "figures speak of all carriers, whatever is picked"
    assert "No carrier stands like this." in officer.get("/officer?state=empty")


def test_parties_sort_and_filter_by_the_address(officer: Visitor) -> None:
    assert column(officer.get("/officer/parties?kind=carrier&sort=-party"), "Parties", 1) == ["snail", "ctcc", "cmcc"]
    assert column(officer.get("/officer/parties?q=贷款"), "Parties", 1) == ["loans"]
    assert column(officer.get("/officer/parties?q=MOBILE"), "Parties", 1) == ["cmcc"]
    assert "No party is like this." in officer.get("/officer/parties?state=suspended")


def test_a_party_is_suspended_with_a_reason_and_made_active_again(
    app: Flask, registry: Registry, officer: Visitor, viewers: Viewers
) -> None:
    _id, secret = parties.issue_key(registry.store, registry.clock, party="cmcc", scopes=("feed",), label="theirs")
    page = officer.get("/officer/parties/cmcc/suspend")
    assert "sessions stop at once" in page
    officer.post("/officer/parties/cmcc/suspend", status=422, note=" ")
    assert parties.get_party(registry.store, "cmcc").state == "active"
    assert "The party is suspended." in officer.post("/officer/parties/cmcc/suspend", note="its licence ended")
    assert trail(registry)[0] == ("party_suspended", "party:cmcc")
    assert audit.entries(registry.store, most=1)[0].facts == {"note": "its licence ended"}
    with pytest.raises(NotAllowedError):
        parties.key_actor(registry.store, registry.clock, secret)
    Visitor(app, viewers.tokens["owner"]).get("/party")
    officer.get("/officer/parties/cmcc/resume")
    assert "active again" in officer.post("/officer/parties/cmcc/resume")
    assert parties.key_actor(registry.store, registry.clock, secret).party is not None
    assert trail(registry)[0] == ("party_active", "party:cmcc")


def test_the_regulator_is_never_suspended(registry: Registry, officer: Visitor) -> None:
    officer.get("/officer/parties/regulator")
    assert "/suspend" not in officer.page.replace("/members/", "")  or "Suspend this party" not in officer.page
    officer.get("/officer/parties/regulator/suspend")
    page = officer.post("/officer/parties/regulator/suspend", status=422, note="a slip")
    assert "The regulator cannot be suspended" in page
    with pytest.raises(ConflictError):
        parties.set_party_state(registry.store, registry.clock, party="regulator", state="suspended")


def test_a_member_loses_access_at_once_and_gets_it_back_by_invitation(
    app: Flask, registry: Registry, officer: Visitor, viewers: Viewers
) -> None:
    address = f"/officer/parties/cmcc/members/{viewers.member}"
    own = Visitor(app, viewers.tokens["owner"])
    own.get("/party")
    officer.get(f"{address}/suspend")
    assert "is signed out" in officer.post(f"{address}/suspend")
    own.get("/party")
    assert own.address == "/sign-in"
    assert trail(registry)[0] == ("member_suspended", f"member:{viewers.member}")
    officer.get(f"{address}/invite")
    page = officer.post(f"{address}/invite")
    assert "/sign-in/first/" in page
    assert "/sign-in/first/" not in officer.get("/officer/parties/cmcc"), "it is shown once"


def test_nobody_takes_their_own_access_away(registry: Registry, officer: Visitor) -> None:
    me = registry.store.parties.member_of_email("officer@regulator.cn")
    assert me is not None
    assert me.member not in officer.get("/officer/parties/regulator")
    address = f"/officer/parties/regulator/members/{me.member}/suspend"
    officer.get(address)
    assert "You cannot take your own access away." in officer.post(address, status=422)
    officer.get("/officer")


def test_a_member_is_looked_for_in_the_own_party_only(officer: Visitor, viewers: Viewers) -> None:
    for tail in ("suspend", "invite"):
        officer.get(f"/officer/parties/ctcc/members/{viewers.member}/{tail}", status=404)


def test_only_officers_suspend_and_invite(app: Flask, registry: Registry, viewers: Viewers) -> None:
    addresses = [
        "/officer/parties/cmcc/suspend", "/officer/parties/cmcc/resume",
        f"/officer/parties/cmcc/members/{viewers.member}/suspend",
        f"/officer/parties/cmcc/members/{viewers.member}/invite",
    ]  # fmt: skip
    for token in (viewers.tokens["auditor"], viewers.tokens["owner"], member(registry, "regulator", "operator")):
        for address in addresses:
            Visitor(app, token).get(address, status=403)


def test_keys_that_are_old_or_unused_are_named_with_what_to_do(
    app: Flask, registry: Registry, clock: FakeClock
) -> None:
    viewers = fill(registry)
    parties.add_party(registry.store, clock, party="cucc", kind="carrier", name_zh="联通", name_en="Unicom")
    _id, secret = parties.issue_key(registry.store, clock, party="cucc", scopes=("feed",), label="busy")
    parties.issue_key(registry.store, clock, party="cucc", scopes=("feed",), label="idle")
    clock.advance(days=366)
    parties.key_actor(registry.store, clock, secret)
    parties.issue_key(registry.store, clock, party="cucc", scopes=("feed",), label="new")
    assert viewers.tokens
    page = Visitor(app, member(registry, "cucc", "owner")).get("/party/keys?sort=label")
    rows = dict(zip(column(page, "API keys"), column(page, "API keys", 1)))
    assert rows == {"busy": "Active Over a year old", "idle": "Active Unused for 90 days", "new": "Active"}
    assert column(page, "API keys", 4) == ["366", "366", "0"]
    assert timedelta(days=366) > timedelta(days=365)
    assert "issue a new one, put it in place" in page


def test_the_recipient_key_shows_its_age_and_its_fingerprint(
    app: Flask, registry: Registry, viewers: Viewers, clock: FakeClock
) -> None:
    owner = Visitor(app, viewers.tokens["owner"])
    assert "You have not handed in a public key yet" in owner.get("/party/keys")
    with registry.store.writing():
        registry.store.feeds.put_key(
            party="cmcc", public_key=bytes(32), at=round((clock.now() - timedelta(days=12)).timestamp() * 1e6)
        )
    page = owner.get("/party/keys")
    assert "66687aadf862bd77" in page
    assert "<dd>12</dd>" in page
