"""Alarms: a carrier that weakened its list, drifted or lags is named to officers, to itself and in the figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from registry import findings
from registry.alarms import alarms
from registry.assembly import Registry
from registry.findings import Findings
from registry.store.feeds import FeedEditionRow
from registry.times import to_micros
from tests.doubles import FakeClock
from tests.web.conftest import Carrier
from tests.web.filled import Viewers, Visitor

WEAK = Findings(lost=3, weakened=2, foreign=1, repaired_bytes=5000)


def test_what_weakened_a_refusal_is_shown_until_an_officer_has_said_what_came_of_it(
    app: Flask, registry: Registry, viewers: Viewers
) -> None:
    findings.note(registry.store, registry.clock, party="cmcc", edition=5, epoch=1, found=WEAK)
    officer = Visitor(app, viewers.tokens["officer"])
    for page in ("/officer", "/officer/alarms"):
        text = officer.get(page)
        assert "China Mobile" in text
        assert "its list at edition 5 had lost 3 entries and weakened 2." in text
    (waiting,) = registry.store.findings.unseen()
    address = f"/officer/alarms/{waiting.finding}"
    assert "Please say what came of it." in officer.post(address, note=" ")
    assert registry.store.findings.unseen() == (waiting,)
    assert "The alarm is settled." in officer.post(address, note="A disk was replaced.")
    assert registry.store.findings.unseen() == ()
    assert "A disk was replaced." in officer.get("/officer/alarms")
    assert "had lost" not in officer.get("/officer")
    assert "Somebody has seen to this already." in officer.post(address, note="Again.")
    assert "Alarm settled" in Visitor(app, viewers.tokens["auditor"]).get("/officer/audit")


def test_only_officers_settle_alarms(app: Flask, registry: Registry, viewers: Viewers) -> None:
    findings.note(registry.store, registry.clock, party="cmcc", edition=5, epoch=1, found=WEAK)
    (waiting,) = registry.store.findings.unseen()
    for who in ("auditor", "owner"):
        visitor = Visitor(app, viewers.tokens[who])
        visitor.get("/officer/alarms" if who == "auditor" else "/party")
        visitor.post(f"/officer/alarms/{waiting.finding}", status=403, note="Nothing to see.")
    assert "What came of it" not in Visitor(app, viewers.tokens["auditor"]).get("/officer/alarms")
    assert registry.store.findings.unseen() == (waiting,)


def test_a_carrier_sees_what_was_found_in_its_own_list_only(app: Flask, registry: Registry, viewers: Viewers) -> None:
    owner = Visitor(app, viewers.tokens["owner"])
    assert "What was found in your list" not in owner.get("/party")
    findings.note(registry.store, registry.clock, party="ctcc", edition=2, epoch=1, found=WEAK)
    assert "What was found in your list" not in owner.get("/party")
    findings.note(registry.store, registry.clock, party="cmcc", edition=5, epoch=1, found=Findings(anew=True))
    assert "Fetched anew: nobody counted." in owner.get("/party")


def offer(registry: Registry, party: str, edition: int) -> None:
    with registry.store.writing():
        registry.store.feeds.put_edition(FeedEditionRow(
            recipient=party, edition=edition, kind="full", rows=1, size=1, entries=1, content_root=bytes(32),
            exceptions_root=bytes(32), published=to_micros(registry.clock.now()),
        ))


def body(root: str, **found: Any) -> dict[str, Any]:
    said = {"edition": 3, "content_root": root, "exceptions_root": "0" * 64}
    return said | ({"found": found} if found else {})


def sample(text: str, name: str) -> float:
    return float(next(line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(name + " ")))


def test_the_figures_name_the_carrier_and_what_is_wrong_with_its_list(
    client: FlaskClient, registry: Registry, clock: FakeClock, carrier: Carrier
) -> None:
    key = carrier("cmcc")
    carrier("ctcc")
    for party in ("cmcc", "ctcc"):
        offer(registry, party, 3)
    post = {"headers": key, "json": body("1" * 64, lost=4, weakened=1)}
    assert client.post("/api/v1/acknowledgements", **post).get_json() == {"agrees": False}
    clock.advance(minutes=31)
    text = client.get("/metrics").text
    assert sample(text, 'decline_call_carrier_drifted{carrier="cmcc"}') == 1
    assert sample(text, 'decline_call_carrier_entries_lost{carrier="cmcc"}') == 4
    assert sample(text, 'decline_call_carrier_entries_weakened{carrier="cmcc"}') == 1
    assert sample(text, 'decline_call_carrier_entries_lost{carrier="ctcc"}') == 0
    assert sample(text, 'decline_call_carrier_acknowledged_age_seconds{carrier="cmcc"}') == 31 * 60
    rings = {
        (party, kind): sample(text, f'decline_call_carrier_alarm{{alarm="{kind}",carrier="{party}"}}')
        for party in ("cmcc", "ctcc") for kind in ("weakened", "drifted", "late")
    }  # fmt: skip
    assert {key for key, value in rings.items() if value} == {
        ("cmcc", "weakened"), ("cmcc", "drifted"), ("ctcc", "late"),
    }


def test_an_alarm_ends_with_its_cause(
    client: FlaskClient, registry: Registry, clock: FakeClock, carrier: Carrier
) -> None:
    key = carrier("cmcc")
    offer(registry, "cmcc", 3)

    def kinds() -> list[str]:
        return [alarm.kind for alarm in alarms(registry.store, clock, lag_minutes=30)]

    clock.advance(minutes=30)
    assert kinds() == []
    clock.advance(minutes=1)
    assert kinds() == ["late"]
    client.post("/api/v1/acknowledgements", headers=key, json=body("1" * 64))
    assert kinds() == ["drifted"]
    client.post("/api/v1/acknowledgements", headers=key, json=body("0" * 64))
    assert kinds() == []


def test_what_a_carrier_says_it_found_is_bounded(
    client: FlaskClient, registry: Registry, carrier: Carrier, problem: Callable[[Any, int], dict[str, Any]]
) -> None:
    key = carrier("cmcc")
    offer(registry, "cmcc", 3)
    for wrong in ({"lost": -1}, {"lost": 2**60}, {"gone": 1}, {"anew": 1}):
        problem(client.post("/api/v1/acknowledgements", headers=key, json=body("0" * 64, **wrong)), 422)
    unknown = body("0" * 64, lost=1) | {"edition": 9}
    problem(client.post("/api/v1/acknowledgements", headers=key, json=unknown), 422)
    assert registry.store.findings.of("cmcc", limit=9) == ()
