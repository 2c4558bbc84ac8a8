"""Tests of cases: the state table, who proposes and who decides, merging, splitting, the trail."""

from __future__ import annotations

from typing import Any

import pytest

from registry import audit, cases
from registry.access import Actor
from registry.casemoves import LAST, MOVES, STATES, move_of, moves_from
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.keys import KeyRing
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.gatheringup import Pile, member


@pytest.fixture
def pile(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Pile:
    return Pile(store, keys, clock, plan)


class Office:
    """An investigator, two deciders, a publisher, and the case that they work on."""

    def __init__(self, pile: Pile) -> None:
        self.store, self.clock, self.calendar = pile.store, pile.clock, pile.calendar
        self.investigator, self.decider, self.publisher = (
            member(role, role, pile.clock) for role in ("investigator", "decider", "publisher")
        )
        self.enterprise = pile.enterprise("甲公司")
        self.case_id = cases.open_case(
            pile.store, pile.clock, actor=self.investigator, enterprise=self.enterprise, reason="线索",
            calendar=pile.calendar,
        ).case_id

    def propose(self, action: str, actor: Actor | None = None) -> cases.Case:
        return cases.propose(self.store, self.clock, actor=actor or self.investigator, case_id=self.case_id,
                             action=action, reason="证据充分")  # fmt: skip

    def decide(self, actor: Actor | None = None, granted: bool = True) -> cases.Case:
        return cases.decide(self.store, self.clock, actor=actor or self.decider, case_id=self.case_id,
                            granted=granted, reason="同意", calendar=self.calendar)  # fmt: skip


@pytest.fixture
def office(pile: Pile) -> Office:
    return Office(pile)


def test_the_table_leads_from_every_state_to_an_end_and_from_merged_nowhere() -> None:
    reached = {"open"} | {move.state for move in MOVES} | {"merged"}
    assert reached == set(STATES)
    assert all(moves_from(state) for state in STATES if state not in LAST)
    assert moves_from("merged") == moves_from("credit_filed") == ()
    assert all(move.rule for move in MOVES)
    with pytest.raises(ConflictError):
        move_of("fine", "open")
    with pytest.raises(ConflictError):
        move_of("nothing", "open")


def test_a_case_goes_from_order_to_credit_file_and_every_step_is_kept(office: Office) -> None:
    for action, decider in (
        ("order", office.decider), ("warn", office.decider), ("fine", office.decider),
        ("publish", office.publisher), ("file_credit", office.decider),
    ):  # fmt: skip
        office.propose(action)
        if action == "fine":
            with pytest.raises(ConflictError, match="heard"):
                office.decide(decider)
            cases.hear(office.store, office.clock, actor=office.investigator, case_id=office.case_id, said="已陈述")
        done = office.decide(decider)
    assert (done.state, done.due, done.proposal) == ("credit_filed", None, "")
    moves = office.store.cases.moves(office.case_id)
    assert [row["action"] for row in moves][-2:] == ["propose_file_credit", "file_credit"]
    assert {row["actor"] for row in moves} == {"member:investigator", "member:decider", "member:publisher"}
    trail = audit.entries(office.store)
    assert (trail[0].action, trail[0].subject) == ("case_file_credit", f"case:{office.case_id}")


def test_nobody_decides_what_they_proposed_whatever_their_role(office: Office, monkeypatch: Any) -> None:
    with pytest.raises(NotAllowedError):
        office.propose("order", office.decider)
    office.propose("order")
    with pytest.raises(NotAllowedError):
        office.decide(office.investigator)
    from registry import access

    both = {**access.ROLES, "investigator": access.ROLES["investigator"] | {"decide"}}
    monkeypatch.setattr(access, "ROLES", both)
    with pytest.raises(NotAllowedError) as refused:
        office.decide(office.investigator)
    assert refused.value.code == "own_proposal"


def test_a_proposal_that_is_turned_down_leaves_the_case_where_it_was(office: Office) -> None:
    with pytest.raises(ConflictError):
        office.decide()
    office.propose("order")
    with pytest.raises(ConflictError):
        office.propose("warn")
    assert office.decide(granted=False).state == "open"
    assert office.propose("close").proposal == "close"
    assert office.decide().state == "closed"
    office.propose("reopen")
    assert office.decide().state == "open"


def test_a_publication_is_the_publishers_to_decide(office: Office) -> None:
    for action in ("order", "warn"):
        office.propose(action)
        office.decide()
    office.propose("publish")
    with pytest.raises(NotAllowedError):
        office.decide(office.decider)
    assert office.decide(office.publisher).state == "published"


def test_merging_takes_all_reports_along_and_what_comes_later_too(pile: Pile, office: Office) -> None:
    one = office.enterprise
    pile.fall(10, enterprise=one)
    pile.gather()
    pile.fall(10, enterprise=one, caller="13900139000")
    pile.gather()
    found = [case.case_id for case in pile.store.cases.of_enterprise(one) if case.reports]
    assert len(found) == 2
    made = cases.merge(pile.store, pile.clock, actor=office.investigator, case_id=found[0], into=found[1],
                       reason="同案")  # fmt: skip
    assert (made.reports, made.numbers) == (20, 2)
    pile.fall(1, enterprise=one)
    pile.fall(1, enterprise=one, caller="13900139000")
    pile.gather()
    assert cases.case_of(pile.store, found[1]).reports == 22
    gone = cases.case_of(pile.store, found[0])
    assert (gone.state, gone.merged_into, gone.reports) == ("merged", found[1], 0)
    with pytest.raises(ConflictError):
        cases.merge(pile.store, pile.clock, actor=office.investigator, case_id=found[0], into=found[1], reason="x")


def test_splitting_takes_some_reports_into_a_new_case(pile: Pile, office: Office) -> None:
    made = pile.fall(12, enterprise=office.enterprise)
    pile.gather()
    case = next(case for case in pile.store.cases.of_enterprise(office.enterprise) if case.reports)
    names = [each.reference for each in made]
    for wrong in ([], names, ["nothing"]):
        with pytest.raises(InvalidInputError):
            cases.split(pile.store, pile.clock, actor=office.investigator, case_id=case.case_id, references=wrong,
                        reason="另案", calendar=pile.calendar)  # fmt: skip
    taken = cases.split(pile.store, pile.clock, actor=office.investigator, case_id=case.case_id,
                        references=names[:4], reason="另案", calendar=pile.calendar)  # fmt: skip
    assert (taken.reports, taken.why, cases.case_of(pile.store, case.case_id).reports) == (4, "split", 8)
    assert len(pile.store.cases.reports(taken.case_id, limit=10)) == 4


def test_after_a_case_is_closed_reports_gather_anew(pile: Pile, office: Office) -> None:
    pile.fall(10, enterprise=office.enterprise)
    pile.gather()
    case = next(case for case in pile.store.cases.of_enterprise(office.enterprise) if case.reports)
    office.case_id = case.case_id
    office.propose("close")
    office.decide()
    pile.fall(10, enterprise=office.enterprise)
    pile.gather()
    counts = sorted((each.state, each.reports) for each in pile.store.cases.of_enterprise(office.enterprise))
    assert counts == [("closed", 10), ("open", 0), ("open", 10)]


def test_reasons_are_asked_for_and_kept_without_numbers(office: Office) -> None:
    with pytest.raises(InvalidInputError):
        cases.propose(office.store, office.clock, actor=office.investigator, case_id=office.case_id, action="order",
                      reason="  ")  # fmt: skip
    cases.propose(office.store, office.clock, actor=office.investigator, case_id=office.case_id, action="order",
                  reason="13800138000 多次来电")  # fmt: skip
    assert "138001" not in office.store.cases.moves(office.case_id)[-1]["note"]
    with pytest.raises(NotFoundError):
        cases.case_of(office.store, "nothing")
    with pytest.raises(NotFoundError):
        cases.assign(office.store, office.clock, actor=office.investigator, case_id=office.case_id, member="nobody")
    with pytest.raises(NotAllowedError):
        cases.assign(office.store, office.clock, actor=office.decider, case_id=office.case_id, member="")
