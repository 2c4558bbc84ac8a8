"""Tests of willingness: what is counted where, and that nobody is found in it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from registry import registrations, willingness
from registry.keys import KeyRing
from registry.numbering.provinces import load_provinces
from registry.numbers import parse_caller, parse_one
from registry.preferences import EVERYTHING, Preference
from registry.quarters import SMALLEST
from registry.sealing import seal_one
from registry.store import Store
from tests.doubles import FakeClock, MemoryShelf
from web.reportwords import PROVINCES


def test_a_landline_is_in_the_province_of_its_area_and_a_mobile_number_nowhere(plan: Any) -> None:
    found = load_provinces()
    said = {
        "010-62551234": "beijing", "021-62551234": "shanghai", "0571-87654321": "zhejiang", "0310-3012345": "hebei",
        "13800138000": "unknown", "19912345678": "unknown", "+44 20 7946 0018": "unknown", "1069012345": "unknown",
    }  # fmt: skip
    numbers = [parse_caller(text, plan) for text in said]
    places = found.of_many(
        np.array([number.digits for number in numbers], np.uint64), np.array([each.kind for each in numbers], np.uint8)
    )
    assert [found.names[place] for place in places] == list(said.values())


def test_what_people_decline_is_counted_by_province_channel_and_category(
    store: Store, keys: KeyRing, clock: FakeClock, plan: Any, shelf: MemoryShelf
) -> None:
    def register(text: str, count: int, preference: Preference) -> None:
        for place in range(count):
            number = parse_one(f"{text}{place:02}", plan)
            registrations.register(
                store, clock, number=seal_one(keys.at_rest, number), preference=preference, source="web", language="en"
            )

    register("010-625512", 12, EVERYTHING)
    register("010-625522", 15, Preference(1, 0, 0, 0))
    register("0571-876543", 9, EVERYTHING)
    register("138001380", 30, Preference(0, 0, 0xFFFF, 0))
    assert willingness.publish(store, clock, keys, shelf) == 3 * 3 * 16
    made = willingness.latest(shelf)
    assert made is not None
    assert made.registrations == 66
    assert made.provinces == {"unknown": 30, "beijing": None, "zhejiang": None}
    assert (made.declined["calls"]["loan"], made.declined["messages"]["game"]) == (36, 51)
    cells = {(cell.province, cell.channel, cell.category): cell.declined for cell in made.cells}
    assert cells["unknown", "messages", "loan"] == 30
    assert cells["unknown", "calls", "loan"] == 0
    assert cells["zhejiang", "calls", "loan"] is None
    assert ("all", "calls", "loan", 66, 36) in list(made.rows())


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), min_size=1, max_size=5))
def test_no_small_cell_is_shown_nor_one_hidden_cell_beside_shown_ones(drawn: list[tuple[int, int]]) -> None:
    held = {f"p{place}": people for place, (people, _) in enumerate(drawn)}
    counts = {f"p{place}": min(people, declined) for place, (people, declined) in enumerate(drawn)}
    seen = willingness.shown(held)
    row = willingness._row(counts, held, seen)
    for name, count in row.items():
        if count is not None:
            assert not 0 < count < SMALLEST
            assert not 0 < held[name] - count < SMALLEST
    hidden = [name for name, count in row.items() if count is None]
    others = [name for name, count in row.items() if count]
    assert not (len(hidden) == 1 and others)


def test_nothing_counted_yet_is_nothing_to_show(store: Store, keys: KeyRing, clock: FakeClock) -> None:
    made = willingness.count(store, clock, keys)
    assert (made.registrations, made.provinces, made.cells) == (0, {}, ())
    assert {made.declined[channel]["loan"] for channel, _ in product(made.declined, "x")} == {0}


def test_every_province_has_a_name_on_pages() -> None:
    assert tuple(PROVINCES) == load_provinces().names[1:]
