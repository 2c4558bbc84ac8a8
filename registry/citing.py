"""Verdicts that cite receipts: who asked before and was told yes is protected, who was told no knew it.

Rules of this room:
- A receipt speaks about a report where the telemarketer held it when the contact happened, for that channel and
  industry, and has a leaf for the number; the newest one that has is the one that counts (docs/adr/0016).
- Told `allowed`, a violation of what the registry knew is none (`receipt_allowed`), for as long as the answer held and
  at most the rulebook's days after the receipt was issued, also where contacts were planned ahead. What no scrub
  answers for (a false caller number, a call centre's marketing, calls too often, a refusal said to the company itself)
  is no less a violation.
- Told `declined`, it is a violation with knowledge (`receipt_declined`), by the same rule as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from registry import receipts, sealing
from registry.judging import ALLOWED, VIOLATION, Verdict
from registry.leaves import VERDICTS, Leaf
from registry.preferences import Category, Channel
from registry.report_rows import Refusal
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Shelf
    from registry.keys import KeyRing
    from registry.receiptforms import Receipt
    from registry.report_entries import Entry
    from registry.rulebook import Rulebooks
    from registry.store import Store

EXCUSED = frozenset({
    "personal_deny", "everything_declined", "category_declined", "no_consent", "consent_lapsed", "outside_consent",
    "quiet_hours", "rest_hours",
})  # fmt: skip
_MOST_RECEIPTS = 2000  # of one telemarketer for one kind of contact, the newest
_AT_ONCE = 100
_RULE = "50"  # what was answered is stored, and binds
_TOLD_YES, _TOLD_NO = VERDICTS.index("allowed"), VERDICTS.index("declined")


def weigh(
    store: Store, shelf: Shelf, keys: KeyRing, rulebooks: Rulebooks, entries: Sequence[Entry],
    judged: list[Verdict | Refusal],
) -> list[Verdict | Refusal]:
    """The verdicts on entries once receipts were looked at, in their order; inside `reading()`."""
    accused = [
        place for place, (entry, verdict) in enumerate(zip(entries, judged))
        if isinstance(verdict, Verdict) and verdict.verdict == VIOLATION and entry.claim and entry.claim.telemarketer
        and entry.called
    ]
    if not accused:
        return judged
    first = min(_at(entries[place]) for place in accused)
    holders = store.receipts.holders(sorted({_sender(entries[place]) for place in accused}), since=first)
    found = list(judged)
    for kind, places in _by_kind(entries, (p for p in accused if _sender(entries[p]) in holders)).items():
        for place, receipt, leaf in _leaves(store, shelf, keys, entries, kind, places):
            found[place] = _weighed(judged[place], entries[place], receipt, leaf, rulebooks)
    return found


def _weighed(
    verdict: Verdict | Refusal, entry: Entry, receipt: Receipt, leaf: Leaf, rulebooks: Rulebooks
) -> Verdict | Refusal:
    assert isinstance(verdict, Verdict)
    moment = from_micros(_at(entry))
    if leaf.verdict == _TOLD_NO:
        return replace(verdict, reason="receipt_declined")
    protects = timedelta(days=rulebooks.named(verdict.rulebook).receipts.protects_days)
    held = moment.timestamp() < leaf.until and moment < receipt.issued + protects
    if leaf.verdict == _TOLD_YES and held and verdict.reason in EXCUSED:
        return Verdict(ALLOWED, "receipt_allowed", _RULE, verdict.rulebook)
    return verdict


def _by_kind(
    entries: Sequence[Entry], places: Iterable[int]
) -> dict[tuple[str, str, str], list[int]]:
    """Places of entries by telemarketer, channel and category."""
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for place in places:
        claim = entries[place].claim
        assert claim is not None
        kind = _sender(entries[place]), Channel(claim.channel or 0).slug, Category(claim.category or 0).slug
        kinds.setdefault(kind, []).append(place)
    return kinds


def _leaves(
    store: Store, shelf: Shelf, keys: KeyRing, entries: Sequence[Entry], kind: tuple[str, str, str], places: list[int]
) -> Iterable[tuple[int, Receipt, Leaf]]:
    """For each place the newest receipt that was held then and knows the number, with its leaf."""
    moments = [_at(entries[place]) for place in places]
    open_places = dict(zip(places, moments))
    for receipt in _held(store, kind, min(moments), max(moments)):
        if not open_places:
            break
        since, until = to_micros(max(receipt.at, receipt.issued)), to_micros(receipt.valid_until)
        asked = [place for place, at in open_places.items() if since <= at < until]
        if not asked or shelf.size(receipts.leaves_name(receipt.receipt)) is None:
            continue
        sealed = np.frombuffer(b"".join(entries[place].called or b"" for place in asked), np.uint8)
        with receipts.leaves_of(shelf, keys, receipt) as kept:
            leaves = kept.find(sealing.unseal_blocks(keys.at_rest, sealed.reshape(-1, sealing.BLOCK)))
        for place, leaf in zip(asked, leaves):
            if leaf is not None:
                del open_places[place]
                yield place, receipt, leaf


def _held(store: Store, kind: tuple[str, str, str], first: int, last: int) -> Iterator[Receipt]:
    """The receipts of a telemarketer for a kind of contact that were held in a span, newest first."""
    for skip in range(0, _MOST_RECEIPTS, _AT_ONCE):
        found = store.receipts.between(
            kind[0], channel=kind[1], category=kind[2], first=first, last=last, limit=_AT_ONCE, skip=skip
        )
        yield from found
        if len(found) < _AT_ONCE:
            return


def _sender(entry: Entry) -> str:
    return (entry.claim.telemarketer if entry.claim else None) or ""


def _at(entry: Entry) -> int:
    return entry.claim.at if entry.claim else 0
