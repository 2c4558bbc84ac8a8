"""What a person allows one telemarketer: consents with their evidence, refusals, personal allow and deny entries.

Rules of this room:
- A request names type, frequency and duration or is none (rule 13); silence is refusal (14) and forbids to ask the
  same again (15); a withdrawal is possible at any time and is a refusal of its own (23, 25, 30); nothing renews
  itself (17).
- Evidence is kept with its digest (20); a consent that is not explicit, was bundled with something else (19), or comes
  without evidence, counts for nothing. A consent after a refusal needs evidence of its own (30): `give`.
- Every change recomputes what is in force (`exception`) and makes it pending, in one transaction, so that carriers
  learn of it with the next edition. Only what `decide` answers a carrier travels: silence doesn't, and a consent does
  only where the rulebook lets it beat a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from registry.decisions import PERIODS
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.evidence import evidence_columns, no_evidence, proves
from registry.interfaces import Clock
from registry.naming import new_id
from registry.preferences import ALL_CATEGORIES, Category, Channel
from registry.sealing import SealedNumber
from registry.standing import ALLOW, CONSENT, DENY, Masks, covered, refused, terms_of, unanswered
from registry.times import Micros, from_micros, to_micros

if TYPE_CHECKING:
    from registry.rulebook import Rulebook, Rulebooks
    from registry.store import Store

LIST_MOST = 1000  # personal entries of a kind per number, as the largest carrier has it (rule 40)
_ALWAYS = 1 << 62  # Micros
EVERYTHING: Masks = (ALL_CATEGORIES, ALL_CATEGORIES, ALL_CATEGORIES)
NO_MASKS: Masks = (0, 0, 0)


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
    """Record a request for consent; its name.

    Raises InvalidInputError incomplete_request (rule 13), ConflictError refused_before while a refusal or an entry of
    the deny list stands against it, or after the same industry was asked for in vain (rule 15).
    """
    with store.writing(about=number):
        now = clock.now()
        _check(terms, now)
        if _declines(store, number, telemarketer, terms.masks, to_micros(now)):
            raise ConflictError("The person has refused this company; it may not ask again.", code="refused_before")
        name = new_id()
        store.consents.put(_row(number, name, telemarketer, terms, "requested", to_micros(now)))
    return name


def grant(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, consent: str,
    evidence: Mapping[str, str], explicit: bool,
) -> None:
    """Record the person's yes. `evidence` says `how` and to which exact `text` (rule 20), and `bundled` where it came
    with something else (19); without the first two, or with the third, the consent counts for nothing.

    Raises NotFoundError no_consent, ConflictError already_answered, request_lapsed (rule 14).
    """
    _answer(
        store, clock, rulebooks, number=number, consent=consent, state="granted", evidence=evidence, explicit=explicit
    )


def give(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, telemarketer: str, terms: Terms,
    evidence: Mapping[str, str],
) -> str:
    """Record a consent that the person gives unasked, also after a refusal (rule 30); its name.

    `evidence` as in `grant`. Raises InvalidInputError incomplete_request, no_evidence.
    """
    if not proves(evidence):
        raise InvalidInputError("A consent needs evidence: how it was given, and to which text.", code="no_evidence")
    name = new_id()
    with store.writing(about=number):
        now = clock.now()
        _check(terms, now)
        at = to_micros(now)
        row = _row(number, name, telemarketer, terms, "granted", at)
        store.consents.put({**row, "decided": at, "explicit": 1, **evidence_columns(row, evidence, at)})
        _refresh(store, rulebooks.at(now), number, telemarketer, at)
    return name


def refuse(store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, consent: str) -> None:
    """Record the person's no. Raises NotFoundError no_consent, ConflictError already_answered."""
    _answer(store, clock, rulebooks, number=number, consent=consent, state="refused", evidence={}, explicit=False)


