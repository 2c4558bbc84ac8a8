"""Scrubbing answers each line as a single check does, whatever stands for the number."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import consents, registrations, sealing
from registry.decisions import Contact, Standing, decide
from registry.keys import KeyRing
from registry.numbering import load_plan
from registry.numbering.draw import draw_numbers
from registry.numbers import parse_many
from registry.preferences import Category, Channel, Preference
from registry.rulebook import load_rulebooks
from registry.scrub import Judge, Scrubber, answer_one
from registry.scrubindex import ASK, PREFERENCE, empty_index, index_of, keys_of, open_index, write_index
from registry.scrublists import lists_of
from registry.standing import standing_of
from registry.store import Store
from tests.doubles import FakeClock

VALID = timedelta(days=7)
PLAN, RULEBOOKS = load_plan(), load_rulebooks()
masks = st.sampled_from([0, 0xFFFF, 1, 2, 0b100, 0x8000])
preferences = st.builds(
    Preference, masks, masks, masks, st.sampled_from([0, 0, 0xE000FF, 1 << 31, 0x7F << 24, 0xFFFFFF, 1 << 14])
)
moments = st.datetimes(datetime(2026, 5, 2), datetime(2026, 12, 20)).map(lambda at: at.astimezone())



@settings(max_examples=12, deadline=None)
@given(st.lists(preferences, min_size=1, max_size=4), moments, st.sampled_from(Channel), st.sampled_from(Category))
def test_a_preference_decides_in_bulk_as_it_does_alone(
    chosen: list[Preference], at: datetime, channel: Channel, category: Category
) -> None:
    contact = Contact(at, channel, category, telemarketer="acme")
    rows = np.array([(p.calls, p.robocalls, p.messages, p.quiet) for p in chosen], PREFERENCE)
    many = Judge(contact, RULEBOOKS, PLAN.holidays, VALID).of_preferences(rows)
    one = [
        answer_one(Standing(preference=p), contact, RULEBOOKS, holidays=PLAN.holidays, valid=VALID) for p in chosen
    ]
    assert many == one
    for each, preference in zip(many, chosen):
        found = decide(
            contact, Standing(preference=preference), RULEBOOKS.at(at), holidays=PLAN.holidays, asker="telemarketer"
        )
        assert (each.verdict == "allowed", each.reason, each.next_allowed) == (
            found.allow, found.reason, found.next_allowed
        )


class Town:
    """A few numbers with histories, some of them with consents and personal entries about acme."""

    def __init__(self, store: Store, clock: FakeClock, keys: KeyRing, folder: Path) -> None:
        self.store, self.clock, self.keys, self.folder = store, clock, keys, folder
        self.digits = np.array(draw_numbers(PLAN, 40, seed=3), np.uint64)
        self.sealed = [sealing.SealedNumber(row.tobytes()) for row in sealing.seal_many(keys.at_rest, self.digits)]
        self.base: Any = None

    def register(self, place: int, preference: Preference) -> None:
        registrations.register(
            self.store, self.clock, number=self.sealed[place], preference=preference, source="web", language="en"
        )

    def publish(self, edition: int, *, base: bool = False) -> None:
        """What claiming does to the tables, and an index of what stands then."""
        with self.store.writing():
            self.store.editions.insert(edition=edition, state="published", opened=1, published=1)
            self.store.editions.mark(edition)
            for rows in self.store.editions.marked(edition):
                said = {"edition": edition, "carrier": "cmcc", "left_carrier": None}
                self.store.editions.add_changes([{**row, **said} for row in rows])
            self.store.editions.unmark(edition)
        if base:
            rows = self.store.engine.rows("SELECT * FROM registration WHERE state = 'active' ORDER BY number")
            columns = {name: np.array([row[name] for row in rows], np.int64) for name in PREFERENCE.names or ()}
            sealed = np.frombuffer(b"".join(row["number"] for row in rows), np.uint8).reshape(-1, 16)
            path = self.folder / "index"
            write_index(path, [(sealed, columns)], edition=edition, rows=len(rows))
            self.base = open_index(path)

    def answers(self, contact: Contact) -> tuple[list[Any], list[Any]]:
        """Of all numbers: in bulk, and one by one from the tables."""
        grace = timedelta(seconds=RULEBOOKS.at(contact.at).grace.telemarketers)
        lists = lists_of(
            self.store, self.base or empty_index(), at=contact.at, telemarketer=contact.telemarketer, grace=grace
        )
        texts = [*(f"+{digits}" for digits in self.digits.tolist()), "tomorrow", "", "10086", "+8613800"]
        numbers = parse_many(texts, PLAN)
        scrubber = Scrubber(
            self.store, lists, contact, RULEBOOKS, at_rest=self.keys.at_rest, holidays=PLAN.holidays, valid=VALID
        )
        found = scrubber.answer(numbers)
        assert [found[line].verdict for line in range(40, 44)] == ["invalid"] * 4
        assert [found[line].reason for line in range(40, 44)] == ["letters", "empty", "short_number", "too_short"]
        judge = Judge(contact, RULEBOOKS, PLAN.holidays, VALID)
        alone = [
            judge._judged(standing_of(self.store, number=number, at=contact.at, telemarketer=contact.telemarketer))
            for number in self.sealed
        ]
        return [found[line] for line in range(40)], alone


@pytest.fixture
def town(store: Store, clock: FakeClock, keys: KeyRing, tmp_path: Path) -> Town:
    return Town(store, clock, keys, tmp_path)


def test_a_line_is_answered_as_a_single_check_whatever_stands(town: Town) -> None:
    rng = np.random.default_rng(11)
    chosen = [Preference(0xFFFF, 0xFFFF, 0xFFFF, 0), Preference(1, 0, 3, 0), Preference(0, 0, 0, 0xE000FF),
              Preference(4, 4, 4, 1 << 31), Preference(0, 1, 0, 0x60000000)]  # fmt: skip
    edition = 0
    for round_ in range(9):
        for place in rng.integers(0, 40, 5).tolist():
            standing = registrations.current(town.store, town.sealed[place])
            if standing is not None and standing.is_active and rng.random() < 0.3:
                registrations.withdraw(town.store, town.clock, number=town.sealed[place], source="web")
            else:
                town.register(place, chosen[int(rng.integers(0, len(chosen)))])
        for place in rng.integers(0, 40, 2).tolist():
            _consent(town, place, rng)
        town.clock.advance(hours=float(rng.integers(0, 9)), seconds=30)
        if round_ % 3 == 2:
            edition += 1
            town.publish(edition, base=edition in {1, 3})
        for channel in Channel:
            for category in (Category.LOAN, Category.TRAVEL):
                contact = Contact(town.clock.now(), channel, category, telemarketer="acme")
                many, alone = town.answers(contact)
                assert many == alone


def _consent(town: Town, place: int, rng: np.random.Generator) -> None:

    number, days = town.sealed[place], int(rng.integers(1, 12))
    covered = consents.Terms((1, 1, 1), 1, "week", town.clock.now() + timedelta(days=days))
    kind = int(rng.integers(0, 4))
    if kind == 0:
        consents.deny(town.store, town.clock, RULEBOOKS, number=number, telemarketer="acme", masks=(1, 1, 1))
    elif kind == 1:
        consents.allow(town.store, town.clock, RULEBOOKS, number=number, telemarketer="acme", masks=(1, 0, 1))
    else:
        if any(row["number"] == number for row in town.store.consents.of_numbers([number])):
            return
        name = consents.ask(town.store, town.clock, number=number, telemarketer="acme", terms=covered)
        proof = {"how": "a box that was empty on the order page", "text": "Acme may send me loan offers."}
        if kind == 2:
            consents.grant(
                town.store, town.clock, RULEBOOKS, number=number, consent=name, evidence=proof, explicit=True
            )
        else:
            consents.refuse(town.store, town.clock, RULEBOOKS, number=number, consent=name)


def test_two_numbers_with_the_same_key_are_looked_up_in_the_tables(tmp_path: Path) -> None:
    sealed = np.zeros((3, 16), np.uint8)
    sealed[:, 0], sealed[:, 15] = (1, 1, 2), (7, 8, 9)
    columns = {name: np.array([3, 4, 5]) for name in ("calls", "robocalls", "messages", "quiet")}
    chunks = [(sealed[:1], _part(columns, 0, 1)), (sealed[1:], _part(columns, 1, 3))]
    write_index(tmp_path / "i", chunks, edition=4, rows=3)
    index = open_index(tmp_path / "i")
    found = np.zeros(4, np.uint32)
    index.find(np.append(keys_of(sealed), np.uint64(5)), found)
    assert found.tolist()[:2] == [ASK, ASK]
    assert index.preferences[found[2]].tolist() == (5, 5, 5, 5)
    assert (found[3], index.edition) == (0, 4)


def _part(columns: dict[str, Any], start: int, stop: int) -> dict[str, Any]:
    return {name: column[start:stop] for name, column in columns.items()}


anywhere = st.integers(0, 2**64 - 1)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(anywhere, st.integers(0, 40), st.integers(2**64 - 40, 2**64 - 1)), max_size=200),
    st.lists(anywhere, max_size=20),
)
def test_an_index_finds_the_keys_that_it_holds_and_no_others(held: list[int], others: list[int]) -> None:
    keys = np.unique(np.array(held, np.uint64))
    index = index_of(keys, np.arange(2, len(keys) + 2).astype(np.uint32), np.empty(0, PREFERENCE))
    asked = np.array([*held, *others, 0, 2**64 - 1, *(key ^ 1 for key in held)], np.uint64)
    found = np.zeros(len(asked), np.uint32)
    index.find(asked, found)
    codes = {key: code for code, key in enumerate(keys.tolist(), 2)}
    assert found.tolist() == [codes.get(key, 0) for key in asked.tolist()]
