"""Whatever happened to numbers, a scrub answers each as a single check does: by base, editions, and what is not out."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from registry import consents, registrations, scrubbases
from registry.checks import Checker
from registry.decisions import Contact
from registry.errors import RegistryError
from registry.preferences import EVERYTHING, NOTHING, Category, Channel, Preference
from registry.scrub import answer_one
from registry.scrubjobs import Ask
from registry.standing import standing_of
from registry.times import iso
from sync import indexing, rolling
from sync.publish import publish_once, scratch
from sync.scrubbing import scrub_due
from tests.sync.calling import listed, nothing, rows_of, send, sender
from tests.sync.town import Town

PLACES, ROUNDS = 24, 4
CHOICES = (
    EVERYTHING, Preference(1, 0, 3, 0), Preference(0, 0, 0, 0xE000FF), Preference(4, 4, 4, 1 << 31),
    Preference(0, 1, 0, 0x60000000), NOTHING,
)  # fmt: skip
PROOF = {"how": "a box that was empty on the order page", "text": "Acme may send me loan offers."}


def happen(town: Town, draw: random.Random, place: int) -> None:
    """Something happens to a number; what the rules do not allow now does not."""
    number, kind = town.number(place), draw.randrange(8)
    store, clock, books = town.store, town.clock, town.rulebooks
    masks = draw.choice([(1, 1, 1), (1, 0, 1), (0xFFFF, 0xFFFF, 0xFFFF)])
    try:
        if kind < 3:
            town.decline(place, draw.choice(CHOICES))
        elif kind == 3:
            town.port(place, draw.choice(["cmcc", "ctcc", "cucc"]), overlap_hours=draw.choice([0, 24]))
        elif kind == 4:
            registrations.recycle(store, clock, number=number, source="cmcc")
        elif kind == 5:
            which = draw.choice([consents.allow, consents.deny])
            which(store, clock, books, number=number, telemarketer="acme", masks=masks)
        else:
            until = clock.now() + timedelta(days=draw.randint(1, 20))
            terms = consents.Terms(masks, 1, "week", until)
            name = consents.ask(store, clock, number=number, telemarketer="acme", terms=terms)
            answer = draw.randrange(4)
            if answer == 0:
                consents.refuse(store, clock, books, number=number, consent=name)
            elif answer < 3:
                consents.grant(store, clock, books, number=number, consent=name, evidence=PROOF, explicit=True)
            if answer == 2:
                consents.withdraw(store, clock, books, number=number, consent=name)
    except RegistryError:
        pass


def roll(town: Town) -> None:
    with scratch(town) as folder:
        rolling.roll(town, upto=town.store.editions.newest(), scratch=folder)


def assert_a_scrub_answers_as_single_checks(town: Town, ask: Ask) -> set[str]:
    """The reasons that were met."""
    job = send(town, listed(town, *range(PLACES)), ask=ask)
    assert scrub_due(town) == {"scrubs": 1, "lines": PLACES}
    contact = Contact(town.clock.now(), ask.channel, ask.category, telemarketer="acme")
    checker = Checker(town.quotas, town.plan, town.rulebooks)
    checks = checker.check(actor=sender(town), ask=ask, numbers=[f"+{digits}" for digits in town.digits[:PLACES]])
    for place, row in enumerate(rows_of(town, job)):
        standing = standing_of(town.store, number=town.number(place), at=contact.at, telemarketer="acme")
        alone = answer_one(standing, contact, town.rulebooks, holidays=town.plan.holidays, valid=timedelta(days=7))
        assert checks.answers[place] == alone, place
        until, later = alone.until, alone.next_allowed
        assert (row["verdict"], row["reason"], row["rule"]) == (alone.verdict, alone.reason, alone.rule), place
        assert [row["until"], row["next_allowed"]] == [
            iso(at.replace(microsecond=0)) if at is not None else "" for at in (until, later)
        ]
    return {row["reason"] for row in rows_of(town, job)}


@pytest.mark.parametrize("seed", [1, 2])
def test_any_history_is_answered_as_single_checks_answer_it(small_town: Town, seed: int) -> None:
    town, draw, met = small_town, random.Random(seed), set[str]()
    town.clock.moment = datetime(2026, 8, 3, 1, tzinfo=UTC)
    for _ in range(ROUNDS):
        for _ in range(draw.randint(5, 25)):
            happen(town, draw, draw.randrange(PLACES))
            town.clock.advance(seconds=draw.choice([1, 60, 3_600]))
        if draw.random() < 0.7:
            publish_once(town)
        if draw.random() < 0.5:
            roll(town)
        if draw.random() < 0.5 or not scrubbases.is_ready(town.store, town.shelf):
            indexing.make(town, keep=nothing)  # else an older one serves, or none
        town.clock.advance(days=draw.choice([0, 1, 10, 40]), hours=draw.randint(0, 23))
        for channel in Channel:
            ask = Ask(channel, draw.choice([Category.LOAN, Category.TRAVEL]), campaign="any")
            met |= assert_a_scrub_answers_as_single_checks(town, ask)
    assert len(met) >= 8, met
