"""The desk by API: what it shows and never shows, single answers and many, foreign desks, cursors."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from registry import reports
from registry.assembly import Registry
from registry.numbers import parse_one
from registry.sealing import seal_one
from registry.times import iso
from tests.web.conftest import Carrier

CALLED = "13800138000"


def come(registry: Registry, count: int = 1, **changes: Any) -> None:
    """Reports of a person about a number that China Mobile serves."""
    for place in range(count):
        said = {"id": f"d{place}", "called": f"+86{CALLED}", "caller": "13500000001", "channel": "calls",
                "at": iso(registry.clock.now()), "description": "王先生推销贷款"} | changes  # fmt: skip
        reports.take_one(registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks,
                         source="people", kind="people", fields=said,
                         reporter=seal_one(registry.keys.at_rest, parse_one(CALLED, registry.plan)))  # fmt: skip


@pytest.fixture
def desk(registry: Registry, carrier: Carrier) -> dict[str, str]:
    headers = carrier("cmcc", "desk")
    come(registry, 3)
    return headers


def listed(client: FlaskClient, headers: dict[str, str], query: str = "") -> Any:
    found = client.get(f"/api/v1/desk/reports{query}", headers=headers)
    assert found.status_code == 200, found.text
    return found.get_json()


def test_a_desk_sees_the_caller_and_its_deadline_and_never_who_reported_or_was_called(
    client: FlaskClient, desk: dict[str, str]
) -> None:
    found = listed(client, desk)
    first = found["reports"][0]
    assert len(found["reports"]) == 3
    assert (first["state"], first["caller"], first["overdue"]) == ("forwarded", "+8613500000001", False)
    assert first["due"]
    text = client.get("/api/v1/desk/reports", headers=desk).get_data(as_text=True)
    assert not any(word in text for word in (CALLED, "138****8000", "王先生", "reporter", "called", "description"))


def test_pages_follow_each_other_by_cursor_and_a_wrong_one_is_refused(
    client: FlaskClient, desk: dict[str, str], problem: Any
) -> None:
    first = listed(client, desk, "?limit=2")
    second = listed(client, desk, f"?limit=2&cursor={first['cursor']}")
    assert second["cursor"] is None
    assert len({each["reference"] for each in first["reports"] + second["reports"]}) == 3
    problem(client.get("/api/v1/desk/reports?cursor=x", headers=desk), 422)


def test_an_answer_goes_the_whole_way_and_a_second_one_is_refused(
    client: FlaskClient, desk: dict[str, str], problem: Any
) -> None:
    reference = listed(client, desk)["reports"][0]["reference"]
    address = f"/api/v1/desk/reports/{reference}/answer"
    problem(client.post(address, headers=desk, json={"finding": "violation", "text": "已核实"}), 422)
    said = {"finding": "violation", "measure": "stopped", "text": "已核实并停止"}
    done = client.post(address, headers=desk, json=said)
    assert (done.status_code, done.get_json()["state"]) == (200, "fed_back")
    assert problem(client.post(address, headers=desk, json=said), 409)["code"] == "no_such_move"
    (answered,) = listed(client, desk, "?state=answered")["reports"]
    assert answered["caller"] == done.get_json()["caller"] == "135****0001", "whole only until it is answered (ADR 31)"


def test_another_desk_finds_nothing_and_answers_nothing(
    client: FlaskClient, desk: dict[str, str], carrier: Carrier, problem: Any
) -> None:
    reference = listed(client, desk)["reports"][0]["reference"]
    other = carrier("ctcc", "desk")
    assert listed(client, other)["reports"] == []
    problem(client.get(f"/api/v1/desk/reports/{reference}", headers=other), 404)
    said = {"finding": "not_ours"}
    problem(client.post(f"/api/v1/desk/reports/{reference}/answer", headers=other, json=said), 404)
    assert client.get("/api/v1/desk/reports", headers=carrier("cmcc", "reports")).status_code == 403


def test_many_answers_are_taken_or_refused_one_by_one(client: FlaskClient, desk: dict[str, str]) -> None:
    first, second, third = (each["reference"] for each in listed(client, desk)["reports"])
    answers = [
        {"reference": first, "finding": "unfounded", "text": "未发现违规"},
        {"reference": second, "finding": "not_ours"},
        {"reference": first, "finding": "not_ours"}, {"reference": third, "finding": "violation", "text": "已停"},
        {"reference": "b" * 12, "finding": "not_ours"},
    ]  # fmt: skip
    results = client.post("/api/v1/desk/answers", headers=desk, json={"answers": answers}).get_json()["results"]
    assert [(each["state"], each["error"]) for each in results] == [
        ("fed_back", None), ("not_ours", None), (None, "no_such_move"), (None, "no_measure"), (None, "no_such_report"),
    ]  # fmt: skip
    assert [each["reference"] for each in listed(client, desk)["reports"]] == [third]
