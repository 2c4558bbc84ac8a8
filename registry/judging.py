"""The verdict on each report: what `decide()` answers for its contact, as things stood at the time of the call.

Rules of this room:
- A report asks what its telemarketer asked: was this contact allowed? (rule 50: the answer is kept with its reason, its
  rule and the rulebook of the call's date.)
- Earlier reports of the same caller to the same number count as earlier contacts (rule 70); two reports of one moment
  are one contact.
- A report without a called number counts towards its caller only; one that the calendar can't judge yet is held back.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from registry.decisions import STEPS, Contact, Content, Facts, decide_many, facts_of
from registry.errors import NotFoundError, UnavailableError
from registry.preferences import Category, Channel
from registry.report_rows import Refusal
from registry.standing import Question, standings_of
from registry.times import from_micros

if TYPE_CHECKING:
    from registry.numbering import NumberPlan
    from registry.report_entries import Entry
    from registry.report_rows import Claim, Kind
    from registry.rulebook import Rulebook, Rulebooks
    from registry.store import Store
    from registry.trials import Trial

VIOLATION, ALLOWED, COUNTED = "violation", "allowed", "counted"
_FIVE_MINUTES = timedelta(minutes=5) // timedelta(microseconds=1)
_A_DAY = timedelta(hours=24) // timedelta(microseconds=1)
_FACTS = tuple(field.name for field in fields(Facts))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a report came to: violation, allowed or counted; why, by which rule of which rulebook."""

    verdict: str
    reason: str
    rule: str
    rulebook: str


_NO_CALLED_NUMBER = Verdict(COUNTED, "no_called_number", "", "")
_NO_RULEBOOK = Verdict(ALLOWED, "no_rulebook", "", "")
_NO_CALENDAR = Refusal("holidays_unknown", "The public holidays of that year are not in the calendar yet.")


def judge(
    store: Store, plan: NumberPlan, rulebooks: Rulebooks, entries: Sequence[Entry], *, kind: Kind,
    trial: Trial | None = None,
) -> list[Verdict | Refusal]:
    """The verdicts on entries, in their order, inside `reading()`; a Refusal for one that can't be judged yet.

    `trial`: reports of a sandbox party, which are about magic numbers and stand by themselves.
    """
    if kind == "ftc" or not entries:
        return [_NO_CALLED_NUMBER] * len(entries)
    claims = [entry.claim for entry in entries if entry.claim]
    licensed = {p.party: p.licensed for p in store.parties.all() if p.kind == "telemarketer"}
    licensed = licensed if trial is None else trial.licensed()
    recent = _recent(store, entries, claims) if trial is None else [(0, 0)] * len(entries)
    moments = [from_micros(claim.at) for claim in claims]
    senders = [claim.telemarketer if claim.telemarketer in licensed else None for claim in claims]
    numbers = [entry.called for entry in entries if entry.called]
    questions = list(map(Question, numbers, moments, senders))
    standings = standings_of(store, questions) if trial is None else trial.standings(questions)
    found: list[Verdict | Refusal] = [_NO_RULEBOOK] * len(entries)
    facts: list[Facts] = []
    places: list[int] = []
    names: list[str] = []
    for place, (entry, claim, standing) in enumerate(zip(entries, claims, standings)):
        rulebook = _rulebook(rulebooks, moments[place])
        if rulebook is None:
            continue
        contact = Contact(
            moments[place], Channel(claim.channel or 0), Category(claim.category or 0), Content(claim.content or 0),
            entry.caller_kind, senders[place], licensed.get(senders[place] or "", True), *recent[place],
        )  # fmt: skip
        try:
            facts.append(facts_of(contact, standing, rulebook, holidays=plan.holidays, asker="telemarketer"))
        except UnavailableError:
            found[place] = _NO_CALENDAR
            continue
        places.append(place)
        names.append(rulebook.name)
    for place, name, index in zip(places, names, decide_many(_columns(facts), len(facts)).tolist()):
        step = STEPS[index]
        found[place] = Verdict(ALLOWED if step.allow else VIOLATION, step.reason, step.rule, name)
    return found


def _rulebook(rulebooks: Rulebooks, moment: datetime) -> Rulebook | None:
    try:
        return rulebooks.at(moment)
    except NotFoundError:
        return None


def _columns(facts: list[Facts]) -> Facts:
    """Facts of single contacts as one of arrays."""
    return Facts(**{name: np.array([getattr(fact, name) for fact in facts], np.int64) for name in _FACTS})


def _recent(store: Store, entries: Sequence[Entry], claims: Sequence[Claim]) -> list[tuple[int, int]]:
    """Earlier contacts of each entry's caller to its called number within 5 minutes and 24 hours."""
    times: dict[tuple[bytes, bytes], list[int]] = {}
    called = sorted({entry.called for entry in entries if entry.called and entry.caller})
    first, last = min(claim.at for claim in claims), max(claim.at for claim in claims)
    for number, caller, at in store.reports.contacts(called, since=first - _A_DAY, until=last):
        times.setdefault((number, caller), []).append(at)
    for known in times.values():
        known.sort()
    found = [(0, 0)] * len(entries)
    for place in sorted(range(len(entries)), key=lambda i: claims[i].at):
        entry, at = entries[place], claims[place].at
        if entry.called is None or entry.caller is None:
            continue
        known = times.setdefault((entry.called, entry.caller), [])
        here = bisect.bisect_left(known, at)
        earlier = sorted(set(known[bisect.bisect_left(known, at - _A_DAY) : here]))
        found[place] = len(earlier) - bisect.bisect_left(earlier, at - _FIVE_MINUTES), len(earlier)
        known.insert(here, at)
    return found
