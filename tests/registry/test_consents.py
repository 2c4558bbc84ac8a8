"""Consents from request to end, and what of them travels to carriers, on both engines."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from registry import consents, registrations
from registry.consents import EVERYTHING, Terms
from registry.decisions import Contact, decide
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.numbering import NumberPlan
from registry.preferences import EVERYTHING as DECLINE_ALL
from registry.preferences import Category, Channel
from registry.rulebook import Rulebooks
from registry.standing import CONSENT, DENY
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.consenting import LI, LOAN_CALLS, LOAN_MESSAGES, PROOF, TRAVEL_CALLS, Office


@pytest.fixture
def office(store: Store, clock: FakeClock, rulebooks: Rulebooks) -> Office:
    return Office(store, clock, rulebooks)


def where_consents_beat_refusals(rulebooks: Rulebooks) -> Rulebooks:
    packs = tuple(
        msgspec.structs.replace(pack, consent=msgspec.structs.replace(pack.consent, beats_refusal=True))
        for pack in rulebooks.packs
    )
    return replace(rulebooks, packs=packs)


# from request to end


def test_a_request_that_is_granted_is_a_consent_with_its_evidence(office: Office) -> None:
    name = office.ask()
    assert office.state(name) == "requested"
    assert office.standing().consents == ()
    office.clock.advance(60)
    office.grant(name)
    term = office.standing().consents[0]
    assert (term.calls, term.robocalls, term.messages) == LOAN_MESSAGES
    assert (term.decided, term.most, term.valid) == (office.clock.now(), 1, True)


def test_evidence_says_who_when_how_to_which_text_and_carries_its_digest(office: Office) -> None:
    name = office.granted()
    row = office.store.consents.find(number=LI, consent=name)
    assert row is not None
    kept = json.loads(row["evidence"])
    assert kept | PROOF == kept
    assert (kept["sender"], kept["number"], kept["most"], kept["per"]) == ("acme", LI.hex(), 1, "week")
    assert kept["at"] == "2026-11-23T02:00:00Z"
    assert row["evidence_hash"] == hashlib.sha256(row["evidence"].encode()).digest()


@pytest.mark.parametrize(
    "spoiled",
    [
        {"masks": (0, 0, 0)}, {"masks": (1 << 16, 0, 0)}, {"masks": (-1, 0, 0)}, {"most": 0}, {"most": -1}, {"per": ""},
        {"per": "year"},
        {"until": timedelta(0)}, {"until": timedelta(days=-1)},
    ],
)  # fmt: skip
def test_a_request_without_type_frequency_or_duration_is_none(office: Office, spoiled: dict[str, Any]) -> None:
    if "until" in spoiled:
        spoiled = {"until": office.clock.now() + spoiled["until"]}
    terms = replace(Terms(LOAN_CALLS, 1, "week", office.clock.now() + timedelta(days=1)), **spoiled)
    with pytest.raises(InvalidInputError) as refused:
        consents.ask(office.store, office.clock, number=LI, telemarketer="acme", terms=terms)
    assert refused.value.code == "incomplete_request"
    assert office.store.consents.of_numbers([LI]) == []


@pytest.mark.parametrize(
    ("proof", "explicit"),
    [
        (PROOF, False),
        ({}, True),
        ({"how": "a box"}, True),
        ({"text": "Acme may call."}, True),
        ({"how": " ", "text": "Acme may call."}, True),
        (PROOF | {"bundled": "yes"}, True),
    ],
)  # fmt: skip
def test_a_consent_that_is_not_explicit_or_not_proven_counts_for_nothing(
    office: Office, proof: dict[str, str], explicit: bool
) -> None:
    office.grant(office.ask(), proof, explicit=explicit)
    assert [term.valid for term in office.standing().consents] == [False]


def test_silence_is_a_refusal_when_the_days_to_answer_are_over(office: Office) -> None:
    name = office.ask()
    office.clock.advance(days=7, seconds=-1)
    assert office.lapse() == 0
    office.clock.advance(1)
    assert office.lapse() == 1
    assert office.state(name) == "deemed_refused"
    assert office.lapse() == 0


def test_nobody_says_yes_to_a_request_that_is_over_already(office: Office) -> None:
    late, short = office.ask(days=30), office.ask(days=1)
    office.clock.advance(days=1)
    with pytest.raises(ConflictError) as refused:
        office.grant(short)
    assert refused.value.code == "request_lapsed"
    office.clock.advance(days=6)
    with pytest.raises(ConflictError):
        office.grant(late)


def test_silence_binds_who_asked_and_is_no_will_that_a_carrier_could_act_on(office: Office) -> None:
    office.ask(LOAN_MESSAGES)
    office.clock.advance(days=7)
    office.lapse()
    standing = office.standing()
    assert standing.unanswered == (1, 1, 1)  # the same industry on any channel is similar content
    assert not standing.refused
    assert office.exceptions() == {}
    assert office.pending() == set()


def test_who_got_no_answer_may_not_ask_the_same_again(office: Office) -> None:
    office.ask(LOAN_MESSAGES)
    office.clock.advance(days=7)
    office.lapse()
    with pytest.raises(ConflictError) as refused:
        office.ask(LOAN_CALLS)
    assert refused.value.code == "refused_before"
    assert office.ask(TRAVEL_CALLS)
    assert office.ask(LOAN_CALLS, company="other")


def test_who_was_refused_may_not_ask_again_at_all(office: Office) -> None:
    office.refuse(office.ask(LOAN_MESSAGES))
    with pytest.raises(ConflictError):
        office.ask(TRAVEL_CALLS)
    assert office.exceptions() == {("acme", DENY): EVERYTHING}


def test_a_request_is_answered_once(office: Office) -> None:
    name = office.granted()
    for again in (office.grant, office.refuse):
        with pytest.raises(ConflictError) as refused:
            again(name)
        assert refused.value.code == "already_answered"
    with pytest.raises(NotFoundError) as missing:
        office.grant("nothing")
    assert missing.value.code == "no_consent"


def test_a_withdrawal_ends_the_consent_at_once_and_stands_as_a_refusal(office: Office) -> None:
    name = office.granted()
    office.clock.advance(60)
    office.withdraw(name)
    assert office.state(name) == "withdrawn"
    assert (office.standing().consents, office.standing().refused) == ((), True)
    assert len(office.standing(ago=1).consents) == 1
    assert not office.standing(ago=1).refused
    with pytest.raises(ConflictError) as refused:
        office.withdraw(name)
    assert refused.value.code == "not_granted"


def test_a_consent_lapses_with_its_time_and_nothing_renews_it(office: Office) -> None:
    name = office.granted(days=10)
    office.clock.advance(days=10)
    assert office.lapse() == 1
    assert office.state(name) == "expired"
    with pytest.raises(ConflictError):
        office.withdraw(name)


def test_after_a_refusal_a_consent_with_evidence_of_its_own_counts_again(office: Office) -> None:
    office.refuse(office.ask())
    office.clock.advance(60)
    office.give(LOAN_CALLS)
    assert len(office.standing().consents) == 1
    assert office.reason(Channel.CALLS, Category.LOAN) == "consented"
    assert office.standing(ago=1).consents == ()


def test_a_consent_after_a_refusal_sets_it_aside_for_what_it_covers_alone(office: Office) -> None:
    office.refuse(office.ask())
    office.clock.advance(60)
    office.give(LOAN_CALLS)
    assert office.reason(Channel.MESSAGES, Category.LOAN) == "merchant_refused"
    assert office.reason(Channel.CALLS, Category.TRAVEL) == "merchant_refused"
    rest = (0xFFFF & ~LOAN_CALLS[0], 0xFFFF, 0xFFFF)
    assert office.exceptions() == {("acme", DENY): rest}
    assert office.ask(LOAN_CALLS)
    with pytest.raises(ConflictError):
        office.ask(TRAVEL_CALLS)


def test_a_refusal_ends_every_consent_that_the_company_had_and_a_later_one_revives_none(office: Office) -> None:
    office.granted(TRAVEL_CALLS)
    loans = office.granted(LOAN_CALLS)
    office.clock.advance(60)
    office.withdraw(loans)
    assert office.reason(Channel.CALLS, Category.TRAVEL) == "merchant_refused"
    office.clock.advance(60)
    office.give(LOAN_MESSAGES)
    assert office.reason(Channel.CALLS, Category.TRAVEL) == "merchant_refused"
    assert office.reason(Channel.MESSAGES, Category.LOAN) == "consented"
    assert office.exceptions() == {("acme", DENY): (0xFFFF, 0xFFFF, 0xFFFF & ~LOAN_MESSAGES[2])}


def test_silence_takes_no_consent_back(office: Office) -> None:
    office.granted(LOAN_MESSAGES)
    office.ask(LOAN_CALLS)
    office.clock.advance(days=7)
    office.lapse()
    assert office.reason(Channel.MESSAGES, Category.LOAN) == "consented"
    assert office.reason(Channel.CALLS, Category.LOAN) == "merchant_refused"


def test_who_is_on_the_deny_list_may_not_ask(office: Office) -> None:
    consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme", masks=LOAN_CALLS)
    with pytest.raises(ConflictError) as refused:
        office.ask(LOAN_CALLS)
    assert refused.value.code == "refused_before"
    assert office.ask(TRAVEL_CALLS)


def test_a_consent_for_a_time_leaves_the_earlier_refusal_standing_afterwards(office: Office) -> None:
    office.refuse(office.ask())
    office.clock.advance(60)
    office.give(days=10)
    office.clock.advance(days=10)
    assert office.standing().refused  # also before the job has run
    office.lapse()
    assert office.standing().refused
    assert office.exceptions() == {("acme", DENY): EVERYTHING}


def test_a_consent_is_not_given_without_evidence(office: Office) -> None:
    with pytest.raises(InvalidInputError) as refused:
        consents.give(
            office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme", terms=office.terms(),
            evidence={"how": "by word of mouth"},
        )  # fmt: skip
    assert refused.value.code == "no_evidence"


def test_any_number_of_lapsed_requests_is_worked_off_in_one_run(office: Office) -> None:
    for company in range(12):
        office.ask(company=f"company-{company}")
    office.clock.advance(days=8)
    assert office.lapse() == 12


# what travels


def test_a_consent_does_not_travel_while_refusals_stand_against_it(office: Office) -> None:
    office.granted()
    assert office.exceptions() == {}


def test_a_consent_travels_where_the_rulebook_lets_it_beat_a_refusal(
    office: Office, rulebooks: Rulebooks, plan: NumberPlan
) -> None:
    office.rulebooks = where_consents_beat_refusals(rulebooks)
    registrations.register(office.store, office.clock, number=LI, preference=DECLINE_ALL, source="site", language="en")
    office.clock.advance(120)
    name = office.granted(LOAN_CALLS, days=10)
    assert office.exceptions() == {("acme", CONSENT): LOAN_CALLS}
    contact = Contact(office.clock.now(), Channel.CALLS, Category.LOAN, telemarketer="acme")
    rulebook = office.rulebooks.at(contact.at)
    assert decide(contact, office.standing(), rulebook, holidays=plan.holidays).reason == "consented"
    office.clock.advance(60)
    office.published()
    office.withdraw(name)
    assert office.exceptions() == {("acme", DENY): EVERYTHING}
    assert office.pending() == {("acme", CONSENT), ("acme", DENY)}


def test_a_consent_that_is_older_than_the_refusal_does_not_travel(office: Office, rulebooks: Rulebooks) -> None:
    office.rulebooks = where_consents_beat_refusals(rulebooks)
    office.granted(LOAN_CALLS)
    assert office.exceptions() == {("acme", CONSENT): LOAN_CALLS}
    office.published()
    office.clock.advance(60)
    registrations.register(office.store, office.clock, number=LI, preference=DECLINE_ALL, source="site", language="en")
    assert office.exceptions() == {}
    assert office.pending() == {("acme", CONSENT)}
    office.clock.advance(60)
    office.granted(TRAVEL_CALLS)
    assert office.exceptions() == {("acme", CONSENT): TRAVEL_CALLS}


def test_a_travelling_consent_ends_with_its_time(office: Office, rulebooks: Rulebooks) -> None:
    office.rulebooks = where_consents_beat_refusals(rulebooks)
    office.granted(LOAN_CALLS, days=10)
    office.granted(TRAVEL_CALLS, days=20)
    rows = office.store.consents.exceptions(LI)
    assert [row["calls"] for row in rows] == [LOAN_CALLS[0] | TRAVEL_CALLS[0]]
    office.clock.advance(days=10)
    office.published()
    office.lapse()
    assert office.exceptions() == {("acme", CONSENT): TRAVEL_CALLS}
    assert office.pending() == {("acme", CONSENT)}


def test_a_change_that_changes_nothing_in_force_publishes_nothing(office: Office) -> None:
    consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme")
    office.published()
    office.clock.advance(60)
    consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme")
    assert office.pending() == set()


# another holder


def test_the_next_holder_of_a_number_inherits_nothing(office: Office) -> None:
    office.granted(LOAN_MESSAGES, days=10)
    office.ask(TRAVEL_CALLS)
    office.refuse(office.ask(company="other"))
    consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer="third")
    office.clock.advance(days=10)
    office.lapse()
    office.published()
    registrations.recycle(office.store, office.clock, number=LI)
    assert office.exceptions() == {}
    assert office.pending() == {("other", DENY), ("third", DENY)}
    office.clock.advance(60)
    for company in ("acme", "other", "third"):
        standing = office.standing(company)
        assert (standing.consents, standing.refused, standing.unanswered) == ((), False, None)
        assert standing.denied is None
    assert office.standing("other", ago=61).refused
    assert len(office.standing("acme", ago=61).consents) == 1
    assert office.ask(LOAN_MESSAGES, company="other")


def test_requests_and_consents_of_a_former_holder_are_not_due_for_ever(office: Office) -> None:
    office.granted(days=10)
    office.ask(TRAVEL_CALLS)
    registrations.recycle(office.store, office.clock, number=LI)
    office.clock.advance(days=30)
    assert office.lapse() == 0
