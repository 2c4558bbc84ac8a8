"""Who serves a number, and on whose lists it stands: porting, overlaps, resellers' blocks (rules 35, 46, 59).

Rules of this room:
- The porting table comes first, then the blocks of resellers, then the prefix; a prefix alone never decides (rule 46).
- A number that moved comes to the new carrier with the next edition; the old one keeps it, and hears of changes, until
  the overlap ends. Both are told as long as the overlap stands in its table, whatever a clock says.
- Whenever it changes on whose lists a number stands, the number and its exceptions are made pending in the same
  transaction: so claiming, full lists and deltas always come to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from registry.errors import InvalidInputError
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.numbering import NumberPlan
    from registry.sealing import SealedNumber
    from registry.store import Store
    from registry.store.serving import Block

SHORTEST, LONGEST = 3, 8  # digits of a block's prefix
NATIONAL = 11  # digits of a mobile number, the only ones that resellers have
NO_OVERLAP = timedelta(0)
_ALWAYS = (1 << 62) - 1
_END_CHUNK = 500


# who serves


def serving_carrier(
    store: Store, plan: NumberPlan, digits: int, number: SealedNumber, at: datetime | None = None
) -> str:
    """The carrier that serves a number: porting table, blocks, prefix (rule 46); "" where nobody knows.

    Blocks are those of now, whatever `at` says.
    """
    moment = to_micros(at) if at is not None else _ALWAYS
    ported = store.registrations.ported_to(number, at=moment)
    return ported or store.serving.block_of(_prefixes(plan, digits)) or plan.serving_prefix_carrier(digits)


def serving_carriers(
    store: Store, plan: NumberPlan, digits: npt.NDArray[np.uint64], numbers: Sequence[bytes],
    at: datetime | None = None,
) -> list[str]:
    """`serving_carrier` for many numbers: one name each, "" where nobody knows."""
    by_range, names = _by_range(plan, store.serving.blocks(), digits)
    ported = store.registrations.ported_of(numbers, at=to_micros(at) if at is not None else _ALWAYS)
    return [ported.get(number) or names[place] for number, place in zip(numbers, by_range.tolist())]


def listed_with(
    store: Store, plan: NumberPlan, digits: npt.NDArray[np.uint64], numbers: Sequence[bytes]
) -> list[str]:
    """On whose lists each of many numbers stands: names with blanks between, the one that serves it first.

    That is the last word in the tables, not that of a moment: a porting that a machine with a faster clock wrote down
    would be passed over, and never come up again.
    """
    served = serving_carriers(store, plan, digits, numbers)
    if not store.serving.any_overlap():
        return served
    also = store.serving.overlaps(numbers)
    return [
        " ".join(dict.fromkeys(filter(None, (own, *also[number])))) if number in also else own
        for number, own in zip(numbers, served)
    ]


def in_block(plan: NumberPlan, prefix: str, digits: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which E.164 digits u64[n] lie in the block of a prefix, bool[n]."""
    start, stop = _span(plan, prefix)
    found: npt.NDArray[np.bool_] = (digits >= np.uint64(start)) & (digits < np.uint64(stop))
    return found


def _by_range(
    plan: NumberPlan, blocks: Sequence[Block], digits: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Who serves the range of each number: places i32[n] in the names, of which the last (-1) is nobody's."""
    found = plan.carriers_of(digits).astype(np.int32)
    held = [block for block in blocks if block.reseller]
    names = [*plan.carriers, *(block.reseller for block in held), ""]
    if held:
        spans = np.array([_span(plan, block.prefix) for block in held], np.uint64)
        order = np.argsort(spans[:, 0])
        place = np.searchsorted(spans[order, 0], digits, side="right") - 1
        mine = order[np.maximum(place, 0)]
        inside = (place >= 0) & (digits < spans[mine, 1])
        found[inside] = len(plan.carriers) + mine[inside].astype(np.int32)
    return found, names


def _span(plan: NumberPlan, prefix: str) -> tuple[int, int]:
    """The E.164 digits [start, stop) that begin with a prefix of national digits."""
    width = 10 ** (NATIONAL - len(prefix))
    start = plan.calling_code * 10**NATIONAL + int(prefix) * width
    return start, start + width


def _prefixes(plan: NumberPlan, digits: int) -> list[str]:
    """All prefixes of which one could be the block of E.164 digits."""
    code, national = divmod(digits, 10**NATIONAL)
    text = f"{national:0{NATIONAL}d}"
    return [text[:length] for length in range(SHORTEST, LONGEST + 1)] if code == plan.calling_code else []


# moving


def port(
    store: Store, clock: Clock, plan: NumberPlan, *, number: SealedNumber, digits: int, carrier: str,
    source: str = "carrier", at: datetime | None = None, overlap: timedelta = NO_OVERLAP,
) -> None:
    """Another carrier serves the number since a moment (None: now; rule 46); its lists move with the next edition.

    The one that served it keeps it until the overlap, counted from that moment, is over. `digits` are the E.164 digits
    of `number`. The carrier that serves it already: nothing happens. What is written last counts, whatever the moment.
    Raises InvalidInputError sandbox_carrier.
    """
    with store.writing(about=number):
        port_inside(
            store, clock, plan, number=number, digits=digits, carrier=carrier, source=source, at=at, overlap=overlap
        )


def port_inside(
    store: Store, clock: Clock, plan: NumberPlan, *, number: SealedNumber, digits: int, carrier: str, source: str,
    at: datetime | None, overlap: timedelta,
) -> None:
    """`port` inside an open transaction about the number. Raises InvalidInputError sandbox_carrier."""
    party = store.parties.party(carrier)
    if party is not None and party.sandbox:
        raise InvalidInputError("A sandbox party serves nobody's number.", code="sandbox_carrier")
    now = clock.now()
    moment = at or now
    left = serving_carrier(store, plan, digits, number)
    if left == carrier:
        return
    newest = store.registrations.last_porting(number)
    since = max(to_micros(moment), newest[0] + 1) if newest else to_micros(moment)
    store.registrations.put_porting(number=number, at=since, carrier=carrier)
    store.serving.end(number=number, carrier=carrier)
    if left and moment + overlap > now:
        store.serving.keep_on(number=number, carrier=left, until=to_micros(moment + overlap))
    moved = store.registrations.exceptions_await_publishing(number)
    version = store.registrations.next_version(number)
    if version is not None:
        row = store.registrations.current(number)
        assert row is not None
        store.registrations.remember([{**row, "event": "ported", "source": source, "at": to_micros(moment)}])
    if version is not None or moved:
        store.registrations.await_publishing([{"number": number, "at": to_micros(now)}])


def end_overlaps(store: Store, clock: Clock, keep: Callable[[], None] = lambda: None) -> int:
    """End the overlaps whose time is over: the old carriers' lists lose those numbers with the next edition; how many.

    `keep` is called after every few hundred, each of which are a transaction.
    """
    total, ended = 0, _END_CHUNK
    while ended == _END_CHUNK:
        now = to_micros(clock.now())
        with store.writing():
            numbers = store.serving.end_due(now=now, most=_END_CHUNK)
            store.registrations.those_await_publishing(list(dict.fromkeys(numbers)), at=now)
        ended = len(numbers)
        total += ended
        keep()
    return total
