"""What stood for a number at any past moment: the same before and after things change, for one and for many."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import numpy as np
import pytest

from registry import consents, registrations, serving
from registry.decisions import Standing
from registry.numbering import NumberPlan
from registry.preferences import EVERYTHING, NIGHT, Preference
from registry.rulebook import Rulebooks
from registry.sealing import SealedNumber
from registry.standing import Question, standing_of, standings_of
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.consenting import LI, LOAN_CALLS, LOAN_MESSAGES, PROOF, TRAVEL_CALLS, Office

LOANS = Preference(1, 1, 1, 0)
NIGHTS = Preference(1, 1, 1, NIGHT)
DIGITS = 8613800138000
NOBODY = Standing()


@pytest.fixture
def office(store: Store, clock: FakeClock, rulebooks: Rulebooks) -> Office:
    return Office(store, clock, rulebooks)


def register(office: Office, preference: Preference = LOANS, number: SealedNumber = LI) -> datetime:
    registrations.register(
        office.store, office.clock, number=number, preference=preference, source="site", language="en"
    )
    return office.clock.now()


def test_nobody_is_registered_before_the_first_registration(office: Office) -> None:
    assert office.standing() == NOBODY
    office.clock.advance(60)
    register(office)
    assert office.standing(ago=1) == NOBODY
    assert office.standing() == Standing(LOANS, office.clock.now())


def test_a_change_counts_from_its_moment_on_and_says_what_stood_before(office: Office) -> None:
    first = register(office)
    office.clock.advance(60)
    second = register(office, NIGHTS)
    assert office.standing() == Standing(NIGHTS, second, LOANS)
    assert office.standing(ago=0.000001) == Standing(LOANS, first)
    office.clock.advance(60)
    registrations.withdraw(office.store, office.clock, number=LI, source="site")
    assert office.standing() == Standing(None, office.clock.now(), NIGHTS)
    office.clock.advance(60)
    assert register(office, EVERYTHING)
    assert office.standing() == Standing(EVERYTHING, office.clock.now(), None)
    assert office.standing(ago=61) == Standing(NIGHTS, second, LOANS)


def test_porting_changes_no_will(office: Office, plan: NumberPlan) -> None:
    at = register(office)
    office.clock.advance(60)
    serving.port(office.store, office.clock, plan, number=LI, digits=DIGITS, carrier="cucc")
    assert office.standing() == Standing(LOANS, at)


def test_what_a_former_holder_declined_ends_with_the_holding(office: Office) -> None:
    register(office)
    office.clock.advance(60)
    registrations.recycle(office.store, office.clock, number=LI)
    assert office.standing().preference is None
    assert office.standing(ago=1).preference == LOANS


def test_an_expired_registration_declines_nothing(office: Office) -> None:
    registrations.register(
        office.store, office.clock, number=LI, preference=LOANS, source="site", language="en",
        expires=office.clock.now() + timedelta(days=1),
    )
    office.clock.advance(days=1)
    registrations.expire_due(office.store, office.clock)
    assert office.standing().preference is None
    assert office.standing(ago=1).preference == LOANS


def test_consents_and_entries_are_those_of_the_company_that_is_asked_about(office: Office) -> None:
    register(office)
    office.granted(LOAN_MESSAGES)
    consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer="other", masks=LOAN_CALLS)
    assert office.standing("acme").consents
    assert office.standing("acme").denied is None
    assert office.standing("other").denied == LOAN_CALLS
    assert office.standing("other").consents == ()
    assert office.standing("third") == office.standing(None) == Standing(LOANS, office.clock.now())


def test_the_answer_for_a_moment_stays_the_same_whatever_happens_later(office: Office, plan: NumberPlan) -> None:
    clock, asked = office.clock, []

    def note() -> None:
        for company in ("acme", "other", None):
            asked.append((Question(LI, clock.now(), company), office.standing(company)))
        clock.advance(days=1)

    note()
    for act in (
        lambda: register(office),
        lambda: office.granted(LOAN_CALLS, days=5),
        lambda: office.ask(TRAVEL_CALLS),
        lambda: consents.allow(
            office.store, clock, office.rulebooks, number=LI, telemarketer="other", until=clock.now() + timedelta(2)
        ),
        lambda: register(office, NIGHTS),
        office.lapse,
        lambda: serving.port(office.store, clock, plan, number=LI, digits=DIGITS, carrier="cucc"),
        office.lapse,
        lambda: clock.advance(days=6),
        office.lapse,
        lambda: office.withdraw(office.give()),
        lambda: consents.deny(office.store, clock, office.rulebooks, number=LI, telemarketer="other"),
        lambda: registrations.withdraw(office.store, clock, number=LI, source="site"),
        lambda: registrations.recycle(office.store, clock, number=LI),
        lambda: register(office, EVERYTHING),
        lambda: office.granted(LOAN_MESSAGES),
    ):
        act()
        note()
    questions = [question for question, _standing in asked]
    assert standings_of(office.store, questions) == [standing for _question, standing in asked]
    assert len({repr(standing) for _question, standing in asked}) > 10


def test_what_lapses_does_so_at_its_time_and_not_when_the_job_comes_by(office: Office) -> None:
    register(office)
    office.give(LOAN_CALLS, days=10)
    until = office.clock.now() + timedelta(days=10)
    consents.allow(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme", until=until)
    office.clock.advance(days=10, seconds=30)
    before = [office.standing(ago=ago) for ago in (0, 29, 30, 31)]
    office.lapse()
    assert [office.standing(ago=ago) for ago in (0, 29, 30, 31)] == before
    assert [standing.allowed is not None for standing in before] == [False, False, False, True]


def test_many_are_answered_in_the_order_of_the_questions_each_as_if_alone(office: Office) -> None:
    draw = random.Random(7)
    numbers = [SealedNumber(draw.randbytes(16)) for _ in range(1300)]  # more than one IN list holds
    sealed = np.frombuffer(b"".join(numbers[:900]), np.uint8).reshape(-1, 16)
    masks = np.array([draw.choice([0xFFFF, 1, 6]) for _ in range(900)])
    registrations.load_many(
        office.store, office.clock, sealed=sealed, calls=masks, robocalls=masks, messages=masks,
        quiet=np.zeros(900, np.int64), source="demo",
    )
    office.clock.advance(60)
    for number in numbers[100:130]:
        register(office, NIGHTS, number)
        consents.deny(office.store, office.clock, office.rulebooks, number=number, telemarketer="acme")
    for number in numbers[890:910]:
        consents.give(
            office.store, office.clock, office.rulebooks, number=number, telemarketer="acme", terms=office.terms(),
            evidence=PROOF,
        )  # fmt: skip
    office.clock.advance(60)
    ago = [0, 59, 61, 119, 121]
    questions = [
        Question(draw.choice(numbers), office.clock.now() - timedelta(seconds=draw.choice(ago)), company)
        for company in draw.choices(["acme", "other", None], k=600)
    ]
    questions += [Question(numbers[i], office.clock.now(), "acme") for i in (*range(95, 135), *range(885, 915))]
    many = standings_of(office.store, questions)
    alone = [
        standing_of(office.store, number=each.number, at=each.at, telemarketer=each.telemarketer) for each in questions
    ]
    assert many == alone
    assert len({repr(standing) for standing in many}) > 6


def test_nothing_asked_is_nothing_answered(office: Office) -> None:
    assert standings_of(office.store, []) == []
