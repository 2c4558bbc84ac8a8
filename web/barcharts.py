"""Charts of shares and of totals over quarters, as SVG made on the server, each with its table and its sentence.

Rules of this room: as in `charts`; bars are labelled directly with what they come to. A chart is as wide as a phone
leaves room: names stand above their bars, or beside them where they are as short as a quarter's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from flask_babel import format_decimal, gettext
from markupsafe import Markup

from web.bulletinwords import Part, part_sentence
from web.charts import HEIGHT, Chart, drawn

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_INK = "var(--ink)"
_WIDTH = 296  # what a phone of 360 px leaves
_ROW, _UP, _DOWN = 44, -11, 9  # of a name and its bar; from the middle up to the name and down to the bar
_ROOM = 1.35  # to the right of the longest bar, for its label


def shares(id: str, part: Part) -> Chart:
    """The shares of a part as bars."""
    rows = tuple(
        (cell.name, "–" if cell.count is None else format_decimal(cell.count), format_decimal(cell.share) + " %")
        for cell in part.cells
    )
    labels = [(cell.name, cell.share, format_decimal(cell.share) + " %") for cell in part.cells]
    spec = _bars(labels)
    return Chart(
        id, part.title, part_sentence(part), _svg(spec),
        (part.title, gettext("Reports"), gettext("Share")), rows,
    )


def totals(id: str, title: str, sentence: str, quarters: Sequence[tuple[str, int, str]]) -> Chart:
    """Totals of quarters (oldest first: name, total, change) as bars."""
    spec = _bars([(name, total, format_decimal(total)) for name, total, _ in quarters], height=HEIGHT)
    return Chart(
        id, title, sentence, _svg(spec),
        (gettext("Quarter"), gettext("Reports"), gettext("On the quarter before")),
        tuple((name, format_decimal(total), said) for name, total, said in reversed(quarters)),
    )


def counts(id: str, title: str, sentence: str, heads: tuple[str, str], rows: Sequence[tuple[str, int]]) -> Chart:
    """Counts of some things as bars, in the order given."""
    spec = _bars([(name, count, format_decimal(count)) for name, count in rows])
    return Chart(
        id, title, sentence, _svg(spec),
        heads, tuple((name, format_decimal(count)) for name, count in rows),
    )  # fmt: skip


def _svg(spec: dict[str, Any]) -> Markup:
    made = drawn(msgspec.json.encode(spec)).replace('class="marks"', 'class="marks bars"', 1)
    return Markup(made)  # noqa: S704 - our own renderer


def _bars(values: Sequence[tuple[str, float, str]], height: int = 0) -> dict[str, Any]:
    data = [{"name": name, "value": value, "label": label} for name, value, label in values]
    most = max((value for _, value, _ in values), default=0) or 1
    above = not height
    axis = {"domain": False, "ticks": False, "labelPadding": 8}
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": None if above else axis}
    x = {"field": "value", "type": "quantitative", "axis": None, "scale": {"domain": [0, most * _ROOM]}}
    ink, down = {"value": _INK}, _DOWN if above else 0
    bar = {"type": "bar", "color": "var(--accent)", "height": {"band": 0.4 if above else 0.7}, "yOffset": down}
    text = {"type": "text", "align": "left", "fontSize": 14}
    layers = [
        {"mark": bar, "encoding": {"x": x, "y": y}},
        {"mark": {**text, "dx": 6, "dy": down},
         "encoding": {"x": x, "y": y, "text": {"field": "label"}, "color": ink}},
    ]  # fmt: skip
    if above:
        layers.append({
            "mark": {**text, "dy": _UP, "limit": _WIDTH},
            "encoding": {"x": {"value": 0}, "y": y, "text": {"field": "name"}, "color": ink},
        })
    return {
        "$schema": _SCHEMA, "width": _WIDTH, "height": height or _ROW * max(len(data), 1), "padding": 2,
        "autosize": {"type": "fit", "contains": "padding"}, "data": {"values": data}, "layer": layers,
        "config": {
            "aria": False, "background": None, "view": {"stroke": None},
            "axis": {"labelColor": _INK, "labelFontSize": 14},
        },
    }  # fmt: skip
