"""Single checks: up to 10,000 typed numbers, each answered as a scrub of the same moment answers it.

Rules of this room:
- Few statements for any number of numbers. Nearly all have a preference or nothing; what a preference comes to is
  judged once an hour for each kind of contact and remembered. Of whom more stands is judged by all that stands.
- Only answers are charged: each distinct number, up to the quota (`quotas.py`); one beyond it is told so.
- Numbers come as text, are sealed at once, and stand in no error and no log; answers are in the order of the numbers.
- A key of the sandbox learns of magic numbers alone: to it, all others are numbers that nobody holds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry import sealing
from registry.charging import charge_few
from registry.decisions import Contact
from registry.editions import MASKS
from registry.errors import InvalidInputError, NotAllowedError
from registry.limits import Limit, spend_all
from registry.numbering.reading import Reason
from registry.numbers import parse_many
from registry.organisations import must_act_for
from registry.preferences import ALL_CATEGORIES
from registry.restrictions import must_be_free
from registry.scrub import Judge, LineAnswer
from registry.scrubbases import sandbox_scrubber
from registry.scrubindex import PREFERENCE
from registry.scrubjobs import actor_is_sandbox, tidied
from registry.sealing import BLOCK, SealedNumber
from registry.standing import Question, standings_of
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.numbering import NumberPlan
    from registry.parties import Party
    from registry.quotas import Ledger
    from registry.rulebook import Rulebooks
    from registry.scrubjobs import Ask

_HOURS_KEPT = 200
_INVALID = {int(reason): LineAnswer("invalid", reason.slug) for reason in Reason}
QUOTA_REACHED = LineAnswer("invalid", "quota_reached")
Declined = tuple[int, int]  # the channel's mask, as far as it makes a difference, and quiet


@dataclass(frozen=True, eq=False)
class Checked:
    """The answers to numbers, in their order, for a moment; on which edition and rulebook they stand."""

    answers: tuple[LineAnswer, ...]
    at: datetime
    edition: int
    rulebook: str

    def counts(self) -> dict[str, int]:
        """Numbers by verdict."""
        found = dict.fromkeys(("allowed", "declined", "invalid"), 0)
        for answer in self.answers:
            found[answer.verdict] += 1
        return found


class Checker:
    """Answers single checks; made once per process, and shared by threads."""

    def __init__(self, ledger: Ledger, plan: NumberPlan, rulebooks: Rulebooks) -> None:
        self._ledger, self._store, self._clock = ledger, ledger.store, ledger.clock
        self._plan, self._rulebooks = plan, rulebooks
        self._most = ledger.settings.scrubs.check_most
        self._valid = timedelta(days=ledger.settings.scrubs.valid_days)
        self._hours: dict[tuple[object, ...], _Hour] = {}
        self._lock = threading.Lock()

    def check(self, *, actor: Actor, ask: Ask, numbers: Sequence[str], limits: Sequence[Limit] = ()) -> Checked:
        """The answer to each typed number, charged to the party; `limits` are spent with it.

        Raises NotAllowedError not_a_telemarketer, restricted (rule 97), held_by_guard, InvalidInputError no_numbers,
        too_many_numbers, bad_campaign, bad_country, bad_time, bad_on_behalf, TooManyError slow_lane, too_many,
        UnavailableError holidays_unknown; then nothing is charged or spent.
        """
        party, now = telemarketer_of(actor), self._clock.now()
        must_be_free(self._store, party=party.party, use="scrubs", at=now)
        if not 1 <= len(numbers) <= self._most:
            raise InvalidInputError(
                f"A check takes 1 to {self._most} numbers.",
                code="too_many_numbers" if numbers else "no_numbers",
            )
        ask = tidied(ask, now)
        contact = Contact(
            ask.at or now, ask.channel, ask.category, telemarketer=party.party, licensed=party.licensed
        )
        must_act_for(self._store, party.party, ask.on_behalf, at=contact.at)
        if actor_is_sandbox(actor):
            answers, edition = self._of_sandbox(numbers, contact, country=ask.country)
        else:
            found = parse_many(numbers, self._plan, country=ask.country)
            good = np.flatnonzero(found.ok)
            sealed = sealing.seal_many(self._ledger.keys.at_rest, found.digits[good], found.kind[good])
            answers = [_INVALID[reason] for reason in found.reason.tolist()]
            with self._store.reading():
                edition = self._store.editions.newest()
                told = self._of_tables(sealed, contact)
            unassigned = int(np.equal(found.reason, Reason.UNASSIGNED).sum())
            if len(good) or unassigned:
                granted = charge_few(
                    self._ledger, party=party, sealed=sealed, unassigned=unassigned, limits=limits
                ).tolist()
                limits = ()
                told = [answer if may else QUOTA_REACHED for answer, may in zip(told, granted)]
            for place, answer in zip(good.tolist(), told):
                answers[place] = answer
        if limits:
            spend_all(self._store, self._clock, limits=limits)
        return Checked(tuple(answers), contact.at, edition, self._rulebooks.at(contact.at).name)

    def _of_sandbox(
        self, numbers: Sequence[str], contact: Contact, *, country: str
    ) -> tuple[list[LineAnswer], int]:
        """The answers to magic numbers, and at which edition."""
        found = parse_many(numbers, self._plan.with_sandbox(), country=country)
        edition = max(1, self._store.editions.newest())  # as a scrub has it: before the first, they stand as at it
        scrubber = sandbox_scrubber(
            self._ledger.keys, self._rulebooks, self._plan, contact=contact, edition=edition, valid=self._valid
        )
        told = scrubber.answer(found)
        return [told[place] for place in range(len(numbers))], edition

    def _of_tables(self, sealed: NDArray[np.uint8], contact: Contact) -> list[LineAnswer]:
        """The answers to sealed numbers u8[n, 16], inside `reading()`."""
        raw = sealed.tobytes()
        numbers = [raw[start : start + BLOCK] for start in range(0, len(raw), BLOCK)]
        found = self._of_numbers(list(dict.fromkeys(numbers)), contact)
        return [found[number] for number in numbers]

    def _of_numbers(self, numbers: list[bytes], contact: Contact) -> dict[bytes, LineAnswer]:
        """The answers to different sealed numbers."""
        assert contact.telemarketer is not None
        grace = timedelta(seconds=self._rulebooks.at(contact.at).grace.telemarketers)
        young = to_micros(contact.at - grace)
        special = self._store.checks.known_to(contact.telemarketer, numbers)
        mask, bit = MASKS[contact.channel], 1 << contact.category
        declined: dict[bytes, Declined] = dict.fromkeys(numbers, (0, 0))
        for row in self._store.checks.preferences(numbers):
            number, chosen = bytes(row["number"]), row[mask]
            declined[number] = (chosen if chosen == ALL_CATEGORIES else chosen & bit, row["quiet"])
            if row["since"] > young:
                special.add(number)
        known = self._hour(contact).answers(contact, set(declined.values()))
        answers = {number: known[said] for number, said in declined.items()}
        if special:
            judge, asked = self._judge(contact), [SealedNumber(number) for number in special]
            questions = [Question(number, contact.at, contact.telemarketer) for number in asked]
            for number, standing in zip(asked, standings_of(self._store, questions)):
                answers[number] = judge.of_standing(standing)
        return answers

    def _judge(self, contact: Contact) -> Judge:
        return Judge(contact, self._rulebooks, self._plan.holidays, self._valid)

    def _hour(self, contact: Contact) -> _Hour:
        """What is known of contacts of a kind in an hour."""
        middle = contact.at.replace(minute=30, second=0, microsecond=0)
        kind = replace(contact, at=middle, telemarketer=None)
        key = (middle, contact.channel, contact.category, contact.licensed, self._rulebooks.at(contact.at).name)
        with self._lock:
            found = self._hours.get(key)
            if found is None:
                if len(self._hours) >= _HOURS_KEPT:
                    self._hours.pop(next(iter(self._hours)))
                found = self._hours[key] = _Hour(self._judge(kind), self._valid)
        return found


class _Hour:
    """What preferences come to, where nothing else stands, for contacts of one kind in one hour.

    Within an hour only the end of all answers moves: whatever changes, changes at a full hour.
    """

    def __init__(self, judge: Judge, valid: timedelta) -> None:
        self._judge, self._valid = judge, valid
        self._known: dict[Declined, LineAnswer] = {}

    def answers(self, contact: Contact, declined: set[Declined]) -> dict[Declined, LineAnswer]:
        """The answer to each, at the moment of a contact. Raises UnavailableError holidays_unknown."""
        new = [said for said in declined if said not in self._known]
        if new:
            rows = np.zeros(len(new), PREFERENCE)
            rows[MASKS[contact.channel]], rows["quiet"] = zip(*new)
            self._known.update(zip(new, self._judge.of_preferences(rows)))
        limit = self._judge.limit_of(contact.at)
        return {said: _until(self._known[said], self._judge.limit, limit) for said in declined}


def _until(answer: LineAnswer, limit: datetime, here: datetime) -> LineAnswer:
    """The same answer, with the end that answers have at another moment of the hour."""
    assert answer.until is not None
    return replace(answer, until=here if answer.until == limit else min(answer.until, here))


def telemarketer_of(actor: Actor) -> Party:
    """The party that has numbers checked. Raises NotAllowedError not_a_telemarketer."""
    party = actor.party
    if party is None or party.kind != "telemarketer" or not party.licensed:
        raise NotAllowedError("Only licensed telemarketers have call lists checked.", code="not_a_telemarketer")
    return party
