"""The meter of one scrub: which of its numbers may be answered, block by block, and what it is charged in the end.

Rules of this room:
- Before a number is answered it is reserved: what is used and what all running scrubs hold is never above the limit. A
  reservation is the scrub's own; it ends some minutes after its meter was last asked, and when the scrub begins again.
- Blocks count at first what is new in each; where less than a million is left they are joined, and from then on it is
  exact number by number, so that repeats within a scrub hold nothing back from another one. Two scrubs that hold the
  same number at the same time reserve it twice and pay once.
- Only a scrub that brings a result pays (`close(done=True)`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry import sealing
from registry.quotakeys import NO_KEYS, Keys, Runs, SortedKeys, distinct, first_of_each
from registry.quotas import Charged, Ledger, about, charge_runs, room_inside, tier_of
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.parties import Party

See = Callable[[NDArray[np.uint8]], None]
HOLD = timedelta(minutes=10)  # how long a reservation stays when nothing is heard of its scrub
_RENEWED = HOLD / 3
_LEAST, _MOST = 1 << 14, 1 << 20  # numbers reserved at once


class Meter:
    """Meters one scrub of a party; threads may share it. `work` is a folder for files that do not stay; `see` is shown
    every block before it is answered (`watch.Watch.sample`)."""

    def __init__(
        self, ledger: Ledger, *, party: Party, scrub: str, work: Path, see: See = lambda _sealed: None
    ) -> None:
        self._see = see
        self._ledger, self._party, self._hold, self._work = ledger, party.party, f"scrub {scrub}", work
        _, self._tier = tier_of(ledger.settings.scrubs, party)
        self._period = ledger.period()
        with ledger.store.writing(about=about(self._party)):
            ledger.store.quotas.release(self._hold)
            known = ledger.known(self._party, self._period.epoch)
            self._known, small = known.keys, [run.copy() for run in known.runs]
        self._small = SortedKeys(distinct(np.concatenate(small)) if small else NO_KEYS)
        self._lock = threading.Lock()
        self._runs, self._joined, self._later = Runs(work), SortedKeys(), list[SortedKeys]()
        self._near = self._exact = self._closed = False
        self._taken = self._reserved = self._free = self._refused = 0
        self._renewed = ledger.clock.now()

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close(done=False)

    def admit(self, sealed: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of some sealed numbers u8[n, 16] may be answered, bool[n]; as many of the first as the quota bears."""
        self._see(sealed)
        keys = sealing.blind_many(self._ledger.key, sealed)
        ordered = distinct(keys.copy())
        known = self._known.contains(ordered)
        if len(self._small):
            known |= self._small.contains(ordered)
        new = ordered[~known]
        with self._lock:
            self._renew()
            if not self._exact and self._may_take(len(new)) and not self._near:
                self._taken += len(new)
                self._runs.add(new)
                denied = NO_KEYS
            else:
                denied = self._exactly(keys, new)
            self._free += len(keys) - len(new)
            self._refused += len(denied)
        return ~SortedKeys(denied).contains(keys) if len(denied) else np.ones(len(keys), bool)

    def close(self, *, done: bool) -> Charged:
        """End the scrub: charge for what was answered where it is done, and let go what was reserved. Twice is once.

        Raises ConflictError hold_lost where it was not heard of for so long that others took what it had reserved.
        """
        with self._lock:
            if self._closed:
                return Charged()
            self._closed = True
            store = self._ledger.store
            parts = (*self._runs.parts(), *(run.keys for run in self._later)) if done and self._taken else ()
            if not any(map(len, parts)):
                with store.writing(about=about(self._party)):
                    store.quotas.release(self._hold)
                return Charged(0, self._free if done else 0, self._refused if done else 0)
            charged = charge_runs(
                self._ledger, party=self._party, tier=self._tier, period=self._period, hold=self._hold, parts=parts,
                work=self._work,
            )
            return Charged(charged, self._free + self._taken - charged, self._refused)

    def _exactly(self, keys: Keys, new: Keys) -> Keys:
        """Take of new keys what the quota bears, those first that stand first; the others, ascending."""
        if not self._exact:
            self._exact = True
            self._taken = self._reserved = self._runs.joined()  # what repeats held is given back with the next hold
            parts = self._runs.parts()
            self._joined = SortedKeys(parts[0] if parts else NO_KEYS)
        for held in (self._joined, *self._later):
            new = new[~held.contains(new)]
        may = np.ones(len(new), bool)
        if not self._may_take(len(new)):
            may = _first(keys, new, max(0, self._reserved - self._taken))
        self._taken += int(may.sum())
        self._keep(new[may])
        return new[~may]

    def _keep(self, keys: Keys) -> None:
        """Keep keys as one run more, joined with those that are not much larger, so that runs stay few."""
        while self._later and len(self._later[-1]) <= 2 * len(keys):
            keys = distinct(np.concatenate([self._later.pop().keys, keys]))
        self._later.append(SortedKeys(keys))

    def _may_take(self, numbers: int) -> bool:
        """Whether so many more are reserved, after reserving more where needed; all that there is, where it is less."""
        wanted = self._taken + numbers
        if wanted > self._reserved:
            self._reserve(max(wanted, self._reserved + min(_MOST, max(_LEAST, self._taken // 4))), least=wanted)
        return wanted <= self._reserved

    def _reserve(self, numbers: int, *, least: int) -> None:
        """Hold so many numbers in all, or as many as there are; close to the limit no more than are needed."""
        store, period = self._ledger.store, self._period
        with store.writing(about=about(self._party)):
            now = self._ledger.clock.now()
            left = room_inside(self._ledger, self._party, self._tier, period, but=self._hold)
            self._near = left - numbers <= _MOST
            self._reserved = min(max(least, self._reserved) if self._near else numbers, left)
            store.quotas.hold(
                self._hold, self._party, epoch=period.epoch, day=period.day, numbers=self._reserved,
                until=to_micros(now + HOLD),
            )
        self._renewed = now

    def _renew(self) -> None:
        """Keep the reservation, seen from time to time."""
        if self._reserved and self._ledger.clock.now() - self._renewed > _RENEWED:
            self._reserve(self._reserved, least=self._reserved)


def _first(keys: Keys, new: Keys, most: int) -> NDArray[np.bool_]:
    """Which of some new keys, ascending, are the `most` that stand first in a block."""
    order = np.argsort(keys, kind="stable")
    first = order[first_of_each(keys[order])]  # where each key of the block stands first
    place = first[np.searchsorted(keys[first], new)]
    may = np.zeros(len(new), bool)
    may[np.argsort(place)[:most]] = True
    return may
