"""Tests of deadlines in working days: weekends worked in exchange, long holidays, years that nobody knows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import UnavailableError
from registry.numbering import load_holidays
from registry.times import local
from registry.workdays import due, overdue_days

HOLIDAYS, ZONE = load_holidays(), "Asia/Shanghai"
SHANGHAI = ZoneInfo(ZONE)
KNOWN = st.datetimes(datetime(2015, 1, 1), datetime(2026, 10, 31)).map(lambda at: at.replace(tzinfo=UTC))


def ends(came: datetime, days: int) -> date:
    """The last day of a deadline, local."""
    return (local(due(came, days, HOLIDAYS, zone=ZONE), ZONE) - timedelta(seconds=1)).date()


@pytest.mark.parametrize(
    ("came", "days", "last"),
    [
        ("2026-11-23 10:00", 3, "2026-11-26"),
        ("2026-11-20 23:59", 1, "2026-11-23"),  # over a weekend
        ("2026-02-13 09:00", 1, "2026-02-14"),  # a Saturday that is worked in exchange
        ("2026-02-14 09:00", 1, "2026-02-24"),  # over the Spring Festival
        ("2026-09-30 18:00", 15, "2026-10-27"),  # over the National Day, with a Saturday worked
    ],
)
def test_a_deadline_counts_working_days_of_the_calendar(came: str, days: int, last: str) -> None:
    moment = datetime.strptime(came, "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
    assert ends(moment, days) == date.fromisoformat(last)


@given(came=KNOWN, days=st.integers(1, 30))
def test_between_receipt_and_end_lie_exactly_so_many_working_days(came: datetime, days: int) -> None:
    first, last = local(came, ZONE).date(), ends(came, days)
    between = [first + timedelta(days=i) for i in range(1, (last - first).days + 1)]
    assert sum(map(HOLIDAYS.is_working_day, between)) == days
    assert HOLIDAYS.is_working_day(last)


@given(came=KNOWN, days=st.integers(1, 10), more=st.integers(0, 10))
def test_what_is_overdue_is_counted_in_working_days(came: datetime, days: int, more: int) -> None:
    deadline = due(came, days, HOLIDAYS, zone=ZONE)
    assert overdue_days(deadline, deadline - timedelta(seconds=1), HOLIDAYS, zone=ZONE) == 0
    later = due(came, days + more, HOLIDAYS, zone=ZONE) - timedelta(seconds=1)
    assert overdue_days(deadline, later, HOLIDAYS, zone=ZONE) == more


def test_a_deadline_over_a_year_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnavailableError) as raised:
        due(datetime(2026, 12, 25, tzinfo=UTC), 15, HOLIDAYS, zone=ZONE)
    assert raised.value.code == "holidays_unknown"
