"""What a person allows one telemarketer: consents with their evidence, refusals, personal allow and deny entries.

Rules of this room:
- A request names type, frequency and duration or is none (rule 13); silence is refusal (14); a withdrawal is possible
  at any time and is a refusal of its own (23, 25, 30); nothing renews itself (17).
- Evidence is kept with its digest (20); a consent that is not explicit, or comes without evidence, counts for nothing.
- Every change recomputes what is in force (`exception`) and makes it pending, in one transaction, so that carriers
  learn of it with the next edition. Only what `decide` would let through travels: a consent only where the rulebook
  lets it beat a refusal.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.interfaces import Clock
from registry.preferences import ALL_CATEGORIES, Category, Channel
from registry.sealing import SealedNumber
from registry.standing import ALLOW, CONSENT, DENY, Masks, refused, terms_of
from registry.times import Micros, to_micros

if TYPE_CHECKING:
    from registry.rulebook import Rulebook, Rulebooks
    from registry.store import Store

PERIODS = ("day", "week", "month")
_ALWAYS = 1 << 62  # Micros
EVERYTHING: Masks = (ALL_CATEGORIES, ALL_CATEGORIES, ALL_CATEGORIES)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a consent covers: masks per channel, at most `most` contacts `per` day, week or month, until when."""

    masks: Masks
    most: int
    per: str
    until: datetime


def masks_of(covered: Mapping[Channel, Iterable[Category]]) -> Masks:
    """The masks (calls, robocalls, messages) of categories per channel."""
    found = [0, 0, 0]
    for channel, categories in covered.items():
        for category in categories:
            found[channel] |= category.bit
    return found[0], found[1], found[2]


# consents


def ask(store: Store, clock: Clock, *, number: SealedNumber, telemarketer: str, terms: Terms) -> str:
    """Record a request for consent; its name. Raises InvalidInputError incomplete_request (rule 13), ConflictError
    refused_before while a refusal stands (rule 15)."""
    now = clock.now()
    _check(terms, now)
    with store.writing(about=number):
        if refused(_of(store, number, telemarketer), to_micros(now)):
            raise ConflictError("The person has refused this company; it may not ask again.", code="refused_before")
        name = secrets.token_hex(8)
        store.consents.put(_row(number, name, telemarketer, terms, "requested", to_micros(now)))
    return name


def grant(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, consent: str,
    evidence: Mapping[str, str], explicit: bool,
) -> None:
    """Record the person's yes. `evidence` says how and to which exact text (rule 20); without it the consent is not
    explicit. Raises NotFoundError no_consent, ConflictError already_answered."""
    _answer(
        store, clock, rulebooks, number=number, consent=consent, state="granted", evidence=evidence, explicit=explicit
    )


def refuse(store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, consent: str) -> None:
    """Record the person's no. Raises NotFoundError no_consent, ConflictError already_answered."""
    _answer(store, clock, rulebooks, number=number, consent=consent, state="refused", evidence={}, explicit=False)


def withdraw(store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, consent: str) -> None:
    """End a granted consent; the withdrawal stands as a refusal from now on (rules 23, 25). Raises NotFoundError
    no_consent, ConflictError not_granted."""
    now = to_micros(clock.now())
    with store.writing(about=number):
        row = _find(store, number, consent)
        if row["state"] != "granted" or row["ended"] is not None:
            raise ConflictError("Only a consent that was given can be withdrawn.", code="not_granted")
        store.consents.put({**row, "state": "withdrawn", "ended": now})
        store.consents.put({
            **row, "consent": secrets.token_hex(8), "state": "refused", "asked": now, "decided": now, "ended": None,
            "until": 0, "explicit": 1, "evidence": "{}", "evidence_hash": _digest("{}"),
        })  # fmt: skip
        _refresh(store, rulebooks.at(clock.now()), number, row["telemarketer"], now)


def lapse_due(store: Store, clock: Clock, rulebooks: Rulebooks) -> int:
    """End what time has ended: unanswered requests (14), consents (17) and personal entries; how many."""
    now = clock.now()
    rulebook, at = rulebooks.at(now), to_micros(now)
    silent = to_micros(now - timedelta(days=rulebook.consent.answer_days))
    done = 0
    for row in store.consents.due(unanswered_before=silent, now=at):
        with store.writing(about=row["number"]):
            row = _find(store, row["number"], row["consent"])
            if row["state"] == "requested":
                store.consents.put({**row, "state": "deemed_refused", "decided": at})
            elif row["state"] == "granted" and row["ended"] is None:
                store.consents.put({**row, "state": "expired", "ended": row["until"]})
            else:
                continue
            _refresh(store, rulebook, row["number"], row["telemarketer"], at)
            done += 1
    for row in store.consents.entries_due(now=at):
        with store.writing(about=row["number"]):
            done += store.consents.end_entries(number=row["number"], telemarketer=row["telemarketer"], at=row["until"])
            _refresh(store, rulebook, row["number"], row["telemarketer"], at)
    return done


# personal entries


def allow(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, telemarketer: str,
    masks: Masks = EVERYTHING, until: datetime | None = None,
) -> None:
    """Put a company on the person's allow list (rule 40); what the person said of it before ends."""
    _enter(store, clock, rulebooks, number, telemarketer, ALLOW, masks, until)


def deny(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, telemarketer: str,
    masks: Masks = EVERYTHING, until: datetime | None = None,
) -> None:
    """Put a company on the person's deny list (rule 40); what the person said of it before ends."""
    _enter(store, clock, rulebooks, number, telemarketer, DENY, masks, until)


