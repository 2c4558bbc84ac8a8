"""Small checks: charged before they are answered, and looked at so soon that asking quickly gains nothing.

Rules of this room:
- What is charged is decided under the party's lock, in a few statements for any number of numbers.
- A check of some hundred numbers is looked at before it is answered; small ones together, each time a thousand more
  have come, and thoroughly by the clockwork (`watch.fold_due`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry import guardalarms, guardlanes, sealing, signals
from registry.limits import Limit, spend_inside
from registry.quotakeys import Keys, distinct
from registry.quotas import Ledger, Period, about, room_inside, tier_of
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.guardlanes import Lane
    from registry.parties import Party
    from registry.store import Store

_LOOKED_AT = 1_000  # new numbers after which small checks are looked at together
_TOGETHER, _LOOKED_BACK = 200, 5_000  # of the newest checks: at most so many, with so many numbers


def charge_few(
    ledger: Ledger, *, party: Party, sealed: NDArray[np.uint8], unassigned: int = 0, limits: Sequence[Limit] = ()
) -> NDArray[np.bool_]:
    """Charge a party for some thousand sealed numbers u8[n, 16]; which of them may be answered, bool[n].

    In the order in which they stand, new ones until the quota is reached; known ones always. `unassigned`: how many
    lines were refused because nobody holds their range; free, but watched. `limits` are spent in the same transaction.
    Raises NotAllowedError held_by_guard, TooManyError slow_lane, too_many: then nothing is charged.
    """
    _must_not_count_up(ledger, party.party, sealed)
    period, name = ledger.period(), party.party
    _, tier = tier_of(ledger.settings.scrubs, party)
    asked, first, which = np.unique(
        sealing.blind_many(ledger.key, sealed), return_index=True, return_inverse=True
    )
    store = ledger.store
    with store.writing(about=about(name)):
        now = ledger.clock.now()
        spend_inside(store, now, limits=limits)
        lane = guardlanes.must_be_open(store, name)
        known = ledger.known(name, period.epoch)
        granted, waiting = known.contains(asked), sum(map(len, known.runs))
        new = np.flatnonzero(~granted)
        new = new[np.argsort(first[new])[: room_inside(ledger, name, tier, period)]]
        if lane == "slow":
            guardlanes.spend_slow(store, now, party=name, numbers=len(new), an_hour=tier.slow_hour)
        if len(new) or unassigned:
            granted[new] = True
            _keep(store, now, name, period, asked[new], sealed[first[new]], unassigned)
    if waiting // _LOOKED_AT != (waiting + len(new)) // _LOOKED_AT:
        _look_at_recent(ledger, name, period.epoch, checks=min(_TOGETHER, _LOOKED_BACK // len(sealed)))
    return granted[which.reshape(-1)]


def _must_not_count_up(ledger: Ledger, party: str, sealed: NDArray[np.uint8]) -> None:
    """Looks at a larger check before it is answered. Raises NotAllowedError held_by_guard, and an alarm stays."""
    if len(sealed) >= ledger.settings.guard.least and _rings(ledger, party, sealed) == "held":
        raise guardlanes.held()


def _look_at_recent(ledger: Ledger, party: str, epoch: int, *, checks: int) -> None:
    """Looks at the newest checks together, without waiting for the clockwork."""
    sealed, unassigned = ledger.store.quotas.newest_asked(party, epoch=epoch, limit=max(1, checks))
    _rings(ledger, party, np.frombuffer(sealed, np.uint8).reshape(-1, sealing.BLOCK), unassigned)


def _rings(ledger: Ledger, party: str, sealed: NDArray[np.uint8], unassigned: int = 0) -> Lane:
    """Raises an alarm where sealed numbers are counted up, or too many lines are of ranges that nobody holds; the lane
    that it asks for."""
    digits = distinct(sealing.unseal_many(ledger.keys.at_rest, sealed)[0])
    found = signals.glance(digits, ledger.settings.guard, unassigned)
    if not found.kinds:
        return "usual"
    with ledger.store.writing(about=about(party)):
        return guardalarms.ring_inside(
            ledger.store, ledger.clock, party=party, epoch=ledger.period().epoch, found=found
        )[0]


def _keep(
    store: Store, now: datetime, party: str, period: Period, asked: Keys, sealed: NDArray[np.uint8], unassigned: int
) -> None:
    """Inside the transaction: charge for numbers, and keep them until they are folded."""
    place = store.quotas.last_place(party, epoch=period.epoch) + 1
    store.quotas.add_recent(
        party, epoch=period.epoch, place=place, at=to_micros(now), asked=asked.tobytes(), sealed=sealed.tobytes(),
        unassigned=unassigned,
    )
    store.quotas.use(party, epoch=period.epoch, day=period.day, numbers=len(asked))
