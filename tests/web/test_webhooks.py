"""Webhooks over the API and on the pages of a party's owner; outboxes on the officers' page; both as commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient

from registry import audit, outboxes, webhook_events, webhooks
from registry.assembly import Registry, assemble
from registry.settings import WebhookSettings
from tests.doubles import FakeClock
from tests.web.conftest import Carrier
from tests.web.filled import Viewers, Visitor
from web.commands import main

Problem = Callable[[Any, int], dict[str, Any]]
Run = Callable[..., Result]
WANTED = {"url": "https://hooks.example/in", "events": ["edition.published", "report.judged"], "label": "desk"}
BASE = "/api/v1/webhooks"


def emit(registry: Registry, edition: int = 1, party: str = "cmcc") -> str:
    with registry.store.writing():
        event = webhook_events.emit(
            registry.store, registry.clock, type="edition.published", party=party, data={"edition": edition}
        )
    assert event
    return event


def bury(registry: Registry, endpoint: str, event: str) -> None:
    with registry.store.writing():
        registry.store.webhooks.settle(
            endpoint=endpoint, event=event, state="dead", due=0, attempts=14, done=1, status=503, failure="http_503"
        )


# over the API


def test_an_endpoint_is_added_shown_changed_rotated_and_removed(
    client: FlaskClient, registry: Registry, carrier: Carrier, problem: Problem
) -> None:
    headers = carrier("cmcc", "webhooks")
    added = client.post(BASE, json=WANTED, headers=headers)
    assert added.status_code == 201
    assert added.headers["Cache-Control"] == "no-store"
    made, secret = added.get_json()["endpoint"], added.get_json()["secret"]
    assert secret.startswith("whsec_")
    assert (made["url"], made["state"], made["events"]) == (WANTED["url"], "active", WANTED["events"])
    own = f"{BASE}/{made['endpoint']}"
    assert client.get(BASE, headers=headers).get_json() == {"endpoints": [made]}
    assert client.get(own, headers=headers).get_json() == made
    changed = client.patch(own, json={"events": ["key.rotated"], "active": False}, headers=headers).get_json()
    assert (changed["events"], changed["state"], changed["label"]) == (["key.rotated"], "off", "desk")
    rotated = client.post(f"{own}/rotate", headers=headers).get_json()
    assert rotated["secret"] != secret
    assert rotated["rotating_until"] == "2026-11-24T02:00:00Z"
    assert secret not in client.get(own, headers=headers).text
    assert client.delete(own, headers=headers).status_code == 204
    assert problem(client.get(own, headers=headers), 404)["code"] == "no_such_endpoint"
    actors = {entry.actor for entry in audit.entries(registry.store, most=4)}
    assert len(actors) == 1
    assert actors.pop().startswith("key:")


def test_deliveries_are_listed_and_a_dead_letter_is_sent_again(
    client: FlaskClient, registry: Registry, carrier: Carrier, problem: Problem
) -> None:
    headers = carrier("cmcc", "webhooks")
    own = f"{BASE}/{client.post(BASE, json=WANTED, headers=headers).get_json()['endpoint']['endpoint']}"
    endpoint = own.rpartition("/")[2]
    dead, waiting = emit(registry, 1), emit(registry, 2)
    bury(registry, endpoint, dead)
    found = client.get(f"{own}/deliveries", headers=headers).get_json()["deliveries"]
    assert {each["event"]: each["state"] for each in found} == {dead: "dead", waiting: "waiting"}
    (letter,) = client.get(f"{own}/deliveries?state=dead", headers=headers).get_json()["deliveries"]
    assert (letter["attempts"], letter["status"], letter["failure"], letter["due"]) == (14, 503, "http_503", None)
    assert client.post(f"{own}/deliveries/{dead}/resend", headers=headers).get_json() == {"event": dead}
    again = client.post(f"{own}/deliveries/{dead}/resend", headers=headers)
    assert problem(again, 409)["code"] == "delivery_waits"
    assert client.post(f"{own}/test", headers=headers).status_code == 202
    assert problem(client.post(f"{own}/test", headers=headers), 409)["code"] == "test_waits"
    missing = client.post(f"{own}/deliveries/msg_{'0' * 24}/resend", headers=headers)
    assert problem(missing, 404)["code"] == "no_such_delivery"
    assert problem(client.get(f"{own}/deliveries?state=lost", headers=headers), 422)["code"] == "bad_query"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://hooks.example/"}, "bad_address"), ({"url": "https://169.254.169.254/"}, "private_address"),
        ({"url": "https://[::ffff:127.0.0.1]/"}, "private_address"), ({"events": []}, "bad_body"),
        ({"events": ["everything"]}, "bad_body"), ({"secret": "mine"}, "bad_body"), ({"label": "a\nb"}, "bad_label"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused_with_its_reason(
    client: FlaskClient, carrier: Carrier, problem: Problem, body: dict[str, Any], code: str
) -> None:
    answer = client.post(BASE, json={**WANTED, **body}, headers=carrier("cmcc", "webhooks"))
    assert problem(answer, 422)["code"] == code


def test_only_keys_for_it_see_webhooks_and_only_their_own(
    client: FlaskClient, carrier: Carrier, problem: Problem
) -> None:
    mine, other = carrier("cmcc", "webhooks"), carrier("ctcc", "webhooks")
    own = f"{BASE}/{client.post(BASE, json=WANTED, headers=mine).get_json()['endpoint']['endpoint']}"
    assert problem(client.get(BASE, headers=carrier("cucc", "feed", "reports")), 403)["code"] == "scope_missing"
    assert client.get(BASE, headers=other).get_json() == {"endpoints": []}
    for answer in (
        client.get(own, headers=other), client.patch(own, json={"active": False}, headers=other),
        client.delete(own, headers=other), client.post(f"{own}/rotate", headers=other),
        client.post(f"{own}/test", headers=other), client.get(f"{own}/deliveries", headers=other),
    ):
        assert problem(answer, 404)["code"] == "no_such_endpoint"


# on the pages


def secret_on(page: str) -> str:
    return re.findall(r'<p class="secret">([^<]+)</p>', page)[0]


def test_an_owner_adds_an_endpoint_and_sees_its_secret_once(registry: Registry, app: Flask, viewers: Viewers) -> None:
    visitor = Visitor(app, viewers.tokens["owner"])
    visitor.get("/party/webhooks")
    assert "https address" in visitor.post(
        "/party/webhooks", status=422, url="http://hooks.example/", events=["key.rotated"]
    )
    assert "inside a private network" in visitor.post(
        "/party/webhooks", status=422, url="https://10.0.0.1/", events=["key.rotated"]
    )
    visitor.post("/party/webhooks", status=422, url="https://hooks.example/")
    page = visitor.post("/party/webhooks", url="https://hooks.example/", events=["key.rotated"], label="keys")
    address, secret = visitor.address, secret_on(page)
    assert secret.startswith("whsec_")
    assert secret not in visitor.get(address)
    assert secret_on(visitor.post(f"{address}/rotate")) != secret
    assert "The old secret signs until" in visitor.page
    assert "test event is on its way" in visitor.post(f"{address}/test")
    assert "on its way already" in visitor.post(f"{address}/test")
    assert "Test event" in visitor.page
    page = visitor.post(address, url="https://hooks.example/2", events=["report.judged"], label="")
    assert "The endpoint was changed." in page
    assert "Switched off" in page
    assert "switched off" in visitor.post(f"{address}/test")
    visitor.post(f"{address}/remove")
    assert "hooks.example/2" not in visitor.page
    visitor.get(address, status=404)


def test_a_dead_letter_is_seen_and_sent_again_by_its_owner_alone(
    registry: Registry, app: Flask, viewers: Viewers
) -> None:
    visitor = Visitor(app, viewers.tokens["owner"])
    assert "2 events could not be delivered" in visitor.get("/party/webhooks")
    page = visitor.get(f"/party/webhooks/{viewers.endpoint}")
    assert "Given up" in page
    assert "It answers with status 503" in page
    dead = registry.store.webhooks.dead_letters(party="cmcc")[0].event
    address = f"/party/webhooks/{viewers.endpoint}/deliveries/{dead}/resend"
    assert "on its way again" in visitor.post(address)
    assert len(registry.store.webhooks.dead_letters(party="cmcc")) == 1
    for viewer in ("officer", "mine"):
        other = Visitor(app, viewers.tokens[viewer])
        answer = other.client.get("/party/webhooks")
        assert answer.status_code in {303, 403}


def test_an_officer_sets_sees_and_removes_an_outbox(registry: Registry, app: Flask, viewers: Viewers) -> None:
    visitor = Visitor(app, viewers.tokens["officer"])
    page = visitor.get("/officer/outboxes")
    assert "Left alone after failures" in page
    assert "Answers too slowly" in page
    said = {"source": "cmcc", "address": "https://out.cmcc.example/", "kind": "carrier", "every": "60"}
    assert "inside a private network" in visitor.post(
        "/officer/outboxes", status=422, **{**said, "address": "https://192.168.1.1/"}
    )
    assert "Between 10" in visitor.post("/officer/outboxes", status=422, **{**said, "every": "5"})
    page = visitor.post("/officer/outboxes", **said, token="s3cret-token")
    assert "out.cmcc.example" in page
    assert "s3cret" not in page
    box = registry.store.reports.outbox("cmcc")
    assert box is not None
    assert outboxes.token_of(registry.keys, box) == "s3cret-token"
    visitor.post("/officer/outboxes/cmcc/remove")
    assert registry.store.reports.outbox("cmcc") is None
    Visitor(app, viewers.tokens["auditor"]).get("/officer/outboxes", status=403)


def test_metrics_tell_what_waits_what_is_dead_and_which_circuit_is_open(app: Flask, viewers: Viewers) -> None:
    lines = app.test_client().get("/metrics").text.splitlines()
    for line in (
        "decline_call_webhook_waiting 1.0", "decline_call_webhook_dead_letters 2.0",
        'decline_call_webhook_attempts_total{outcome="delivered"} 0.0',
        'decline_call_outbox_open{party="ctcc"} 1.0', 'decline_call_outbox_failures{party="ctcc"} 6.0',
    ):
        assert line in lines


# as commands


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def running(*arguments: str, status: int = 0) -> Result:
        done = CliRunner().invoke(main, ["--instance", str(tmp_path / "instance"), *arguments])
        assert done.exit_code == status, done.output
        return done

    running("prepare")
    running("party", "add", "cmcc", "--kind", "carrier", "--name-zh", "移动", "--name-en", "Mobile")
    return running


def test_outboxes_are_set_listed_and_removed_by_command(run: Run, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret-token\n")
    run("outbox", "set", "cmcc", "https://out.example/r", "--every", "30", "--token-file", str(token))
    listed = run("outbox", "list").stdout
    assert "cmcc\tcarrier\thttps://out.example/r\tevery 30 s\tclosed" in listed
    assert "with token" in listed
    assert "s3cret" not in listed
    run("outbox", "set", "cmcc", "https://out.example/r", "--no-token")
    assert "without token" in run("outbox", "list").stdout
    assert "private network" in run("outbox", "set", "cmcc", "https://127.0.0.1/", status=1).stderr
    assert "no such party" in run("outbox", "set", "nobody", "https://out.example/", status=1).stderr
    run("outbox", "remove", "cmcc")
    assert run("outbox", "list").stdout == ""


def test_dead_letters_are_listed_and_sent_again_by_command(run: Run, tmp_path: Path, clock: FakeClock) -> None:
    registry = assemble(tmp_path / "instance")
    made, secret = webhooks.add_endpoint(
        registry.store, registry.keys, registry.clock, WebhookSettings(), party="cmcc",
        url="https://hooks.example/token", events=["edition.published"],
    )
    events = [emit(registry, edition) for edition in range(3)]
    for event in events:
        bury(registry, made.endpoint, event)
    listed = run("webhook", "list").stdout
    assert f"{made.endpoint}\tcmcc\tactive" in listed
    assert "dead 3" in listed
    assert "token" not in listed
    assert secret not in listed
    assert all(event in run("webhook", "dead", "--party", "cmcc").stdout for event in events)
    assert "1 on the way" in run("webhook", "resend", made.endpoint, events[0]).stdout
    assert "2 on the way" in run("webhook", "resend", made.endpoint).stdout
    assert run("webhook", "dead").stdout == ""
    assert "no such endpoint" in run("webhook", "resend", "ep_none", status=1).stderr
    registry.close()
