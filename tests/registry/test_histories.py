"""Random histories of a number: no answer for a moment ever changes, one is as many, the list says the same."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry import consents, registrations, serving
from registry.consents import EVERYTHING, Terms
from registry.decisions import ConsentTerm, Contact, Standing, decide
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.preferences import EVERYTHING as DECLINE_ALL
from registry.preferences import Category, Channel, Preference
from registry.rulebook import Rulebook, Rulebooks
from registry.sealing import SealedNumber
from registry.standing import ALLOW, CONSENT, DENY, Masks, Question, standing_of, standings_of
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.consenting import LOAN_CALLS, LOAN_MESSAGES, PLAN, PROOF, TRAVEL_CALLS

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
DIGITS = 8613800138000
COMPANIES = ("acme", "other")
MASKS = (LOAN_CALLS, LOAN_MESSAGES, TRAVEL_CALLS, EVERYTHING)
PREFERENCES = (DECLINE_ALL, Preference(1, 1, 1, 0), Preference(0, 0, 0xFFFF, 1 << 10))
NUMBERS = itertools.count(1)
ACTS = (
    "register", "register", "withdraw registration", "expire", "port", "recycle", "ask", "ask", "grant", "grant",
    "refuse", "refuse", "withdraw", "give", "give", "allow", "deny", "forget", "lapse",
)  # fmt: skip
STEP = st.tuples(
    st.sampled_from(ACTS), st.sampled_from(["acme", "acme", "acme", "other"]), st.sampled_from(MASKS),
    st.sampled_from(PREFERENCES), st.sampled_from([0, 1, 60, 3600, 86_400, 4 * 86_400, 8 * 86_400]),
)  # fmt: skip
Step = tuple[str, str, Masks, Preference, int]


class Life:
    """One number to which things happen; what is impossible at a time just doesn't."""

    def __init__(self, store: Store, rulebooks: Rulebooks) -> None:
        self.store, self.rulebooks, self.clock = store, rulebooks, FakeClock(START)
        self.number = SealedNumber(next(NUMBERS).to_bytes(16, "big"))

    def happens(self, step: Step) -> None:
        with suppress(ConflictError, NotFoundError, InvalidInputError):
            self.act(*step)

    def act(self, act: str, company: str, masks: Masks, preference: Preference, wait: int) -> None:
        store, clock, rulebooks, number = self.store, self.clock, self.rulebooks, self.number
        until = clock.now() + timedelta(days=5) if masks is not EVERYTHING else None
        terms = Terms(masks, 1, "week", clock.now() + timedelta(days=5))
        if act == "register":
            registrations.register(
                store, clock, number=number, preference=preference, source="site", language="en", expires=until
            )
        elif act == "withdraw registration":
            registrations.withdraw(store, clock, number=number, source="site")
        elif act == "expire":
            registrations.expire_due(store, clock)
        elif act == "port":
            carrier = "cucc" if company == "acme" else "cmcc"
            serving.port(store, clock, PLAN, number=number, digits=DIGITS, carrier=carrier)
        elif act == "recycle":
            registrations.recycle(store, clock, number=number)
        elif act == "ask":
            consents.ask(store, clock, number=number, telemarketer=company, terms=terms)
        elif act == "give":
            consents.give(
                store, clock, rulebooks, number=number, telemarketer=company, terms=terms, evidence=PROOF
            )
        elif act == "grant":
            name = self.one(company, "requested")
            consents.grant(store, clock, rulebooks, number=number, consent=name, evidence=PROOF, explicit=True)
        elif act == "refuse":
            consents.refuse(store, clock, rulebooks, number=number, consent=self.one(company, "requested"))
        elif act == "withdraw":
            consents.withdraw(store, clock, rulebooks, number=number, consent=self.one(company, "granted"))
        elif act in {"allow", "deny"}:
            enter = consents.allow if act == "allow" else consents.deny
            enter(store, clock, rulebooks, number=number, telemarketer=company, masks=masks, until=until)
        elif act == "forget":
            consents.forget(store, clock, rulebooks, number=number, telemarketer=company)
        else:
            consents.lapse_due(store, clock, rulebooks)

    def one(self, company: str, state: str) -> str:
        rows = self.store.consents.of_numbers([self.number])
        names = [row["consent"] for row in rows if (row["telemarketer"], row["state"]) == (company, state)]
        return str(names[-1]) if names else "none"

    def on_the_list(self, company: str) -> Standing:
        """What a carrier knows: the row of its list and the exceptions."""
        row = registrations.current(self.store, self.number)
        known = {
            e["kind"]: (e["calls"], e["robocalls"], e["messages"])
            for e in self.store.consents.exceptions(self.number)
            if e["telemarketer"] == company
        }
        consent = (ConsentTerm(*known[CONSENT], decided=START - timedelta(days=1)),) if CONSENT in known else ()
        return Standing(
            preference=row.preference if row and row.is_active else None, consents=consent,
            allowed=known.get(ALLOW), denied=known.get(DENY),
        )  # fmt: skip