def forget(store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, telemarketer: str) -> None:
    """Take a company off the person's lists."""
    now = clock.now()
    with store.writing(about=number):
        store.consents.end_entries(number=number, telemarketer=telemarketer, at=to_micros(now))
        _refresh(store, rulebooks.at(now), number, telemarketer, to_micros(now))


# inside


def _enter(
    store: Store, clock: Clock, rulebooks: Rulebooks, number: SealedNumber, telemarketer: str, kind: int, masks: Masks,
    until: datetime | None,
) -> None:
    now = clock.now()
    at = to_micros(now)
    if until is not None and until <= now:
        raise InvalidInputError("The end must lie in the future.", code="ends_in_the_past")
    with store.writing(about=number):
        store.consents.end_entries(number=number, telemarketer=telemarketer, at=at)
        store.consents.add_entry({
            "number": number, "telemarketer": telemarketer, "kind": kind, "since": at, **_masks(masks),
            "until": to_micros(until) if until else 0,
        })
        _refresh(store, rulebooks.at(now), number, telemarketer, at)


def _answer(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, consent: str, state: str,
    evidence: Mapping[str, str], explicit: bool,
) -> None:
    now = to_micros(clock.now())
    text = json.dumps(dict(evidence), ensure_ascii=False, sort_keys=True)
    with store.writing(about=number):
        row = _find(store, number, consent)
        if row["state"] != "requested" or row["ended"] is not None:
            raise ConflictError("This request has been answered.", code="already_answered")
        store.consents.put({
            **row, "state": state, "decided": now, "starts": now, "explicit": int(explicit and bool(evidence)),
            "evidence": text, "evidence_hash": _digest(text),
        })
        _refresh(store, rulebooks.at(clock.now()), number, row["telemarketer"], now)


def _refresh(store: Store, rulebook: Rulebook, number: SealedNumber, telemarketer: str, at: Micros) -> None:
    """Recompute what is in force of a number and a company; inside an open `writing()`."""
    kept = {row["kind"]: row for row in store.consents.exceptions(number) if row["telemarketer"] == telemarketer}
    entries = [row for row in store.consents.entries_of_numbers([number]) if row["telemarketer"] == telemarketer]
    consents = _of(store, number, telemarketer)
    wanted = {kind: _entries_in_force(entries, kind, at) for kind in (ALLOW, DENY)}
    if refused(consents, at):
        wanted[DENY] = (EVERYTHING, 0)
    wanted[CONSENT] = _consents_in_force(store, rulebook, number, consents, at)
    for kind, (masks, until) in wanted.items():
        row = kept.get(kind)
        if not any(masks):
            if row is not None:
                store.consents.remove_exception(number=number, telemarketer=telemarketer, kind=kind)
        elif row is None or (row["calls"], row["robocalls"], row["messages"], row["until"]) != (*masks, until):
            store.consents.put_exception({
                "number": number, "telemarketer": telemarketer, "kind": kind, **_masks(masks), "until": until,
            })  # fmt: skip


def _entries_in_force(entries: list[dict[str, Any]], kind: int, at: int) -> tuple[Masks, int]:
    running = [
        row for row in entries
        if row["kind"] == kind and row["ended"] is None and row["since"] <= at < (row["until"] or _ALWAYS)
    ]  # fmt: skip
    if not running:
        return (0, 0, 0), 0
    newest = running[-1]
    return (newest["calls"], newest["robocalls"], newest["messages"]), newest["until"]


def _consents_in_force(
    store: Store, rulebook: Rulebook, number: SealedNumber, consents: list[dict[str, Any]], at: Micros
) -> tuple[Masks, int]:
    """The consents that beat the person's refusal now, together, until the first of them ends."""
    if not rulebook.consent.beats_refusal or refused(consents, at):
        return (0, 0, 0), 0
    registration = store.registrations.current(number)
    since = registration["since"] if registration else 0
    terms = [
        term for term in terms_of(consents, at)
        if term.valid and to_micros(term.decided) > since and (term.until is None or to_micros(term.until) > at)
    ]  # fmt: skip
    calls = robocalls = messages = 0
    for term in terms:
        calls, robocalls, messages = calls | term.calls, robocalls | term.robocalls, messages | term.messages
    ends = [to_micros(term.until) for term in terms if term.until is not None]
    return (calls, robocalls, messages), min(ends, default=0)


def _of(store: Store, number: SealedNumber, telemarketer: str) -> list[dict[str, Any]]:
    return [row for row in store.consents.of_numbers([number]) if row["telemarketer"] == telemarketer]


def _find(store: Store, number: bytes, consent: str) -> dict[str, Any]:
    row = store.consents.find(number=number, consent=consent)
    if row is None:
        raise NotFoundError("There is no such request for consent.", code="no_consent")
    return row


def _check(terms: Terms, now: datetime) -> None:
    if not any(terms.masks) or terms.most < 1 or terms.per not in PERIODS or terms.until <= now:
        raise InvalidInputError("A request names what, how often and how long.", code="incomplete_request")


def _row(
    number: SealedNumber, name: str, telemarketer: str, terms: Terms, state: str, asked: Micros
) -> dict[str, Any]:
    return {
        "number": number, "consent": name, "telemarketer": telemarketer, "state": state, **_masks(terms.masks),
        "most": terms.most, "per": terms.per, "starts": asked, "until": to_micros(terms.until), "asked": asked,
        "decided": None, "ended": None, "explicit": 0, "evidence": "{}", "evidence_hash": _digest("{}"),
    }  # fmt: skip


def _masks(masks: Masks) -> dict[str, int]:
    return dict(zip(("calls", "robocalls", "messages"), masks))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
