"""Fines from the proposal to the credit file: heard first, decided by somebody else, dearer the next time; who is
restricted gets no account and no scrub."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry import applications, audit, credit, enterprises, fining, parties, scrubjobs
from registry.access import Actor
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError, RegistryError
from registry.fining import Office, Penalty
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.numbering.holidays import load_holidays
from registry.parties import Member
from registry.preferences import Category, Channel
from registry.rulebook import Rulebooks
from registry.scrubjobs import Ask
from registry.settings import ScrubSettings
from registry.store import Store
from registry.workdays import Calendar
from tests.doubles import FakeClock
from tests.registry.joining import HUAWEI, Applicant, wish


def officer(name: str) -> Actor:
    return Actor("member", role="decider", member=Member(name, "regulator", "", name, "decider", "active", True))


ANNA, BEN = officer("anna"), officer("ben")


@pytest.fixture
def office(store: Store, clock: FakeClock, rulebooks: Rulebooks) -> Office:
    return Office(store, clock, rulebooks, Calendar(load_holidays(), "Asia/Shanghai"))


def enterprise(office: Office, name: str = "甲公司") -> str:
    return enterprises.enrol(office.store, office.clock, name=name).enterprise


def proposed(office: Office, whom: str, **more: Any) -> Penalty:
    values = {"role": "provider", "at": office.clock.now() - timedelta(days=3), "income": 50_000} | more
    return fining.propose(office, actor=ANNA, enterprise=whom, **values)


def noticed(office: Office, whom: str, **more: Any) -> Penalty:
    return fining.notice(office, actor=ANNA, penalty=proposed(office, whom, **more).penalty)


def decided(office: Office, whom: str) -> Penalty:
    made = fining.hear(office, actor=ANNA, penalty=noticed(office, whom).penalty, text="we did not know")
    return fining.decide(office, actor=BEN, penalty=made.penalty, sum=made.proposal.proposed, reason="200 reports")


def refused(code: str, step: Any) -> RegistryError:
    with pytest.raises(RegistryError) as raised:
        step()
    assert raised.value.code == code
    return raised.value


def test_a_fine_is_heard_decided_by_somebody_else_and_enters_the_credit_file(office: Office) -> None:
    whom = enterprise(office)
    made = proposed(office, whom)
    assert (made.state, made.proposal.stands) == ("proposed", ("not_heard",))
    ask = {"penalty": made.penalty, "sum": 10_000, "reason": "so it is"}
    assert isinstance(refused("own_proposal", lambda: fining.decide(office, actor=ANNA, **ask)), NotAllowedError)
    assert isinstance(refused("not_heard", lambda: fining.decide(office, actor=BEN, **ask)), ConflictError)
    told = fining.notice(office, actor=ANNA, penalty=made.penalty)
    assert (told.state, told.sum, told.due) == ("noticed", 10_000, told.hear_by)
    assert refused("not_heard", lambda: fining.decide(office, actor=BEN, **ask))
    heard = fining.hear(office, actor=ANNA, penalty=made.penalty, text="call 13800138000, it was a mistake")
    assert heard.heard == office.clock.now()
    assert "13800138000" not in heard.hearing
    for sum in (9_999, 30_001):
        assert refused("bad_sum", lambda sum=sum: fining.decide(office, actor=BEN, **ask | {"sum": sum}))
    done = fining.decide(office, actor=BEN, **ask)
    assert (done.state, done.sum, fining.of(office.store, made.penalty)) == ("decided", 10_000, done)
    assert [(each.kind, each.public, each.text) for each in credit.file_of(office.store, whom, public_only=True)] == [
        ("penalty", True, "¥10,000: so it is")
    ]
    assert refused("no_such_move", lambda: fining.decide(office, actor=BEN, **ask))
    assert office.store.penalties.of_enterprise(whom) == (done,)
    assert audit.verify(office.store)


def test_the_next_fine_counts_the_offences_that_stand_in_the_file(office: Office) -> None:
    whom = enterprise(office)
    first = decided(office, whom)
    office.clock.advance(days=10)
    second = proposed(office, whom, at=office.clock.now() - timedelta(days=1))
    assert (first.facts.earlier, second.facts.earlier) == (0, 1)
    assert second.proposal.proposed > first.proposal.proposed


def test_time_that_ran_out_before_the_decision_leaves_no_fine(office: Office) -> None:
    made = fining.hear(office, actor=ANNA, penalty=noticed(office, enterprise(office)).penalty, text="no")
    office.clock.advance(days=731)
    assert refused(
        "no_fine", lambda: fining.decide(office, actor=BEN, penalty=made.penalty, sum=10_000, reason="late")
    )
    whom = enterprise(office)
    assert refused("no_fine", lambda: proposed(office, whom, at=office.clock.now() - timedelta(days=731)))


def test_a_merchant_is_not_fined_here_but_goes_to_its_department(office: Office) -> None:
    made = proposed(office, enterprise(office), role="merchant")
    assert (made.state, made.proposal.department, made.proposal.most) == ("to_department", True, 0)
    assert refused("no_such_move", lambda: fining.hear(office, actor=ANNA, penalty=made.penalty, text="x"))


def test_what_is_unknown_or_without_a_reason_is_refused(office: Office) -> None:
    assert isinstance(refused("no_such_enterprise", lambda: proposed(office, "e_none")), NotFoundError)
    assert isinstance(refused("no_such_penalty", lambda: fining.of(office.store, "x")), NotFoundError)
    whom = enterprise(office)
    assert isinstance(
        refused("bad_facts", lambda: proposed(office, whom, at=office.clock.now() + timedelta(1))), InvalidInputError
    )
    made = proposed(office, whom)
    assert refused("no_reason", lambda: fining.refuse(office, actor=BEN, penalty=made.penalty, reason="  "))
    assert fining.refuse(office, actor=BEN, penalty=made.penalty, reason="too thin").state == "refused"
    assert office.store.penalties.in_states(("proposed",), limit=9) == ()


def listed(office: Office, whom: str) -> credit.Entry:
    return credit.enter(
        office.store, office.clock, actor=BEN, enterprise=whom, kind="bad_operation", text="went on", public=True
    )


def test_who_is_on_a_list_gets_no_account_until_the_entry_ends_and_then_is_enrolled(
    office: Office, keys: KeyRing, clock: FakeClock, plan: NumberPlan
) -> None:
    reference, _secret = Applicant(office.store, keys, clock).apply(wish(plan))
    whom = enterprises.enrol(office.store, clock, name="深圳快拨科技有限公司", company=HUAWEI).enterprise
    entry = listed(office, whom)

    def approve() -> None:
        applications.approve(office.store, keys, clock, reference=reference, party="swift", actor="member:ben")

    assert refused("restricted", approve)
    assert office.store.parties.party("swift") is None
    credit.end(office.store, clock, actor=BEN, entry=entry.entry)
    approve()
    own = office.store.enterprises.of_party("swift")
    assert own is not None
    assert own.enterprise == whom


def test_who_is_on_a_list_has_no_call_list_checked(office: Office, clock: FakeClock) -> None:
    parties.add_party(office.store, clock, party="acme", kind="telemarketer", name_zh="甲公司", name_en="A")
    whom = enterprises.enrol(office.store, clock, name="甲公司", party="acme").enterprise
    actor = Actor("key", party=office.store.parties.party("acme"), key="k", scopes=frozenset({"scrub"}))

    ask = Ask(Channel.CALLS, Category.LOAN)

    def begin() -> None:
        scrubjobs.begin(office.store, clock, ScrubSettings(), actor=actor, ask=ask, name="a.csv", origin="page")

    begin()
    listed(office, whom)
    assert isinstance(refused("restricted", begin), NotAllowedError)
