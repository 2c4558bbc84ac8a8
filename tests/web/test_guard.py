"""Every view has its guard, and the guards let in whom they name and nobody else."""

from __future__ import annotations

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from registry.assembly import Registry
from tests.web.conftest import Carrier
from web import guard
from web.application import create_app

rooms = Blueprint("rooms", __name__)


@rooms.get("/open")
@guard.public
def open_room() -> str:
    return "open"


@rooms.get("/own")
@guard.person
def own_room() -> str:
    return "own"


@rooms.get("/office")
@guard.member("see_jobs")
def office() -> str:
    return "office"


@rooms.get("/machine")
@guard.key("feed")
def machine() -> str:
    actor = guard.actor_of_request()
    assert actor.party is not None
    return str(actor.party.party)


@rooms.get("/cellar")
@(guard.loopback | guard.key("metrics"))
def cellar() -> str:
    return "cellar"


@rooms.get("/here")
@guard.loopback
def here() -> str:
    return "here"


@pytest.fixture
def visitor(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    from web import application

    monkeypatch.setattr(application, "BLUEPRINTS", (*application.BLUEPRINTS, rooms))
    return create_app(registry).test_client()


def test_every_view_says_who_may_use_it(app: Flask) -> None:
    open_doors = [
        f"{rule.rule} ({rule.endpoint})"
        for rule in app.url_map.iter_rules()
        if guard.guard_of(app.view_functions[rule.endpoint]) is None
    ]
    assert not open_doors


def test_a_public_view_lets_everybody_in(visitor: FlaskClient) -> None:
    assert visitor.get("/open").text == "open"


@pytest.mark.parametrize("path", ["/own", "/office", "/machine"])
def test_nobody_in_particular_is_asked_to_sign_in(visitor: FlaskClient, path: str) -> None:
    assert visitor.get(path).status_code == 401


def test_a_key_opens_what_its_scopes_name(visitor: FlaskClient, carrier: Carrier) -> None:
    assert visitor.get("/machine", headers=carrier("cmcc", "feed")).text == "cmcc"
    assert visitor.get("/machine", headers=carrier("ctcc", "reports")).status_code == 403


def test_a_key_is_no_session_and_opens_no_page(visitor: FlaskClient, carrier: Carrier) -> None:
    headers = carrier("cmcc", "feed", "reports")
    assert visitor.get("/own", headers=headers).status_code == 401
    assert visitor.get("/office", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "presented",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer dc_x_y", "Bearer dc_0000000000000000_" + "0" * 43, "Bearer é"],
)
def test_a_key_that_is_none_opens_nothing(visitor: FlaskClient, presented: str) -> None:
    assert visitor.get("/machine", headers={"Authorization": presented}).status_code == 401


def test_a_session_cookie_that_is_none_opens_nothing(visitor: FlaskClient) -> None:
    for token in ("x", "0" * 64, "é" * 20, "a" * 3000):
        visitor.set_cookie("dc_session", token)
        assert visitor.get("/own").status_code == 401


def test_the_loopback_guard_lets_this_machine_in_only(visitor: FlaskClient, carrier: Carrier) -> None:
    assert visitor.get("/here").text == "here"
    assert visitor.get("/here", environ_base={"REMOTE_ADDR": "10.0.0.7"}).status_code == 404
    assert visitor.get("/here", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 404
    assert visitor.get("/here", headers={"Host": "rebound.example"}).status_code == 404


def test_one_of_two_ways_is_enough(visitor: FlaskClient, carrier: Carrier) -> None:
    far = {"REMOTE_ADDR": "10.0.0.7"}
    assert visitor.get("/cellar").text == "cellar"
    assert visitor.get("/cellar", environ_base=far).status_code == 401
    assert visitor.get("/cellar", environ_base=far, headers=carrier("cmcc", "feed")).status_code == 403


def test_the_session_cookie_cannot_be_read_by_scripts_or_sent_from_elsewhere(app: Flask) -> None:
    with app.test_request_context("/"):
        response = app.make_response("")
        guard.remember(response, "token", minutes=30)
        cookie = response.headers["Set-Cookie"]
    assert "dc_session=token" in cookie
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
