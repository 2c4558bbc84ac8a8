"""Refusals become pages for people and RFC 9457 problems for machines; neither holds a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint
from flask.testing import FlaskClient

from registry import errors
from registry.assembly import Registry
from web import application, guard
from web.application import create_app

traps = Blueprint("traps", __name__)
NUMBER = "+86 138 0013 8000"

RAISED: dict[str, tuple[Exception, int]] = {
    "invalid": (errors.InvalidInputError(f"{NUMBER} is none.", code="x", left=2, said=NUMBER), 422),
    "sign-in": (errors.SignInRequiredError("Sign in.", code="sign_in_person"), 401),
    "not-allowed": (errors.NotAllowedError("No.", code="x"), 403),
    "not-found": (errors.NotFoundError("None.", code="x"), 404),
    "conflict": (errors.ConflictError("Not now.", code="x"), 409),
    "too-many": (errors.TooManyError("Too often.", code="x", retry_after=130), 429),
    "unavailable": (errors.UnavailableError("Busy.", code="database_busy"), 503),
    "settings": (errors.SettingsError("Broken.", code="settings"), 500),
    "fault": (ValueError(f"fault about {NUMBER}"), 500),
}


@traps.get("/trap/<name>")
@guard.public
def trap(name: str) -> str:
    raise RAISED[name][0]


@traps.get("/api/v1/trap/<name>")
@guard.public
def machine_trap(name: str) -> str:
    raise RAISED[name][0]


@traps.post("/form")
@guard.public
def form() -> str:
    return "taken"


@pytest.fixture
def visitor(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(application, "BLUEPRINTS", (*application.BLUEPRINTS, traps))
    return create_app(registry).test_client()


@pytest.mark.parametrize("name", RAISED)
def test_machines_get_a_problem_of_the_right_status(
    visitor: FlaskClient, name: str, problem: Callable[[Any, int], dict[str, Any]]
) -> None:
    answer = visitor.get(f"/api/v1/trap/{name}")
    body = problem(answer, RAISED[name][1])
    assert "138" not in answer.text.replace(body["instance"], "")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", RAISED)
def test_people_get_a_page_in_their_language(visitor: FlaskClient, name: str) -> None:
    for language, mark in (("en", 'lang="en"'), ("zh-CN", 'lang="zh-CN"')):
        answer = visitor.get(f"/trap/{name}", headers={"Accept-Language": language})
        assert answer.status_code == RAISED[name][1]
        assert answer.mimetype == "text/html"
        assert mark in answer.text
        assert answer.text.count("<h1") == 1
        assert "138" not in answer.text


def test_a_wait_is_said_in_the_header_the_problem_and_the_page(visitor: FlaskClient) -> None:
    answer = visitor.get("/api/v1/trap/too-many")
    assert answer.headers["Retry-After"] == "130"
    assert answer.get_json()["retry_after"] == 130
    assert "3 minutes" in visitor.get("/trap/too-many", headers={"Accept-Language": "en"}).text


def test_facts_become_members_and_never_replace_the_standard_ones(visitor: FlaskClient) -> None:
    body = visitor.get("/api/v1/trap/invalid").get_json()
    assert body["left"] == 2
    assert body["said"] == "[number]"


def test_a_fault_of_ours_tells_nothing_but_its_request(visitor: FlaskClient) -> None:
    body = visitor.get("/api/v1/trap/fault").get_json()
    assert body["code"] == "internal"
    assert body["instance"].startswith("urn:request:")
    assert "ValueError" not in str(body)


def test_nothing_at_an_address_is_a_problem_too(
    visitor: FlaskClient, problem: Callable[[Any, int], dict[str, Any]]
) -> None:
    assert problem(visitor.get("/api/v1/nothing/13800138000"), 404)["code"] == "not_found"
    wrong = visitor.delete("/api/v1/codes")
    assert problem(wrong, 405)["code"] == "method_not_allowed"
    assert "POST" in wrong.headers["Allow"]
    assert problem(visitor.get("/api/nothing"), 404)["code"] == "not_found"
    assert visitor.get("/nothing").mimetype == "text/html"


def test_a_form_without_its_token_is_refused(visitor: FlaskClient) -> None:
    assert visitor.post("/form", data={"a": "b"}).status_code == 400


def test_a_form_that_is_too_large_is_refused(visitor: FlaskClient) -> None:
    assert visitor.post("/form", data={"a": "b" * 100_000}).status_code == 413


def test_every_answer_carries_the_policy_headers(visitor: FlaskClient) -> None:
    for path in ("/trap/fault", "/api/v1/trap/invalid", "/nothing", "/healthz"):
        headers = visitor.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers
