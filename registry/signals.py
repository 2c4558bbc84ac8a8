"""Signals: by what numbers that somebody thought up differ from a list of real customers. Pure arithmetic on profiles.

Rules of this room (each a figure; `[guard]` in the settings says from when on it is an alarm):
- sequence: share of numbers that lie in sequences of ten or more with the same gap (1, 2, 3 … or every 7th).
- remainder: how many more numbers than chance leave the same remainder when they are divided by the same small number.
- dense: share of numbers of whose hundred neighbours half are asked for, or three tenths of whose ten thousand.
- even: real customers fill some ranges of 10,000 and leave others empty; numbers that were drawn fill all alike.
- unassigned: share of numbers that nobody can hold. decoys: numbers of ranges that are held back.
- hits: share of registered numbers beside the national one, both ways.
- of several parties (`watchtogether.py`) overlap: the same numbers; split: a sequence or a range that they share out;
  apart: lists of numbers in use meet each other oftener than chance, and these do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from registry.profiles import GROUP, Chooser, Digits, Profile

if TYPE_CHECKING:
    from registry.guardlanes import Lane
    from registry.guardsettings import GuardSettings

Kind = Literal[
    "decoys", "sequence", "dense", "remainder", "split", "unassigned", "even", "apart", "hits_low", "hits_high",
    "overlap",
]  # fmt: skip
LANES: Mapping[Kind, Lane] = {  # what a signal does before an officer has seen it; the gravest first
    "decoys": "held", "sequence": "held", "dense": "held", "remainder": "held", "split": "held",
    "unassigned": "slow", "even": "slow", "apart": "slow",
    "hits_low": "usual", "hits_high": "usual", "overlap": "usual",
}  # fmt: skip

SEQUENCE = 10  # numbers that make a sequence
_NEAR, _NEAR_DENSE = 100, 50
_GROUP_DENSE = 3 * GROUP // 10
_GROUPS = 100  # of one prefix
_SURE = 5.0  # standard errors
_SOME = 10_000  # numbers that remainders are looked for in
_DIVISORS = (*range(2, 129), 200, 250, 256, 500, 512, 1000, 1024, 2000, 5000)


@dataclass(frozen=True)
class Hits:
    """How many of `asked` numbers are registered, and which share of all numbers in use is."""

    asked: int
    hits: int
    national: float


@dataclass(frozen=True)
class Found:
    """What a profile shows: the signals that ring, and all figures (shares rounded; no number among them)."""

    kinds: tuple[Kind, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


def look(profile: Profile, settings: GuardSettings, chooser: Chooser, hits: Hits | None = None) -> Found:
    """All signals of one profile."""
    kinds: list[Kind] = []
    digits, asked = profile.digits, profile.numbers
    figures: dict[str, float] = {"numbers": asked, "decoys": len(profile.decoys), "unassigned": profile.unassigned}
    if len(profile.decoys) >= settings.decoys:
        kinds.append("decoys")
    kinds += _of_refused(profile.unassigned, asked, settings, figures)
    if len(digits) >= settings.least:
        near = neighbours(digits, settings, level=profile.level)
        divisor, excess = remainder(digits)
        spread = evenness(profile, chooser)
        expected = 1 + spread.mean * settings.unevenness
        even = spread.sure(settings.unevenness) and spread.dispersion < (1 + expected) / 2
        figures |= {**near.figures, "numbers": asked, "divisor": divisor, "remainder_share": round(excess, 4),
                    "dispersion": round(spread.dispersion, 3), "dispersion_expected": round(expected, 3)}  # fmt: skip
        rings: dict[Kind, bool] = {"remainder": excess >= settings.remainder_share, "even": even}
        kinds += [*near.kinds, *(kind for kind, rang in rings.items() if rang)]
    if hits is not None and hits.asked >= settings.least:
        kinds += _of_hits(hits, settings, figures)
    return Found(tuple(sorted(kinds, key=list(LANES).index)), figures)


def _of_hits(hits: Hits, settings: GuardSettings, figures: dict[str, float]) -> list[Kind]:
    share, expected = hits.hits / hits.asked, hits.national
    error = math.sqrt(max(expected * (1 - expected), 1e-12) / hits.asked)
    distance = (share - expected) / error
    figures |= {"hit_share": round(share, 5), "national_share": round(expected, 5), "hit_distance": round(distance, 1)}
    if share < settings.hits_low * expected and distance < -_SURE:
        return ["hits_low"]
    return ["hits_high"] if share > settings.hits_high * expected and distance > _SURE else []


def glance(digits: Digits, settings: GuardSettings, unassigned: int) -> Found:
    """The signals that some ascending numbers, and lines that are none, show at a glance."""
    near = neighbours(digits, settings)
    figures: dict[str, float] = {**near.figures, "numbers": len(digits), "unassigned": unassigned}
    kinds = _of_refused(unassigned, len(digits), settings, figures)
    return Found((*near.kinds, *kinds), figures)


def _of_refused(unassigned: int, asked: int, settings: GuardSettings, figures: dict[str, float]) -> list[Kind]:
    refused = unassigned / max(1, unassigned + asked)
    figures["unassigned_share"] = round(refused, 4)
    return ["unassigned"] if unassigned >= settings.least and refused >= settings.unassigned_share else []


def neighbours(digits: Digits, settings: GuardSettings, *, level: int = 0) -> Found:
    """Whether ascending numbers, a sample at a level, stand in sequences or fill ranges."""
    if len(digits) < settings.least:
        return Found()
    sequence, near = float(in_sequences(digits).mean()), float(are_dense(digits).mean())
    many = round(sequence * len(digits)) << level >= settings.sequence_most
    rings: dict[Kind, bool] = {
        "sequence": sequence >= settings.sequence_share or many, "dense": near >= settings.dense_share
    }
    figures = {"numbers": len(digits), "sequence_share": round(sequence, 4), "dense_share": round(near, 4)}
    return Found(tuple(kind for kind, rang in rings.items() if rang), figures)


def in_sequences(digits: Digits) -> NDArray[np.bool_]:
    """Which of ascending numbers lie in a sequence of `SEQUENCE` or more with the same gap."""
    inside = np.zeros(len(digits), bool)
    if len(digits) < SEQUENCE:
        return inside
    gaps = np.diff(digits)
    ends = np.append(np.flatnonzero(gaps[1:] != gaps[:-1]), len(gaps) - 1)  # the last gap of each sequence
    starts = np.append(0, ends[:-1] + 1)
    long = ends - starts + 2 >= SEQUENCE
    marks = np.zeros(len(digits) + 1, np.int64)
    np.add.at(marks, starts[long], 1)
    np.add.at(marks, ends[long] + 2, -1)
    return np.cumsum(marks[:-1]) > 0


def are_dense(digits: Digits, *, near: int = _NEAR_DENSE, group: int = _GROUP_DENSE) -> NDArray[np.bool_]:
    """Which of ascending numbers have many neighbours among them: so many of their hundred, or of their group."""
    return (_crowd(digits, _NEAR) >= near) | (_crowd(digits, GROUP) >= group)


def _crowd(digits: Digits, size: int) -> NDArray[np.int64]:
    """How many of ascending numbers lie in the same block of a size as each of them."""
    _, which, count = np.unique(digits // np.uint64(size), return_inverse=True, return_counts=True)
    crowd: NDArray[np.int64] = count[which]
    return crowd


def remainder(digits: Digits) -> tuple[int, float]:
    """The small number that most numbers leave the same remainder by, and how many more than chance do so, 0 to 1."""
    some = digits[:: max(1, len(digits) // _SOME)].astype(np.int64)
    best = (1, 0.0)
    for divisor in _DIVISORS:
        top = np.bincount(some % divisor).max() / len(some)
        excess = float((top - 1 / divisor) / (1 - 1 / divisor))
        if excess > best[1]:
            best = (divisor, excess)
    return best


@dataclass(frozen=True)
class Spread:
    """How numbers lie in the groups of the prefixes that they touch: variance beside mean, compared with drawing."""

    dispersion: float
    mean: float
    groups: int

    def sure(self, unevenness: float) -> bool:
        """Whether there are enough numbers to tell real ones from drawn ones."""
        return self.groups > 1 and self.mean * unevenness / 2 >= _SURE * math.sqrt(2 / self.groups)


def evenness(profile: Profile, chooser: Chooser) -> Spread:
    """How evenly the groups of each prefix (100 groups) are filled; drawing comes to 1, real lists to more."""
    groups, counts = np.unique(profile.digits // np.uint64(GROUP), return_counts=True)
    prefixes, which = np.unique(groups // np.uint64(_GROUPS), return_inverse=True)
    inner = np.tile(np.arange(_GROUPS, dtype=np.uint64), len(prefixes))
    every = np.repeat(prefixes * np.uint64(_GROUPS), _GROUPS) + inner
    there = chooser.has(every, profile.level).reshape(-1, _GROUPS).sum(axis=1)
    total = np.bincount(which, weights=counts, minlength=len(prefixes))
    squares = np.bincount(which, weights=counts.astype(np.float64) ** 2, minlength=len(prefixes))
    mean = total / np.maximum(there, 1)
    free = int((there - 1).sum())
    if not free:
        return Spread(1.0, 0.0, 0)
    chi = float(((squares - total * mean) / mean).sum())
    return Spread(chi / free, float(total.sum() / there.sum()), free)
