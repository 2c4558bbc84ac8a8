"""Tests of fines: both ceilings, offences that come again, what stands against a fine, who is fined elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidInputError
from registry.penalties import Facts, Proposal, compute
from registry.rulebook import load_rulebooks

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
PACKS = load_rulebooks()
LAST = Facts("provider", NOW - timedelta(days=10), heard=True)


def proposed(**changes: Any) -> Proposal:
    return compute(PACKS.named("2026"), replace(LAST, **changes), now=NOW, zone="Asia/Shanghai")


@pytest.mark.parametrize(
    ("income", "least", "most"),
    [(None, 10_000, 10_000), (0, 10_000, 10_000), (1_000, 3_000, 3_000), (5_000, 10_000, 15_000),
     (9_999, 10_000, 29_997), (10_000, 10_000, 30_000), (1_000_000, 10_000, 30_000)],
)  # fmt: skip
def test_the_lower_of_both_ceilings_holds(income: int | None, least: int, most: int) -> None:
    found = proposed(income=income)
    assert (found.least, found.most) == (least, most)


def test_an_offence_that_comes_again_is_dearer_and_a_grave_one_is_the_dearest() -> None:
    sums = [proposed(income=50_000, earlier=count).proposed for count in range(6)]
    assert sums == [10_000, 15_000, 20_000, 25_000, 30_000, 30_000]
    grave = proposed(income=50_000, grave=True)
    assert (grave.proposed, grave.revoke) == (30_000, True)
    assert ("first_offence", "100") in proposed().why
    assert ("repeated", "100") in proposed(earlier=1).why


def test_nobody_is_fined_after_two_years_nor_for_what_was_minor_and_is_corrected() -> None:
    over = proposed(at=datetime(2024, 11, 23, 2, tzinfo=UTC))
    assert (over.most, over.warn, over.may_be_decided) == (0, False, False)
    assert ("time_barred", "99") in over.why
    assert proposed(at=datetime(2024, 11, 23, 2, 0, 1, tzinfo=UTC)).most > 0
    minor = proposed(minor=True, corrected=True)
    assert (minor.most, minor.warn) == (0, True)
    assert proposed(minor=True).most == proposed(corrected=True).most == 10_000


def test_nobody_is_fined_unheard() -> None:
    found = proposed(heard=False)
    assert (found.stands, found.may_be_decided) == (("not_heard",), False)
    assert proposed().may_be_decided


def test_merchants_go_to_the_department_of_their_industry() -> None:
    found = proposed(role="merchant", income=50_000)
    assert (found.most, found.department, found.publish) == (0, True, False)


def test_facts_that_cannot_be_are_refused() -> None:
    for changes in ({"income": -1}, {"earlier": -1}, {"at": NOW + timedelta(days=1)}):
        with pytest.raises(InvalidInputError):
            proposed(**changes)


@given(
    pack=st.sampled_from([pack.name for pack in PACKS.packs]), income=st.none() | st.integers(0, 10**9),
    earlier=st.integers(0, 50), grave=st.booleans(),
)
def test_what_is_proposed_never_leaves_the_span(pack: str, income: int | None, earlier: int, grave: bool) -> None:
    book = PACKS.named(pack)
    facts = replace(LAST, income=income, earlier=earlier, grave=grave)
    found = compute(book, facts, now=NOW, zone="Asia/Shanghai")
    assert found.least <= found.proposed <= found.most <= book.fines.most
    assert found.most <= max(book.fines.most_without_income, book.fines.income_multiple * (income or 0))
