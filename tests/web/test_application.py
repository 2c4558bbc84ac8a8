"""Languages, cookies and proxies: what the application does to every request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Blueprint, request, session
from flask.testing import FlaskClient

from registry.assembly import Registry
from registry.settings import parse
from web import application, guard
from web.application import create_app
from web.current import LANGUAGE_COOKIE, address_of, language_of

mirror = Blueprint("mirror", __name__)


@mirror.get("/language")
@guard.public
def language() -> str:
    return language_of()


@mirror.get("/address")
@guard.public
def address() -> str:
    return f"{address_of()} {request.scheme} {request.host}"


@mirror.get("/remember")
@guard.public
def remembered() -> Any:
    from flask import make_response

    session["x"] = "y"
    response = make_response("")
    guard.remember(response, "token", minutes=1)
    session["x"] = "z"
    return response


def visitor(registry: Registry, monkeypatch: pytest.MonkeyPatch, site: str = "") -> FlaskClient:
    monkeypatch.setattr(application, "BLUEPRINTS", (*application.BLUEPRINTS, mirror))
    return create_app(replace(registry, settings=parse(f"[site]\n{site}\n"))).test_client()


@pytest.mark.parametrize(
    ("accepted", "found"),
    [
        ("", "zh_CN"), ("en", "en"), ("en-GB,en;q=0.9,zh;q=0.8", "en"), ("zh-TW", "zh_CN"), ("zh-Hans-CN", "zh_CN"),
        ("fr,en;q=0.5", "en"), ("fr", "zh_CN"), ("*", "zh_CN"), ("\x7f;q=x", "zh_CN"),
    ],
)
def test_the_browsers_language_is_spoken_where_we_know_it(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, accepted: str, found: str
) -> None:
    assert visitor(registry, monkeypatch).get("/language", headers={"Accept-Language": accepted}).text == found


def test_the_chosen_language_comes_before_the_browsers(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    client = visitor(registry, monkeypatch)
    client.set_cookie(LANGUAGE_COOKIE, "en")
    assert client.get("/language", headers={"Accept-Language": "zh"}).text == "en"
    client.set_cookie(LANGUAGE_COOKIE, "klingon")
    assert client.get("/language", headers={"Accept-Language": "zh"}).text == "zh_CN"


def test_behind_https_cookies_are_bound_to_it(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = visitor(registry, monkeypatch, "secure_cookies = true").get("/remember", base_url="https://localhost")
    cookies = answer.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-dc_session", "__Host-dc_forms"}
    assert all({"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; ")) for cookie in cookies)
    assert "max-age" in answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize(
    ("proxies", "found"),
    [(0, "127.0.0.1 http localhost"), (1, "2.2.2.2 https public.example"), (2, "1.1.1.1 https public.example")],
)
def test_only_trusted_proxies_say_who_asks(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, proxies: int, found: str
) -> None:
    client = visitor(registry, monkeypatch, f"trusted_proxies = {proxies}")
    headers = {
        "X-Forwarded-For": "1.1.1.1, 2.2.2.2", "X-Forwarded-Proto": "https, https",
        "X-Forwarded-Host": "public.example, public.example",
    }
    assert client.get("/address", headers=headers).text == found


def test_pages_are_not_kept_and_files_are(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    client = visitor(registry, monkeypatch)
    page = client.get("/language")
    assert page.headers["Cache-Control"] == "no-store"
    assert {"Cookie", "Accept-Language"} <= set(page.vary)
    with client.get("/static/style.css") as style:
        assert style.status_code == 200
        assert "max-age=3600" in style.headers["Cache-Control"]
    assert client.get("/static/../application.py").status_code == 404
