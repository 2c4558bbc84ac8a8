"""Public holidays and working weekends, as data by year; a year that is not in the data is refused, never guessed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from registry.errors import SettingsError, UnavailableError

_WEEKEND = 5
_SOURCE = Path(__file__).with_name("holidays.toml")


@dataclass(frozen=True)
class Holidays:
    """The days off and the weekend days worked of the years that are known. Dates are local."""

    years: frozenset[int]
    off: frozenset[date]
    working: frozenset[date]

    def is_holiday(self, day: date) -> bool:
        """Whether a local day is a public holiday, bridging days included. Raises UnavailableError holidays_unknown."""
        self._must_know(day)
        return day in self.off

    def is_working_day(self, day: date) -> bool:
        """Whether people work on a local day: rule 87 counts weekends worked in exchange. Raises as `is_holiday`."""
        self._must_know(day)
        return day in self.working or (day.weekday() < _WEEKEND and day not in self.off)

    def _must_know(self, day: date) -> None:
        if isinstance(day, datetime):
            raise TypeError("a holiday is a local date, not a moment")
        if day.year not in self.years:
            raise UnavailableError(
                f"The public holidays of {day.year} are not in the calendar; add them to holidays.toml.",
                code="holidays_unknown", year=day.year,
            )


def _span(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def parse_holidays(text: str) -> Holidays:
    """Holidays from TOML: a table per year with `off` (pairs of days) and `working` (days). Raises SettingsError."""
    off: set[date] = set()
    working: set[date] = set()
    years: set[int] = set()
    for name, table in tomllib.loads(text).items():
        try:
            year = int(name)
            days = {day for first, last in table["off"] for day in _span(first, last)}
            exchanged = set(table["working"])
        except (ValueError, TypeError, KeyError) as error:
            raise SettingsError(f"holidays.toml: the table of {name} cannot be read.", code="calendar") from error
        wrong = {day for day in days | exchanged if day.year != year} | {d for d in exchanged if d.weekday() < _WEEKEND}
        if wrong or days & exchanged or not days:
            raise SettingsError(f"holidays.toml: the days of {name} contradict each other.", code="calendar")
        years.add(year)
        off |= days
        working |= exchanged
    return Holidays(frozenset(years), frozenset(off), frozenset(working))


def joined(ours: Holidays, edited: Holidays) -> Holidays:
    """A calendar with the years of an edited one added, or in place of its own."""
    def kept(days: frozenset[date]) -> frozenset[date]:
        return frozenset(day for day in days if day.year not in edited.years)

    return Holidays(
        ours.years | edited.years, kept(ours.off) | edited.off, kept(ours.working) | edited.working
    )


def load_holidays() -> Holidays:
    """The calendar that comes with the program. Raises SettingsError where it contradicts itself."""
    return parse_holidays(_SOURCE.read_text(encoding="utf-8"))
