"""One log line per request, and no phone number in any of them, whatever was asked and whatever failed."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest
from flask import Blueprint
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from registry import logs
from registry.assembly import Registry
from web import application, guard
from web.application import create_app

NUMBER = "13800138000"
FORMS = (NUMBER, f"+86{NUMBER}", "138 0013 8000", "138-0013-8000", "(0086)13800138000", "１３８００１３８０００")

talk = Blueprint("talk", __name__)


@talk.get("/fault/<path:what>")
@guard.public
def fault(what: str) -> str:
    logging.getLogger("somebody.else").warning("cannot call %s", what)
    try:
        int(f"x{what}")
    except ValueError:
        logs.log("talk").exception("fault", about=what, digits=int(NUMBER), nested={what: [what]})
    raise RuntimeError(f"no way to {what}")


@pytest.fixture
def visitor(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(application, "BLUEPRINTS", (*application.BLUEPRINTS, talk))
    return create_app(registry).test_client()


def digits(text: str) -> str:
    return "".join(re.findall(r"\d", text))


@pytest.mark.parametrize("form", FORMS)
def test_no_number_reaches_the_log_however_it_comes(visitor: FlaskClient, written: io.StringIO, form: str) -> None:
    visitor.get(f"/fault/{form}")
    visitor.get(f"/nothing/{form}", query_string={"number": form, form: "x"}, headers={"Referer": f"/x/{NUMBER}"})
    visitor.post("/api/v1/codes", json={"number": form})
    visitor.post("/api/v1/codes", json={form: form})
    visitor.post("/api/v1/registrations", json={"number": form, "code": "123456"})
    visitor.post("/api/v1/registrations", data=f"{form} is no JSON", content_type="application/json")
    visitor.get(f"/api/v1/feeds/{NUMBER}/metadata/1.root.json", headers={"Authorization": f"Bearer {form}"})
    visitor.open(f"/api/v1/{form}", method="PATCH")
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert len([line for line in lines if line["event"] == "request"]) == 8
    for line in lines:
        line.pop("timestamp")
        assert "138" not in digits(json.dumps({k: v for k, v in line.items() if k not in {"ms", "exception"}})), line
        assert NUMBER not in digits(line.get("exception", "")), line


def test_a_line_names_method_rule_status_and_time(visitor: FlaskClient, written: io.StringIO) -> None:
    visitor.get(f"/api/v1/feeds/cmcc/lists/{NUMBER}.parquet?number={NUMBER}")
    line = json.loads(written.getvalue().splitlines()[-1])
    assert line["event"] == "request"
    assert line["method"] == "GET"
    assert line["route"] == "/api/v1/feeds/<party>/<path:path>"
    assert line["status"] == 401
    assert line["problem"] == "key_missing"
    assert line["ms"] >= 0
    assert len(line["id"]) == 12


@given(st.integers(10**6, 10**15), st.sampled_from(["", " ", "-", ".", "(", " - "]), st.text(max_size=8))
def test_runs_of_digits_never_pass(number: int, separator: str, around: str) -> None:
    text = around + separator.join(str(number)) + around
    left = logs.without_numbers(text)
    assert digits(str(number)) not in digits(left) or logs.MARK in left
    assert str(number) not in left


def test_moments_and_small_numbers_stay_readable() -> None:
    text = "2026-11-23T02:00:00.123456Z edition 4711 took 12.5 s for 5000 rows on 2026-11-23"
    assert logs.without_numbers(text) == text


def test_the_terminal_form_is_masked_too() -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    try:
        logs.configure("console", stream=stream)
        logs.log("x").warning("call", number=NUMBER)
    finally:
        root.handlers[:], root.level = before, level
    assert NUMBER not in stream.getvalue()
    assert logs.MARK in stream.getvalue()
