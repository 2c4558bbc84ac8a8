"""Tests of what time does with reports: lateness counted once, people told, ends, a calendar that lacks a year."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry import deadlines, reports
from registry.alarms import alarms
from registry.errors import UnavailableError
from registry.handling import Handling
from registry.keys import KeyRing
from registry.numbering.holidays import joined, parse_holidays
from registry.numbers import Number, parse_one
from registry.sealing import seal_one
from registry.store import Store
from registry.times import iso
from tests.doubles import FakeClock, MemorySms
from tests.registry.test_handling import Centre

ME = "13800138000"
NEXT_YEAR = "[2027]\noff = [[2027-01-01, 2027-01-03]]\nworking = []\n"


@pytest.fixture
def centre(store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> Centre:
    made = Centre(store, keys, clock, plan, rulebooks)
    made.port("10690001", made.sender)
    return made


def run(centre: Centre, sms: Any, tools: Any = None) -> dict[str, int]:
    return deadlines.run(tools or centre.tools, sms, language="en", keep=lambda: None)


def again(centre: Centre, found: Handling) -> Handling:
    here = centre.store.handling.of_report(found.source, found.source_id)
    assert here is not None
    return here


def fed_back(centre: Centre) -> Handling:
    """A report of a person with a proved number, dealt with by the desk."""
    tools = centre.tools
    said = {"id": "told", "called": f"+86{ME}", "caller": "1069000155", "channel": "messages",
            "at": iso(centre.clock.now())}  # fmt: skip
    reports.take_one(centre.store, tools.keys, centre.clock, tools.plan, tools.rulebooks, source="people",
                     kind="people", fields=said,
                     reporter=seal_one(tools.keys.at_rest, parse_one(ME, tools.plan)))  # fmt: skip
    found = centre.store.handling.of_report("people", "told")
    assert found is not None
    assert found.desk == "sender"
    for action in ("find_violation", "measure", "feed_back"):
        found = centre.move(found, action, "desk", desk="sender")
    return found


def test_a_deadline_that_ran_out_is_counted_once_and_the_desk_may_still_answer_late(
    centre: Centre, sms: MemorySms
) -> None:
    found = centre.come(centre.row("1069000155"))[0]
    assert found.due is not None
    assert run(centre, sms)["overdue"] == 0
    centre.clock.advance(days=22)
    assert run(centre, sms)["overdue"] == 1
    assert run(centre, sms)["overdue"] == 0
    late = again(centre, found)
    assert (late.late, late.escalated, late.state, late.due) == (1, True, "forwarded", found.due)
    assert centre.store.handling.moves(found.source, found.source_id)[-1]["action"] == "late"
    centre.move(found, "find_unfounded", "desk", desk="sender")
    done = centre.move(found, "feed_back", "desk", desk="sender")
    assert (done.late, done.escalated) == (1, False)


def test_a_person_is_told_once_by_message_which_names_nobody_and_the_report_closes_after_fifteen_days(
    centre: Centre, sms: MemorySms
) -> None:
    found = fed_back(centre)
    assert run(centre, sms)["told"] == 1
    assert run(centre, sms)["told"] == 0
    ((number, text),) = sms.sent
    assert number == parse_one(ME, centre.tools.plan)
    assert found.reference in text
    assert "a violation was found" in text
    assert not any(word in text for word in ("sender", "1069000155", "发送公司"))
    told = again(centre, found)
    assert (told.state, told.due) == ("told", centre.clock.now() + timedelta(days=15))
    centre.clock.advance(days=16)
    counts = run(centre, sms)
    assert (counts["closed"], counts["overdue"]) == (1, 0)
    assert again(centre, found).state == "closed"


def test_who_gave_no_proved_number_gets_no_message_and_a_gateway_that_fails_loses_nothing(
    centre: Centre, sms: MemorySms
) -> None:
    class Broken:
        name = "broken"

        def send(self, number: Number, text: str) -> None:
            raise UnavailableError("The gateway does not answer.", code="sms_failed")

    kept = fed_back(centre)
    assert run(centre, Broken())["told"] == 0
    assert again(centre, kept).state == "fed_back"
    assert run(centre, sms)["told"] == 1
    other = centre.come(centre.row("1069000155"))[0]
    centre.move(other, "find_unfounded", "desk", desk="sender")
    centre.move(other, "feed_back", "desk", desk="sender")
    assert run(centre, sms)["told"] == 1
    assert len(sms.sent) == 1


def test_a_year_that_is_missing_rings_until_the_calendar_is_completed_and_then_counts_from_the_start(
    centre: Centre, sms: MemorySms
) -> None:
    centre.clock.advance(days=30)
    found = centre.come(centre.row("1069000155"))[0]
    rung = [each for each in alarms(centre.store, centre.clock, lag_minutes=60) if each.kind == "calendar"]
    assert [each.reports for each in rung] == [1]
    assert run(centre, sms)["completed"] == 0
    centre.clock.advance(days=2)
    plan = replace(centre.tools.plan, holidays=joined(centre.tools.plan.holidays, parse_holidays(NEXT_YEAR)))
    assert run(centre, sms, replace(centre.tools, plan=plan))["completed"] == 1
    done = again(centre, found)
    assert done.due is not None
    assert not done.undated
    assert done.due.year == 2027
    assert not [each for each in alarms(centre.store, centre.clock, lag_minutes=60) if each.kind == "calendar"]


def test_what_became_of_a_report_is_erased_with_it(centre: Centre, sms: MemorySms) -> None:
    found = fed_back(centre)
    centre.clock.advance(days=4000)
    erased = reports.purge(centre.store, centre.clock, centre.tools.rulebooks)
    assert (erased["reports"], erased["handlings"]) == (1, 1)
    assert centre.store.handling.moves(found.source, found.source_id) == []
