"""Health and figures: who may see them, what they say, and when they say that something is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry import jobs
from registry.assembly import Registry
from registry.errors import UnavailableError
from registry.store.feeds import FeedEditionRow
from registry.times import to_micros
from tests.doubles import FakeClock, MemoryShelf
from tests.web.conftest import Carrier
from web.application import create_app


def tick(registry: Registry) -> None:
    """One run of the clockwork."""
    jobs.run(registry.store, registry.clock, job="publish", holder="test", seconds=60, work=lambda _hold: {"done": 1})


def test_health_is_well_while_the_clockwork_runs(client: FlaskClient, registry: Registry, clock: FakeClock) -> None:
    before = client.get("/healthz")
    assert before.status_code == 503
    assert before.get_json()["clockwork"] == "never_ran"
    tick(registry)
    assert client.get("/healthz").get_json() == {
        "well": True, "database": "answers", "shelf": "answers", "clockwork": "runs",
    }
    clock.advance(minutes=4)
    late = client.get("/healthz")
    assert late.status_code == 503
    assert late.get_json()["clockwork"] == "stands_still"


def test_health_names_a_shelf_that_does_not_answer(
    client: FlaskClient, registry: Registry, shelf: MemoryShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick(registry)

    def broken(_name: str) -> int:
        raise UnavailableError("Gone.", code="shelf_error")

    monkeypatch.setattr(shelf, "size", broken)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json()["shelf"] == "shelf_error"


def test_health_names_a_database_without_its_tables(client: FlaskClient, registry: Registry) -> None:
    tick(registry)
    with registry.store.writing():
        registry.store.engine.run("DELETE FROM migration")
    assert client.get("/healthz").get_json()["database"] == "no_schema"


def test_figures_are_for_this_machine_and_for_keys_that_may_see_them(client: FlaskClient, carrier: Carrier) -> None:
    far = {"environ_base": {"REMOTE_ADDR": "10.0.0.7"}}
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", **far).status_code == 401
    assert client.get("/metrics", headers=carrier("cmcc", "feed"), **far).status_code == 403


def sample(text: str, name: str) -> float:
    return float(next(line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(name + " ")))


def test_figures_tell_editions_lag_jobs_and_texts(
    client: FlaskClient, registry: Registry, clock: FakeClock, carrier: Carrier
) -> None:
    carrier("cmcc")
    with registry.store.writing():
        registry.store.feeds.put_edition(FeedEditionRow(
            recipient="cmcc", edition=3, kind="full", rows=1, size=1, entries=1, content_root=bytes(32),
            exceptions_root=bytes(32), published=to_micros(clock.now()),
        ))
    tick(registry)
    client.post("/api/v1/codes", json={"number": "13800138000"})
    client.post("/api/v1/codes", json={"number": "13800138000"})
    clock.advance(seconds=90)
    text = client.get("/metrics").text
    assert sample(text, 'decline_call_carrier_lag_seconds{carrier="cmcc"}') == 90
    assert sample(text, 'decline_call_carrier_edition{carrier="cmcc"}') == 0
    assert sample(text, 'decline_call_sms_total{outcome="sent"}') == 1
    assert sample(text, 'decline_call_sms_total{outcome="refused_by_allowance"}') == 1
    assert sample(text, 'decline_call_job_age_seconds{job="publish"}') == 90
    assert sample(text, 'decline_call_job_failed{job="publish"}') == 0
    assert sample(text, 'decline_call_scrubs_ended_total{outcome="done"}') == 0
    assert "13800138000" not in text


def test_two_processes_tell_the_same_figures(
    app: Flask, registry: Registry, problem: Callable[[Any, int], dict[str, Any]]
) -> None:
    other = create_app(registry).test_client()
    app.test_client().post("/api/v1/codes", json={"number": "13800138000"})
    other.post("/api/v1/codes", json={"number": "13900139000"})
    texts = [visitor.get("/metrics").text for visitor in (app.test_client(), other)]
    assert [sample(text, 'decline_call_sms_total{outcome="sent"}') for text in texts] == [2, 2]
