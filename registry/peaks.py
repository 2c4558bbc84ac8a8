"""Peaks: the days of the year on which much is sold, and the surge of reports around them (rule 82, system 35).

Rules of this room:
- A peak is a day of every year with a window around it [D]; windows, with the base weeks before them, never meet the
  window of another, or one surge would hide the next. A day that some year lacks (29 February) is no peak.
- The surge of a year is the daily mean of its window over the daily mean of its base; only whole days count, and a base
  that is not known whole gives none. Where nothing was counted yet is not 0: it is said.
- What is expected is this year's base times the mean surge of earlier years, no more than that.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from registry.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from registry.store import Store

State = Literal["missing", "cut", "coming", "running", "whole"]
EARLIER = 3  # years that are looked at beside this one
LEAST_BASE = 7  # days of this year's base that must be known before anything is expected
LONGEST_NAME = 40
_SOURCE = Path(__file__).with_name("peaks.toml")
_SLUG = re.compile(r"[a-z][a-z0-9-]{1,29}")
_LONGEST: Mapping[str, tuple[int, int]] = {"before": (0, 90), "after": (0, 90), "base": (7, 90), "warn": (1, 60)}
_TRIED = (2023, 2024)  # an ordinary year and a leap year


@dataclass(frozen=True, slots=True)
class Peak:
    """A day of every year. `before`, `after`: days of the window around it; `base`: days before the window; `warn`: so
    many days before the window opens providers are warned; `surge`: from so many times the base on somebody had one."""

    peak: str
    name_zh: str
    name_en: str
    month: int
    day: int
    before: int
    after: int
    base: int
    warn: int
    surge: float

    def on(self, year: int) -> date:
        """The day itself."""
        return date(year, self.month, self.day)

    def first(self, year: int) -> date:
        """The first day of the window."""
        return self.on(year) - timedelta(days=self.before)

    def last(self, year: int) -> date:
        """The last day of the window."""
        return self.on(year) + timedelta(days=self.after)

    def base_first(self, year: int) -> date:
        """The first day of the base."""
        return self.first(year) - timedelta(days=self.base)

    def warned(self, year: int) -> date:
        """The day from which on providers are warned."""
        return self.first(year) - timedelta(days=self.warn)

    def days(self, year: int) -> tuple[date, ...]:
        """All days of base and window."""
        first = self.base_first(year)
        return tuple(first + timedelta(days=i) for i in range(self.base + self.before + 1 + self.after))

    def newest(self, today: date) -> int:
        """The newest year whose base has begun."""
        return next(year for year in (today.year + 1, today.year, today.year - 1) if self.base_first(year) <= today)

    def next(self, today: date) -> int:
        """The year of the window that comes next, or is open."""
        return next(year for year in (today.year - 1, today.year, today.year + 1) if self.last(year) >= today)


_INTS = tuple(field.name for field in fields(Peak) if field.type == "int")


# as data


def load_peaks() -> tuple[Peak, ...]:
    """The peaks that come with the program."""
    return parse_peaks(_SOURCE.read_text(encoding="utf-8"))


def parse_peaks(text: str) -> tuple[Peak, ...]:
    """Peaks from TOML, a table each. Raises InvalidInputError bad_peak, no_such_date."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"This is no TOML: {error}.", code="bad_peak") from error
    return tuple(peak_from(name, table) for name, table in tables.items())


def peak_from(name: str, table: Any) -> Peak:
    """A peak from its short name and its values. Raises InvalidInputError bad_peak, no_such_date."""
    if not isinstance(table, dict) or not _SLUG.fullmatch(name) or table.keys() != {f.name for f in fields(Peak)[1:]}:
        wanted = ", ".join(field.name for field in fields(Peak)[1:])
        raise InvalidInputError(f"{name}: a peak is a table with {wanted}.", code="bad_peak")
    if not (_is_name(table["name_zh"]) and _is_name(table["name_en"])):
        raise InvalidInputError(f"{name}: a name has 1 to {LONGEST_NAME} characters and no quotes.", code="bad_peak")
    if any(type(table[part]) is not int for part in _INTS) or not isinstance(table["surge"], int | float):
        raise InvalidInputError(f"{name}: {', '.join(_INTS)} are whole numbers.", code="bad_peak")
    for part, (least, most) in _LONGEST.items():
        if not least <= table[part] <= most:
            raise InvalidInputError(f"{name}: {part} is {least} to {most} days.", code="bad_peak")
    if not 1 < table["surge"] <= 100:
        raise InvalidInputError(f"{name}: surge is more than 1 and at most 100.", code="bad_peak")
    made = Peak(peak=name, **table)
    try:
        made.on(_TRIED[0])
    except ValueError as error:
        raise InvalidInputError(f"{name}: not every year has this date.", code="no_such_date") from error
    return made


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= LONGEST_NAME and text.isprintable() and not set('"\\') & set(text)


def written(peaks: Iterable[Peak]) -> str:
    """Peaks as TOML."""
    return "\n".join(
        f"[{each.peak}]\n" + "".join(f"{field.name} = {_value(getattr(each, field.name))}\n"
                                     for field in fields(Peak) if field.name != "peak")
        for each in peaks
    )  # fmt: skip


def joined(ours: Iterable[Peak], edited: Iterable[Peak]) -> tuple[Peak, ...]:
    """Peaks with those of an edited list added, or in place of their own, in the order of the year.

    Raises InvalidInputError peaks_overlap.
    """
    found = {each.peak: each for each in (*ours, *edited)}
    made = tuple(sorted(found.values(), key=lambda each: (each.month, each.day, each.peak)))
    _must_be_apart(made)
    return made