def withdraw(store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, consent: str) -> None:
    """End a granted consent; the withdrawal stands as a refusal from now on (rules 23, 25). Raises NotFoundError
    no_consent, ConflictError not_granted."""
    with store.writing(about=number):
        now = to_micros(clock.now())
        row = _find(store, number, consent)
        if row["state"] != "granted" or row["ended"] is not None:
            raise ConflictError("Only a consent that was given can be withdrawn.", code="not_granted")
        store.consents.put({**row, "state": "withdrawn", "ended": now})
        store.consents.put({
            **row, "consent": new_id(), "state": "refused", "asked": now, "decided": now, "ended": None,
            "until": 0, "explicit": 1, **no_evidence(),
        })  # fmt: skip
        _refresh(store, rulebooks.at(clock.now()), number, row["telemarketer"], now)


def lapse_due(store: Store, clock: Clock, rulebooks: Rulebooks) -> int:
    """End what time has ended: unanswered requests (14), consents (17) and personal entries; how many."""
    now = clock.now()
    rulebook, at = rulebooks.at(now), to_micros(now)
    silent = to_micros(now - timedelta(days=rulebook.consent.answer_days))
    done = 0
    while rows := store.consents.due(unanswered_before=silent, now=at):
        done += sum(_lapse(store, rulebook, row["number"], row["consent"], at) for row in rows)
    while rows := store.consents.entries_due(now=at):
        for row in rows:
            with store.writing(about=row["number"]):
                done += store.consents.end_entries(
                    number=row["number"], telemarketer=row["telemarketer"], at=row["until"], due=at
                )
                _refresh(store, rulebook, row["number"], row["telemarketer"], at)
    return done


def _lapse(store: Store, rulebook: Rulebook, number: SealedNumber, consent: str, at: Micros) -> int:
    """End one consent or request whose time is over; 0 where somebody else did so meanwhile."""
    with store.writing(about=number):
        row = _find(store, number, consent)
        if row["ended"] is not None or row["state"] not in {"requested", "granted"}:
            return 0
        if row["state"] == "requested":
            store.consents.put({**row, "state": "deemed_refused", "decided": at})
        else:
            store.consents.put({**row, "state": "expired"})  # `until` says when; `ended` is for who ended it
        _refresh(store, rulebook, number, row["telemarketer"], at)
    return 1


# personal entries


def allow(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, telemarketer: str,
    masks: Masks = EVERYTHING, until: datetime | None = None,
) -> None:
    """Put a company on the person's allow list (rule 40); what the person said of it before ends.

    Raises InvalidInputError nothing_listed, ends_in_the_past, ConflictError list_full.
    """
    _enter(store, clock, rulebooks, number, telemarketer, ALLOW, masks, until)


def deny(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, telemarketer: str,
    masks: Masks = EVERYTHING, until: datetime | None = None,
) -> None:
    """Put a company on the person's deny list (rule 40); what the person said of it before ends. Raises as `allow`."""
    _enter(store, clock, rulebooks, number, telemarketer, DENY, masks, until)


def forget(store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, telemarketer: str) -> None:
    """Take a company off the person's lists."""
    with store.writing(about=number):
        now = clock.now()
        store.consents.end_entries(number=number, telemarketer=telemarketer, at=to_micros(now))
        _refresh(store, rulebooks.at(now), number, telemarketer, to_micros(now))


# inside


def _enter(
    store: Store, clock: Clock, rulebooks: Rulebooks, number: SealedNumber, telemarketer: str, kind: int, masks: Masks,
    until: datetime | None,
) -> None:
    if not _name_something(masks):
        raise InvalidInputError("An entry of a personal list names what it is about.", code="nothing_listed")
    with store.writing(about=number):
        now = clock.now()  # once nobody else writes about the number, so that moments and changes have one order
        at = to_micros(now)
        if until is not None and until <= now:
            raise InvalidInputError("The end must lie in the future.", code="ends_in_the_past")
        store.consents.end_entries(number=number, telemarketer=telemarketer, at=at)
        if store.consents.count_entries(number=number, kind=kind) >= LIST_MOST:
            raise ConflictError(f"A personal list has at most {LIST_MOST} entries.", code="list_full")
        store.consents.add_entry({
            "number": number, "telemarketer": telemarketer, "kind": kind, "since": at, **_masks(masks),
            "until": to_micros(until) if until else 0,
        })
        _refresh(store, rulebooks.at(now), number, telemarketer, at)


