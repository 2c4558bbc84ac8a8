"""Figures of a period: what came in by day and part, how long steps took, what lies on desks, what is in force.

Rules of this room:
- A period is whole local days, named in its address: `days` (the last 30), a quarter (2026-Q4) or a year (2026); it
  ends today at the latest.
- Reports are read from counts by day (`daycounts`), never from the reports, so that a million of them cost what a
  thousand do; cases, measures and fines are few and are read as they stand.
- What is told of steps is about the reports received in the period; a step that has not ended yet is not in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from registry.casemoves import WORKED
from registry.daycounts import STEPS
from registry.errors import InvalidInputError
from registry.quarters import Quarter, quarter_named
from registry.times import local

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.rulebook import Deadlines
    from registry.store import Store

LATEST = "days"
DAYS, QUARTERS, YEARS = 30, 6, 3  # offered
TOP = 10
AGES = (7, 30, 60)  # days since a case was opened: the ends of the groups, and what is older
IN_FORCE = ("in_force", "appealed")


@dataclass(frozen=True, slots=True)
class Period:
    """Whole local days, with the name that stands in addresses."""

    name: str
    first: date
    last: date

    @property
    def days(self) -> list[date]:
        """All days, in order."""
        return [self.first + timedelta(days=i) for i in range((self.last - self.first).days + 1)]


@dataclass(frozen=True, slots=True)
class Step:
    """How long a step took, in hours: the middle and what 95 of 100 took at most; how many ended, and how many after
    their deadline of so many working days (0: the rulebook states none)."""

    step: str
    ended: int
    late: int
    median: int
    p95: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a period. `per_day`: reports, upheld, unfounded by day; `parts`: rows of name, reports, upheld,
    unfounded by part; `desks`: desk, open, overdue; `cases`: open ones by state and age group; `measures`: in force, by
    kind; `decided`: how many fines were, of how many yuan; `fines`: all, by state; `at`: when it was counted."""

    period: Period
    per_day: tuple[tuple[int, int, int], ...]
    parts: Mapping[str, Sequence[Mapping[str, Any]]]
    steps: tuple[Step, ...]
    desks: Sequence[Mapping[str, Any]]
    cases: Mapping[str, tuple[int, ...]]
    measures: Mapping[str, int]
    decided: tuple[int, int]
    fines: Mapping[str, int]
    at: int

    @property
    def reports(self) -> int:
        """How many came."""
        return sum(each[0] for each in self.per_day)

    @property
    def upheld(self) -> tuple[int, int]:
        """How many were found a violation, out of those about which something was found."""
        found = sum(each[1] for each in self.per_day)
        return found, found + sum(each[2] for each in self.per_day)


_PARTS = {"state": 20, "category": 20, "class": 5, "province": TOP, "carrier": TOP, "enterprise": TOP}


def offered(today: date) -> list[str]:
    """The names of the periods that can be chosen."""
    quarter = Quarter(today.year, (today.month + 2) // 3)
    quarters = [str(quarter.before(i)) for i in range(QUARTERS)]
    return [LATEST, *quarters, *(str(today.year - i) for i in range(YEARS))]


def period_named(name: str, today: date) -> Period:
    """A period by name. Raises InvalidInputError bad_period for one that is none or has not begun."""
    if name == LATEST:
        return Period(name, today - timedelta(days=DAYS - 1), today)
    if len(name) == 4 and name.isascii() and name.isdigit() and int(name) >= 2000:
        first, after = date(int(name), 1, 1), date(int(name) + 1, 1, 1)
    else:
        try:
            quarter = quarter_named(name)
        except InvalidInputError as error:
            raise InvalidInputError("There is no such period.", code="bad_period") from error
        first, after = (date(each.year, 3 * each.number - 2, 1) for each in (quarter, quarter.before(-1)))
    if first > today:
        raise InvalidInputError("This period has not begun.", code="bad_period")
    return Period(name.upper(), first, min(after - timedelta(days=1), today))


def figures(store: Store, clock: Clock, period: Period, *, limits: Deadlines, zone: str) -> Figures:
    """The figures of a period; `limits`: the deadlines of today's rulebook."""
    now, span = clock.now(), {"first": period.first, "last": period.last}
    with store.reading():
        rows = store.day_counts.per_day("all", "", **span)
        none = {"reports": 0, "upheld": 0, "unfounded": 0}
        per_day = [rows.get(day, none) for day in period.days]
        return Figures(
            period, tuple((each["reports"], each["upheld"], each["unfounded"]) for each in per_day),
            {part: store.day_counts.summed(part, limit=limit, **span) for part, limit in _PARTS.items()},
            tuple(_steps(store.day_counts.steps(**span), limits)), store.day_counts.desks(),
            _aged(store.cases.opened_of(WORKED), now), store.measures.kinds_in(IN_FORCE),
            _decided(store, period, zone), dict(sorted(store.penalties.counts().items())), store.day_counts.marks()[1],
        )  # fmt: skip


def _steps(rows: Iterable[Mapping[str, Any]], limits: Deadlines) -> Iterator[Step]:
    found = {step: list(each) for step, each in groupby(rows, key=itemgetter("step"))}
    for step in STEPS:
        if step not in found:
            continue
        hours = [(row["hours"], row["ended"]) for row in found[step]]
        ended = sum(count for _hours, count in hours)
        late = sum(row["late"] for row in found[step])
        deadline = 1 if step == "accept" else getattr(limits, step)
        yield Step(step, ended, late, _reached(hours, ended, 50), _reached(hours, ended, 95), deadline)


def _reached(hours: Sequence[tuple[int, int]], whole: int, percent: int) -> int:
    """The hours within which so many per cent ended."""
    passed = 0
    for each, count in hours:
        passed += count
        if passed * 100 >= whole * percent:
            return each
    return 0


def _aged(opened: Iterable[tuple[str, datetime]], now: datetime) -> dict[str, tuple[int, ...]]:
    """Cases by state and group of AGES."""
    found: dict[str, Counter[int]] = {}
    for state, at in opened:
        days = (now - at).days
        group = next((place for place, end in enumerate(AGES) if days < end), len(AGES))
        found.setdefault(state, Counter())[group] += 1
    return {state: tuple(counts[group] for group in range(len(AGES) + 1)) for state, counts in found.items()}


def _decided(store: Store, period: Period, zone: str) -> tuple[int, int]:
    """Fines decided in a period: how many, and of how many yuan together."""
    decided = [
        each.sum for each in store.penalties.in_states(("decided", "paid"), limit=1 << 30)
        if each.decided is not None and period.first <= local(each.decided, zone).date() <= period.last
    ]  # fmt: skip
    return len(decided), sum(decided)
