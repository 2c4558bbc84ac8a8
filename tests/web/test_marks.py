"""Appeals against marks: a person who proved a number, an officer who decides, a recycling that is known of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from registry import audit, markappeals, opendata
from registry.assembly import Registry
from registry.errors import ConflictError, InvalidInputError, NotFoundError, TooManyError
from registry.numbers import Number
from registry.sealing import SealedNumber, seal_one
from registry.times import to_micros
from tests.doubles import FakeClock
from tests.web.filled import MINE, Viewers, Visitor, sealed
from tests.web.test_opendata import report


def mark(registry: Registry) -> SealedNumber:
    """Five people report the number of the person; its seal."""
    number = sealed(registry, MINE)
    report(registry, MINE, 5)
    opendata.count(registry.store, registry.clock)
    return number


def test_an_appeal_waits_for_an_officer_who_says_why_and_the_mark_is_gone_at_once(
    app: Flask, registry: Registry, viewers: Viewers, clock: FakeClock
) -> None:
    person, officer = Visitor(app, viewers.tokens["mine"]), Visitor(app, viewers.tokens["officer"])
    assert "is not marked" in person.get("/my-number/mark")
    mark(registry)
    clock.advance(seconds=1)
    assert "is marked" in person.get("/my-number/mark")
    assert "An officer decides" in person.post("/my-number/mark")
    assert "It was not taken" in person.post("/my-number/mark")
    assert "people reported it between" in officer.get("/officer/marks")
    name = markappeals.waiting(registry.store, registry.keys, limit=9, zone="UTC")[0].appeal
    assert "Please say why" in officer.post(f"/officer/marks/{name}", decision="clear", note=" ")
    assert "The mark is gone" in officer.post(f"/officer/marks/{name}", decision="clear", note="New SIM, shown.")
    assert "seen to this already" in officer.post(f"/officer/marks/{name}", decision="keep", note="x")
    page = person.get("/my-number/mark")
    assert "is not marked" in page
    assert "New SIM, shown." in page
    changes = opendata.changes(registry.store, registry.keys, cursor=0, limit=9, zone="UTC").marks
    assert [(each.state, each.reason) for each in changes][-1:] == [("removed", "cleared")]
    assert opendata.count(registry.store, registry.clock)["marked"] == 0
    assert {"mark_appealed", "mark_cleared"} <= {entry.action for entry in audit.entries(registry.store, most=9)}


def test_where_the_registry_knows_of_the_recycling_the_mark_goes_without_an_officer(
    registry: Registry, viewers: Viewers, clock: FakeClock
) -> None:
    del viewers
    number = mark(registry)
    clock.advance(hours=2)
    at = to_micros(clock.now() - timedelta(hours=1))
    with registry.store.writing():
        registry.store.engine.run_many(
            """INSERT INTO number_event (source, source_id, event, batch, line, number, kind, at, giver, taker,
                received, state, reason, other, settled, actor, note)
            VALUES ('cmcc', 'e', 'e9', 'b', 1, :number, 'reassigned', :at, '', '', :at, 'done', '', '', :at, '', '')""",
            [{"number": number, "at": at}],
        )
    assert markappeals.appeal(registry.store, clock, registry.keys, number=number) == "cleared"
    changes = opendata.changes(registry.store, registry.keys, cursor=0, limit=9, zone="UTC").marks
    assert [(each.state, each.reason) for each in changes][-1:] == [("removed", "recycled")]


def test_what_cannot_be_appealed_or_decided_is_said(registry: Registry, clock: FakeClock) -> None:
    store = registry.store
    number = seal_one(registry.keys.at_rest, Number(1, 8613900000009))
    with pytest.raises(NotFoundError):
        markappeals.appeal(store, clock, registry.keys, number=number)
    report(registry, "13900000009", 5)
    opendata.count(store, clock)
    for _ in range(markappeals.A_DAY):
        assert markappeals.appeal(store, clock, registry.keys, number=number) == "waiting"
        with pytest.raises(ConflictError):
            markappeals.appeal(store, clock, registry.keys, number=number)
        name = markappeals.waiting(store, registry.keys, limit=1, zone="UTC")[0].appeal
        with pytest.raises(InvalidInputError):
            markappeals.decide(store, clock, appeal=name, clear=False, why=" ", actor="member:x")
        markappeals.decide(store, clock, appeal=name, clear=False, why="No.", actor="member:x")
    with pytest.raises(TooManyError):
        markappeals.appeal(store, clock, registry.keys, number=number)
    with pytest.raises(NotFoundError):
        markappeals.decide(store, clock, appeal="nothing", clear=True, why="Yes.", actor="member:x")
