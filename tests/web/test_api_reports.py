"""Reports over the API: formats, results by row or in sum, idempotency, quarantine, and bodies that are wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.assembly import Registry
from registry.settings import parse
from tests.web.conftest import Carrier
from web.application import create_app

Problem = Callable[[Any, int], dict[str, Any]]
NDJSON = "application/x-ndjson"


@pytest.fixture
def headers(carrier: Carrier) -> dict[str, str]:
    return carrier("cmcc", "reports")


def row(id_: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_, "called": "+8613800138000", "caller": "+8617100000001", "channel": "calls", "category": "loan",
        "at": "2026-11-23T09:00:00+08:00", "duration": 12, "mode": "human", **more,
    }


def lines(*rows: Any) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def send(client: FlaskClient, headers: dict[str, str], body: bytes, kind: str = NDJSON, **more: str) -> Any:
    return client.post("/api/v1/reports", data=body, content_type=kind, headers={**headers, **more})


def test_rows_in_are_accepted_duplicates_or_quarantined(client: FlaskClient, headers: dict[str, str]) -> None:
    body = lines(row("a"), row("b", channel="messages"), b"{", row("c", category="nonsense"), row("a"))
    said = send(client, headers, body).get_json()
    assert (said["rows"], said["accepted"], said["duplicates"], said["quarantined"]) == (5, 2, 1, 2)
    assert said["reasons"] == {"not_json": 1, "unknown_category": 1}
    assert sum(said["verdicts"].values()) == 2


def test_results_come_by_row_for_who_asks_so(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = send(client, headers, lines(row("a"), b"{", row("a")), Accept=NDJSON)
    assert answer.mimetype == NDJSON
    said = [json.loads(line) for line in answer.data.splitlines()]
    assert [each["result"] for each in said[:-1]] == ["accepted", "quarantined", "duplicate"]
    assert said[0]["verdict"]
    assert said[0]["rule"]
    assert said[1]["reason"] == "not_json"
    assert said[-1]["rows"] == 3


@pytest.mark.parametrize("packed", [False, True])
def test_csv_json_and_gzip_are_read_alike(client: FlaskClient, headers: dict[str, str], packed: bool) -> None:
    found = row("a")
    csv = ",".join(found) + "\r\n" + ",".join(str(value) for value in found.values()) + "\r\n"
    for kind, body in (("text/csv", csv.encode("gb18030")), ("application/json", json.dumps([row("b")]).encode())):
        more = {"Content-Encoding": "gzip"} if packed else {}
        said = send(client, headers, gzip.compress(body) if packed else body, kind, **more).get_json()
        assert (said["rows"], said["accepted"]) == (1, 1), said


def test_the_same_body_under_the_same_key_gets_the_same_answer(
    client: FlaskClient, headers: dict[str, str], problem: Problem
) -> None:
    first = send(client, headers, lines(row("a"), b"{"), **{"Idempotency-Key": "k1"}).get_json()
    again = send(client, headers, lines(row("a"), b"{"), **{"Idempotency-Key": "k1"}).get_json()
    assert {**again, "repeated": False} == first
    assert again["repeated"]
    other = send(client, headers, lines(row("b")), **{"Idempotency-Key": "k1"})
    assert problem(other, 409)["code"] == "idempotency_reused"


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 65, "é"])
def test_an_idempotency_key_that_is_none_is_refused(
    client: FlaskClient, headers: dict[str, str], problem: Problem, key: str
) -> None:
    answer = send(client, headers, lines(row("a")), **{"Idempotency-Key": key})
    assert problem(answer, 422)["code"] == "bad_idempotency_key"


def test_two_carriers_may_use_the_same_ids_and_keys(client: FlaskClient, carrier: Carrier) -> None:
    for party in ("cmcc", "ctcc"):
        said = send(client, carrier(party, "reports"), lines(row("a")), **{"Idempotency-Key": "k"}).get_json()
        assert said["accepted"] == 1


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"x", 415), ("application/json", b"nonsense", 422), ("application/json", b"\x00\x01", 422),
        ("text/csv", b"no,such,columns\r\n1,2,3\r\n", 422), (NDJSON, b"PK\x03\x04" + b"\x00" * 60, 422),
    ],
)
def test_a_whole_that_cannot_be_read_is_refused(
    client: FlaskClient, headers: dict[str, str], problem: Problem, kind: str, body: bytes, status: int
) -> None:
    assert problem(send(client, headers, body, kind), status)["code"]


def test_an_encoding_that_we_do_not_unpack_is_refused(
    client: FlaskClient, headers: dict[str, str], problem: Problem
) -> None:
    answer = send(client, headers, b"x", **{"Content-Encoding": "br"})
    assert problem(answer, 415)["code"] == "media_type"


def test_an_unknown_query_is_refused_and_nothing_is_taken_in(
    client: FlaskClient, headers: dict[str, str], problem: Problem
) -> None:
    for query in ("kind=us", "knid=ftc"):
        answer = client.post(f"/api/v1/reports?{query}", data=lines(row("a")), content_type=NDJSON, headers=headers)
        assert problem(answer, 422)["code"] == "bad_query"


def test_the_ftcs_reported_calls_are_read_too(client: FlaskClient, headers: dict[str, str]) -> None:
    body = lines({
        "type": "dnc_complaint", "id": "x1",
        "attributes": {
            "company-phone-number": "2025550123", "created-date": "2020-02-17 10:00:00",
            "violation-date": "2020-02-16 10:00:00", "subject": "Reducing your debt",
            "recorded-message-or-robocall": "Y", "consumer-city": "", "consumer-state": "", "consumer-area-code": "202",
        },
    })
    answer = client.post("/api/v1/reports?kind=ftc", data=body, content_type=NDJSON, headers=headers)
    assert answer.get_json()["rows"] == 1


def quarantined(client: FlaskClient, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/quarantine", headers=headers, query_string=query)
    found: list[dict[str, Any]] = answer.get_json()["rows"]
    return found


def test_a_quarantined_row_is_shown_to_its_sender_and_released_after_a_fix(
    client: FlaskClient, headers: dict[str, str], carrier: Carrier, problem: Problem
) -> None:
    send(client, headers, lines(row("q", duration=-1)))
    held = quarantined(client, headers)
    assert [(each["reason"], each["fields"]["id"]) for each in held] == [("impossible_duration", "q")]
    assert not quarantined(client, carrier("ctcc", "reports"))
    url = f"/api/v1/quarantine/{held[0]['row']}"
    assert problem(client.post(f"{url}/release", json={}, headers=headers), 422)["code"] == "impossible_duration"
    assert problem(client.post(f"{url}/release", json={}, headers=carrier("ctcc", "reports")), 404)
    fixed = client.post(f"{url}/release", json={"corrected": row("q", duration=1)}, headers=headers)
    assert fixed.get_json()["result"] == "accepted"
    assert problem(client.post(f"{url}/discard", json={"note": "late"}, headers=headers), 409)["code"] == "row_resolved"
    assert not quarantined(client, headers)
    assert len(quarantined(client, headers, state="released")) == 1


def test_a_quarantined_row_is_set_aside_with_a_reason(
    client: FlaskClient, headers: dict[str, str], problem: Problem
) -> None:
    send(client, headers, lines(b"nonsense"))
    url = f"/api/v1/quarantine/{quarantined(client, headers)[0]['row']}/discard"
    assert problem(client.post(url, json={"note": ""}, headers=headers), 422)["code"] == "bad_body"
    assert problem(client.post(url, json={"note": "  "}, headers=headers), 422)["code"] == "no_reason"
    assert client.post(url, json={"note": "test data"}, headers=headers).status_code == 204
    assert len(quarantined(client, headers, state="discarded")) == 1


def test_long_quarantines_come_in_pages(client: FlaskClient, headers: dict[str, str]) -> None:
    send(client, headers, lines(*(b"bad %d" % i for i in range(5))))
    first = client.get("/api/v1/quarantine?limit=3", headers=headers).get_json()
    rest = client.get(f"/api/v1/quarantine?limit=3&after={first['after']}", headers=headers).get_json()
    assert (len(first["rows"]), len(rest["rows"]), rest["after"]) == (3, 2, None)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=-1", "state=lost", "more=1", "limit=１"])
def test_a_wrong_query_of_the_quarantine_is_refused(
    client: FlaskClient, headers: dict[str, str], problem: Problem, query: str
) -> None:
    assert problem(client.get(f"/api/v1/quarantine?{query}", headers=headers), 422)["code"] == "bad_query"


def test_a_key_for_feeds_reports_nothing(client: FlaskClient, carrier: Carrier, problem: Problem) -> None:
    headers = carrier("cmcc", "feed")
    assert problem(send(client, headers, lines(row("a"))), 403)["code"] == "scope_missing"
    assert problem(client.get("/api/v1/quarantine", headers=headers), 403)["code"] == "scope_missing"


def test_a_body_larger_than_the_settings_allow_stops_there(
    registry: Registry, headers: dict[str, str], problem: Problem
) -> None:
    small = create_app(replace(registry, settings=parse("[site]\nmax_upload_bytes = 1000\n"))).test_client()
    assert problem(send(small, headers, lines(*(row(str(i)) for i in range(10)))), 413)["code"] == "too_large"
