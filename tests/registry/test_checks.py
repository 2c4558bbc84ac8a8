"""Single checks: each number is answered as a scrub answers it, at any moment, whatever stands for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from registry import consents, parties, quotas, registrations, sandbox, sealing
from registry.access import Actor
from registry.checks import Checker
from registry.decisions import Contact
from registry.errors import InvalidInputError, NotAllowedError, TooManyError
from registry.keys import KeyRing
from registry.numbering import load_plan
from registry.numbering.draw import draw_numbers
from registry.preferences import Category, Channel, Preference
from registry.quotas import Ledger
from registry.rulebook import load_rulebooks
from registry.scrub import answer_one
from registry.scrubjobs import Ask
from registry.settings import ScrubSettings, Settings, Tier
from registry.standing import standing_of
from registry.store import Store
from tests.doubles import FakeClock, MemoryShelf

PLAN, RULEBOOKS = load_plan(), load_rulebooks()
SETTINGS = Settings(scrubs=ScrubSettings(tiers={"basic": Tier(day=60, epoch=90, slow_hour=30)}))
VALID = timedelta(days=SETTINGS.scrubs.valid_days)
ASK = Ask(Channel.CALLS, Category.LOAN)
CHOICES = (
    Preference(0xFFFF, 0xFFFF, 0xFFFF, 0), Preference(1, 0, 3, 0), Preference(0, 0, 0, 0xE000FF),
    Preference(4, 4, 4, 1 << 31), Preference(0, 1, 0, 0x60000000),
)  # fmt: skip


class Town:
    """Numbers of which different things stand, and a telemarketer that asks about them."""

    def __init__(self, store: Store, clock: FakeClock, keys: KeyRing) -> None:
        self.store, self.clock, self.keys = store, clock, keys
        digits = draw_numbers(PLAN, 40, seed=3)
        self.typed = [f"+{each}" for each in digits]
        self.sealed = [
            sealing.SealedNumber(row.tobytes()) for row in sealing.seal_many(keys.at_rest, np.array(digits, np.uint64))
        ]
        party = parties.add_party(
            store, clock, party="acme", kind="telemarketer", name_zh="某公司", name_en="Acme"
        )
        self.actor = Actor("key", party=party, key="k", scopes=frozenset({"check"}))
        self.ledger = Ledger(store, clock, MemoryShelf(), keys, SETTINGS)
        self.checker = Checker(self.ledger, PLAN, RULEBOOKS)

    def check(self, ask: Ask = ASK, *numbers: str) -> Any:
        return self.checker.check(actor=self.actor, ask=ask, numbers=numbers or self.typed)

    def live(self, rng: np.random.Generator) -> None:
        """A few people change their minds."""
        for place in rng.integers(0, 40, 5).tolist():
            standing = registrations.current(self.store, self.sealed[place])
            if standing is not None and standing.is_active and rng.random() < 0.3:
                registrations.withdraw(self.store, self.clock, number=self.sealed[place], source="web")
            else:
                registrations.register(
                    self.store, self.clock, number=self.sealed[place], preference=CHOICES[int(rng.integers(0, 5))],
                    source="web", language="en",
                )
        number = self.sealed[int(rng.integers(0, 40))]
        if rng.random() < 0.5:
            consents.deny(
                self.store, self.clock, RULEBOOKS, number=number, telemarketer="acme", masks=(1, 1, 1)
            )
        else:
            consents.allow(
                self.store, self.clock, RULEBOOKS, number=number, telemarketer="acme", masks=(1, 1, 1)
            )


@pytest.fixture
def town(store: Store, clock: FakeClock, keys: KeyRing) -> Town:
    return Town(store, clock, keys)


def test_every_number_is_answered_as_by_all_that_stands_for_it(town: Town) -> None:
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(12):
        town.live(rng)
        town.clock.advance(minutes=float(rng.integers(0, 400)), seconds=float(rng.integers(0, 60)))
        for ahead in (None, timedelta(hours=int(rng.integers(0, 200)), minutes=7)):
            at = None if ahead is None else town.clock.now() + ahead
            ask = Ask(Channel(int(rng.integers(0, 3))), Category(int(rng.integers(0, 3))), at=at)
            contact = Contact(at or town.clock.now(), ask.channel, ask.category, telemarketer="acme")
            found = town.check(ask)
            assert list(found.answers) == [
                answer_one(
                    standing_of(town.store, number=number, at=contact.at, telemarketer="acme"), contact, RULEBOOKS,
                    holidays=PLAN.holidays, valid=VALID,
                )
                for number in town.sealed
            ]
            seen |= {answer.reason for answer in found.answers}
    assert len(seen) > 4


def test_what_was_judged_in_an_hour_serves_the_whole_hour(town: Town) -> None:
    town.live(np.random.default_rng(8))
    town.clock.advance(hours=3)
    for minute in (0, 20, 59):
        town.clock.moment = town.clock.now().replace(minute=minute, second=minute, microsecond=minute)
        contact = Contact(town.clock.now(), ASK.channel, ASK.category, telemarketer="acme")
        assert list(town.check().answers) == [
            answer_one(
                standing_of(town.store, number=number, at=contact.at, telemarketer="acme"), contact, RULEBOOKS,
                holidays=PLAN.holidays, valid=VALID,
            )
            for number in town.sealed
        ]
    assert len(town.checker._hours) == 1


def test_numbers_that_are_none_are_told_so_in_their_places(town: Town) -> None:
    found = town.check(ASK, town.typed[0], "tomorrow", town.typed[0], "", "10086", "1.38001E+10")
    assert [answer.verdict for answer in found.answers] == ["allowed", "invalid", "allowed", *["invalid"] * 3]
    assert [answer.reason for answer in found.answers[3:5]] == ["empty", "short_number"]
    assert found.counts() == {"allowed": 2, "declined": 0, "invalid": 4}


def test_a_check_takes_one_number_at_least_and_ten_thousand_at_most(town: Town) -> None:
    for numbers, code in [([], "no_numbers"), (["1"] * 10_001, "too_many_numbers")]:
        with pytest.raises(InvalidInputError) as raised:
            town.checker.check(actor=town.actor, ask=ASK, numbers=numbers)
        assert raised.value.code == code
    assert len(town.check(ASK, *["1"] * 10_000).answers) == 10_000


def test_nobody_asks_about_contacts_long_past_or_far_ahead(town: Town) -> None:
    for days in (-1, 32):
        with pytest.raises(InvalidInputError) as raised:
            town.check(Ask(Channel.CALLS, Category.LOAN, at=town.clock.now() + timedelta(days=days)))
        assert raised.value.code == "bad_time"


def test_only_a_licensed_telemarketer_checks_numbers(town: Town) -> None:
    carrier = parties.add_party(
        town.store, town.clock, party="cmcc", kind="carrier", name_zh="移动", name_en="Mobile"
    )
    with pytest.raises(NotAllowedError):
        town.checker.check(actor=Actor("key", party=carrier), ask=ASK, numbers=town.typed)


def test_a_sandbox_key_learns_of_magic_numbers_only(town: Town) -> None:
    actor = Actor("key", party=town.actor.party, key="k", sandbox=True)
    registrations.register(
        town.store, town.clock, number=town.sealed[0], preference=CHOICES[0], source="web", language="en"
    )
    town.clock.advance(hours=1)
    magic = {case.id: case.number.e164 for case in sandbox.load().cases}
    numbers = [magic["declines-everything"], magic["never-registered"], town.typed[0]]
    found = town.checker.check(actor=actor, ask=ASK, numbers=numbers)
    assert [(answer.verdict, answer.reason) for answer in found.answers] == [
        ("declined", "everything_declined"), ("allowed", "no_recorded_will"), ("invalid", "unassigned"),
    ]
    real = town.check(ASK, *numbers)
    assert [answer.verdict for answer in real.answers] == ["invalid", "invalid", "declined"]


def _used(town: Town) -> int:
    return quotas.balance(town.store, town.clock, SETTINGS, town.actor.party).day.used


def test_each_number_is_charged_once_and_what_is_none_is_free(town: Town) -> None:
    town.check(ASK, *town.typed[:10], *town.typed[:10], "tomorrow", "10086")
    assert _used(town) == 10
    town.check(Ask(Channel.MESSAGES, Category.TRAVEL), *town.typed[:12])
    assert _used(town) == 12
    with pytest.raises(InvalidInputError):
        town.check(Ask(Channel.CALLS, Category.LOAN, country="china"), *town.typed)
    town.checker.check(actor=Actor("key", party=town.actor.party, sandbox=True), ask=ASK, numbers=town.typed)
    assert _used(town) == 12


def test_numbers_beyond_the_quota_are_told_so_and_known_ones_still_answered(town: Town) -> None:
    more = [f"+{each}" for each in draw_numbers(PLAN, 50, seed=9)]
    town.check()
    found = town.check(ASK, *more, *town.typed)
    assert [answer.reason for answer in found.answers].count("quota_reached") == 30
    assert all(answer.reason == "quota_reached" for answer in found.answers[20:50])
    assert all(answer.verdict == "allowed" for answer in (*found.answers[:20], *found.answers[50:]))
    assert _used(town) == 60


def test_a_party_that_is_held_or_slowed_down_gets_no_answer(town: Town) -> None:
    for lane, error in [("held", NotAllowedError), ("slow", TooManyError)]:
        with town.store.writing():
            town.store.guard.put_lane("acme", lane=lane, since=0, by="officer")
        with pytest.raises(error):
            for seed in range(40):
                town.check(ASK, *(f"+{each}" for each in draw_numbers(PLAN, 40, seed=seed)))
