"""Resellers (MVNOs): whose host they are on, how they follow, and which blocks of numbers they serve (rules 35, 59).

Rules of this room:
- A reseller is a carrier with a host, which is a carrier without one: no chains. It follows by itself, through its
  host's feed, or both; whoever follows differently from now on gets a full list with the next edition.
- A block is a prefix of national digits in a range of the host's network; no two blocks overlap. A range of resellers
  that is in no block belongs to the host network.
- A block that begins or ends moves the numbers that are registered in it, the ported ones excepted: the carrier that
  had them keeps them for the overlap. That work is done in steps, and goes on after a crash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from registry import audit, restrictions, sealing, serving
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.numbering.plan import UNASSIGNED, UNKNOWN
from registry.parties import Party, get_party
from registry.store.serving import Block
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.store import Store

FOLLOWS = ("self", "host", "both")
_PREFIX = re.compile(rf"1[0-9]{{{serving.SHORTEST - 1},{serving.LONGEST - 1}}}")
_INDEX = 5  # digits that index the plan's tables
_STEP = 500  # numbers that are moved in one transaction


@dataclass(frozen=True, slots=True)
class Line:
    """One prefix that was to become a block: the line it stood in, and "" or why it was not taken (slug, sentence)."""

    line: int
    prefix: str
    reason: str = ""
    detail: str = ""


def set_reseller(
    store: Store, clock: Clock, *, party: str, host: str, follows: str = "self", actor: str = "system"
) -> Party:
    """Make a carrier a reseller of a host, or (host "") a network of its own again; how it follows.

    Raises NotFoundError no_such_party, InvalidInputError bad_host, bad_follows, ConflictError has_blocks.
    """
    with store.writing(about="parties"):
        found = get_party(store, party)
        if follows not in FOLLOWS or (not host and follows != "self"):
            raise InvalidInputError("A reseller follows by itself, through its host, or both.", code="bad_follows")
        if found.kind != "carrier":
            raise InvalidInputError("Only a carrier can be a reseller.", code="bad_host")
        if host:
            _must_host(store, found, get_party(store, host))
        if host != found.host and any(block.reseller == party for block in store.serving.blocks()):
            raise ConflictError("This reseller has blocks of numbers in its host's network.", code="has_blocks")
        changed = replace(found, host=host, follows=follows)
        if changed != found:
            store.parties.set_reseller(party, host=host, follows=follows)
            store.editions.want("resellers", at=to_micros(clock.now()))
            audit.append(store, clock, actor=actor, action="reseller_set", subject=f"party:{party}",
                         detail={"host": host, "follows": follows})
    return changed


def _must_host(store: Store, reseller: Party, host: Party) -> None:
    if reseller.sandbox or host.sandbox:
        raise InvalidInputError("A sandbox party is no reseller and hosts none.", code="bad_host")
    if host.party == reseller.party:
        raise InvalidInputError("A carrier cannot be its own host.", code="bad_host")
    if host.kind != "carrier" or host.host:
        raise InvalidInputError("A host is a carrier that is no reseller itself.", code="bad_host")
    if any(each.host == reseller.party for each in store.parties.all()):
        raise InvalidInputError("A carrier that hosts others cannot be a reseller itself.", code="bad_host")


# blocks


def blocks_of(store: Store, reseller: str = "") -> tuple[Block, ...]:
    """The blocks of one reseller, or of all, by prefix."""
    return tuple(block for block in store.serving.blocks() if block.reseller and reseller in ("", block.reseller))


def add_blocks(
    store: Store, clock: Clock, plan: NumberPlan, *, reseller: str, prefixes: Iterable[tuple[int, str]],
    actor: str = "system",
) -> list[Line]:
    """Give a reseller blocks, each with the line it stood in; what became of each, the good ones are taken. One that is
    restricted gets no new ones (rule 97), and keeps those it has: the people on them are its subscribers.

    Raises NotFoundError no_such_party, InvalidInputError no_reseller. `move_numbers` then moves what is registered.
    """
    with store.writing(about="parties"):
        found = get_party(store, reseller)
        if not found.host:
            raise InvalidInputError("This party is no reseller: say first who its host is.", code="no_reseller")
        at = to_micros(clock.now())
        held = {block.prefix: block for block in store.serving.blocks()}
        barred = bool(restrictions.of_party(store, reseller, use="resources", at=clock.now()))
        done = []
        for line, text in prefixes:
            prefix = text.strip()
            why = _refusal(plan, prefix, found, held)
            if barred and not any(why) and (prefix not in held or held[prefix].reseller != reseller):
                why = "restricted", restrictions.SENTENCE
            done.append(Line(line, prefix, *why))
            if not any(why) and (prefix not in held or held[prefix].reseller != reseller):
                held[prefix] = Block(prefix, reseller, at, moved=False)
                store.serving.put_block(held[prefix])
        taken = sorted(line.prefix for line in done if not line.reason)
        if taken:
            audit.append(store, clock, actor=actor, action="blocks_added", subject=f"party:{reseller}",
                         detail={"blocks": len(taken), "prefixes": " ".join(taken[:50])})
    return done


def remove_block(store: Store, clock: Clock, *, reseller: str, prefix: str, actor: str = "system") -> None:
    """Take a block from a reseller; its numbers go back to the host network. Raises NotFoundError no_such_block."""
    with store.writing(about="parties"):
        if not any(block.prefix == prefix for block in blocks_of(store, reseller)):
            raise NotFoundError("This reseller has no such block.", code="no_such_block")
        store.serving.put_block(Block(prefix, "", to_micros(clock.now()), moved=False))
        audit.append(store, clock, actor=actor, action="block_removed", subject=f"party:{reseller}",
                     detail={"prefix": prefix})


def _refusal(plan: NumberPlan, prefix: str, reseller: Party, held: dict[str, Block]) -> tuple[str, str]:
    """Why a prefix can be no block of a reseller; two empty texts where it can."""
    if not _PREFIX.fullmatch(prefix):
        return "bad_prefix", f"A block is {serving.SHORTEST} to {serving.LONGEST} digits, the first a 1."
    for other in held.values():
        nested = other.prefix.startswith(prefix) or prefix.startswith(other.prefix)
        if nested and other.reseller and (other.prefix, other.reseller) != (prefix, reseller.party):
            return "block_overlaps", "The block overlaps another one."
        if nested and not other.reseller and other.prefix != prefix:
            return "block_overlaps", "The block overlaps one that ended and whose numbers are still being moved."
    scale = 10 ** max(0, _INDEX - len(prefix))
    start = int(prefix[:_INDEX]) * scale
    holders = set(plan.mobile_carrier[start : start + scale].tolist()) - {UNASSIGNED}
    if not holders:
        return "block_unassigned", "Nobody holds this range in the number plan."
    networks = {plan.carriers[holder] for holder in holders if holder != UNKNOWN}
    if networks - {reseller.host}:
        return "other_network", f"This range is not in the network of {reseller.host}."
    return "", ""


# moving what is registered


def move_numbers(
    store: Store, clock: Clock, keys: KeyRing, plan: NumberPlan, *, overlap: timedelta,
    keep: Callable[[], None] = lambda: None,
) -> int:
    """Move the registered numbers of all blocks that began or ended and are not done yet; how many numbers.

    `keep` is called after every page. Broken off, it begins anew and comes to the same.
    """
    waiting = [block for block in store.serving.blocks() if not block.moved]
    if not waiting:
        return 0
    total = 0
    for page in store.registrations.numbers():
        sealed = np.frombuffer(b"".join(row[0] for row in page), np.uint8).reshape(-1, sealing.BLOCK)
        digits, _ = sealing.unseal_many(keys.at_rest, sealed)
        since = np.zeros(len(digits), np.int64)
        for block in waiting:
            since[serving.in_block(plan, block.prefix, digits)] = block.since
        places = np.flatnonzero(since)
        for start in range(0, len(places), _STEP):
            mine = places[start : start + _STEP]
            total += _move(
                store, clock, plan, [page[place][0] for place in mine.tolist()], digits[mine], since[mine].tolist(),
                overlap,
            )
        keep()
    with store.writing(about="parties"):
        for block in waiting:
            store.serving.moved(block)
    return total


def _move(
    store: Store, clock: Clock, plan: NumberPlan, numbers: list[bytes], digits: np.ndarray, since: list[int],
    overlap: timedelta,
) -> int:
    """Move some numbers to whoever serves them now; how many were listed with somebody else."""
    now = clock.now()
    with store.writing():
        ported = store.registrations.ported_of(numbers, at=to_micros(now))
        told = store.editions.told(numbers)
        changed = []
        for number, serves, began in zip(numbers, serving.serving_carriers(store, plan, digits, numbers), since):
            had = told.get(number, "").partition(" ")[0]
            if number in ported or had == serves:
                continue
            changed.append(number)
            store.serving.end(number=number, carrier=serves)
            until = from_micros(began) + overlap
            if had and until > now:
                store.serving.keep_on(number=number, carrier=had, until=to_micros(until))
        store.registrations.those_await_publishing(changed, at=to_micros(now))
    return len(changed)
