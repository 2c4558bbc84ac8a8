"""How a report came to its verdict: every step of the order of rule 49, and which of them held.

Rules of this room: the trace asks the same table as the verdict did, with what stood at the time of the contact as is
known now; the verdict that was kept stands beside it and is never rewritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from registry.decisions import STEPS, Contact, Content, Step, facts_of
from registry.errors import NotFoundError, UnavailableError
from registry.numbering import CallerKind
from registry.preferences import Category, Channel
from registry.sealing import SealedNumber
from registry.standing import standing_of
from registry.times import from_micros

if TYPE_CHECKING:
    from registry.numbering import NumberPlan
    from registry.rulebook import Rulebooks
    from registry.store import Store

_FIVE_MINUTES, _A_DAY = (timedelta(hours=hours) // timedelta(microseconds=1) for hours in (5 / 60, 24))


@dataclass(frozen=True, slots=True)
class Traced:
    """One step: whether it held, and whether it was the one that decided (the first that held)."""

    step: Step
    held: bool
    decided: bool


def trace(store: Store, plan: NumberPlan, rulebooks: Rulebooks, row: Mapping[str, Any]) -> tuple[Traced, ...]:
    """The steps for a report (columns of report with `caller_kind`); none where no rulebook or calendar was known."""
    if not row["called"]:
        return ()
    at = from_micros(row["at"])
    sender = store.parties.party(row["telemarketer"] or "")
    known = sender if sender is not None and sender.kind == "telemarketer" else None
    contact = Contact(
        at, Channel(row["channel"] or 0), Category(max(row["category"] or 0, 0)), Content(row["content"] or 0),
        CallerKind(row["caller_kind"]), known.party if known else None, known.licensed if known else True,
    )  # fmt: skip
    five, day = _recent(store, row)
    contact = replace(contact, recent_5min=five, recent_24h=day)
    standing = standing_of(store, number=SealedNumber(row["called"]), at=at, telemarketer=contact.telemarketer)
    try:
        rulebook = rulebooks.named(row["rulebook"]) if row["rulebook"] else rulebooks.at(at)
        facts = facts_of(contact, standing, rulebook, holidays=plan.holidays, asker="telemarketer")
    except (NotFoundError, UnavailableError):
        return ()
    held = [bool(step.holds(facts)) for step in STEPS]
    first = held.index(True)
    return tuple(Traced(step, holds, place == first) for place, (step, holds) in enumerate(zip(STEPS, held)))


def _recent(store: Store, row: Mapping[str, Any]) -> tuple[int, int]:
    """Earlier contacts of the caller to the called number in 5 minutes and 24 hours, as judging counts them."""
    at = row["at"]
    found = store.reports.contacts([row["called"]], since=at - _A_DAY, until=at)
    earlier = {when for _number, caller, when in found if caller == row["caller"]}
    return sum(when >= at - _FIVE_MINUTES for when in earlier), len(earlier)
