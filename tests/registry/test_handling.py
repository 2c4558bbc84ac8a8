"""Tests of the handling of reports: whose desk each comes to, by when, and what each move leaves behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry import audit, enterprises, handling, parties, reports, resources, routing, trials
from registry.access import SYSTEM
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.handling import Handling, Tools
from registry.keys import KeyRing
from registry.numbers import parse_caller
from registry.readers.rows import Row
from registry.resources import Resource
from registry.sealing import seal_one
from registry.store import Store
from registry.times import iso, to_micros
from tests.doubles import FakeClock


class Centre:
    """A store with a carrier and a provider, and short ways to let reports come in and move."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> None:
        self.store, self.clock = store, clock
        self.tools = Tools(store, clock, keys, plan, rulebooks, "Asia/Shanghai")
        for party, kind in (("cmcc", "carrier"), ("sender", "telemarketer")):
            parties.add_party(store, clock, party=party, kind=kind, name_zh=party, name_en=party)
        self.sender = enterprises.enrol(store, clock, name="发送公司", party="sender").enterprise
        self.count = 0

    def port(self, prefix: str, provider: str = "") -> None:
        entry = Resource(resources.new_id(), "port", prefix, None, "cmcc", provider, "", "", "", "",
                         self.clock.now() - timedelta(days=90), None, "", self.clock.now())  # fmt: skip
        with self.store.writing():
            self.store.enterprises.put_resources([entry])

    def row(self, caller: str | None = "1069000123", **changes: Any) -> dict[str, Any]:
        self.count += 1
        number = seal_one(self.tools.keys.at_rest, parse_caller(caller, self.tools.plan)) if caller else None
        return {
            "source": "people", "source_id": f"r{self.count}", "caller": number, "channel": 2, "category": 0,
            "at": to_micros(self.clock.now()), "mode": None, "verdict": "violation", "reason": "everything_declined",
            "rulebook": "2026",
        } | changes  # fmt: skip

    def come(self, *rows: dict[str, Any], kind: Any = "people") -> list[Handling]:
        with self.store.writing(about="reports"):
            routing.begin_inside(self.tools, rows, kind=kind)
        found = [self.store.handling.of_report(row["source"], row["source_id"]) for row in rows]
        return [each for each in found if each is not None]

    def move(self, found: Handling, action: str, maker: Any = "centre", **more: Any) -> Handling:
        return handling.move(self.tools, reference=found.reference, action=action, maker=maker, actor=SYSTEM, **more)


