"""Tests of what came of a report, as its sender may know it: what was decided, never what was proposed or said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from registry import cases, consequences, measures
from registry.access import Actor
from registry.handling import Handling, of_reference
from registry.keys import KeyRing
from registry.numbering import load_plan
from registry.parties import Member
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.gatheringup import Pile


def officer(name: str, role: str) -> Actor:
    return Actor("member", role=role, member=Member(name, "regulator", "", name, role, "active", True), strong=True)


ANNA, BEN = officer("anna", "investigator"), officer("ben", "decider")


class Affair:
    """A report, and the case that it speaks in."""

    def __init__(self, store: Store, clock: FakeClock, keys: KeyRing) -> None:
        self.store, self.clock = store, clock
        pile = Pile(store, keys, clock, load_plan())
        self.enterprise = pile.enterprise("甲公司")
        (self.report,) = pile.fall(1, enterprise=self.enterprise)
        pile.gather()
        self.calendar = pile.calendar
        self.case = cases.open_case(
            store, clock, actor=ANNA, enterprise=self.enterprise, reason="线索", calendar=pile.calendar
        ).case_id

    def found(self) -> Handling:
        return of_reference(self.store, self.report.reference)

    def steps(self) -> list[str]:
        self.clock.advance(minutes=1)
        return [step.action for step in consequences.of_report(self.store, self.found()).steps]

    def proposed(self) -> str:
        return measures.propose(self.store, self.clock, actor=ANNA, enterprise=self.enterprise, kind="warn", facts="x",
                                case_id=self.case).measure  # fmt: skip

    def decided(self) -> str:
        made, starts = self.proposed(), self.clock.now() + timedelta(days=1)
        measures.decide(self.store, self.clock, actor=BEN, measure=made, starts=starts)
        return made


@pytest.fixture
def affair(store: Store, clock: FakeClock, keys: KeyRing) -> Affair:
    return Affair(store, clock, keys)


def test_a_sender_is_told_what_was_decided_and_not_what_was_proposed(affair: Affair) -> None:
    store, clock = affair.store, affair.clock
    assert affair.steps() == ["open"]
    cases.propose(store, clock, actor=ANNA, case_id=affair.case, action="order", reason="x")
    refused = affair.proposed()
    measures.refuse(store, clock, actor=BEN, measure=refused, note="no")
    affair.proposed()
    assert affair.steps() == ["open"]
    cases.decide(store, clock, actor=BEN, case_id=affair.case, granted=True, reason="x", calendar=affair.calendar)
    made = affair.decided()
    assert affair.steps() == ["open", "order", "decide"]
    measures.lift(store, clock, actor=BEN, measure=made, note="x")
    assert affair.steps()[2:] == ["decide", "lift"]
    newest = consequences.newest_of(store, [affair.found()])
    assert [each.state for each in newest.values()] == ["lifted"]


def test_what_ended_before_a_report_came_is_none_of_its_consequences(affair: Affair) -> None:
    measures.lift(affair.store, affair.clock, actor=BEN, measure=affair.decided(), note="x")
    affair.clock.advance(days=1)
    later = replace(affair.found(), received=affair.clock.now())
    told = consequences.of_report(affair.store, later)
    assert ([step.action for step in told.steps], told.measures) == (["open"], ())
    assert consequences.newest_of(affair.store, [later]) == {}


def test_a_report_that_counts_no_more_or_gathered_to_no_case_has_no_consequences(affair: Affair) -> None:
    affair.decided()
    with affair.store.writing():
        affair.store.gathering.drop([(affair.report.source, affair.report.source_id)])
    assert consequences.of_report(affair.store, affair.found()) == consequences.Consequences()
    assert consequences.newest_of(affair.store, [affair.found()]) == {}
