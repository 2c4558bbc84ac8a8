"""Number resources and who answers for them: the three links access, sending, content, at any moment (RULES H, row 15).

Rules of this room:
- A resource is a port, short code or service number by its first digits (extensions lie beneath it), or one plain
  number or trunk line, from a day on and until another; an entry that has ended stays, so that any past chain is known.
- The longest digits that cover a caller count; what they leave open is taken from the shorter ones above them, and what
  nobody says is a gap, which is shown and never filled by guessing. The carrier of a plain number is the one that
  serves it: the porting table first, then the plan (rule 46).
- Digits of codes and ports are public and stand in clear; plain numbers are sealed.
- A longer entry that another enterprise sends from than the one above it is a sublet (rule 75); an entry that follows
  another one with another purpose is a change of purpose. Both are said.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from registry import naming
from registry.errors import InvalidInputError
from registry.sealing import SealedNumber, seal_one
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.numbers import Number
    from registry.store import Store

Kind = Literal["port", "code", "service", "trunk", "plain"]
KINDS: tuple[Kind, ...] = ("port", "code", "service", "trunk", "plain")
LINKS = ("carrier", "provider", "content")
RESOURCE_ID = re.compile(r"r_[0-9a-z]{16}")
_SHORTEST = 3  # digits of a code or port


@dataclass(frozen=True, slots=True)
class Resource:
    """A number resource. `prefix`: the digits of a code or port, "" for a plain number; `carrier`: party of the access
    link; `provider`, `content`: enterprises of the other two; `ledger`: the import that it came from."""

    resource: str
    kind: str
    prefix: str
    number: SealedNumber | None
    carrier: str
    provider: str
    content: str
    purpose: str
    licence: str
    signature: str
    since: datetime
    until: datetime | None
    ledger: str
    added: datetime

    def covers(self, at: datetime) -> bool:
        """Whether it was in force at a moment."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Chain:
    """Who answers for a caller at a moment, link by link ("" where nobody is known); `gaps`: the links that are open;
    `resource`: the entry that decided; `sublet`: it is sent from by another than the one who holds what is above it."""

    carrier: str = ""
    provider: str = ""
    content: str = ""
    purpose: str = ""
    signature: str = ""
    resource: str = ""
    sublet: bool = False
    gaps: tuple[str, ...] = field(default=LINKS)

    @property
    def answerable(self) -> str:
        """The enterprise that has to answer first: who sends, or else whose content it is."""
        return self.provider or self.content


def new_id() -> str:
    """A fresh id of a resource."""
    return f"r_{naming.new_id()}"


def prefix_of(text: str) -> str:
    """The digits of a code or port as they are kept. Raises InvalidInputError bad_prefix."""
    digits = "".join(text.split()).replace("-", "")
    if not (digits.isascii() and digits.isdigit() and _SHORTEST <= len(digits) <= 20):
        raise InvalidInputError(f"A code or port has {_SHORTEST} to 20 digits.", code="bad_prefix")
    return digits


def chain_at(store: Store, keys: KeyRing, plan: NumberPlan, caller: Number, at: datetime) -> Chain:
    """Who answers for a caller at a moment."""
    return chains_at(store, keys, plan, [(caller, at)])[0]


def chains_at(
    store: Store, keys: KeyRing, plan: NumberPlan, asked: Sequence[tuple[Number, datetime]]
) -> list[Chain]:
    """Who answers for callers at moments, in their order; two queries for all of them."""
    codes = {prefix for caller, _ in asked for prefix in prefixes(caller)}
    plain = {caller: seal_one(keys.at_rest, caller) for caller in {caller for caller, _ in asked} if caller.kind == 1}
    planned = {caller: plan.carrier_of(caller) for caller in plain}
    by_prefix: dict[str, list[Resource]] = {}
    for resource in store.enterprises.under(sorted(codes)):
        by_prefix.setdefault(resource.prefix, []).append(resource)
    by_number: dict[bytes, list[Resource]] = {}
    for resource in store.enterprises.of_numbers(sorted(plain.values())):
        by_number.setdefault(resource.number or b"", []).append(resource)
    newest = max((at for _, at in asked), default=None)
    ported = store.registrations.ported_of(sorted(plain.values()), at=to_micros(newest)) if newest and plain else {}
    found, empty = [], dict[str, Chain]()
    for caller, at in asked:
        held = by_number.get(plain[caller], []) if caller.kind == 1 else []
        entries = [held, *(by_prefix.get(prefix, []) for prefix in prefixes(caller))]
        covering = [entry for entry in (_newest(each, at) for each in entries) if entry is not None]
        access = ""
        if caller.kind == 1:
            sealed = plain[caller]
            served = store.registrations.ported_to(sealed, at=to_micros(at)) if sealed in ported else None
            access = served or planned[caller]
        if covering:
            found.append(_chain(covering, access))
        else:
            if access not in empty:
                empty[access] = _chain(covering, access)
            found.append(empty[access])
    return found


def prefixes(caller: Number) -> list[str]:
    """The digits under which a code or port may stand in the register, the longest first; none for plain numbers."""
    digits = str(caller.digits)
    return [] if caller.kind == 1 else [digits[:length] for length in range(len(digits), _SHORTEST - 1, -1)]


def _newest(entries: Iterable[Resource], at: datetime) -> Resource | None:
    return max((entry for entry in entries if entry.covers(at)), key=lambda entry: entry.since, default=None)


def _chain(covering: Sequence[Resource], access: str) -> Chain:
    """The links of entries, the nearest first; `access`: who serves a plain number."""
    if not covering:
        return Chain(carrier=access, gaps=tuple(link for link in LINKS if link != "carrier" or not access))
    links = {link: next((getattr(entry, link) for entry in covering if getattr(entry, link)), "") for link in LINKS}
    links["carrier"] = links["carrier"] or access
    nearest = covering[0]
    holders = [entry.provider for entry in covering if entry.provider]
    return Chain(
        **links, purpose=nearest.purpose, signature=next((each.signature for each in covering if each.signature), ""),
        resource=nearest.resource, sublet=len(set(holders)) > 1,
        gaps=tuple(link for link in LINKS if not links[link]),
    )


def sublets(codes: Iterable[Sequence[Any]]) -> dict[str, tuple[str, str, int]]:
    """Entries of codes that somebody else sends from than who holds digits above them at the same time (rule 75): the
    nearest such entry above, the carrier, since when (Micros).

    `codes`: resource, prefix, provider, carrier, since, until (Micros, 0: open) of all entries, by their digits.
    """
    found: dict[str, tuple[str, str, int]] = {}
    above: list[Sequence[Any]] = []  # entries whose digits the next ones may begin with, the shortest first
    for code in codes:
        resource, prefix, provider, carrier, since, until = code
        while above and not prefix.startswith(above[-1][1]):
            above.pop()
        if not provider or since == until:
            continue
        for other, shorter, holder, _carrier, began, ended in reversed(above):
            together = (not ended or since < ended) and (not until or began < until)
            if shorter != prefix and holder != provider and together:
                found[resource] = (other, carrier, max(since, began))
                break
        above.append(code)
    return found


def purpose_changes(entries: Sequence[Resource]) -> list[tuple[Resource, Resource]]:
    """Pairs of entries of the same digits or number, one after the other, whose purposes differ."""
    by_place: dict[object, list[Resource]] = {}
    for entry in sorted(entries, key=lambda each: (each.since, each.resource)):
        by_place.setdefault(entry.prefix or entry.number, []).append(entry)
    return [
        (before, after)
        for held in by_place.values()
        for before, after in itertools.pairwise(held)
        if before.purpose != after.purpose
    ]
