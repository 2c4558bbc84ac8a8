"""Numbers that move, as carriers' machines and officers see them: the API, quarantine, held events, resellers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry import numberevents, resellers
from registry.assembly import Registry
from tests.web.conftest import Carrier
from tests.web.filled import Viewers, Visitor

Problem = Callable[[Any, int], dict[str, Any]]
NDJSON = "application/x-ndjson"


@pytest.fixture
def headers(carrier: Carrier) -> dict[str, str]:
    return carrier("cmcc", "number-events")


def row(id_: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "number": "+8613800138000", "kind": "recycled", "at": "2026-12-24T00:00:00+08:00", **more}


def send(client: FlaskClient, headers: dict[str, str], body: bytes, kind: str = NDJSON, **more: str) -> Any:
    return client.post("/api/v1/number-events", data=body, content_type=kind, headers={**headers, **more})


def test_one_event_or_any_number_of_them_in_any_format_is_taken_in(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    out = row("d", kind="ported_out", **{"from": "cmcc"})
    csv = ",".join(out) + "\n" + ",".join(out.values()) + "\n"
    for kind, body, packed in (
        ("application/json", json.dumps(row("a")).encode(), False),
        ("application/json", json.dumps([row("b")]).encode(), True),
        (NDJSON, json.dumps(row("c")).encode(), False), ("text/csv", csv.encode("gb18030"), True),
    ):
        more = {"Content-Encoding": "gzip"} if packed else {}
        said = send(client, headers, gzip.compress(body) if packed else body, kind, **more).get_json()
        assert (said["rows"], said["accepted"]) == (1, 1), said


def test_rows_are_answered_one_by_one_and_the_same_body_under_the_same_key_alike(
    client: FlaskClient, headers: dict[str, str], problem: Problem
) -> None:
    body = b"\n".join([json.dumps(row("a")).encode(), b"{", json.dumps(row("b", at="soon")).encode()])
    answers = [send(client, headers, body, Accept=NDJSON, **{"Idempotency-Key": "k"}) for _ in range(2)]
    first, again = ([json.loads(line) for line in answer.data.splitlines()] for answer in answers)
    assert [each["result"] for each in first[:-1]] == ["accepted", "quarantined", "quarantined"]
    assert [each.get("reason", "") for each in first[:-1]] == ["", "not_json", "bad_time"]
    assert first[:-1] == again[:-1]
    assert again[-1]["repeated"]
    other = send(client, headers, json.dumps(row("z")).encode(), **{"Idempotency-Key": "k"})
    assert problem(other, 409)["code"] == "idempotency_reused"


def test_only_a_key_with_its_scope_sends_events(client: FlaskClient, carrier: Carrier, problem: Problem) -> None:
    assert problem(send(client, carrier("cmcc", "reports"), b"{}"), 403)
    assert problem(send(client, {}, b"{}"), 401)
    assert problem(send(client, carrier("ctcc", "number-events"), b"{}", "text/html"), 415)


def test_a_quarantined_event_is_released_over_the_api_after_a_fix(
    client: FlaskClient, headers: dict[str, str], problem: Problem
) -> None:
    send(client, headers, json.dumps(row("a", kind="lost")).encode())
    (held,) = client.get("/api/v1/quarantine", headers=headers).get_json()["rows"]
    assert (held["about"], held["reason"], held["fields"]["kind"]) == ("number-events", "unknown_kind", "lost")
    address = f"/api/v1/quarantine/{held['row']}/release"
    assert problem(client.post(address, json={}, headers=headers), 422)["code"] == "unknown_kind"
    said = client.post(address, json={"event": row("a")}, headers=headers).get_json()
    assert (said["result"], said["id"]) == ("accepted", "a")


def test_a_party_corrects_an_event_on_its_page(app: Flask, registry: Registry, viewers: Viewers) -> None:
    visitor = Visitor(app, viewers.tokens["owner"])
    page = visitor.get(f"/party/quarantine/{viewers.event}")
    assert "What happened: unknown word" in page
    assert "It is judged like every other report." not in page
    fields = {"id": "2", "number": "13911112222", "kind": "deactivated", "at": "2026-11-23T10:00:00+08:00"}
    wrong = visitor.post(f"/party/quarantine/{viewers.event}", status=422, **{**fields, "number": "139"})
    assert "too short" in wrong
    assert "The event was taken in." in visitor.post(f"/party/quarantine/{viewers.event}", **fields)
    assert registry.store.number_events.known("cmcc", ["2"])


def test_an_officer_sees_both_sides_of_a_conflict_with_the_number_masked_and_decides(
    app: Flask, registry: Registry, viewers: Viewers
) -> None:
    visitor = Visitor(app, viewers.tokens["officer"])
    listed = visitor.get("/officer/number-events")
    page = visitor.get(f"/officer/number-events/{viewers.held}")
    for text in (listed, page):
        assert "139****2222" in text
        assert "13911112222" not in text
        assert "China Telecom" in text
        assert "Snail" in text
    visitor.post(f"/officer/number-events/{viewers.held}", status=422, decision="accept", note="")
    done = visitor.post(f"/officer/number-events/{viewers.held}", decision="accept", note="The form was shown.")
    assert "The event was carried out." in done
    assert "Nothing is held" in done
    event = numberevents.one(registry.store, registry.keys, registry.plan, viewers.held)
    assert (event.state, event.serving) == ("done", "snail")
    assert "was decided before" in visitor.post(
        f"/officer/number-events/{viewers.held}", status=422, decision="refuse", note="Again."
    )


def test_an_officer_sets_how_a_reseller_follows_and_its_blocks(
    app: Flask, registry: Registry, viewers: Viewers
) -> None:
    visitor = Visitor(app, viewers.tokens["officer"])
    visitor.get("/officer/parties/snail/reseller")
    visitor.post("/officer/parties/snail/reseller", host="cmcc", follows="both")
    assert registry.store.parties.party("snail").follows == "both"
    refused = visitor.post("/officer/parties/snail/reseller", status=422, host="", follows="self")
    assert "has blocks of numbers" in refused
    visitor.post("/officer/parties/snail/blocks", prefix="1703")
    elsewhere = visitor.post("/officer/parties/snail/blocks", status=422, prefix="167000")
    assert "is not in the network of its host" in elsewhere
    visitor.post("/officer/parties/snail/blocks/165000/remove")
    assert [block.prefix for block in resellers.blocks_of(registry.store)] == ["1703"]


def test_held_events_are_counted_for_prometheus(client: FlaskClient, viewers: Viewers) -> None:
    text = client.get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"}).get_data(as_text=True)
    assert 'decline_call_number_events{state="held"} 1.0' in text
    assert 'decline_call_number_events{state="done"} 1.0' in text
