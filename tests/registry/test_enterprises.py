"""Enterprises: many names enrolled at once come to the same as one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from registry import enterprises
from registry.companynames import skeleton
from registry.enterprises import Called
from registry.preferences import Category
from registry.store import Store
from registry.uscc import company_number
from tests.doubles import FakeClock

OURS, OTHER = company_number("91110000600037341L"), company_number("91110000802100433B")
ABROAD = company_number("HRB1", "DE")
NAMES = ("甲公司", "甲有限公司", "乙 商 贸", "Acme Ltd", "ACME")
EVERY = tuple(itertools.product(NAMES, (None, OURS, OTHER, ABROAD)))


class _BackError(Exception):
    pass


def _seen(store: Store, taken: Sequence[str]) -> list[tuple[object, ...]]:
    """What each name came to, without ids: the entry's place among those met, and all that it says."""
    places = {it: place for place, it in enumerate(dict.fromkeys(taken))}
    known = store.enterprises.these(taken)
    return [
        (places[it], known[it].name, known[it].company, known[it].category, known[it].party,
         it in {each.enterprise for each in store.enterprises.called(skeleton(known[it].name))})
        for it in taken
    ]  # fmt: skip


def _known_before(store: Store, clock: FakeClock) -> None:
    enterprises.enrol(store, clock, name="甲公司", category=Category.LOAN, party="jia")
    clock.advance(60)
    enterprises.enrol(store, clock, name="Acme Corp.", company=ABROAD)
    clock.advance(60)


@pytest.mark.parametrize("order", [EVERY, EVERY[::-1], EVERY[7:] + EVERY[:7], EVERY[::3] + EVERY[1::3]])
def test_enrolment_in_bulk_equals_enrolment_one_by_one(
    store: Store, clock: FakeClock, order: tuple[Called, ...]
) -> None:
    _known_before(store, clock)
    one_by_one: list[tuple[object, ...]] = []
    with pytest.raises(_BackError), store.writing(about="enterprises"):
        ids = []
        for name, company in order:
            clock.advance(1)  # which of two is older is told by the time alone
            ids.append(enterprises.enrol_inside(store, clock, name=name, company=company).enterprise)
        one_by_one = _seen(store, ids)
        raise _BackError
    with store.writing(about="enterprises"):
        taken = enterprises.enrol_many_inside(store, clock, enterprises.forms_of(order))
    assert list(taken) == list(order)
    assert _seen(store, list(taken.values())) == one_by_one
    with store.writing(about="enterprises"):
        again = enterprises.enrol_many_inside(store, clock, enterprises.forms_of(order))
    assert set(again.values()) <= set(taken.values())


def test_more_names_than_one_look_up_takes_are_each_found_again(store: Store, clock: FakeClock) -> None:
    many = enterprises.forms_of((f"第{place}号商店", None) for place in range(1_203))
    with store.writing(about="enterprises"):
        taken = enterprises.enrol_many_inside(store, clock, many)
    assert len(set(taken.values())) == len(many)
    with store.writing(about="enterprises"):
        assert enterprises.enrol_many_inside(store, clock, many) == taken
