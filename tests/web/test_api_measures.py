"""Measures over the API: carriers fetch their orders and confirm them, whoever a measure is against appeals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry import enterprises, measures
from registry.access import Actor
from registry.assembly import Registry
from registry.measures import Measure
from registry.parties import Member
from registry.resources import Resource, new_id
from tests.doubles import FakeClock
from tests.web.conftest import Carrier

Headers = dict[str, str]


def officer(name: str) -> Actor:
    return Actor("member", role="decider", member=Member(name, "regulator", "", name, "decider", "active", True))


@pytest.fixture
def acme(registry: Registry, carrier: Carrier) -> Headers:
    headers = carrier("acme", "measures", kind="telemarketer")
    enterprises.enrol(registry.store, registry.clock, name="甲公司", party="acme")
    return headers


@pytest.fixture
def cmcc(carrier: Carrier) -> Headers:
    return carrier("cmcc", "measures")


def decided(registry: Registry, clock: FakeClock, *, kind: str = "disconnect_number") -> Measure:
    """A measure against acme that is in force since now."""
    own = registry.store.enterprises.of_party("acme")
    assert own
    made = measures.propose(
        registry.store, clock, actor=officer("anna"), enterprise=own.enterprise, kind=kind, facts="many upheld reports"
    )
    measures.decide(
        registry.store, clock, actor=officer("ben"), measure=made.measure, starts=clock.now() + timedelta(hours=1)
    )
    clock.advance(hours=1)
    measures.run_due(registry.store, clock)
    return made


def ledger(registry: Registry, prefix: str, carrier: str) -> None:
    """An entry of a carrier's ledger from which acme sends."""
    own, now = registry.store.enterprises.of_party("acme"), registry.clock.now()
    assert own
    with registry.store.writing():
        registry.store.enterprises.put_resources([
            Resource(new_id(), "port", prefix, None, carrier, own.enterprise, "", "", "", "", now, None, "", now)
        ])


def test_a_carrier_fetches_its_orders_with_its_numbers_and_confirms_them(
    client: FlaskClient, registry: Registry, clock: FakeClock, acme: Headers, cmcc: Headers, carrier: Carrier
) -> None:
    carrier("cucc", "measures")
    ledger(registry, "10690001", "cmcc")
    ledger(registry, "10690002", "cucc")
    made = decided(registry, clock)
    found = client.get("/api/v1/measures/orders", headers=cmcc).get_json()
    assert found["next"] is None
    assert [(each["measure"], each["step"], each["numbers"], each["against"]) for each in found["orders"]] == [
        (made.measure, "begin", ["10690001"], "甲公司")
    ]
    url = f"/api/v1/measures/{made.measure}/confirmation"
    for _ in range(2):
        assert client.post(url, json={"step": "begin"}, headers=cmcc).status_code == 204
    assert client.get("/api/v1/measures/orders", headers=cmcc).get_json()["orders"] == []
    whole = client.get("/api/v1/measures/orders?state=all", headers=cmcc).get_json()["orders"]
    assert whole[0]["confirmed"]
    assert client.get("/api/v1/measures", headers=acme).get_json()["measures"][0]["state"] == "in_force"


def test_orders_come_page_by_page_each_once(
    client: FlaskClient, registry: Registry, clock: FakeClock, acme: Headers, cmcc: Headers
) -> None:
    assert acme
    made = [decided(registry, clock, kind=kind).measure for kind in ("disconnect_number", "suspend_service") * 3]
    seen: list[str] = []
    after = ""
    while True:
        page = client.get(f"/api/v1/measures/orders?limit=2{after}", headers=cmcc).get_json()
        seen += [each["measure"] for each in page["orders"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == made


def test_what_is_no_order_of_the_carrier_cannot_be_confirmed(
    client: FlaskClient, registry: Registry, clock: FakeClock, acme: Headers, cmcc: Headers, problem: Any
) -> None:
    made = decided(registry, clock)
    url = f"/api/v1/measures/{made.measure}/confirmation"
    assert problem(client.post(url, json={"step": "end"}, headers=cmcc), 404)["code"] == "no_such_order"
    assert problem(client.post(url, json={"step": "begin"}, headers=acme), 404)["code"] == "no_such_order"
    assert problem(client.post(url, json={"step": "soon"}, headers=cmcc), 422)["code"] == "bad_body"
    assert problem(client.get("/api/v1/measures/orders?after=x", headers=cmcc), 422)["code"] == "bad_cursor"
    assert client.get("/api/v1/measures/orders").status_code == 401


def test_an_appeal_is_taken_once_and_only_from_whom_the_measure_is_against(
    client: FlaskClient, registry: Registry, clock: FakeClock, acme: Headers, carrier: Carrier, problem: Any
) -> None:
    rival = carrier("rival", "measures", kind="telemarketer")
    enterprises.enrol(registry.store, registry.clock, name="乙公司", party="rival")
    made = decided(registry, clock)
    url, said = f"/api/v1/measures/{made.measure}/appeal", {"text": "it was not our port"}
    assert problem(client.post(url, json=said, headers=rival), 404)["code"] == "no_such_measure"
    assert client.get("/api/v1/measures", headers=rival).get_json() == {"measures": []}
    assert problem(client.post(url, json={"text": " "}, headers=acme), 422)["code"] == "no_reason"
    answer = client.post(url, json=said, headers=acme).get_json()
    assert (answer["state"], answer["appeal"]) == ("appealed", "it was not our port")
    assert problem(client.post(url, json=said, headers=acme), 409)["code"] == "appealed_before"
    measures.decide_appeal(
        registry.store, clock, actor=officer("ben"), measure=made.measure, granted=False, note="it was"
    )
    again = problem(client.post(url, json=said, headers=acme), 409)
    assert (again["code"], again["detail"]) == ("appealed_before", "You appealed against this measure before.")


def test_a_proposal_is_not_shown_to_whom_it_would_be_against(
    client: FlaskClient, registry: Registry, clock: FakeClock, acme: Headers
) -> None:
    own = registry.store.enterprises.of_party("acme")
    assert own
    measures.propose(registry.store, clock, actor=officer("anna"), enterprise=own.enterprise, kind="warn", facts="x")
    assert client.get("/api/v1/measures", headers=acme).get_json() == {"measures": []}
