"""Officers' pages of what telemarketers ask: alarms in words, balances, decisions with their reasons, and who may."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry import guardalarms, guardlanes, quotas
from registry.assembly import Registry
from registry.parties import get_party
from tests.web.conftest import Carrier
from tests.web.filled import Viewers, Visitor
from tests.web.filled_guard import ring


@pytest.fixture
def officer(app: Flask, viewers: Viewers) -> Visitor:
    return Visitor(app, viewers.tokens["officer"])


def test_an_alarm_says_in_words_what_was_seen_and_is_decided_with_a_reason(
    registry: Registry, viewers: Viewers, officer: Visitor
) -> None:
    page = officer.get("/officer/scrubs")
    for text in ("Loans Ltd", "number by number", "numbers that nobody has", "A list of opt-outs.", "48,000"):
        assert text in page
    assert "it asks for numbers that look made up." in officer.get("/officer")
    assert "it asks for numbers that look made up." in officer.get("/officer/alarms")
    address = f"/officer/scrubs/alarms/{viewers.alarm}"
    page = officer.get(address)
    for text in ("42 % of the numbers stand in sequences", "It asked for 7 numbers", "Only 1.1 % of the numbers"):
        assert text in page
    assert "Please say why." in officer.post(address, status=422, decision="refuse", note=" ")
    assert "Please choose one." in officer.post(address, status=422, note="Because.")
    assert "Decided. It counts from now on." in officer.post(address, decision="refuse", note="They would not explain.")
    assert guardlanes.lane_of(registry.store, "loans") == "held"
    assert "They would not explain." in officer.get("/officer/scrubs")
    assert "Somebody has seen to this already." in officer.post(address, decision="let_go", note="Again.")
    assert "look made up" not in officer.get("/officer")


def test_a_party_is_moved_to_another_lane_with_a_reason(registry: Registry, officer: Visitor) -> None:
    address = "/officer/scrubs/parties/loans"
    page = officer.get(address)
    assert "0 of 50,000 used" in page
    assert "Please say why." in officer.post(address, status=422, lane="slow")
    officer.post(address, lane="slow", note="Until we have talked.")
    party = get_party(registry.store, "loans")
    assert quotas.balance(registry.store, registry.clock, registry.settings, party).lane == "slow"
    for nobody in ("cmcc", "nobody"):
        officer.get(f"/officer/scrubs/parties/{nobody}", status=404)
    officer.get("/officer/scrubs/alarms/nothing", status=404)


def test_only_officers_see_and_decide(app: Flask, registry: Registry, viewers: Viewers) -> None:
    for who in ("auditor", "seller", "owner"):
        visitor = Visitor(app, viewers.tokens[who])
        visitor.get("/officer" if who == "auditor" else "/party/keys")
        for address in ("/officer/scrubs", f"/officer/scrubs/alarms/{viewers.alarm}", "/officer/scrubs/parties/loans"):
            visitor.get(address, status=403)
        visitor.post(f"/officer/scrubs/alarms/{viewers.alarm}", status=403, decision="let_go", note="Me.")
        visitor.post("/officer/scrubs/parties/loans", status=403, lane="usual", note="Me.")
    assert [each.alarm for each in guardalarms.open_alarms(registry.store)] == [viewers.alarm]
    assert "Alarm decided" in Visitor(app, viewers.tokens["auditor"]).get("/officer/audit")


def test_whose_list_an_alarm_stopped_learns_that_an_officer_looks_and_not_why(
    app: Flask, registry: Registry, viewers: Viewers
) -> None:
    with registry.store.writing():
        registry.store.guard.put_lane("loans", lane="held", since=0, by="test")
    page = Visitor(app, viewers.tokens["seller"]).get("/party/balance")
    assert "held until an officer has looked" in page
    assert "sequences" not in page


def test_a_machine_that_is_held_or_slowed_down_is_told_so(
    registry: Registry, viewers: Viewers, client: FlaskClient, carrier: Carrier
) -> None:
    auth = carrier("shop", "check", "read", kind="telemarketer")
    ring(registry, "shop", "sequence")
    body = {"channel": "calls", "category": "loan", "numbers": ["13800138000"]}
    told = client.post("/api/v1/checks", json=body, headers=auth)
    assert (told.status_code, told.json["code"] if told.json else "") == (403, "held_by_guard")
    assert "13800138000" not in told.get_data(as_text=True)
    balance = client.get("/api/v1/balance", headers=auth)
    assert balance.json is not None
    assert (balance.status_code, balance.json["lane"]) == (200, "held")


def test_metrics_count_alarms_by_signal_and_parties_by_lane(
    registry: Registry, viewers: Viewers, client: FlaskClient
) -> None:
    ring(registry, "loans", "sequence", "dense", scrub="other")
    text = client.get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"}).get_data(as_text=True)
    assert 'decline_call_guard_alarms{signal="sequence"} 2.0' in text
    assert 'decline_call_guard_parties{lane="held"} 0.0' in text
    assert "decline_call_quota_numbers" in text
