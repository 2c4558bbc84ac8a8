"""Asking for a code and registering a number over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
from flask.testing import FlaskClient

from registry import registrations
from registry.assembly import Registry
from registry.errors import UnavailableError
from registry.numbers import Number, parse_one
from registry.preferences import EVERYTHING, Category, Channel
from registry.sealing import seal_one
from tests.doubles import FakeClock, MemorySms
from web.api.messages import CategorySlug

Problem = Callable[[Any, int], dict[str, Any]]
NUMBER = "+86 138 0013 8000"


def ask(client: FlaskClient, number: str = NUMBER, **more: Any) -> Any:
    return client.post("/api/v1/codes", json={"number": number, "purpose": "register", **more})


def register(client: FlaskClient, code: str, number: str = NUMBER, **more: Any) -> Any:
    return client.post("/api/v1/registrations", json={"number": number, "code": code, **more})


def kept(registry: Registry) -> registrations.Registration | None:
    sealed = seal_one(registry.keys.at_rest, parse_one(NUMBER, registry.plan))
    return registrations.current(registry.store, sealed)


def test_a_code_and_a_number_make_a_registration(
    client: FlaskClient, registry: Registry, code_of: Callable[[], str]
) -> None:
    assert ask(client).status_code == 202
    answer = register(client, code_of(), preference="everything")
    assert answer.status_code == 201
    said = answer.get_json()
    assert said["number"] == "138****8000"
    assert said["preference"]["calls"] == "all"
    found = kept(registry)
    assert found is not None
    assert found.preference == EVERYTHING
    assert found.source == "api"


def test_a_preference_says_channels_categories_and_quiet_hours(
    client: FlaskClient, registry: Registry, code_of: Callable[[], str]
) -> None:
    ask(client)
    wanted = {
        "calls": ["loan", "property"], "robocalls": "all",
        "quiet": {"hours": [22, 23, 0], "weekdays": ["sun"], "holidays": True},
    }
    answer = register(client, code_of(), preference=wanted)
    assert answer.status_code == 201, answer.text
    said = answer.get_json()["preference"]
    assert said == {
        "calls": ["loan", "property"], "robocalls": "all", "messages": [],
        "quiet": {"hours": [0, 22, 23], "weekdays": ["sun"], "holidays": True},
    }
    found = kept(registry)
    assert found is not None
    assert found.preference.declines(Channel.CALLS, Category.LOAN)
    assert not found.preference.declines(Channel.CALLS, Category.GAME)
    assert found.preference.quiet_at(22, 0, holiday=False)


def test_the_wire_knows_the_categories_of_the_registry() -> None:
    assert get_args(CategorySlug) == tuple(category.slug for category in Category)


@pytest.mark.parametrize(
    ("number", "code"),
    [("12", "too_short"), ("call me", "letters"), ("13800138000 / 13900139000", "two_numbers"), (" ", "empty")],
)
def test_a_number_that_is_none_is_refused_with_its_reason(
    client: FlaskClient, problem: Problem, number: str, code: str
) -> None:
    assert problem(ask(client, number), 422)["code"] == code
    assert problem(register(client, "123456", number), 422)["code"] == code


def test_a_wrong_code_stays_spent_and_an_old_one_reads_like_none(
    client: FlaskClient, clock: FakeClock, problem: Problem, code_of: Callable[[], str]
) -> None:
    assert problem(register(client, "123456"), 422)["code"] == "code_unusable"
    ask(client)
    wrong = "000000" if code_of() != "000000" else "111111"
    body = problem(register(client, wrong), 422)
    assert body["code"] == "code_wrong"
    assert body["left"] == 4
    clock.advance(minutes=11)
    assert problem(register(client, code_of()), 422)["code"] == "code_unusable"


def test_too_many_guesses_end_a_code(
    client: FlaskClient, problem: Problem, code_of: Callable[[], str]
) -> None:
    ask(client)
    wrong = "000000" if code_of() != "000000" else "111111"
    for _ in range(5):
        register(client, wrong)
    assert problem(register(client, code_of()), 429)["code"] == "guesses_spent"


def test_a_second_code_at_once_has_to_wait(client: FlaskClient, problem: Problem) -> None:
    assert ask(client).status_code == 202
    answer = ask(client)
    body = problem(answer, 429)
    assert int(answer.headers["Retry-After"]) == body["retry_after"] > 0
    assert body["limit"] == "code-number-minute"


def test_the_answer_to_a_code_says_nothing_of_the_number(
    client: FlaskClient, registry: Registry, clock: FakeClock, code_of: Callable[[], str]
) -> None:
    first = ask(client)
    register(client, code_of())
    clock.advance(hours=2)
    assert ask(client).data == first.data


def test_a_gateway_that_is_down_leaves_nothing_to_guess(
    client: FlaskClient, sms: MemorySms, problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_number: Number, _text: str) -> None:
        raise UnavailableError("The gateway does not answer.", code="gateway_down")

    monkeypatch.setattr(sms, "send", down)
    answer = ask(client)
    assert problem(answer, 503)["code"] == "gateway_down"
    assert int(answer.headers["Retry-After"]) > 0
    assert problem(register(client, "123456"), 422)["code"] == "code_unusable"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"{", 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b'{"number":' + b"[" * 20_000, 422, "bad_body"),
        (b"[]", 422, "bad_body"),
        (b"{}", 422, "bad_body"),
        (b'{"number": 13800138000}', 422, "bad_body"),
        (b'{"number": "13800138000", "13800138000": 1}', 422, "bad_body"),
        (b'{"number": "13800138000", "purpose": "13800138000"}', 422, "bad_body"),
        (b'{"number": "' + b"1" * 65 + b'"}', 422, "bad_body"),
        (b'{"number": "' + b"1" * 70_000 + b'"}', 413, "too_large"),
    ],
)
def test_a_body_that_is_wrong_is_refused_without_repeating_it(
    client: FlaskClient, problem: Problem, body: bytes, status: int, code: str
) -> None:
    answer = client.post("/api/v1/codes", data=body, content_type="application/json")
    assert problem(answer, status)["code"] == code
    assert "138001" not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_a_foreign_page_could_send_without_asking_is_refused(
    client: FlaskClient, problem: Problem, kind: str
) -> None:
    answer = client.post("/api/v1/codes", data=b'{"number": "13800138000"}', content_type=kind)
    assert problem(answer, 415)["code"] == "media_type"


def test_a_preference_that_declines_nothing_is_refused(
    client: FlaskClient, problem: Problem, code_of: Callable[[], str]
) -> None:
    ask(client)
    assert problem(register(client, code_of(), preference={"calls": []}), 422)["code"] == "nothing_declined"