@pytest.fixture
def centre(store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> Centre:
    return Centre(store, keys, clock, plan, rulebooks)


def test_a_report_comes_to_the_desk_of_who_sends_else_of_who_carries_else_stays_at_the_centre(centre: Centre) -> None:
    centre.port("10690001", centre.sender)
    centre.port("10690002")
    found = centre.come(
        centre.row("1069000155"), centre.row("1069000255"), centre.row("1069000355"), centre.row(None),
        centre.row("13800138000", channel=0),
    )  # fmt: skip
    assert [(each.desk, each.state) for each in found] == [
        ("sender", "forwarded"), ("cmcc", "forwarded"), ("", "accepted"), ("", "accepted"), ("cmcc", "forwarded"),
    ]  # fmt: skip
    assert [each.kind for each in found] == ["message"] * 4 + ["call"]
    assert found[0].due is not None
    assert found[2].due is not None
    assert (found[0].due.date().isoformat(), found[2].due.date().isoformat()) == ("2026-12-14", "2026-11-26")


def test_what_was_allowed_is_handled_for_people_and_not_for_carriers(centre: Centre) -> None:
    allowed = {"verdict": "allowed", "reason": "no_recorded_will"}
    assert len(centre.come(centre.row(**allowed))) == 1
    assert centre.come(centre.row(**allowed, source="cmcc"), kind="carrier") == []
    assert len(centre.come(centre.row(source="cmcc"), kind="carrier")) == 1
    assert centre.come(centre.row(source="ftc"), kind="ftc") == []


def test_a_report_goes_its_whole_way_and_each_step_is_kept(centre: Centre) -> None:
    centre.port("10690001", centre.sender)
    found = centre.come(centre.row("1069000155"))[0]
    centre.move(found, "find_violation", "desk", desk="sender", note="我们发的")
    centre.move(found, "measure", "desk", desk="sender")
    fed = centre.move(found, "feed_back", "desk", desk="sender", answer="已停发")
    assert (fed.outcome, fed.due is not None, b"\xe5\xb7\xb2" in (fed.answer or b"")) == ("violation", True, False)
    centre.move(found, "tell", "system")
    done = centre.move(found, "close", "person")
    assert (done.state, done.due, done.closed) == ("closed", None, centre.clock.now())
    moves = centre.store.handling.moves(found.source, found.source_id)
    assert [row["action"] for row in moves] == [
        "accept", "forward", "find_violation", "measure", "feed_back", "tell", "close",
    ]  # fmt: skip
    assert audit.verify(centre.store)


def test_a_desk_sees_and_moves_only_what_lies_on_it(centre: Centre) -> None:
    centre.port("10690001", centre.sender)
    found = centre.come(centre.row("1069000155"))[0]
    with pytest.raises(NotFoundError):
        centre.move(found, "find_violation", "desk", desk="cmcc")
    with pytest.raises(NotAllowedError):
        centre.move(found, "forward" if found.state == "accepted" else "disown", "centre")
    states = ("forwarded", "violation")
    assert centre.store.handling.queue("cmcc", states=states, after=0, limit=10) == ()
    assert centre.store.handling.queue("sender", states=states, after=0, limit=10) == (found,)


def test_what_a_desk_disowns_comes_back_to_the_centre_which_sends_it_on(centre: Centre) -> None:
    centre.port("10690001", centre.sender)
    found = centre.come(centre.row("1069000155"))[0]
    back = centre.move(found, "disown", "desk", desk="sender")
    assert (back.desk, back.state, back.outcome) == ("", "not_ours", "not_ours")
    on = centre.move(found, "forward", "centre", desk="cmcc")
    assert (on.desk, on.state) == ("cmcc", "forwarded")


def test_a_move_out_of_order_changes_nothing(centre: Centre) -> None:
    found = centre.come(centre.row())[0]
    with pytest.raises(ConflictError):
        centre.move(found, "tell", "system")
    assert centre.store.handling.of_report(found.source, found.source_id) == found


def test_a_year_that_the_calendar_does_not_know_loses_no_report(centre: Centre) -> None:
    centre.port("10690001", centre.sender)
    centre.clock.advance(days=30)
    found = centre.come(centre.row("1069000155"))[0]
    assert (found.state, found.due, found.undated) == ("forwarded", None, True)


def test_a_note_keeps_no_number(centre: Centre) -> None:
    found = centre.come(centre.row("1069000155"))[0]
    centre.move(found, "close", note="called 13800138000 back")
    assert "13800138000" not in str(centre.store.handling.moves(found.source, found.source_id))


def taken(centre: Centre, source: str, kind: Any = "carrier", **changes: Any) -> Any:
    tools = centre.tools
    said = {"id": f"t{source}", "called": "+8613900000001", "caller": "1069000155", "channel": "messages",
            "at": iso(centre.clock.now()), "description": "贷款"} | changes  # fmt: skip
    return reports.take_in(centre.store, tools.keys, centre.clock, tools.plan, tools.rulebooks, source=source,
                           kind=kind, rows=[Row(1, b"row", said)])  # fmt: skip


def test_a_report_that_is_taken_in_is_handled_and_a_sandbox_partys_is_not(centre: Centre) -> None:
    parties.add_party(centre.store, centre.clock, party="trial", kind="carrier", name_zh="试", name_en="Trial",
                      sandbox=True)  # fmt: skip
    assert taken(centre, "people", "people").accepted == 1
    found = centre.store.handling.of_report("people", "tpeople")
    assert found is not None
    assert found.state == "accepted"
    magic = trials.trial_of(centre.store, centre.tools.keys, "trial")
    assert magic is not None
    number = magic.sandbox.cases[0].number
    assert taken(centre, "trial", "people", called=number.e164).accepted == 1
    assert centre.store.handling.of_report("trial", "ttrial") is None


def test_the_centre_says_what_is_missing_and_whose_desk_it_is(centre: Centre) -> None:
    found = centre.come(centre.row("1069000155"))[0]
    for desk in ("", "nobody"):
        with pytest.raises(InvalidInputError):
            centre.move(found, "forward", desk=desk)
    with pytest.raises(InvalidInputError):
        centre.move(found, "return", note=" ")
    on = centre.move(found, "forward", desk="sender")
    assert (on.desk, on.state) == ("sender", "forwarded")
