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

from registry import guardalarms, keptprofiles, meetings, quotas, signals
from registry.profiles import GROUP, Digits, Profile
from registry.quotakeys import SortedKeys, distinct
from registry.signals import Found, Kind
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.guardsettings import GuardSettings
    from registry.watch import Watch

_AT_ONCE = 1 << 21  # numbers of all young parties that are compared, about
_MOST_YOUNG = 2_000
_CUSTOMERS = 1 << 19  # numbers of real customers that are kept to compare with: the more, the surer
_NEAR_DENSE, _GROUP_DENSE = 25, GROUP // 10  # lower than for one list: only what meets nobody counts here
_TOGETHER = 16  # parties that one number is looked for at
_SURE = 3.0  # standard errors; a quarter more where chance was counted, too
_ENOUGH = 20.0  # meetings that chance must have led to expect


def compare(watch: Watch, keep: Callable[[], None] = lambda: None) -> int:
    """Look at young parties side by side; how many alarms were raised."""
    epoch, now = watch.ledger.period().epoch, watch.ledger.clock.now()
    asked = {party: at for party, at in watch.store.guard.profiled(epoch=epoch).items() if party[0] != "*"}
    since = to_micros(now - timedelta(days=watch.settings.young_days))
    young = [party for party in asked if party in watch.store.guard.young(since=since)][:_MOST_YOUNG]
    newest = max(asked.values(), default=0)
    if newest <= watch.compared:
        return 0
    profiles: dict[str, Profile] = {}
    for party in asked:
        keep()
        profiles[party] = keptprofiles.profile_of(watch, party, epoch)
    rung = watch.store.guard.rung(epoch=epoch)
    known = [party for party in asked if party not in young and party not in rung]
    customers = [profiles[party] for party in known]
    fresh = {party: profiles[party] for party in young if len(profiles[party].digits) >= watch.settings.least}
    union = watch.chooser.joined(customers, most=_CUSTOMERS)
    keptprofiles.replace(watch, keptprofiles.CUSTOMERS, epoch, union)
    found, files = side_by_side(watch, fresh, union), meetings.files_of(watch, known, epoch)
    for party in (each for each in fresh if asked[each] > watch.compared):
        keep()
        found[party] = _exactly(watch, fresh[party], files, found.get(party, Found()))
    alarms = 0
    for party, signal in found.items():
        keep()
        with watch.store.writing(about=quotas.about(party)):
            alarms += bool(
                guardalarms.ring_inside(watch.store, watch.ledger.clock, party=party, epoch=epoch, found=signal)[1]
            )
    watch.compared = newest
    return alarms


def beside(watch: Watch, before: Profile, own: Profile, whole: Profile, epoch: int) -> Found:
    """What a young party shows beside what others have asked for so far: with a list, `own`, after what it asked for
    `before`, and with the `whole` of it."""
    figures: dict[str, float] = {"numbers": whole.numbers}
    kinds: list[Kind] = []
    young = keptprofiles.profile_of(watch, keptprofiles.YOUNG, epoch)
    level = max(each.level for each in (before, own, young))
    asked, mine, theirs = (watch.chooser.at_level(each.digits, level) for each in (before, own, young))
    if _is_split(watch.settings, np.setdiff1d(mine, asked, True), np.setdiff1d(theirs, asked, True), figures):
        kinds.append("split")
    if _is_apart(watch, whole, keptprofiles.profile_of(watch, keptprofiles.CUSTOMERS, epoch), figures):
        kinds.append("apart")
    return Found(tuple(kinds), figures)


def _is_split(settings: GuardSettings, mine: Digits, theirs: Digits, figures: dict[str, float]) -> bool:
    """Whether numbers fill ranges together with those of others and, unlike customers of the same place, do not meet
    them: then they share the ranges out."""
    if len(mine) < settings.least // 3 or not len(theirs):
        return False
    share, (expected, met) = _shared_out((mine, theirs))[0], _meetings(mine, theirs)
    figures["split_share"] = round(share, 4)
    return share >= settings.dense_share and expected >= _ENOUGH and _by_chance(settings, expected, met)


def side_by_side(watch: Watch, young: Mapping[str, Profile], customers: Profile) -> dict[str, Found]:
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
    for i, name in enumerate(names):
        if parties[i]:
            kinds[name].append("overlap")
        if thought_up[i] >= settings.dense_share:
            others = distinct(np.concatenate([np.empty(0, np.uint64), *digits[:i], *digits[i + 1 :]]))
            if _is_split(settings, digits[i], others, figures[name]):
                kinds[name].append("split")
        if _is_apart(watch, young[name], customers, figures[name]):
            kinds[name].append("apart")
        figures[name] |= {
            "overlap_share": round(shared[i], 4), "overlap_parties": parties[i],
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
    marked = signals.in_sequences(union) | signals.are_dense(union, near=_NEAR_DENSE, group=_GROUP_DENSE)
    return [float(marked[np.searchsorted(union, each)].mean()) if len(each) else 0.0 for each in digits]


def _is_apart(watch: Watch, profile: Profile, customers: Profile, figures: dict[str, float]) -> bool:
    """Whether a party's numbers meet real customers no oftener than chance; writes down how often they do."""
    level = max(profile.level, customers.level)
    expected, met = _meetings(*(watch.chooser.at_level(each.digits, level) for each in (profile, customers)))
    figures |= {"met": met, "met_by_chance": round(expected, 1)}
    return expected >= _ENOUGH and _by_chance(watch.settings, expected, met)


def _exactly(watch: Watch, profile: Profile, files: Sequence[SortedKeys], found: Found) -> Found:
    """What was found of a party, and whether number by number it meets real customers oftener than chance."""
    expected, met = meetings.count(watch, profile.digits, files)
    apart = expected >= _ENOUGH and _by_chance(watch.settings, expected, met, sure=1.25 * _SURE)
    if not apart or "apart" in found.kinds:
        return found
    return Found((*found.kinds, "apart"), {**found.figures, "met": met, "met_by_chance": round(expected, 1)})


def _by_chance(settings: GuardSettings, expected: float, met: int, *, sure: float = _SURE) -> bool:
    return met / expected < settings.meets - sure / math.sqrt(expected)


def _meetings(mine: Digits, theirs: Digits) -> tuple[float, int]:
    """How many numbers two sets have in common by chance, by how full each group is, and how many they have."""
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
