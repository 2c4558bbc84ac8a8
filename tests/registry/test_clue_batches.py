"""Which reports and cases become clues, once, as they stood at the cut-off; crime at once; what is referred by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry import cluemaking, clues, cluework, fining
from registry.access import SYSTEM
from registry.audit import verify
from registry.clues import Batch
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.keys import KeyRing
from registry.numbering.holidays import load_holidays
from registry.preferences import Category
from registry.quarters import Quarter
from registry.store import Store
from registry.workdays import Calendar
from tests.doubles import FakeClock
from tests.registry.clueing import AFTER, FIRST, IN_Q, Desk, Q
from tests.registry.gatheringup import member

LATE = AFTER + timedelta(days=11)


@pytest.fixture
def desk(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Desk:
    return Desk(store, keys, clock, plan)


def always() -> None:
    """A lease that is never lost."""


def quarter(desk: Desk) -> dict[str, Batch]:
    made = cluemaking.make_quarter(desk.office, always, actor=SYSTEM, quarter=Q)
    return {each.topic: each for each in made}


def references(desk: Desk, batch: Batch) -> list[str]:
    return [each.facts["reference"] for each in desk.store.clues.of_batch(batch.batch)]


def test_upheld_reports_of_the_quarter_go_to_the_department_of_their_industry(desk: Desk) -> None:
    loans = desk.fall(2)
    (judged,) = desk.fall(category=int(Category.TRAVEL))
    (found,) = desk.fall(category=int(Category.INSURANCE), verdict="allowed", outcome="violation")
    desk.fall(verdict="allowed")
    desk.fall(outcome="unfounded")
    desk.fall(held="bombing")
    desk.fall(at=FIRST - timedelta(seconds=1))
    desk.fall(at=AFTER)
    made = quarter(desk)
    assert set(made) == {"nfra", "mct"}
    assert references(desk, made["nfra"]) == [each.reference for each in (*loans, found)]
    assert references(desk, made["mct"]) == [judged.reference]
    assert made["nfra"].department == "nfra"
    assert made["nfra"].cutoff == AFTER + timedelta(days=10)
    assert verify(desk.store)[1] is None


def test_a_batch_of_one_quarter_is_made_once(desk: Desk) -> None:
    desk.fall()
    quarter(desk)
    assert quarter(desk) == {}
    with pytest.raises(ConflictError, match="already") as caught:
        cluemaking.make(desk.office, actor=SYSTEM, quarter=Q, topic="nfra")
    assert caught.value.code == "batch_made"


def test_nothing_is_made_before_the_cut_off_or_for_a_topic_nobody_knows(desk: Desk) -> None:
    for quarter_, topic, code in ((Quarter(2026, 4), "nfra", "bad_cutoff"), (Q, "moon", "unknown_topic")):
        with pytest.raises(InvalidInputError) as caught:
            cluemaking.make(desk.office, actor=SYSTEM, quarter=quarter_, topic=topic)
        assert caught.value.code == code


def test_what_changes_after_the_cut_off_stays_in_and_is_told_with_the_next_package(desk: Desk) -> None:
    stays, falls = desk.fall(2)
    desk.change(falls, "find_unfounded", outcome="unfounded")
    made = quarter(desk)["nfra"]
    assert references(desk, made) == [stays.reference, falls.reference]
    before = cluemaking.package_of(desk.office, made)
    assert cluemaking.withdraw(desk.store, desk.clock) == 1
    assert cluemaking.withdraw(desk.store, desk.clock) == 0
    assert cluemaking.package_of(desk.office, made) == before
    desk.case()
    clues.refer(desk.store, desk.clock, actor=desk.ann, reason="商家", case_id="bcdfghjkmnpq")
    after = cluemaking.make_addendum(desk.office, actor=desk.ann, department="nfra")
    (told,) = desk.store.clues.told_in(after.batch)
    assert told.facts["reference"] == falls.reference
    desk.case("cdfghjkmnpqr")
    clues.refer(desk.store, desk.clock, actor=desk.ann, reason="商家", case_id="cdfghjkmnpqr")
    last = cluemaking.make_addendum(desk.office, actor=desk.ann, department="nfra")
    assert desk.store.clues.told_in(last.batch) == ()


def test_the_clockwork_makes_a_quarter_once_and_again_only_what_was_discarded(desk: Desk) -> None:
    desk.fall()
    (home,) = desk.fall(category=int(Category.HOME))
    assert cluemaking.make_due(desk.office, always, actor=SYSTEM) == 2
    assert cluemaking.make_due(desk.office, always, actor=SYSTEM) == 0
    first = desk.store.clues.parts(str(Q), "quarter", "nfra")[0]
    (falls,) = desk.store.clues.of_batch(first.batch)
    desk.fall(at=IN_Q)
    cluework.discard(desk.store, desk.clock, actor=desk.bea, batch=first.batch, reason="有误")
    assert cluemaking.make_due(desk.office, always, actor=SYSTEM) == 1
    second, _first = desk.store.clues.parts(str(Q), "quarter", "nfra")
    assert (second.part, second.clues, second.cutoff) == (2, 2, desk.clock.now())
    assert falls.facts["reference"] in references(desk, second)
    assert home.reference not in references(desk, second)


def test_cases_that_were_open_at_the_cut_off_are_clues_with_what_they_come_to(desk: Desk) -> None:
    open_ = desk.case()
    desk.case("cdfghjkmnpqr", state="closed")
    desk.case("dfghjkmnpqrs", at=AFTER)
    desk.case("fghjkmnpqrst", reports=0)
    with desk.store.writing():
        desk.store.cases.note(desk.store.cases.case("cdfghjkmnpqr"), at=0, actor="x", action="close", note="")  # type: ignore[arg-type]
    made = quarter(desk)["nfra"]
    (clue,) = desk.store.clues.of_batch(made.batch)
    assert (clue.kind, clue.source_id, clue.caller) == ("case", open_.case_id, None)
    assert clue.facts["reports"] == "3"
    assert clue.facts["provider"] == "某贷款有限公司"
    assert clue.facts["provider_registration"].startswith("9111")


def test_where_no_department_is_known_an_officer_names_one(desk: Desk) -> None:
    desk.fall(category=int(Category.HOME))
    desk.fall(class_="malicious", category=-1)
    desk.fall(category=-1)
    made = quarter(desk)
    assert {name: each.department for name, each in made.items()} == {"home": "", "malicious": "", "other": ""}
    home = made["home"].batch
    with pytest.raises(ConflictError) as caught:
        cluework.review(desk.store, desk.clock, actor=desk.ann, batch=home)
    assert caught.value.code == "no_department"
    with pytest.raises(NotFoundError):
        cluework.assign(desk.office, actor=desk.ann, batch=home, department="moon", reason="家政")
    assigned = cluework.assign(desk.office, actor=desk.ann, batch=home, department="samr", reason="家政")
    assert assigned.department == "samr"
    assert b'"samr"' in cluemaking.package_of(desk.office, assigned)
    with pytest.raises(ConflictError):
        cluework.assign(desk.office, actor=desk.ann, batch=home, department="moe", reason="家政")
    assert cluework.review(desk.store, desk.clock, actor=desk.ann, batch=home).state == "reviewed"


def test_crime_goes_to_the_police_within_minutes_found_or_not(desk: Desk) -> None:
    crime = desk.crime(2)
    desk.crime(held="bombing")
    desk.crime(state="returned")
    desk.crime(outcome="unfounded")
    desk.fall(at=desk.clock.now(), class_="unlawful")  # a wave would be held by then
    made = cluemaking.make_urgent(desk.office, actor=SYSTEM)
    assert made is not None
    assert (made.department, made.state, made.kind) == ("mps", "reviewed", "urgent")
    assert references(desk, made) == [each.reference for each in crime]
    assert cluemaking.make_urgent(desk.office, actor=SYSTEM) is None
    desk.clock.advance(minutes=5)
    again = cluemaking.make_urgent(desk.office, actor=SYSTEM)
    assert again is not None
    assert (again.part, again.clues) == (2, 1)
    desk.clock.advance(minutes=5)
    assert cluemaking.make_urgent(desk.office, actor=SYSTEM) is None
    assert [each.batch for each in desk.store.clues.unreceived("urgent")] == [made.batch, again.batch]


def test_what_is_found_to_be_complete_later_goes_then_and_never_with_the_quarter(desk: Desk) -> None:
    (found,) = desk.crime(state="returned")
    assert cluemaking.make_urgent(desk.office, actor=SYSTEM) is None
    desk.change(found, "complete", state="accepted")
    made = cluemaking.make_urgent(desk.office, actor=SYSTEM)
    assert made is not None
    desk.clock.moment = LATE + timedelta(days=92)
    assert cluemaking.make_quarter(desk.office, always, actor=SYSTEM, quarter=Quarter(2026, 4)) == ()


def test_a_case_with_crime_in_it_goes_to_the_police_as_well_as_to_its_industry(desk: Desk) -> None:
    case = desk.case()
    desk.crime(case_id=case.case_id)
    made = cluemaking.make_urgent(desk.office, actor=SYSTEM)
    assert made is not None
    assert [each.kind for each in desk.store.clues.of_batch(made.batch)] == ["case", "report"]
    assert [each.kind for each in desk.store.clues.of_batch(quarter(desk)["nfra"].batch)] == ["case"]


def test_a_case_is_referred_once_and_goes_with_the_next_batch(desk: Desk) -> None:
    case = desk.case()
    made = clues.refer(desk.store, desk.clock, actor=desk.ann, reason="商家", case_id=case.case_id)
    assert (made.department, made.kind, made.batch) == ("nfra", "case", "")
    assert desk.store.clues.waiting_counts() == {"nfra": 1}
    with pytest.raises(ConflictError) as caught:
        clues.refer(desk.store, desk.clock, actor=desk.ann, reason="商家", case_id=case.case_id)
    assert caught.value.code == "clue_exists"
    assert references(desk, quarter(desk)["nfra"]) == [case.case_id]
    assert desk.store.clues.waiting_counts() == {}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"case_id": "x"}, "no_such_case"), ({}, "nothing_to_refer"), ({"penalty": "p", "enterprise": "x"},
        "no_such_enterprise"), ({"penalty": "p"}, "no_department"),
        ({"penalty": "p", "department": "moon"}, "no_such_department"), ({"penalty": "p", "reason": " "}, "no_reason"),
    ],
)  # fmt: skip
def test_what_cannot_be_referred_is_said(desk: Desk, values: dict[str, str], code: str) -> None:
    with pytest.raises((NotFoundError, ConflictError, InvalidInputError)) as caught:
        clues.refer(desk.store, desk.clock, actor=desk.ann, **{"reason": "商家", **values})
    assert caught.value.code == code
    with pytest.raises(NotAllowedError):
        clues.refer(desk.store, desk.clock, actor=member("auditor", "eve", desk.clock), reason="x", case_id="x")


def test_a_merchants_fine_is_referred_to_the_department_of_its_industry(desk: Desk, rulebooks: Any) -> None:
    enterprise = desk.enterprise(category=Category.EDUCATION)
    calendar = Calendar(load_holidays(), "Asia/Shanghai")
    office = fining.Office(desk.store, desk.clock, rulebooks, calendar)
    fine = fining.propose(office, actor=desk.ann, enterprise=enterprise, role="merchant", at=IN_Q)
    assert (fine.state, fine.department) == ("to_department", "moe")
    (made,) = desk.store.clues.waiting("moe")
    with pytest.raises(ConflictError) as again:
        clues.refer(desk.store, desk.clock, actor=desk.ann, reason="商家", penalty=fine.penalty, enterprise=enterprise)
    assert again.value.code == "clue_exists"
    assert (made.kind, made.department, made.facts["reference"]) == ("fine", "moe", fine.penalty)
    with pytest.raises(ConflictError) as caught:
        cluemaking.make_addendum(desk.office, actor=desk.ann, department="nfra")
    assert caught.value.code == "nothing_waits"
    assert cluemaking.make_addendum(desk.office, actor=desk.ann, department="moe").clues == 1


def test_what_was_handed_over_long_ago_is_erased(desk: Desk) -> None:
    desk.fall()
    batch = quarter(desk)["nfra"].batch
    desk.clock.advance(days=3 * 365)
    assert cluemaking.purge(desk.store, desk.clock) == 0
    desk.clock.advance(days=4)
    assert cluemaking.purge(desk.store, desk.clock) == 1
    assert desk.store.clues.batch(batch) is None
    assert desk.store.clues.moves(batch) == []
