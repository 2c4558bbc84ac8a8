"""The chart of a peak: this year's line beside those of earlier years and what is expected; and what it says in words.

Rules of this room: as in `charts`; all years are drawn on this year's days, by how far they are from the peak; a year
without figures is named, never drawn as nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import format_decimal, gettext, lazy_gettext, ngettext

from registry.peaks import Expected, Line, Peak
from web.charts import Chart, Series, over_days
from web.current import language_of

_COLOURS = ("var(--accent)", "var(--warn)", "var(--stop)", "var(--edge)")
STATES: dict[str, tuple[str, Any]] = {  # of a year: colour, word
    "missing": ("plain", lazy_gettext("No figures")),
    "cut": ("plain", lazy_gettext("Counted in part")),
    "coming": ("plain", lazy_gettext("Yet to come")),
    "running": ("warn", lazy_gettext("Under way")),
    "whole": ("ok", lazy_gettext("Whole")),
}


def name_of(peak: Peak) -> str:
    """A peak's name in the language of the page."""
    return peak.name_zh if language_of() == "zh_CN" else peak.name_en


def times(value: float | None) -> str:
    """How many times the base, to a tenth; a dash where it is not known."""
    return "–" if value is None else str(gettext("%(times)s ×", times=format_decimal(value, format="#,##0.0")))


def lines_of_years(lines: Sequence[Line], expected: Expected | None) -> Chart:
    """The lines of a year (first) and of those before it, day by day, with what is expected of the window."""
    own = lines[0]
    shown = [each for each in lines if any(count is not None for count in each.counts)]
    series = [Series(str(each.year), _COLOURS[lines.index(each)], each.counts) for each in shown]
    if expected and own.state in ("coming", "running", "cut"):
        ahead = (None,) * own.peak.base + expected.days
        series.append(Series(gettext("Expected"), "var(--soft)", ahead))
    days: list[date] = list(own.peak.days(own.year))
    name = f"peak-{own.peak.peak}"
    return over_days(name, gettext("%(peak)s: reports a day", peak=name_of(own.peak)), sentence(lines), days, series)


def sentence(lines: Sequence[Line]) -> str:
    """What to see: the surge of each year, and of which years there are no figures."""
    said = [_said(each) for each in lines if each.surge is not None]
    missing = [str(each.year) for each in lines if each.state == "missing"]
    if missing:
        said.append(gettext("No figures of %(years)s.", years=gettext(", ").join(missing)))
    said += [
        gettext("Counting began in the middle of %(year)s: no surge can be told.", year=each.year)
        for each in lines if each.state == "cut" and each.surge is None
    ]  # fmt: skip
    if lines[0].state == "coming":
        peak, year = lines[0].peak, lines[0].year
        said.insert(0, gettext("The window of %(year)s opens on %(day)s.", year=year, day=peak.first(year).isoformat()))
    if not said:
        return str(gettext("No surge can be told: nothing was counted in the weeks before."))
    return ("" if language_of() == "zh_CN" else " ").join(said)


def _said(line: Line) -> str:
    if line.state == "running":
        return str(ngettext(
            "%(year)s so far (%(num)d whole day): %(times)s the base.",
            "%(year)s so far (%(num)d whole days): %(times)s the base.", line.known, year=line.year,
            times=times(line.surge),
        ))  # fmt: skip
    return str(gettext("%(year)s: %(times)s the base.", year=line.year, times=times(line.surge)))


def expectation(expected: Expected) -> str:
    """What is expected, and how that was told."""
    return str(gettext(
        "Expected: about %(mean)s reports a day in the window (%(least)s to %(most)s). That is this year's base of "
        "%(days)s days times the mean surge of %(years)s, no more; what is done this year can't be seen in it.",
        mean=format_decimal(round(expected.mean)), least=format_decimal(round(expected.least)),
        most=format_decimal(round(expected.most)), days=format_decimal(expected.base),
        years=gettext(", ").join(map(str, expected.years)),
    ))  # fmt: skip
