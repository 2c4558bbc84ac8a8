"""How often a party's numbers meet real customers of others, number by number, beside what chance would have made.

Rules of this room: what chance makes is measured, not estimated: beside each number its neighbours of the same ten
thousand are looked for, too. Numbers in use meet numbers in use oftener than their neighbours do; drawn ones do not.
Only keys of quotas are compared (`quotakeys.py`), in the files of this month and the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from registry import sealing
from registry.profiles import GROUP, Digits
from registry.quotakeys import SortedKeys
from registry.quotas import epoch_before

if TYPE_CHECKING:
    from registry.watch import Watch

_FILES = 50  # the largest ones are enough
_NEIGHBOURS = 2  # looked for beside each number


def files_of(watch: Watch, parties: Sequence[str], epoch: int) -> list[SortedKeys]:
    """What some parties asked for in a month and the one before, the largest files."""
    ledger, found = watch.ledger, list[tuple[int, str, int]]()
    for party in parties:
        for month in (epoch, epoch_before(epoch)):
            name, numbers = ledger.store.quotas.file(party, epoch=month)
            if name:
                found.append((numbers, party, month))
    return [ledger.file(party, month)[1] for _, party, month in sorted(found, reverse=True)[:_FILES]]


def count(watch: Watch, digits: Digits, files: Sequence[SortedKeys]) -> tuple[float, int]:
    """How many meetings chance would have made, and how many there are; each number counts once for each file."""
    groups, last = digits // np.uint64(GROUP), digits % np.uint64(GROUP)
    random = np.random.default_rng(int(last.sum()))
    met, chance = 0, 0
    asked = _keys(watch, digits)
    beside = []
    for _ in range(_NEIGHBOURS):
        moved = (last + random.integers(1, GROUP, len(last)).astype(np.uint64)) % np.uint64(GROUP)
        beside.append(_keys(watch, groups * np.uint64(GROUP) + moved))
    for file in files:
        met += int(file.contains(asked).sum())
        chance += sum(int(file.contains(each).sum()) for each in beside)
    return chance / _NEIGHBOURS, met


def _keys(watch: Watch, digits: Digits) -> Digits:
    return np.sort(sealing.blind_many(watch.ledger.key, sealing.seal_many(watch.ledger.keys.at_rest, digits)))
