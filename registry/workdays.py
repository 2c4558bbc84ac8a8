"""Deadlines in working days (rule 87): weekends worked in exchange count, public holidays do not.

Rules of this room: the day something came is not counted, and a deadline ends with its last working day, at local
midnight (Civil Code 201, 203); a year that the calendar does not know is refused, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from registry.numbering.holidays import Holidays
from registry.times import local

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days off that are known, and in which zone a day begins."""

    holidays: Holidays
    zone: str

    def due(self, came: datetime, days: int) -> datetime:
        """The first moment after a deadline of so many working days. Raises as the function `due`."""
        return due(came, days, self.holidays, zone=self.zone)


def due(came: datetime, days: int, holidays: Holidays, *, zone: str) -> datetime:
    """The first moment after a deadline of so many working days; `came` aware, the answer aware in UTC.

    Raises UnavailableError holidays_unknown, ValueError for less than one day.
    """
    if days < 1:
        raise ValueError("a deadline has at least one working day")
    day = local(came, zone).date()
    while days:
        day += _DAY
        days -= holidays.is_working_day(day)
    return _midnight(day + _DAY, zone)


def overdue_days(deadline: datetime, now: datetime, holidays: Holidays, *, zone: str) -> int:
    """How many working days have begun since a deadline ended; 0 before its end. Raises as `due`."""
    if now < deadline:
        return 0
    day, last = local(deadline, zone).date(), local(now, zone).date()
    return sum(holidays.is_working_day(day + i * _DAY) for i in range((last - day).days + 1))


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
