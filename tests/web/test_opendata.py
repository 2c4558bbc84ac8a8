"""Open data as everybody gets it: pages, files with ranges, the API with its cursor and its limit."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from registry import registrations
from registry.assembly import Registry
from registry.handling import Handling
from registry.numbers import parse_caller
from registry.preferences import Preference
from registry.sealing import seal_one
from sync.upkeep import open_data
from tests.web.conftest import Carrier
from web.api import opendata as api_opendata


def report(registry: Registry, caller: str, people: int) -> None:
    """Reports about a caller, each from somebody else."""
    number = parse_caller(caller, registry.plan)
    sealed, now = seal_one(registry.keys.at_rest, number), registry.clock.now()
    with registry.store.writing():
        registry.store.handling.add([
            Handling(
                "people", f"{caller}-{place}", f"{caller}-{place}", "forwarded", "", now, now, "commercial", "call", 0,
                0, "", sealed, number.kind, "", "", "", "", "", "2026", "violation", "", None, now,
            )
            for place in range(people)
        ])  # fmt: skip


@pytest.fixture
def published(registry: Registry) -> Registry:
    report(registry, "13900000001", 7)
    report(registry, "1069012345", 1)
    assert open_data(registry, lambda: None) == {"marked": 2, "removed": 0, "files": 2, "cells": 0}
    assert open_data(registry, lambda: None) == {"marked": 0, "removed": 0, "files": 0, "cells": 0}
    return registry


@pytest.mark.usefixtures("published")
def test_files_are_downloaded_whole_in_ranges_and_not_again(client: FlaskClient) -> None:
    page = client.get("/open-data").get_data(as_text=True)
    assert "/open-data/2026-11-23/callers.csv" in page
    assert "a signal, not a finding" in page
    whole = client.get("/open-data/latest/callers.csv")
    assert b"+8613900000001,number,7,7,7,0,loan:7,2026-11-23,2026-11-23,signal\r\n" in whole.data
    assert whole.headers["Content-Disposition"] == 'attachment; filename="2026-11-23-callers.csv"'
    part = client.get("/open-data/2026-11-23/callers.csv", headers={"Range": "bytes=0-5"})
    assert (part.status_code, part.data) == (206, b"number")
    tag = {"If-None-Match": whole.headers["ETag"]}
    assert client.get("/open-data/latest/callers.csv", headers=tag).status_code == 304
    assert client.get("/open-data/latest/callers.db").data.startswith(b"SQLite format 3\x00")


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("place", ["2026-11-22/callers.csv", "latest/about.json", "latest/x", "now/callers.csv"])
def test_what_there_is_not_is_not_found(client: FlaskClient, place: str) -> None:
    assert client.get(f"/open-data/{place}").status_code == 404


def test_before_the_first_files_the_page_says_when_they_come(client: FlaskClient) -> None:
    assert "within a day of the start" in client.get("/open-data").get_data(as_text=True)
    assert client.get("/open-data/latest/callers.csv").status_code == 404


@pytest.mark.usefixtures("published")
def test_the_api_gives_marks_and_changes_from_a_cursor_on(client: FlaskClient, problem: Any) -> None:
    first = client.get("/api/v1/open/callers?limit=1").get_json()
    rest = client.get(f"/api/v1/open/callers?cursor={first['cursor']}").get_json()
    assert (first["more"], rest["more"]) == (True, False)
    found = {each["number"]: each for each in first["callers"] + rest["callers"]}
    assert set(found) == {"+8613900000001", "1069012345"}
    assert found["+8613900000001"]["basis"] == "signal"
    assert found["+8613900000001"]["categories"] == {"loan": 7}
    assert "not a finding" in first["meaning"]
    changes = client.get("/api/v1/open/changes").get_json()
    assert [each["state"] for each in changes["changes"]] == ["marked", "marked"]
    again = client.get(f"/api/v1/open/changes?cursor={changes['cursor']}").get_json()
    assert (again["changes"], again["cursor"]) == ([], changes["cursor"])
    for wrong in ("cursor=-1", "cursor=x", "limit=0", "limit=1001", "number=1"):
        assert problem(client.get(f"/api/v1/open/changes?{wrong}"), 422)["code"] == "bad_query"


def test_an_address_may_ask_so_often_and_a_key_more(
    client: FlaskClient, carrier: Carrier, problem: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_opendata, "MOST", 3)
    for _ in range(3):
        assert client.get("/api/v1/open/callers").status_code == 200
    assert problem(client.get("/api/v1/open/callers"), 429)["code"] == "too_many"
    answer = client.get("/api/v1/open/callers", headers=carrier("cmcc", "read"))
    assert (answer.status_code, "RateLimit" in answer.headers) == (200, True)
    lacks = client.get("/api/v1/open/callers", headers=carrier("cmcc", "feed"))
    assert problem(lacks, 403)["code"] == "scope_missing"
    assert problem(client.get("/api/v1/open/callers", headers={"Authorization": "Bearer x"}), 401)


def test_what_people_decline_is_a_page_a_csv_and_an_answer(client: FlaskClient, registry: Registry) -> None:
    assert "has not been counted yet" in client.get("/willingness").get_data(as_text=True)
    assert client.get("/willingness/willingness.csv").status_code == 404
    assert client.get("/api/v1/open/willingness").status_code == 404
    for place in range(20):
        number = seal_one(registry.keys.at_rest, parse_caller(f"010-625512{place:02}", registry.plan))
        registrations.register(
            registry.store, registry.clock, number=number, preference=Preference(3, 1, 1, 0), source="web",
            language="en",
        )
    open_data(registry, lambda: None)
    page = client.get("/willingness").get_data(as_text=True)
    assert "Most people decline loans and wealth" in page
    assert "<svg" in page
    lines = client.get("/willingness/willingness.csv").get_data(as_text=True).splitlines()
    assert lines[0] == "province,channel,category,registrations,declined"
    assert "all,calls,loan,20,20" in lines
    assert "beijing,calls,collection,20,20" in lines
    found = client.get("/api/v1/open/willingness").get_json()
    assert found["declined"]["calls"]["loan"] == 20
    assert found["provinces"] == {"beijing": 20}
