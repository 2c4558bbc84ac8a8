"""Prints how many registered numbers each kind of attacker learns before it is stopped, as a table for the README.

`python -m tests.attack --prefixes 30 --registered 1000000 --seed 7`: 30 million numbers that carriers have, two in
five of them in use, a million registered. Every attacker meets a fresh registry with the settings as delivered.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from registry import watchtogether
from registry.numbering import load_plan
from tests.attack import attackers
from tests.attack.attackers import Guesses, Learned, by_checks, by_scrubs
from tests.attack.world import GROUP, Country, Digits, Scene, registered, scene

IN_USE = 0.4
Make = Callable[[Country, np.random.Generator, Digits], Guesses | list[Guesses]]


@dataclass(frozen=True)
class Attack:
    """One attacker: what it asks for and how; how many telemarketers with real customers are there before it."""

    name: str
    make: Make
    way: Callable[[Scene, Sequence[tuple[attackers.Party, Guesses]]], Learned] = by_scrubs
    established: int = 5
    decoys: bool = False
    own: bool = False


def _honest(regions: float, lists: int = 3) -> Make:
    """Lists of 2 % of all numbers of some regions, sorted; no more than a day bears."""
    return lambda country, random, _own: iter(
        [country.customers(min(15_000, int(country.size * regions / 50)), random, regions=regions)
         for _ in range(lists)]
    )  # fmt: skip


ATTACKS = (
    Attack("number by number, lists of 10,000", lambda c, r, _own: attackers.sequential(c, 10_000, r)),
    Attack("number by number, checks of 1,000", lambda c, r, _own: attackers.sequential(c, 1_000, r), by_checks),
    Attack("number by number, checks of 10", lambda c, r, _own: attackers.sequential(c, 10, r), by_checks),
    Attack("every 7th, lists of 10,000", lambda c, r, _own: attackers.sequential(c, 10_000, r, step=7)),
    Attack("every 7th, checks of 100", lambda c, r, _own: attackers.sequential(c, 100, r, step=7), by_checks),
    Attack("any 11 digits, lists of 10,000", lambda c, r, _own: attackers.anything(c, 10_000, r)),
    Attack("any 11 digits, checks of 1,000", lambda c, r, _own: attackers.anything(c, 1_000, r), by_checks),
    Attack("drawn from all ranges in use, lists of 10,000", lambda c, r, _own: attackers.assigned(c, 10_000, r)),
    Attack("the same, and nobody established to compare with", lambda c, r, _own: attackers.assigned(c, 10_000, r),
           established=0),
    Attack("the same, and 1 % of ranges held back for decoys", lambda c, r, _own: attackers.assigned(c, 10_000, r),
           decoys=True),
    Attack("drawn from all ranges in use, checks of 1,000",
           lambda c, r, _own: attackers.assigned(c, 1_000, r), by_checks),
    Attack("drawn from a twentieth of the ranges, lists of 5,000",
           lambda c, r, _own: attackers.assigned(c, 5_000, r, ranges=0.05)),
    Attack("drawn as customers lie, lists of 10,000", lambda c, r, _own: attackers.where_people_are(c, 10_000, r)),
    Attack("a range shared out among 20 parties, lists of 1,000",
           lambda c, r, _own: attackers.shared_out(c, 1_000, r, parties=20)),
    Attack("the same by checks of 500", lambda c, r, _own: attackers.shared_out(c, 500, r, parties=20), by_checks),
    Attack("a range shared out among 20 parties, lists of 200",
           lambda c, r, _own: attackers.shared_out(c, 200, r, parties=20)),
    Attack("4 % of a sequence hidden among real customers, lists of 10,000",
           lambda c, r, own: attackers.hidden(c, 10_000, r, guessed=0.04, own=own), own=True),
    Attack("honest: customers all over the country", _honest(1.0)),
    Attack("honest: customers of one region, sorted", _honest(0.03)),
)  # fmt: skip


def play(attack: Attack, country: Country, database: Path, seed: int, established: int | None) -> Learned:
    """One attack on a fresh registry; what came of it."""
    with scene(country, database=database) as found:
        random = np.random.default_rng(seed)
        for _ in range(established if established and attack.established else attack.established):
            customers = country.customers(min(1_000_000, country.size // 200), random)
            by_scrubs(found, [(found.party("plus", days_ago=400), iter([customers]))])
        watchtogether.compare(found.watch)
        found.own = country.customers(country.size // 20, random) if attack.own else found.own
        made = attack.make(country, random, found.own)
        guesses = made if isinstance(made, list) else [made]
        return attack.way(found, [(found.party(), each) for each in guesses])


def main() -> None:
    """Play them all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefixes", type=int, default=30, help="ranges of a million numbers each")
    parser.add_argument("--registered", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--without-tables", action="store_true", help="for nations: nobody looks up who is registered")
    parser.add_argument("--established", type=int, help="telemarketers who have asked before, where there are any")
    parser.add_argument("--only", default="", help="attacks whose name contains this")
    asked = parser.parse_args()
    print("| what is asked for | answered | registered among them | days | what stopped it |")
    print("| --- | --- | --- | --- | --- |")
    share = asked.registered / (asked.prefixes * 100 * GROUP * IN_USE)
    with tempfile.TemporaryDirectory() as folder:
        made: dict[int, tuple[Country, Path]] = {}
        for attack in (each for each in ATTACKS if asked.only in each.name):
            held_back = asked.prefixes if attack.decoys else 0
            if held_back not in made:
                country = Country(
                    load_plan(), prefixes=asked.prefixes, share=share, seed=asked.seed, held_back=held_back,
                    in_use=IN_USE,
                )
                path = Path(folder) / f"{held_back}.db"
                made[held_back] = country, registered(country, path, really=not asked.without_tables)
            found = play(attack, *made[held_back], asked.seed, asked.established)
            why = f"{', '.join(sorted(found.stopped)) or 'nothing'}{f' ({min(found.lanes)})' if found.lanes else ''}"
            print(f"| {attack.name} | {found.answered:,} | {found.registered:,} | {found.days} | {why} |", flush=True)


if __name__ == "__main__":
    main()
