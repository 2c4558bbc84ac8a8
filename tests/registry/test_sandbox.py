"""The magic numbers: readable where they belong, real nowhere, and their answers those of the rule engine."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from registry import parties
from registry.decisions import Contact, decide
from registry.errors import InvalidInputError
from registry.keys import KeyRing
from registry.numbering import CallerKind, NumberPlan
from registry.numbers import Number, NumberError, parse_caller, parse_many, parse_one
from registry.rulebook import Rulebooks
from registry.sandbox import load
from registry.scrubbases import sandbox_scrubber
from registry.store import Store
from tests.doubles import FakeClock


def test_magic_numbers_are_read_by_the_sandbox_alone_and_alike_one_by_one_and_many(plan: NumberPlan) -> None:
    texts = ["15400000001", "+86 15400000001", "008615400999999", "154-0000-0018", "15410000001", "13800138000"]
    wide = plan.with_sandbox()
    many = parse_many(texts, wide)
    assert many.ok.tolist() == [True, True, True, True, False, True]
    for text, ok, digits in zip(texts, many.ok.tolist(), many.digits.tolist()):
        if ok:
            assert parse_one(text, wide) == Number(1, digits)
        else:
            with pytest.raises(NumberError):
                parse_one(text, wide)
    assert parse_many(texts, plan).ok.tolist() == [False] * 5 + [True]
    with pytest.raises(NumberError) as caught:
        parse_one("15400000001", plan)
    assert caught.value.code == "unassigned"


def test_a_magic_number_is_nobodys_and_may_not_call(plan: NumberPlan) -> None:
    for each in (plan, plan.with_sandbox()):
        number = parse_caller("15400000001", each)
        assert each.caller_kind(number) is CallerKind.UNASSIGNED
        assert (each.is_mobile(number), each.is_portable(number), each.carrier_of(number)) == (False, False, "")
        assert each.is_sandbox(number)
        assert not each.is_sandbox(Number(1, 8613800138000))
    drawn = np.array([each.number.digits for each in load().cases], np.uint64)
    assert (plan.carriers_of(drawn) == -1).all()


@pytest.mark.parametrize("edition", [1, 2, 3, 4, 101, 10**6])
def test_every_documented_answer_is_what_the_rule_engine_says(
    plan: NumberPlan, rulebooks: Rulebooks, edition: int
) -> None:
    sandbox = load()
    for case in sandbox.cases:
        for each in sandbox.answers(case, edition):
            contact = Contact(each.at, each.channel, each.category, each.content, telemarketer=each.party or None)
            standing = sandbox.standing(case.number, edition=edition, party=each.party or None, at=each.at)
            found = decide(contact, standing, rulebooks.at(each.at), holidays=plan.holidays)
            assert (found.reason, found.allow, found.rule) == (each.reason, each.allow, each.rule), case.id


def test_every_documented_answer_to_a_telemarketer_is_what_a_check_and_a_scrub_say_at_every_edition(
    plan: NumberPlan, rulebooks: Rulebooks, keys: KeyRing
) -> None:
    magic = load()
    for edition in range(1, 2 * magic.cycle):
        for each in magic.checks:
            contact = Contact(each.at, each.channel, each.category, telemarketer="whoever-asks")
            scrubber = sandbox_scrubber(
                keys, rulebooks, plan, contact=contact, edition=edition, valid=timedelta(days=7)
            )
            (number,) = [each.case.number.e164]
            told = scrubber.answer(parse_many([number], plan.with_sandbox()))[0]
            assert (told.verdict == "allowed", told.reason, told.rule, told.next_allowed) == (
                each.allow, each.reason, each.rule, each.next
            ), (each.case.id, edition)  # fmt: skip
        texts = [each.text for each in magic.invalid]
        found = scrubber.answer(parse_many(texts, plan.with_sandbox()))
        assert [(found[i].verdict, found[i].reason) for i in range(len(texts))] == [
            ("invalid", each.reason) for each in magic.invalid
        ]


def test_each_kind_of_answer_has_a_magic_number_to_try_it() -> None:
    magic = load()
    assert {each.reason for each in magic.checks} >= {
        "no_recorded_will", "category_declined", "everything_declined", "quiet_hours", "rest_hours", "no_consent",
        "consented", "personal_allow", "within_grace",
    }  # fmt: skip
    assert all((each.next is not None) == (each.reason in ("quiet_hours", "rest_hours")) for each in magic.checks)
    assert magic.asker.party == "magic-lender"


def test_every_question_has_one_answer_at_each_place_of_the_cycle() -> None:
    sandbox, asked = load(), Counter[tuple[object, ...]]()
    for case in sandbox.cases:
        for each in case.answers:
            question = (case.id, each.channel, each.category, each.content, each.at, each.party)
            asked.update((*question, place) for place in each.places)
    assert set(asked.values()) == {1}
    assert {question[:-1] for question in asked} == {
        question[:-1] for question in asked if all((*question[:-1], p) in asked for p in range(sandbox.cycle))
    }


def test_each_case_has_an_answer_at_every_edition_and_both_languages() -> None:
    sandbox = load()
    assert len(sandbox.cases) >= 15
    for case in sandbox.cases:
        assert case.zh
        assert case.en
        for edition in range(1, 2 * sandbox.cycle):
            assert sandbox.answers(case, edition)


def test_only_carriers_have_a_sandbox_and_no_party_is_named_like_its_telemarketers(
    store: Store, clock: FakeClock
) -> None:
    names = {"name_zh": "试", "name_en": "Trial"}
    added = parties.add_party(store, clock, party="trial", kind="carrier", sandbox=True, **names)
    assert added.sandbox
    assert store.parties.party("trial") == added
    assert [each.carriers for each in store.feeds.recipients()] == [frozenset()]
    for wrong in ({"party": "seller", "kind": "telemarketer", "sandbox": True},
                  {"party": "magic-lender", "kind": "telemarketer"}):
        with pytest.raises(InvalidInputError) as caught:
            parties.add_party(store, clock, **wrong, **names)
        assert caught.value.code == "bad_party"
