"""Results over the API: whole, in ranges, by verdict; asked for too early, and after their time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry import scrubfiles
from registry.assembly import Registry
from registry.times import to_micros
from tests.doubles import FakeClock
from tests.web.conftest import Carrier
from tests.web.scrubbing import QUERY, Telemarketer, finish

Problem = Callable[[Any, int], dict[str, Any]]
LIST = b"phone,name\r\n13800138000,Li\r\n13900139000,Wang\r\nsomebody,\r\n"


@pytest.fixture
def acme(client: FlaskClient, carrier: Carrier) -> Telemarketer:
    return Telemarketer(client, carrier("acme", "scrub", kind="telemarketer"))


@pytest.fixture
def scrub(acme: Telemarketer) -> str:
    name: str = acme.send(LIST, {**QUERY, "name": "list.csv"}).get_json()["scrub"]
    return name


def test_a_result_comes_whole_with_its_digest(acme: Telemarketer, registry: Registry, scrub: str) -> None:
    content = finish(registry, scrub)
    answer = acme.get(f"/{scrub}/result")
    assert (answer.status_code, answer.data) == (200, content)
    assert answer.content_type == "text/csv; charset=utf-8"
    sha256 = hashlib.sha256(content)
    assert answer.headers["ETag"] == f'"{sha256.hexdigest()}"'
    assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert f"{scrub}-checked.csv" in answer.headers["Content-Disposition"]
    said = acme.get(f"/{scrub}").get_json()
    assert said["result"] == {
        "size": len(content), "sha256": sha256.hexdigest(), "href": f"/api/v1/scrubs/{scrub}/result",
    }


def test_a_result_comes_in_ranges_as_long_as_it_is_the_same(
    acme: Telemarketer, registry: Registry, scrub: str, problem: Problem
) -> None:
    content = finish(registry, scrub)
    tag = f'"{hashlib.sha256(content).hexdigest()}"'
    for start, stop in [(0, 10), (7, 31), (len(content) - 1, len(content))]:
        answer = acme.get(f"/{scrub}/result", Range=f"bytes={start}-{stop - 1}", **{"If-Range": tag})
        assert (answer.status_code, answer.data) == (206, content[start:stop])
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(content)}"
    assert acme.get(f"/{scrub}/result", Range="bytes=-5").data == content[-5:]
    other = acme.get(f"/{scrub}/result", Range="bytes=3-", **{"If-Range": '"other"'})
    assert (other.status_code, other.data) == (200, content)
    assert acme.get(f"/{scrub}/result", **{"If-None-Match": tag}).status_code == 304
    beyond = acme.get(f"/{scrub}/result", Range="bytes=999999-")
    assert problem(beyond, 416)["code"] == "range_not_satisfiable"
    assert beyond.headers["Content-Range"] == f"bytes */{len(content)}"


def test_the_lines_of_one_verdict_come_with_the_header(acme: Telemarketer, registry: Registry, scrub: str) -> None:
    content = finish(registry, scrub)
    lines = content.splitlines(keepends=True)
    allowed = acme.get(f"/{scrub}/result?only=allowed", Range="bytes=5-")
    assert (allowed.status_code, allowed.data) == (200, b"".join(lines[:3]))
    assert allowed.headers["Accept-Ranges"] == "none"
    assert acme.get(f"/{scrub}/result?only=invalid").data == lines[0] + lines[3]
    assert acme.get(f"/{scrub}/result?only=declined").data == lines[0]


def test_a_result_asked_for_too_early_says_when_to_ask_again(
    acme: Telemarketer, registry: Registry, scrub: str, clock: FakeClock, problem: Problem
) -> None:
    early = acme.get(f"/{scrub}/result")
    said = problem(early, 409)
    assert (said["code"], said["state"], early.headers["Retry-After"]) == ("not_done", "waiting", "2")
    with registry.store.writing():
        registry.store.scrub_jobs.change(
            scrub, states=("waiting",), state="running", started=to_micros(clock.now()), read=len(LIST) // 3
        )
    clock.advance(10)
    running = acme.get(f"/{scrub}/result")
    assert problem(running, 409)["state"] == "running"
    assert int(running.headers["Retry-After"]) in range(18, 23)
    said = acme.get(f"/{scrub}").get_json()
    assert said["share"] == pytest.approx(1 / 3, abs=0.02)
    assert said["seconds_left"] in range(18, 23)
    with registry.store.writing():
        registry.store.scrub_jobs.change(scrub, states=("running",), state="failed", problem="no_number_column")
    failed = acme.get(f"/{scrub}/result")
    assert problem(failed, 409)["state"] == "failed"
    assert "Retry-After" not in failed.headers
    assert acme.get(f"/{scrub}").get_json()["problem"] == "no_number_column"


def test_files_are_deleted_a_day_after_the_result_was_fetched_and_it_is_said_when(
    acme: Telemarketer, registry: Registry, scrub: str, clock: FakeClock, problem: Problem
) -> None:
    finish(registry, scrub)
    acme.client.head(f"/api/v1/scrubs/{scrub}/result", headers=acme.headers)
    assert acme.get(f"/{scrub}").get_json()["picked_up"] is None
    acme.get(f"/{scrub}/result")
    said = acme.get(f"/{scrub}").get_json()
    assert said["kept_until"] == (clock.now() + timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    clock.advance(hours=25)
    assert scrubfiles.delete_due(registry.store, clock, registry.shelf) == 1
    assert problem(acme.get(f"/{scrub}/result"), 404)["code"] == "result_deleted"
    assert acme.get(f"/{scrub}").get_json()["state"] == "deleted"


def test_a_long_result_streams_in_pieces_that_join(acme: Telemarketer, registry: Registry) -> None:
    content = b"phone\n" + b"".join(b"139%08d\n" % place for place in range(30_000))
    scrub = acme.send(content).get_json()["scrub"]
    whole = finish(registry, scrub)
    assert len(whole) > 1 << 20  # more than one sealed chunk
    got = b""
    while len(got) < len(whole):
        got += acme.get(f"/{scrub}/result", Range=f"bytes={len(got)}-{len(got) + 400_000}").data
    assert got == whole
