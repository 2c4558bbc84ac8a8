"""Charts as SVG made on the server, each with its table and the one sentence that says what to see.

Rules of this room: a chart is a Vega-Lite document as plain data; colours are the stylesheet's variables, so that dark
mode works; nothing in the SVG needs an inline style or script; what a chart shows also stands in its table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec
from flask_babel import format_date, format_decimal, gettext, ngettext
from markupsafe import Markup

from web.current import language_of

WIDTH, HEIGHT = 400, 170
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_INK, _SOFT, _LINE = "var(--ink)", "var(--soft)", "var(--line)"
_DATES = {"zh_CN": "%-m月%-d日", "en": "%-d %b"}
_AXIS: Mapping[bool, dict[str, Any]] = {
    False: {"format": ",d"},
    True: {"labelExpr": "replace(format(datum.value, '.2~s'), regexp('([kMGT]?)$'), ' $1B')"},
}
_GAP = 0.13  # of the height: labels nearer than this are moved apart


@dataclass(frozen=True)
class Series:
    """One line of a chart: its name in the page's language, its colour, whole numbers in the order of the days (None:
    not known, the line is not drawn there)."""

    name: str
    colour: str
    values: tuple[int | None, ...]
    shown: Callable[[int], str] | None = None  # how the table writes a value; grouped digits where it is None


@dataclass(frozen=True)
class Chart:
    """What a page needs of a chart. `rows` are (day, value of each series), newest first."""

    id: str
    title: str
    sentence: str
    svg: Markup
    heads: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def over_days(
    id: str, title: str, sentence: str, days: Sequence[date], series: Sequence[Series], *,
    more: Sequence[Series] = (), bytes: bool = False,
) -> Chart:
    """Lines over days (local dates, ascending), labelled at their ends; `more` stands in the table alone.

    `bytes`: the values are sizes, so the axis says kB and MB.
    """  # fmt: skip
    spec = _lines(days, series, _DATES[language_of()], bytes=bytes)
    columns = (*series, *more)
    return Chart(
        id, title, sentence, Markup(drawn(msgspec.json.encode(spec))),  # noqa: S704 - made by our own renderer
        (gettext("Day"), *(line.name for line in columns)),
        tuple(
            (format_date(day, "yyyy-MM-dd"), *(_cell(line, line.values[place]) for line in columns))
            for place, day in reversed(list(enumerate(days)))
        ),
    )  # fmt: skip


@lru_cache(maxsize=64)
def drawn(spec: bytes) -> str:
    """The SVG of a Vega-Lite document (JSON), hidden from screen readers: its sentence and its table speak."""
    import vl_convert  # noqa: PLC0415 - it brings a whole JavaScript engine: only for pages that have a chart

    svg: str = vl_convert.vegalite_to_svg(msgspec.json.decode(spec))
    start = svg.index("<svg") + len("<svg")
    return f'<svg aria-hidden="true" focusable="false"{svg[start:]}'


def _cell(line: Series, value: int | None) -> int | str:
    if value is None:
        return "–"
    return value if line.shown is None else line.shown(value)


def _lines(days: Sequence[date], series: Sequence[Series], dates: str, *, bytes: bool) -> dict[str, Any]:
    values = [
        {"day": day.isoformat(), "line": line.name, "value": value}
        for line in series
        for day, value in zip(days, line.values) if value is not None
    ]
    colour = {
        "field": "line", "type": "nominal", "legend": None, "sort": None,
        "scale": {"domain": [line.name for line in series], "range": [line.colour for line in series]},
    }
    x = {
        "field": "day", "type": "temporal", "title": None,
        "axis": {"format": dates, "grid": False, "tickCount": 4, "labelPadding": 6, "labelFlush": True},
    }
    y = {
        "field": "value", "type": "quantitative", "title": None,
        "axis": {"tickCount": 4, "tickMinStep": 1, "domain": False, "ticks": False, "labelPadding": 8, **_AXIS[bytes]},
    }
    encoding = {"x": x, "y": y, "color": colour}
    return {
        "$schema": _SCHEMA, "width": WIDTH, "height": HEIGHT, "data": {"values": values}, "padding": 4,
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 2.5, "interpolate": "linear"}, "encoding": encoding},
            _labels(days, series, x),
        ],
        "config": {
            "aria": False, "background": None, "view": {"stroke": None},
            "axis": {
                "gridColor": _LINE, "domainColor": _LINE, "tickColor": _LINE, "labelColor": _SOFT, "labelFontSize": 13,
            },
        },
    }  # fmt: skip


def _labels(days: Sequence[date], series: Sequence[Series], x: Mapping[str, Any]) -> dict[str, Any]:
    """The names of the lines at their ends, moved apart where they would touch."""
    most = max((value for line in series for value in line.values if value is not None), default=0) or 1
    ends = [
        (float(value), day, line.name)
        for line in series
        for day, value in [(day, value) for day, value in zip(days, line.values) if value is not None][-1:]
    ]
    placed: list[dict[str, Any]] = []
    lowest = dict[date, float]()
    for value, day, name in sorted(ends):
        height = max(value, lowest[day] + _GAP * most) if day in lowest else value
        lowest[day] = height
        placed.append({"day": day.isoformat(), "line": name, "value": height})
    return {
        "data": {"values": placed},
        "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 14, "fontWeight": 600},
        "encoding": {
            "x": dict(x), "y": {"field": "value", "type": "quantitative"}, "text": {"field": "line"},
            "color": {"value": _INK},
        },
    }  # fmt: skip


def registrations_over_time(per_day: Mapping[date, Mapping[str, int]]) -> Chart:
    """New registrations and withdrawals per day."""
    days = list(per_day)
    new = tuple(counts["registered"] for counts in per_day.values())
    gone = tuple(counts["withdrawn"] + counts["expired"] for counts in per_day.values())
    sentence = gettext(
        "%(new)s in %(days)s days, %(gone)s withdrawn or expired; the most on one day: %(most)s.",
        new=ngettext(
            "%(count)s new registration", "%(count)s new registrations", sum(new), count=format_decimal(sum(new))
        ),
        days=format_decimal(len(days)), gone=format_decimal(sum(gone)), most=format_decimal(max(new, default=0)),
    )
    return over_days(
        "registrations", gettext("Registrations over time"), sentence, days,
        (Series(gettext("Registered"), "var(--accent)", new), Series(gettext("Ended"), "var(--warn)", gone)),
    )


def reports_by_verdict(days: Sequence[date], verdicts: Mapping[str, Sequence[int]]) -> Chart:
    """Reports per day by verdict; `verdicts` are counts in the order of the days."""
    violations, others = tuple(verdicts["violation"]), tuple(verdicts["other"])
    total = sum(violations) + sum(others)
    sentence = (
        gettext(
            "%(share)s of %(total)s were violations.",
            share=format_decimal(round(100 * sum(violations) / total)) + " %",
            total=ngettext("%(count)s report", "%(count)s reports", total, count=format_decimal(total)),
        )
        if total
        else gettext("No report has come in during these days.")
    )
    return over_days(
        "verdicts", gettext("Reports by verdict"), sentence, days,
        (Series(gettext("Violations"), "var(--stop)", violations), Series(gettext("Others"), "var(--accent)", others)),
    )
