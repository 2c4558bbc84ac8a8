"""Settings of quotas and of the guard: what licences allow, and what of a list looks like reading the registry out.

Rules of this room: shares are of distinct valid numbers, 0 to 1; what each signal is stands in `signals.py`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

Share = Annotated[float, Meta(gt=0, le=1)]
Times = Annotated[float, Meta(gt=0, le=1000)]
_Numbers = Annotated[int, Meta(ge=1, le=1_000_000_000)]
_Count = Annotated[int, Meta(ge=1, le=1_000_000)]
_Prefix = Annotated[str, Meta(pattern="^[1-9][0-9]{4,8}$")]


class Tier(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many distinct numbers a telemarketer may ask for: a day, a calendar month, and an hour in the slow lane."""

    day: _Numbers
    epoch: _Numbers
    slow_hour: _Count = 100


TIERS = {
    "basic": Tier(day=50_000, epoch=500_000),
    "plus": Tier(day=2_000_000, epoch=20_000_000, slow_hour=2_000),
    "large": Tier(day=50_000_000, epoch=200_000_000, slow_hour=20_000),
}


class GuardSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a call list, or what a party asked for in a month, is not taken for one of real customers."""

    least: _Count = 300  # fewer distinct numbers say nothing
    sequence_share: Share = 0.05  # numbers in sequences of ten or more with the same gap
    sequence_most: _Count = 20_000  # and however many others are asked for, so many numbers in a month
    dense_share: Share = 0.1  # numbers of which most neighbours are asked for, too
    remainder_share: Share = 0.5  # how many numbers more than chance have the same remainder
    unassigned_share: Share = 0.15  # numbers of ranges that nobody holds, of all that are asked for
    unevenness: Share = 0.1  # how unevenly lists of real customers fill ranges, at least (variance / mean squared)
    hits_low: Times = 0.5  # share of registered numbers, beside the national one
    hits_high: Times = 4.0
    subscribers: _Numbers = 1_000_000_000  # numbers in use in the country, of which the national share is
    meets: Times = 1.2  # how much oftener than chance lists meet those of established telemarketers, at least
    overlap_share: Share = 0.5  # numbers that a young party has in common with another one
    young_days: _Count = 90
    decoys: _Count = 3  # numbers of held-back ranges in a month
    decoy_ranges: list[_Prefix] = field(default_factory=list)  # national digits that such ranges begin with
    decoy_share: Share = 0.05  # numbers of these ranges that are registered
