"""Who answered for a number, when: what officers ask of the register of number resources and of the number plan.

Rules of this room:
- A question is a number, a code or port, or the first digits of one, at a moment; the answer names all three links, or
  says that one is open (RULES §3 row 15), every entry that ever stood there, and what stands beneath the digits.
- What nobody has in a ledger is answered from the plan: who carries it, what it is, where it is.
- Numbers come as text and go no further than the answer: no address, no log, no error holds one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from registry.bulletinfigures import sort_of
from registry.errors import InvalidInputError
from registry.numbers import Number, parse_caller
from registry.resources import Chain, Resource, chain_at, prefix_of, prefixes
from registry.sealing import seal_one, unseal_one

if TYPE_CHECKING:
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.store import Store

MOST_BENEATH = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answers for a caller at a moment. `history`: all entries of its digits and of those above, the nearest and
    newest first; `covering`: those of them that decided, the nearest first; `beneath`: entries in force whose digits
    are longer; `sort`, `province`, `planned`: what the plan says of it, its carrier last."""

    caller: Number
    at: datetime
    chain: Chain
    history: tuple[Resource, ...]
    covering: tuple[Resource, ...]
    beneath: tuple[Resource, ...]
    sort: str
    province: str
    planned: str

    @property
    def shown(self) -> str:
        """As screens show it: a number masked (rule 115), a code, which is public, whole."""
        return self.caller.masked if self.caller.kind == 1 else str(self.caller.digits)


def asked(text: str, plan: NumberPlan, *, country: str) -> Number:
    """The number, code or port that somebody asks about, or the first digits of one.

    Raises NumberError, InvalidInputError bad_prefix.
    """
    try:
        return parse_caller(text, plan, country=country)
    except InvalidInputError as error:
        try:
            return Number(2, int(prefix_of(text)))
        except InvalidInputError:
            raise error from None


def number_of(keys: KeyRing, resource: Resource) -> Number:
    """What a resource is: a plain number, or the digits of a code."""
    return unseal_one(keys.at_rest, resource.number) if resource.number else Number(2, int(resource.prefix))


def answer(store: Store, keys: KeyRing, plan: NumberPlan, caller: Number, *, at: datetime) -> Answer:
    """Who answers for a caller at a moment, and all that is known of it."""
    with store.reading():
        chain = chain_at(store, keys, plan, caller, at)
        own = prefixes(caller)
        held = store.enterprises.under(own) if own else store.enterprises.of_numbers([seal_one(keys.at_rest, caller)])
        beneath = store.enterprises.beneath(own[0], at=at, limit=MOST_BENEATH) if own else ()
    history = sorted((each for each in held if each.until != each.since), key=_newest, reverse=True)
    covering = tuple(each for each in history if each.covers(at))
    sort, _segment, province = sort_of(plan, caller)
    return Answer(caller, at, chain, tuple(history), covering, beneath, sort, province, plan.carrier_of(caller))


def _newest(entry: Resource) -> tuple[int, datetime, str]:
    return len(entry.prefix), entry.since, entry.resource
