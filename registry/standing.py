"""What stood for a number and a telemarketer at any past moment: the registration, consents, personal entries.

Rules of this room: the tables keep when everything began and ended, so the answer for a moment never changes later
(rule 50); what a former holder chose ends with the holding (rule 45); a request that nobody answered is no refusal that
was recorded, and is told apart from one (rules 14, 34).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from registry.decisions import ConsentTerm, Standing
from registry.preferences import Preference
from registry.sealing import SealedNumber
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.store import Store

ALLOW, DENY, CONSENT = 1, 2, 3  # kinds of exceptions (DESIGN §4)
GRANTED_STATES = frozenset({"granted", "withdrawn", "expired"})  # each of them was granted once
NO_WILL = frozenset({"ported", "deactivated"})  # events of a history that change nothing of what a number declines
Masks = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Question:
    """Whose standing is asked for: a number, a moment, and the telemarketer it is about (None: nobody known)."""

    number: SealedNumber
    at: datetime
    telemarketer: str | None = None


def standing_of(store: Store, *, number: SealedNumber, at: datetime, telemarketer: str | None = None) -> Standing:
    """What stood for one number at a moment."""
    return standings_of(store, [Question(number, at, telemarketer)])[0]


def standings_of(store: Store, questions: Sequence[Question]) -> list[Standing]:
    """What stood for each question, in their order; a few statements for any number of them."""
    numbers = list(dict.fromkeys(question.number for question in questions))
    about = list(dict.fromkeys(question.number for question in questions if question.telemarketer))
    histories = store.registrations.histories(numbers)
    consents: dict[tuple[bytes, str], list[dict[str, Any]]] = defaultdict(list)
    entries: dict[tuple[bytes, str], list[dict[str, Any]]] = defaultdict(list)
    if about:
        for row in store.consents.of_numbers(about):
            consents[row["number"], row["telemarketer"]].append(row)
        for row in store.consents.entries_of_numbers(about):
            entries[row["number"], row["telemarketer"]].append(row)
    return [
        _standing(
            to_micros(question.at),
            histories.get(question.number, []),
            consents.get((question.number, question.telemarketer or ""), []),
            entries.get((question.number, question.telemarketer or ""), []),
        )
        for question in questions
    ]


def _standing(
    at: int, history: list[dict[str, Any]], consents: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> Standing:
    said = [row for row in history if row["at"] <= at and row["event"] not in NO_WILL]
    now, before = (said[-1] if said else None), (said[-2] if len(said) > 1 else None)
    if now is not None and now["event"] == "recycled":
        before = None  # what the former holder chose is nobody's business now
    return Standing(
        preference=_preference(now),
        since=from_micros(now["at"]) if now else None,
        before=_preference(before),
        consents=terms_of(consents, at) if consents else (),
        allowed=_union(entries, ALLOW, at),
        denied=_union(entries, DENY, at),
        refused=refused(consents, at) if consents else False,
        unanswered=unanswered(consents, at) if consents else None,
    )


def _preference(row: dict[str, Any] | None) -> Preference | None:
    if row is None or row["state"] != "active":
        return None
    return Preference(row["calls"], row["robocalls"], row["messages"], row["quiet"])


def terms_of(consents: list[dict[str, Any]], at: int) -> tuple[ConsentTerm, ...]:
    """The consents that stand at a moment (Micros): granted by then, not withdrawn, and no refusal came after them, be
    it of another request (rule 30). Lapsed ones are among them."""
    no = _last_no(consents, at)
    return tuple(
        ConsentTerm(
            row["calls"], row["robocalls"], row["messages"],
            decided=from_micros(row["decided"]),
            until=from_micros(row["until"]) if row["until"] else None,
            most=row["most"],
            per=row["per"],
            valid=bool(row["explicit"]),
        )
        for row in consents
        if row["state"] in GRANTED_STATES and row["decided"] > no and _runs(row, row["decided"], at)
    )  # fmt: skip


def refused(consents: list[dict[str, Any]], at: int) -> bool:
    """Whether the person has refused the company by a moment (Micros), whatever was agreed to since (rules 15, 29)."""
    return _last_no(consents, at) >= 0


def covered(consents: list[dict[str, Any]], at: int) -> Masks:
    """What consents that count cover at a moment (Micros), together."""
    calls = robocalls = messages = 0
    for term in terms_of(consents, at):
        if term.valid and (term.until is None or to_micros(term.until) > at):
            calls, robocalls, messages = calls | term.calls, robocalls | term.robocalls, messages | term.messages
    return calls, robocalls, messages


def unanswered(consents: list[dict[str, Any]], at: int) -> Masks | None:
    """What was asked for in vain by a moment (Micros), whatever was agreed to before or since; None: nothing.

    The same industry on another channel is similar content, so the masks of all channels are one (rules 15, 29).
    """
    silent = 0
    for row in consents:
        if row["state"] == "deemed_refused" and _runs(row, row["decided"], at):
            silent |= row["calls"] | row["robocalls"] | row["messages"]
    return (silent, silent, silent) if silent else None


def _last_no(consents: list[dict[str, Any]], at: int) -> int:
    """When the person last refused or withdrew, before all times where nothing of the kind stands at a moment.

    A later consent for a time is an exception to it, and it stands again when that time is over (rule 17).
    """
    said = (row["decided"] for row in consents if row["state"] == "refused" and _runs(row, row["decided"], at))
    return max(said, default=-1)


def _runs(row: dict[str, Any], began: int, at: int) -> bool:
    return began <= at and (row["ended"] is None or row["ended"] > at)


def _union(entries: list[dict[str, Any]], kind: int, at: int) -> Masks | None:
    """The masks of the entries of a kind that run at a moment, together; None where none does."""
    running = [
        row for row in entries
        if row["kind"] == kind and _runs(row, row["since"], at) and (not row["until"] or row["until"] > at)
    ]  # fmt: skip
    calls = robocalls = messages = 0
    for row in running:
        calls, robocalls, messages = calls | row["calls"], robocalls | row["robocalls"], messages | row["messages"]
    return (calls, robocalls, messages) if running else None