def beating(rulebooks: Rulebooks) -> Rulebooks:
    def switched(pack: Rulebook) -> Rulebook:
        return msgspec.structs.replace(pack, consent=msgspec.structs.replace(pack.consent, beats_refusal=True))

    return Rulebooks(tuple(map(switched, rulebooks.packs)))


RANDOMLY = settings(
    max_examples=150, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@RANDOMLY
@given(steps=st.lists(STEP, min_size=6, max_size=20))
def test_no_answer_for_a_moment_ever_changes_and_one_is_as_many(
    store: Store, rulebooks: Rulebooks, steps: list[Step]
) -> None:
    life = Life(store, rulebooks)
    asked: list[tuple[Question, Standing]] = []
    for step in steps:
        life.happens(step)
        if step[-1]:  # within one microsecond the last word counts
            life.clock.advance(step[-1])
            for company in (*COMPANIES, None):
                question = Question(life.number, life.clock.now() - timedelta(seconds=step[-1] / 2), company)
                asked.append((question, standing_of(store, number=life.number, at=question.at, telemarketer=company)))
    assert standings_of(store, [question for question, _answer in asked]) == [answer for _question, answer in asked]


@RANDOMLY
@given(steps=st.lists(STEP, min_size=4, max_size=16), beats=st.booleans())
def test_a_carrier_decides_by_its_list_as_the_registry_does(
    store: Store, rulebooks: Rulebooks, steps: list[Step], beats: bool
) -> None:
    life = Life(store, beating(rulebooks) if beats else rulebooks)
    for step in steps:
        life.happens(step)
        life.clock.advance(step[-1] or 1)
    life.clock.advance(120)  # past every grace
    registrations.expire_due(store, life.clock)
    consents.lapse_due(store, life.clock, life.rulebooks)
    at = life.clock.now()
    rulebook = life.rulebooks.at(at)
    for company in COMPANIES:
        known, stood = life.on_the_list(company), standing_of(store, number=life.number, at=at, telemarketer=company)
        for channel, category in itertools.product(Channel, (Category.LOAN, Category.TRAVEL, Category.GAME)):
            contact = Contact(at, channel, category, telemarketer=company)
            by_list = decide(contact, known, rulebook, holidays=PLAN.holidays)
            assert by_list.allow == decide(contact, stood, rulebook, holidays=PLAN.holidays).allow


@pytest.mark.parametrize("known", [False, True])
def test_twenty_thousand_questions_are_answered_at_once(store: Store, rulebooks: Rulebooks, known: bool) -> None:
    clock, count = FakeClock(START), 5_000
    sealed = np.arange(count * 2, dtype=np.uint64).view(np.uint8).reshape(count, 16)
    masks = np.full(count, 0xFFFF)
    registrations.load_many(
        store, clock, sealed=sealed, calls=masks, robocalls=masks, messages=masks, quiet=masks, source="demo"
    )
    numbers = [SealedNumber(row.tobytes()) for row in sealed]
    terms = Terms(LOAN_CALLS, 1, "week", clock.now() + timedelta(days=5))
    for number in numbers[:100]:
        consents.give(store, clock, rulebooks, number=number, telemarketer="acme", terms=terms, evidence=PROOF)
    clock.advance(60)
    company = "acme" if known else None
    questions = [Question(numbers[i % count], clock.now(), company) for i in range(20_000)]
    began = time.perf_counter()
    answers = standings_of(store, questions)
    print(f"\n{store.engine.dialect}: 20,000 questions in {time.perf_counter() - began:.2f} s")
    assert sum(answer.preference is not None for answer in answers) == 20_000
    assert sum(bool(answer.consents) for answer in answers) == (400 if known else 0)
