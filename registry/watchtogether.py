"""Parties side by side: lists that are one list, ranges that several share out, numbers that meet nobody's customers.

Rules of this room:
- All samples choose the same groups of numbers, so what parties have in common is seen in the samples.
- Young telemarketers are compared with each other; established ones, of whom nothing has rung in this month, are what
  real customers look like. While there are none of these, nobody is measured by them.
- What rings here is about all that a party asked for, not about one scrub: it moves the party into another lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry import guardalarms, quotas, signals
from registry.profiles import GROUP, Digits, Profile
from registry.quotakeys import distinct
from registry.signals import Found, Kind
from registry.times import to_micros
from registry.watch import profile_of

if TYPE_CHECKING:
    from registry.guardsettings import GuardSettings
    from registry.watch import Watch

_AT_ONCE = 1 << 21  # numbers of all young parties that are compared, about
_MOST_YOUNG = 2_000
_TOGETHER = 16  # parties that one number is looked for at
_SURE = 3.0  # standard errors
_ENOUGH = 20.0  # meetings that chance must have led to expect


def compare(watch: Watch, keep: Callable[[], None] = lambda: None) -> int:
    """Look at young parties side by side; how many alarms were raised."""
    epoch, now = watch.ledger.period().epoch, watch.ledger.clock.now()
    asked = watch.store.guard.profiled(epoch=epoch)
    since = to_micros(now - timedelta(days=watch.settings.young_days))
    young = [party for party in asked if party in watch.store.guard.young(since=since)][:_MOST_YOUNG]
    newest = max((asked[party] for party in young), default=0)
    if newest <= watch.compared:
        return 0
    profiles: dict[str, Profile] = {}
    for party in asked:
        keep()
        profiles[party] = profile_of(watch, party, epoch)
    rung = watch.store.guard.rung(epoch=epoch)
    customers = [profiles[party] for party in asked if party not in young and party not in rung]
    fresh = {party: profiles[party] for party in young if len(profiles[party].digits) >= watch.settings.least}
    found = side_by_side(watch, fresh, customers)
    alarms = 0
    for party, signal in found.items():
        keep()
        with watch.store.writing(about=quotas.about(party)):
            alarms += bool(
                guardalarms.ring_inside(watch.store, watch.ledger.clock, party=party, epoch=epoch, found=signal)[1]
            )
    watch.compared = newest
    return alarms


def side_by_side(watch: Watch, young: Mapping[str, Profile], customers: Sequence[Profile]) -> dict[str, Found]:
    """What young parties show beside each other and beside established ones; only those that ring."""
    names, settings = sorted(young), watch.settings
    level, total = max((young[name].level for name in names), default=0), sum(len(p.digits) for p in young.values())
    while total >> level > _AT_ONCE:
        level += 1
    digits = [watch.chooser.at_level(young[name].digits, level) for name in names]
    kinds: dict[str, list[Kind]] = {name: [] for name in names}
    figures: dict[str, dict[str, float]] = {name: {"numbers": young[name].numbers} for name in names}
    shared, parties = _overlaps(digits, settings)
    thought_up = _shared_out(digits)
    union = watch.chooser.joined(customers)
    for i, name in enumerate(names):
        if parties[i]:
            kinds[name].append("overlap")
        own = signals.neighbours(digits[i], settings)
        if not own.kinds and len(digits[i]) >= settings.least and thought_up[i] >= settings.dense_share:
            kinds[name].append("split")
        expected, met = meetings(watch, young[name], union)
        if expected >= _ENOUGH and met / expected < settings.meets - _SURE / math.sqrt(expected):
            kinds[name].append("apart")
        figures[name] |= {
            "overlap_share": round(shared[i], 4), "overlap_parties": parties[i], "split_share": round(thought_up[i], 4),
            "met": met, "met_by_chance": round(expected, 1),
        }  # fmt: skip
    return {name: Found(tuple(kinds[name]), figures[name]) for name in names if kinds[name]}


def _overlaps(digits: Sequence[Digits], settings: GuardSettings) -> tuple[list[float], list[int]]:
    """The largest share of its numbers that each party has in common with another, and with how many it is large."""
    sizes = np.array([len(each) for each in digits], np.int64)
    if len(sizes) < 2:
        return [0.0] * len(sizes), [0] * len(sizes)
    joined, owner = np.concatenate(digits), np.repeat(np.arange(len(sizes)), sizes)
    order = np.argsort(joined, kind="stable")
    joined, owner = joined[order], owner[order]
    both = np.zeros((len(sizes), len(sizes)), np.int64)
    for apart in range(1, _TOGETHER):
        same = joined[apart:] == joined[:-apart]
        if not same.any():
            break
        np.add.at(both, (owner[:-apart][same], owner[apart:][same]), 1)
    both += both.T
    smaller = np.maximum(np.minimum(sizes[:, None], sizes[None, :]), 1)
    share = np.where(smaller >= settings.least // 3, both / smaller, 0.0)
    return share.max(axis=1).tolist(), (share >= settings.overlap_share).sum(axis=1).tolist()


def _shared_out(digits: Sequence[Digits]) -> list[float]:
    """Which share of each party's numbers lies in a sequence or a full range of what all ask for together."""
    union = distinct(np.concatenate([np.empty(0, np.uint64), *digits]))
    marked = signals.in_sequences(union) | signals.are_dense(union)
    return [float(marked[np.searchsorted(union, each)].mean()) if len(each) else 0.0 for each in digits]


def meetings(watch: Watch, profile: Profile, customers: Profile) -> tuple[float, int]:
    """How many numbers a party has in common with customers of others by chance, by how full each group is, and how
    many it has."""
    level = max(profile.level, customers.level)
    mine = watch.chooser.at_level(profile.digits, level)
    theirs = watch.chooser.at_level(customers.digits, level)
    if not len(mine) or not len(theirs):
        return 0.0, 0
    groups, counts = _by_group(mine)
    others, full = _by_group(theirs)
    place = np.minimum(np.searchsorted(others, groups), len(others) - 1)
    density = np.where(others[place] == groups, full[place], 0) / GROUP
    at = np.minimum(np.searchsorted(theirs, mine), len(theirs) - 1)
    return float((counts * density).sum()), int((theirs[at] == mine).sum())


def _by_group(digits: Digits) -> tuple[Digits, NDArray[np.int64]]:
    return np.unique(digits // np.uint64(GROUP), return_counts=True)
