"""Deadlines of cases: in working days, counted and escalated once, kept where the calendar lacks the year; and what
retention takes from cases without leaving anything that dangles."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry import casedeadlines, cases, reports
from registry.alarms import alarms
from registry.keys import KeyRing
from registry.numbering.holidays import joined, parse_holidays
from registry.rulebook import Rulebooks
from registry.store import Store
from registry.times import local
from tests.doubles import FakeClock
from tests.registry.gatheringup import TEXT, Pile, member

NEXT_YEAR = "[2027]\noff = [[2027-01-01, 2027-01-03]]\nworking = []\n"


@pytest.fixture
def pile(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Pile:
    """As in a year that the calendar knows to its end, and whose next one it does not know."""
    clock.moment = clock.moment.replace(month=8, day=3)
    return Pile(store, keys, clock, plan)


def opened(pile: Pile) -> cases.Case:
    """A case that an investigator opens now."""
    who = member("investigator", "anna", pile.clock)
    return cases.open_case(
        pile.store, pile.clock, actor=who, enterprise=pile.enterprise("甲公司"), reason="线索", calendar=pile.calendar
    )


def run(pile: Pile, calendar: Any = None) -> dict[str, int]:
    return casedeadlines.run(pile.store, pile.clock, calendar or pile.calendar, lambda: None)


def rung(pile: Pile, kind: str) -> int:
    found = [each for each in alarms(pile.store, pile.clock, lag_minutes=60) if each.kind == kind]
    return found[0].cases if found else 0


def test_a_case_is_due_after_working_days_that_leave_holidays_out(pile: Pile) -> None:
    found = opened(pile)
    assert found.due is not None
    day = local(found.due, "Asia/Shanghai") - timedelta(days=1)
    days = [local(pile.clock.now(), "Asia/Shanghai").date() + timedelta(days=each) for each in range(1, 90)]
    counted = [each for each in days if each <= day.date() and pile.plan.holidays.is_working_day(each)]
    assert (len(counted), counted[-1]) == (cases.DAYS, day.date())


def test_a_case_that_is_late_is_counted_and_escalated_once_and_starts_anew_with_its_next_step(pile: Pile) -> None:
    made = opened(pile)
    assert run(pile) == {"cases_dated": 0, "cases_overdue": 0}
    pile.clock.advance(days=70)
    assert [run(pile)["cases_overdue"] for _ in range(2)] == [1, 0]
    late = cases.case_of(pile.store, made.case_id)
    assert (late.late, late.escalated, late.due, rung(pile, "overdue")) == (1, True, made.due, 1)
    assert pile.store.cases.moves(made.case_id)[-1]["action"] == "late"
    about: dict[str, Any] = {"case_id": made.case_id, "reason": "证据充分"}
    cases.propose(pile.store, pile.clock, actor=member("investigator", "anna", pile.clock), action="order", **about)
    ben = member("decider", "ben", pile.clock)
    moved = cases.decide(pile.store, pile.clock, actor=ben, granted=True, calendar=pile.calendar, **about)
    assert (moved.late, moved.escalated, rung(pile, "overdue")) == (1, False, 0)
    assert moved.due is not None
    assert moved.due > pile.clock.now()


def test_over_a_year_that_the_calendar_lacks_a_case_is_kept_rings_and_is_dated_later_from_its_beginning(
    pile: Pile
) -> None:
    pile.clock.advance(days=135)
    made = opened(pile)
    assert (made.due, made.undated, rung(pile, "calendar")) == (None, True, 1)
    assert run(pile)["cases_dated"] == 0
    pile.clock.advance(days=3)
    later = replace(pile.calendar, holidays=joined(pile.plan.holidays, parse_holidays(NEXT_YEAR)))
    assert run(pile, later)["cases_dated"] == 1
    dated = cases.case_of(pile.store, made.case_id)
    assert (dated.due, dated.undated, rung(pile, "calendar")) == (later.due(made.opened, cases.DAYS), False, 0)


def test_a_case_that_gathers_by_itself_is_due_too(pile: Pile) -> None:
    pile.fall(10, enterprise=pile.enterprise("乙公司"))
    pile.gather()
    (found,) = pile.store.cases.queue(states=("open",), sort="due", descending=False, limit=9, after=0)
    assert found.due == pile.calendar.due(pile.clock.now(), cases.DAYS)


def recounted(store: Store, case_id: str) -> cases.Case:
    with store.writing(about="cases"):
        return store.cases.recount(case_id)


def dangling(store: Store) -> list[str]:
    """Tables with a row about a report, a text or a campaign that is gone."""
    checks = {
        **{table: f"""SELECT 1 AS x FROM {table} AS t WHERE NOT EXISTS (SELECT 1 FROM handling AS h
            WHERE h.source = t.source AND h.source_id = t.source_id)""" for table in ("case_report", "handling_move")},
        "text_band": """SELECT 1 AS x FROM text_band AS t WHERE NOT EXISTS (SELECT 1 FROM text_cluster AS c
            WHERE c.cluster = t.cluster)""",
        "text_cluster": """SELECT 1 AS x FROM text_cluster AS t WHERE NOT EXISTS (SELECT 1 FROM handling AS h
            WHERE h.cluster = t.cluster)""",
        "handling": """SELECT 1 AS x FROM handling AS t WHERE cluster <> '' AND NOT EXISTS (SELECT 1 FROM text_cluster
            AS c WHERE c.cluster = t.cluster)""",
        "campaign": """SELECT 1 AS x FROM campaign AS t WHERE NOT EXISTS (SELECT 1 FROM case_report AS c
            WHERE c.campaign = t.campaign)""",
        "campaign_link": """SELECT 1 AS x FROM campaign_link AS t WHERE NOT EXISTS (SELECT 1 FROM campaign AS c
            WHERE c.campaign = t.campaign) OR (link LIKE 't_%' AND NOT EXISTS (SELECT 1 FROM text_cluster AS c
            WHERE c.cluster = t.link))""",
    }  # fmt: skip
    return [table for table, sql in checks.items() if store.engine.rows(sql)]


def test_what_retention_erases_leaves_nothing_that_dangles_and_its_case_still_counts_it(
    pile: Pile, rulebooks: Rulebooks
) -> None:
    old, kept = pile.enterprise("甲公司"), rulebooks.at(pile.clock.now()).retention.reports
    pile.fall(10, enterprise=old, text=TEXT)
    pile.fall(2, enterprise=pile.enterprise("乙公司"), caller="13900139000", text="周末新楼盘开盘欢迎到场品鉴样板间")
    pile.gather()
    pile.clock.advance(days=kept - 1)
    pile.fall(2, enterprise=old, text=f"{TEXT}。")
    pile.gather()
    (case,) = pile.store.cases.of_enterprise(old)
    assert case.reports == 12
    pile.clock.advance(days=2)
    erased = reports.purge(pile.store, pile.clock, rulebooks)
    assert {name: erased[name] for name in ("reports", "handlings", "texts", "campaigns")} == {
        "reports": 12, "handlings": 12, "texts": 1, "campaigns": 1,
    }  # fmt: skip
    assert dangling(pile.store) == []
    assert len(pile.store.cases.reports(case.case_id, limit=99)) == 2
    again = recounted(pile.store, case.case_id)
    assert (again.reports, again.erased) == (12, 10)
    pile.clock.advance(days=kept)
    assert reports.purge(pile.store, pile.clock, rulebooks)["texts"] == 1
    assert dangling(pile.store) == []
    assert recounted(pile.store, case.case_id).reports == 12


def test_erased_reports_go_along_when_cases_are_merged(pile: Pile, rulebooks: Rulebooks) -> None:
    whom = pile.enterprise("甲公司")
    pile.fall(10, enterprise=whom)
    pile.gather()
    (old,) = pile.store.cases.of_enterprise(whom)
    pile.clock.advance(days=rulebooks.at(pile.clock.now()).retention.reports + 1)
    reports.purge(pile.store, pile.clock, rulebooks)
    anna = member("investigator", "anna", pile.clock)
    fresh = cases.open_case(pile.store, pile.clock, actor=anna, enterprise=whom, reason="线索",
                            calendar=pile.calendar)  # fmt: skip
    made = cases.merge(pile.store, pile.clock, actor=anna, case_id=old.case_id, into=fresh.case_id, reason="同案")
    assert (made.reports, made.erased) == (10, 10)
    assert cases.case_of(pile.store, old.case_id).erased == 0
