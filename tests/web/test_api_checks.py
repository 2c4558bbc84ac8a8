"""Single checks over the API: answers in place, ids that come back, bodies that are wrong, keys that may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry import registrations, sealing
from registry.assembly import Registry
from registry.numbering import load_plan
from registry.numbering.draw import draw_numbers
from registry.numbers import parse_one
from registry.preferences import Preference
from tests.doubles import FakeClock
from tests.web.conftest import Carrier
from web.api import metering

Problem = Callable[[Any, int], dict[str, Any]]
TYPED = "138 0013 8000"


@pytest.fixture
def headers(carrier: Carrier) -> dict[str, str]:
    return carrier("acme", "check", kind="telemarketer")


def check(client: FlaskClient, headers: dict[str, str], *numbers: Any, **more: Any) -> Any:
    body = {"channel": "calls", "category": "loan", "numbers": list(numbers), **more}
    return client.post("/api/v1/checks", json=body, headers=headers)


def declines(registry: Registry, clock: FakeClock, preference: Preference) -> None:
    number = sealing.seal_one(registry.keys.at_rest, parse_one(TYPED, registry.plan))
    registrations.register(
        registry.store, registry.clock, number=number, preference=preference, source="web", language="en"
    )
    clock.advance(hours=1)


def test_each_number_is_answered_in_its_place_with_its_id(
    client: FlaskClient, headers: dict[str, str], registry: Registry, clock: FakeClock
) -> None:
    declines(registry, clock, Preference(0xFFFF, 0, 0, 0))
    answer = check(client, headers, TYPED, {"number": 13900139000, "id": "lead-7"}, "nobody", {"number": ""})
    assert answer.status_code == 200, answer.text
    said = answer.get_json()
    first, second, third, fourth = said["answers"]
    assert first == {
        "number": TYPED, "verdict": "declined", "reason": "everything_declined", "rule": "49(7)",
        "until": "2026-11-30T03:00:00Z",
    }
    assert (second["number"], second["id"], second["verdict"]) == ("13900139000", "lead-7", "allowed")
    assert third == {"number": "nobody", "verdict": "invalid", "reason": "letters"}
    assert fourth["reason"] == "empty"
    assert said["counts"] == {"allowed": 1, "declined": 1, "invalid": 2}
    assert said["at"] == "2026-11-23T03:00:00Z"
    assert said["rulebook"] == "2026"
    assert answer.headers["RateLimit-Policy"].split(", ") == [
        '"numbers-day";q=50000;w=86400', '"numbers-month";q=500000;w=2678400', '"api-key-checks";q=6000;w=60',
    ]
    assert answer.headers["RateLimit"].startswith('"numbers-day";r=49998;t=46800, "numbers-month";r=499998;t=')


def test_quiet_hours_name_the_next_hour_in_which_it_is_allowed(
    client: FlaskClient, headers: dict[str, str], registry: Registry, clock: FakeClock
) -> None:
    declines(registry, clock, Preference(0, 0, 0, 1 << 14))
    [said] = check(client, headers, TYPED, at="2026-11-24T14:20:00+08:00").get_json()["answers"]
    assert (said["reason"], said["next_allowed"], said["until"]) == (
        "quiet_hours", "2026-11-24T07:00:00Z", "2026-11-24T07:00:00Z",
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"numbers": []}, 422, "bad_body"),
        ({"numbers": ["1"] * 10_001}, 422, "bad_body"),
        ({"numbers": [1.38001e10]}, 422, "bad_body"),
        ({"numbers": [None]}, 422, "bad_body"),
        ({"numbers": [TYPED], "channel": "pigeon"}, 422, "bad_body"),
        ({"numbers": [TYPED], "country": "china"}, 422, "bad_body"),
        ({"numbers": [TYPED], "at": "2026-11-24T14:20:00"}, 422, "bad_body"),
        ({"numbers": [TYPED], "at": "2031-11-24T14:20:00Z"}, 422, "bad_time"),
        ({"numbers": [TYPED], "more": 1}, 422, "bad_body"),
        ({"numbers": [TYPED], "on_behalf": "p_nobody"}, 422, "bad_on_behalf"),
        ({"numbers": [TYPED], "campaign": "a\u0007"}, 422, "bad_campaign"),
    ],
)
def test_a_body_that_is_wrong_is_refused_without_a_number_in_the_answer(
    client: FlaskClient, headers: dict[str, str], problem: Problem, body: dict[str, Any], status: int, code: str
) -> None:
    answer = client.post("/api/v1/checks", json={"channel": "calls", "category": "loan", **body}, headers=headers)
    assert problem(answer, status)["code"] == code
    assert "8000" not in answer.text


def test_ten_thousand_numbers_are_answered_in_one_call(client: FlaskClient, headers: dict[str, str]) -> None:
    numbers = [f"+{each}" for each in draw_numbers(load_plan(), 10_000, seed=4)]
    said = check(client, headers, *numbers).get_json()
    assert len(said["answers"]) == sum(said["counts"].values()) == 10_000


def test_a_key_needs_the_scope_check(
    client: FlaskClient, carrier: Carrier, problem: Problem
) -> None:
    assert problem(check(client, {}, TYPED), 401)
    assert problem(check(client, carrier("acme", "scrub", kind="telemarketer"), TYPED), 403)["code"] == "scope_missing"


def test_the_balance_says_what_is_left_today_and_this_month(
    client: FlaskClient, headers: dict[str, str], carrier: Carrier, problem: Problem
) -> None:
    check(client, headers, TYPED, "13900139000", "nobody")
    said = client.get("/api/v1/balance", headers=headers).get_json()
    assert (said["tier"], said["lane"], said["day"]) == (
        "basic", "usual", {"limit": 50_000, "used": 2, "left": 49_998, "renews": "2026-11-23T16:00:00Z"},
    )
    assert said["month"]["renews"] == "2026-11-30T16:00:00Z"
    reader = carrier("acme", "read", kind="telemarketer")
    assert client.get("/api/v1/balance", headers=reader).get_json() == said
    refused = client.get("/api/v1/balance", headers=carrier("cmcc", "read"))
    assert problem(refused, 403)["code"] == "not_a_telemarketer"


def test_numbers_that_are_counted_up_are_not_answered(
    client: FlaskClient, headers: dict[str, str], problem: Problem
) -> None:
    answer = check(client, headers, *(f"139{place:08d}" for place in range(5_000)))
    assert problem(answer, 403)["code"] == "held_by_guard"


def test_a_key_may_ask_so_often_a_minute_also_where_nothing_is_charged_or_all_is_wrong(
    client: FlaskClient, headers: dict[str, str], problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metering, "MOST_OFTEN", 3)
    assert 'r=2' in check(client, headers, TYPED).headers["RateLimit"].rpartition(",")[2]
    assert 'r=1' in check(client, headers, "nobody").headers["RateLimit"].rpartition(",")[2]
    assert problem(check(client, headers, TYPED, country="x"), 422)
    refused = check(client, headers, TYPED)
    assert problem(refused, 429)["code"] == "requests_spent"
    assert refused.headers["RateLimit"].startswith('"api-key-checks";r=0;t=')
    assert int(refused.headers["Retry-After"]) in range(15, 22)
