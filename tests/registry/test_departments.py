"""Tests of departments: who answers for which industry, and that crime goes to the police."""

from __future__ import annotations

import pytest

from registry.departments import BY_CATEGORY, DEPARTMENTS, POLICE, at_once, department_of
from registry.preferences import Category


@pytest.mark.parametrize("category", [-1, *Category])
def test_what_is_unlawful_goes_to_the_police_at_once_whatever_its_industry(category: int) -> None:
    assert department_of("unlawful", category) is POLICE
    assert at_once("unlawful")
    assert not at_once("commercial")


def test_industries_go_to_their_departments_and_those_without_one_to_nobody() -> None:
    found = {category: department_of("commercial", category) for category in Category}
    assert found[Category.EDUCATION] is DEPARTMENTS["moe"]
    assert {category for category, each in found.items() if each is None} == {
        Category.HOME, Category.GAME, Category.OTHER,
    }  # fmt: skip
    assert set(BY_CATEGORY.values()) <= set(DEPARTMENTS)


@pytest.mark.parametrize(("class_", "category"), [("malicious", 0), ("commercial", -1), ("commercial", 99)])
def test_what_has_no_industry_has_no_department(class_: str, category: int) -> None:
    assert department_of(class_, category) is None
