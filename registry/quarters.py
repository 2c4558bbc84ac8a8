"""Quarters and the arithmetic of public figures (RULES §6, rule 105): changes, shares, cells too small to show.

Rules of this room:
- A quarter is local time, from its first midnight until the next one's.
- Shares are percentages with one digit that sum to 100.0 exactly: what rounding leaves goes to the largest remainders.
- A cell below the limit is not shown; where that would leave one alone to be found by subtraction, the next smallest
  one is not shown either. Totals are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from registry.errors import InvalidInputError
from registry.times import local

SMALLEST = 10  # cells with fewer are not shown [D]
_NAME = re.compile(r"(20[0-9]{2})-?Q([1-4])")
_TENTHS = 1000  # a hundred per cent in tenths


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A quarter of a year, 1 to 4."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"

    def before(self, quarters: int = 1) -> Quarter:
        """So many quarters earlier (4: the same one a year before)."""
        place = self.year * 4 + self.number - 1 - quarters
        return Quarter(place // 4, place % 4 + 1)

    def bounds(self, zone: str) -> tuple[datetime, datetime]:
        """Its first moment and the first one after it, in UTC."""
        return self._start(zone), self.before(-1)._start(zone)

    def _start(self, zone: str) -> datetime:
        return datetime(self.year, 3 * self.number - 2, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def quarter_of(moment: datetime, zone: str) -> Quarter:
    """The quarter of a moment."""
    day = local(moment, zone)
    return Quarter(day.year, (day.month + 2) // 3)


def quarter_named(name: str) -> Quarter:
    """The quarter of a name such as 2026-Q4. Raises InvalidInputError bad_quarter."""
    found = _NAME.fullmatch(name.strip().upper())
    if not found:
        raise InvalidInputError("A quarter is written as 2026-Q4.", code="bad_quarter")
    return Quarter(int(found.group(1)), int(found.group(2)))


def change(now: int, before: int) -> float | None:
    """The change in per cent, one digit, half away from zero; None where there was nothing before."""
    if not before:
        return None
    tenths = Fraction(now - before, before) * _TENTHS
    rounded = int(abs(tenths) + Fraction(1, 2))
    return (rounded if tenths >= 0 else -rounded) / 10


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """The share of each count in per cent, one digit, summing to 100.0; all 0.0 where nothing was counted."""
    total = sum(counts.values())
    if not total:
        return dict.fromkeys(counts, 0.0)
    whole = {name: divmod(count * _TENTHS, total) for name, count in counts.items()}
    left = _TENTHS - sum(tenths for tenths, _ in whole.values())
    lucky = sorted(counts, key=lambda name: (-whole[name][1], name))[:left]
    return {name: (tenths + (name in lucky)) / 10 for name, (tenths, _) in whole.items()}


def shown(counts: Mapping[str, int], *, smallest: int = SMALLEST) -> dict[str, int | None]:
    """The counts with those that are too small to show as None; 0 is shown, it is about nobody."""
    hidden = {name for name, count in counts.items() if 0 < count < smallest}
    if len(hidden) == 1:
        others = [name for name, count in counts.items() if name not in hidden and count]
        hidden |= set(sorted(others, key=lambda name: (counts[name], name))[:1])
    return {name: None if name in hidden else count for name, count in counts.items()}
