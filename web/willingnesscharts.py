"""What people decline as a chart and as a table.

Rules of this room: as in `charts`; a count that may not be shown is a dash in tables and no bar.
"""

from __future__ import annotations

from typing import Any

import msgspec
from flask_babel import format_decimal, gettext
from markupsafe import Markup

from registry.preferences import Category, Channel
from registry.willingness import Willingness
from web.charts import Chart, drawn
from web.labels import CATEGORIES, CHANNELS

_COLOURS = {Channel.CALLS: "var(--accent)", Channel.ROBOCALLS: "var(--warn)", Channel.MESSAGES: "var(--stop)"}
_HEIGHT = 34  # of the three bars of a category


def by_category(made: Willingness) -> Chart:
    """Of all who are registered: who declines which category on which channel."""
    whole = made.registrations or 0
    rows = tuple(
        (str(CATEGORIES[category]), *(_seen(made.declined[channel.slug][category.slug]) for channel in Channel))
        for category in _ordered(made)
    )
    title = gettext("What people decline")
    if not whole:
        return Chart("willing", title, gettext("Too few people are registered to say."), Markup(""), _heads(), rows)
    most = _ordered(made)[0]
    calls = made.declined[Channel.CALLS.slug][most.slug] or 0
    sentence = gettext(
        "Most people decline %(category)s: %(share)s of %(whole)s on calls.", category=_lower(str(CATEGORIES[most])),
        share=format_decimal(round(100 * calls / whole)) + " %", whole=format_decimal(whole),
    )
    return Chart("willing", title, sentence, Markup(drawn(msgspec.json.encode(_bars(made)))), _heads(), rows)  # noqa: S704


def by_province(made: Willingness) -> tuple[tuple[str, int | None, tuple[int | None, ...]], ...]:
    """Provinces by name: registrations, and for each channel what most decline of any one category."""
    most: dict[tuple[str, str], int | None] = {}
    for cell in made.cells:
        key = (cell.province, cell.channel)
        if cell.declined is not None:
            most[key] = max(cell.declined, most.get(key) or 0)
    return tuple(
        (name, count, tuple(most.get((name, channel.slug)) for channel in Channel))
        for name, count in sorted(made.provinces.items())
    )


def _ordered(made: Willingness) -> list[Category]:
    """Categories, those that most decline first."""
    return sorted(Category, key=lambda category: -sum(made.declined[each.slug][category.slug] or 0 for each in Channel))


def _heads() -> tuple[str, ...]:
    return (gettext("Industry"), *(str(CHANNELS[channel]) for channel in Channel))


def _seen(count: int | None) -> int | str:
    return "–" if count is None else count


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _bars(made: Willingness) -> dict[str, Any]:
    whole = made.registrations or 1
    values = [
        {"category": str(CATEGORIES[category]), "channel": str(CHANNELS[channel]), "share": 100 * count / whole}
        for category in _ordered(made)
        for channel in Channel
        if (count := made.declined[channel.slug][category.slug]) is not None
    ]
    order = [str(CATEGORIES[category]) for category in _ordered(made)]
    soft = {"labelColor": "var(--soft)", "labelFontSize": 13, "gridColor": "var(--line)", "domainColor": "var(--line)"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "width": 300, "height": {"step": _HEIGHT / 3},
        "data": {"values": values}, "padding": 4, "mark": {"type": "bar"},
        "encoding": {
            "y": {"field": "category", "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 180}},
            "yOffset": {"field": "channel", "sort": [str(CHANNELS[channel]) for channel in Channel]},
            "x": {"field": "share", "type": "quantitative", "title": None, "scale": {"domain": [0, 100]},
                  "axis": {"labelExpr": "datum.value + ' %'", "tickCount": 4}},
            "color": {"field": "channel", "type": "nominal", "sort": None, "scale": {
                "domain": [str(CHANNELS[each]) for each in Channel], "range": [_COLOURS[each] for each in Channel],
            }, "legend": {"title": None, "orient": "top", "labelColor": "var(--ink)", "labelFontSize": 13}},
        },
        "config": {"aria": False, "background": None, "view": {"stroke": None}, "axis": {**soft, "ticks": False}},
    }  # fmt: skip
