"""Whoever wants to read the registry out, played against the real meter and watch; and honest lists beside them.

A small country (3 million numbers of carriers, two in five in use); `python -m tests.attack` plays larger ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from registry import watchtogether
from registry.numbering import NumberPlan
from tests.attack import attackers
from tests.attack.attackers import Guesses, Learned, by_checks, by_scrubs
from tests.attack.world import Country, Scene, registered, scene

REGISTERED = 24_000


@pytest.fixture(scope="module")
def country(plan: NumberPlan) -> Country:
    return Country(plan, prefixes=3, share=REGISTERED / 1_200_000, seed=7, held_back=3)


@pytest.fixture(scope="module")
def database(country: Country, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(country, tmp_path_factory.mktemp("attack") / "registry.db")


@pytest.fixture
def found(country: Country, database: Path) -> Iterator[Scene]:
    """A fresh registry, in which five established telemarketers have checked their customers."""
    with scene(country, database=database) as made:
        random = np.random.default_rng(7)
        for _ in range(5):
            customers = country.customers(15_000, random)
            by_scrubs(made, [(made.party("plus", days_ago=400), iter([customers]))])
        watchtogether.compare(made.watch)
        yield made


def attack(found: Scene, *guesses: Guesses, by: Callable[..., Learned] = by_scrubs) -> Learned:
    return by(found, [(found.party(), each) for each in guesses])


def random() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_whoever_counts_up_in_lists_learns_nothing(found: Scene, step: int) -> None:
    came = attack(found, attackers.sequential(found.country, 10_000, random(), step=step))
    assert (came.registered, came.lanes) == (0, {"held"})
    assert "sequence" in came.stopped


def test_whoever_counts_up_in_small_checks_is_stopped_after_a_thousand(found: Scene) -> None:
    came = attack(found, attackers.sequential(found.country, 20, random()), by=by_checks)
    assert "sequence" in came.stopped
    assert came.answered <= 1_000
    came = attack(found, attackers.sequential(found.country, 1_000, random()), by=by_checks)
    assert came.answered == 0


def test_numbers_that_nobody_can_hold_give_guessing_away(found: Scene) -> None:
    came = attack(found, attackers.anything(found.country, 5_000, random()))
    assert came.registered == 0
    assert "unassigned" in came.stopped
    came = attack(found, attackers.anything(found.country, 500, random()), by=by_checks)
    assert "unassigned" in came.stopped
    assert came.registered < REGISTERED / 1000


def test_numbers_drawn_from_ranges_in_use_are_told_from_customers(found: Scene) -> None:
    came = attack(found, attackers.assigned(found.country, 10_000, random()))
    assert came.registered == 0
    assert {"even", "decoys"} & came.stopped
    came = attack(found, attackers.where_people_are(found.country, 5_000, random()))
    assert "apart" in came.stopped
    assert came.registered < REGISTERED / 100


def test_a_range_shared_out_among_parties_is_seen_as_one(found: Scene) -> None:
    came = attack(found, *attackers.shared_out(found.country, 2_000, random(), parties=20))
    assert "split" in came.stopped
    assert came.registered < REGISTERED / 20


def test_decoys_give_guessing_away_before_anything_else_does(found: Scene) -> None:
    held_back = found.country.held_back[0] * np.uint64(10_000) + np.array([5, 900, 7_777], np.uint64)
    guesses = np.concatenate([held_back, found.country.customers(1_000, random())])
    came = attack(found, iter([guesses]))
    assert (came.stopped, came.lanes, came.answered) == ({"decoys"}, {"held"}, 0)


def test_honest_lists_are_not_stopped_however_they_are_sorted_and_wherever_people_live(found: Scene) -> None:
    drawn, country = random(), found.country
    nation = [country.customers(12_000, drawn) for _ in range(3)]
    region = [country.customers(2_000, drawn, regions=0.03) for _ in range(3)]  # 2 % of all numbers there
    mixed = [drawn.permutation(country.customers(10_000, drawn)) for _ in range(2)]
    for lists in (nation, region, mixed):
        came = attack(found, iter(lists))
        assert (came.stopped, came.lanes) == (set(), set())
        assert came.answered == sum(map(len, lists))
    came = attack(found, iter(np.array_split(drawn.permutation(nation[0]), 40)), by=by_checks)
    assert (came.stopped, came.lanes) == (set(), set())


def test_a_list_that_was_cleaned_last_month_rings_nothing_although_nobody_on_it_is_registered(found: Scene) -> None:
    country, party = found.country, found.party("plus")
    customers = country.customers(30_000, random())
    assert not by_scrubs(found, [(party, iter([customers]))]).stopped
    found.clock.advance(days=20)
    cleaned = customers[~country.is_registered(customers)]
    assert not by_scrubs(found, [(party, iter([cleaned]))]).stopped
    assert not found.store.guard.open_alarms()


def test_who_hides_guesses_among_customers_learns_what_the_thresholds_leave(found: Scene) -> None:
    country = found.country
    found.own = country.customers(90_000, random())
    came = attack(found, attackers.hidden(country, 10_000, random(), guessed=0.04, own=found.own))
    assert came.registered < 0.04 * came.answered
    came = attack(found, attackers.hidden(country, 10_000, random(), guessed=0.06, own=found.own))
    assert (came.registered, came.stopped) == (0, {"sequence"})