def peak_of(peaks: Iterable[Peak], name: str) -> Peak:
    """A peak by its short name. Raises NotFoundError no_such_peak."""
    found = next((each for each in peaks if each.peak == name), None)
    if found is None:
        raise NotFoundError("There is no such peak.", code="no_such_peak")
    return found


def _value(value: str | float) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _must_be_apart(peaks: Sequence[Peak]) -> None:
    """Raises InvalidInputError peaks_overlap where a window, or the base before it, meets another window."""
    for year in _TRIED:
        spans = sorted(
            ((each.first(y), each.last(y), each.base_first(y), each) for each in peaks for y in (year, year + 1)),
            key=lambda span: span[0],
        )
        for before, after in pairwise(spans):
            if after[2] <= before[1]:
                names = f"{before[3].peak} and {after[3].peak}"
                raise InvalidInputError(
                    f"The window of one peak meets the window or the base of another: {names}.", code="peaks_overlap"
                )


# figures


@dataclass(frozen=True, slots=True)
class Line:
    """A year's line: counts of all days of base and window (None: not counted), daily means of both (None: not known)
    and the surge. `state`: missing (nothing was counted then), cut (counting began in the middle), coming, running
    (whole days so far), whole. `known`: how many days of the window are counted."""

    peak: Peak
    year: int
    state: State
    counts: tuple[int | None, ...]
    base: float | None
    mean: float | None
    known: int

    @property
    def surge(self) -> float | None:
        """The window's daily mean over the base's."""
        return self.mean / self.base if self.base and self.mean is not None else None


@dataclass(frozen=True, slots=True)
class Expected:
    """What this year's window may come to: the daily mean with the least and most that earlier surges would give, out
    of which `years`, on `base` days; `days` are the counts of all days of the window."""

    mean: float
    least: float
    most: float
    years: tuple[int, ...]
    base: int
    days: tuple[int, ...]


def lines(
    store: Store, peak: Peak, *, year: int, today: date, part: str = "all", name: str = ""
) -> tuple[Line, ...]:
    """The line of a year and of those before it, the newest first: of all reports or of those of one `part` (as in
    `daycounts`) and name."""
    with store.reading():
        since = store.day_counts.since()
        return tuple(
            line(peak, each, _counted(store, peak, each, part, name), since=since, today=today)
            for each in range(year, year - EARLIER - 1, -1)
        )


def _counted(store: Store, peak: Peak, year: int, part: str, name: str) -> dict[date, int]:
    return store.day_counts.line(part, name, first=peak.base_first(year), last=peak.last(year))


def line(peak: Peak, year: int, counted: Mapping[date, int], *, since: date | None, today: date) -> Line:
    """A year's line out of what was counted; `since`: the first day that was counted at all. Today is not whole yet."""
    days = peak.days(year)
    counts = tuple(counted.get(day, 0) if since is not None and since <= day < today else None for day in days)
    base, window = counts[: peak.base], counts[peak.base :]
    known = [count for count in window if count is not None]
    state: State = (
        "missing" if days[0] < today and (since is None or since > days[-1])
        else "cut" if since is not None and days[0] < since < today
        else "coming" if today <= peak.first(year)
        else "running" if today <= peak.last(year)
        else "whole"
    )  # fmt: skip
    return Line(peak, year, state, counts, _mean(base), sum(known) / len(known) if known else None, len(known))


def _mean(counts: Sequence[int | None]) -> float | None:
    """The mean of days that are all known."""
    known = [count for count in counts if count is not None]
    return sum(known) / len(known) if len(known) == len(counts) else None


def expected(own: Line, earlier: Iterable[Line]) -> Expected | None:
    """This year's base times the mean surge of the earlier years that are whole; None where there is none, or fewer
    than LEAST_BASE days of this year's base are known."""
    past = [each for each in earlier if each.state == "whole" and each.surge is not None]
    base = [count for count in own.counts[: own.peak.base] if count is not None]
    if not past or len(base) < LEAST_BASE or not sum(base):
        return None
    mean, surges = sum(base) / len(base), [each.surge or 0.0 for each in past]
    shapes = [[(count or 0) / (each.base or 1) for count in each.counts[each.peak.base :]] for each in past]
    days = tuple(round(mean * sum(of_day) / len(shapes)) for of_day in zip(*shapes))
    return Expected(
        mean * sum(surges) / len(surges), mean * min(surges), mean * max(surges),
        tuple(sorted(each.year for each in past)), len(base), days,
    )


@dataclass(frozen=True, slots=True)
class Surge:
    """How much an enterprise was reported in a year's window and base; `times`: the surge, None where nothing was in
    the base (whatever came then is new)."""

    enterprise: str
    reports: int
    base: int
    times: float | None


def surges(
    store: Store, peak: Peak, *, year: int, today: date, least: int, limit: int = 1 << 30
) -> tuple[Surge, ...]:
    """The enterprises that were reported at least `least` times in a year's window, the greatest surge first; those
    that are new lead. Where the base is not known whole there is none. Reports that were found unfounded or somebody
    else's do not count against them."""
    since = store.day_counts.since()
    if since is None or since > peak.base_first(year) or today <= peak.first(year):
        return ()
    end = min(peak.last(year), today - timedelta(days=1))
    length = (end - peak.first(year)).days + 1
    rows = store.day_counts.beside(
        "enterprise", base=peak.base_first(year), first=peak.first(year), last=end, least=least
    )
    found = [
        Surge(row["name"], row["reports"], row["base"],
              row["reports"] / length / (row["base"] / peak.base) if row["base"] else None)
        for row in rows
    ]  # fmt: skip
    found.sort(key=lambda each: (each.times is not None, -(each.times or 0), -each.reports, each.enterprise))
    return tuple(found[:limit])