def _answer(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, number: SealedNumber, consent: str, state: str,
    evidence: Mapping[str, str], explicit: bool,
) -> None:
    with store.writing(about=number):
        now = to_micros(clock.now())
        row = _find(store, number, consent)
        if row["state"] != "requested" or row["ended"] is not None:
            raise ConflictError("This request has been answered.", code="already_answered")
        if state == "granted" and now >= _answered_by(row, rulebooks):
            raise ConflictError("This request went unanswered for too long.", code="request_lapsed")
        store.consents.put({
            **row, "state": state, "decided": now, "starts": now, "explicit": int(explicit and proves(evidence)),
            **evidence_columns(row, evidence, now),
        })
        _refresh(store, rulebooks.at(clock.now()), number, row["telemarketer"], now)


def _answered_by(row: Mapping[str, Any], rulebooks: Rulebooks) -> int:
    """When a request is over (Micros): after the days that its rulebook gives it, or with the time it was for."""
    asked = from_micros(row["asked"])
    window = timedelta(days=rulebooks.at(asked).consent.answer_days)
    return int(min(to_micros(asked + window), row["until"]))


def _refresh(store: Store, rulebook: Rulebook, number: SealedNumber, telemarketer: str, at: Micros) -> None:
    """Recompute what is in force of a number and a company; inside an open `writing()`."""
    kept = {row["kind"]: row for row in store.consents.exceptions(number) if row["telemarketer"] == telemarketer}
    entries = [row for row in store.consents.entries_of_numbers([number]) if row["telemarketer"] == telemarketer]
    consents = _of(store, number, telemarketer)
    wanted = {kind: _entries_in_force(entries, kind, at) for kind in (ALLOW, DENY)}
    if refused(consents, at):
        agreed = covered(consents, at)  # given after the refusal; what it doesn't cover stays refused (rule 16)
        wanted[DENY] = (_both(wanted[DENY][0], _without(EVERYTHING, agreed)), 0)
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
        return NO_MASKS, 0
    newest = running[-1]
    return (newest["calls"], newest["robocalls"], newest["messages"]), newest["until"]


def _consents_in_force(
    store: Store, rulebook: Rulebook, number: SealedNumber, consents: list[dict[str, Any]], at: Micros
) -> tuple[Masks, int]:
    """The consents that beat the person's refusal now, together, until the first of them ends."""
    if not rulebook.consent.beats_refusal:
        return NO_MASKS, 0
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
    unbounded = terms.most < 1 or terms.per not in PERIODS or terms.until <= now
    if unbounded or not _name_something(terms.masks):
        raise InvalidInputError("A request names what, how often and how long.", code="incomplete_request")


def _declines(store: Store, number: SealedNumber, telemarketer: str, masks: Masks, at: Micros) -> bool:
    """Whether the person stands against being asked for this: by a refusal, by silence, by the deny list (rule 15)."""
    consents = _of(store, number, telemarketer)
    entries = [row for row in store.consents.entries_of_numbers([number]) if row["telemarketer"] == telemarketer]
    against = _both(EVERYTHING if refused(consents, at) else NO_MASKS, unanswered(consents, at) or NO_MASKS)
    denied, _until = _entries_in_force(entries, DENY, at)
    left = _both(denied, _without(against, covered(consents, at)))
    return any(have & want for have, want in zip(left, masks))


def _name_something(masks: Masks) -> bool:
    return any(masks) and all(0 <= mask <= ALL_CATEGORIES for mask in masks)


def _both(one: Masks, other: Masks) -> Masks:
    return one[0] | other[0], one[1] | other[1], one[2] | other[2]


def _without(one: Masks, other: Masks) -> Masks:
    return one[0] & ~other[0], one[1] & ~other[1], one[2] & ~other[2]


def _row(
    number: SealedNumber, name: str, telemarketer: str, terms: Terms, state: str, asked: Micros
) -> dict[str, Any]:
    return {
        "number": number, "consent": name, "telemarketer": telemarketer, "state": state, **_masks(terms.masks),
        "most": terms.most, "per": terms.per, "starts": asked, "until": to_micros(terms.until), "asked": asked,
        "decided": None, "ended": None, "explicit": 0, **no_evidence(),
    }  # fmt: skip


def _masks(masks: Masks) -> dict[str, int]:
    return dict(zip(("calls", "robocalls", "messages"), masks))
