"""Charts of shares and of totals over quarters, as SVG made on the server, each with its table and its sentence.

Rules of this room: as in `charts`; bars are labelled directly with what they come to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from flask_babel import format_decimal, gettext
from markupsafe import Markup

from web.bulletinwords import Part, part_sentence
from web.charts import HEIGHT, WIDTH, Chart, drawn

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_INK = "var(--ink)"
_ROW = 26
_ROOM = 1.2  # to the right of the longest bar, for its label


def shares(id: str, part: Part) -> Chart:
    """The shares of a part as bars."""
    rows = tuple(
        (cell.name, "–" if cell.count is None else format_decimal(cell.count), format_decimal(cell.share) + " %")
        for cell in part.cells
    )
    labels = [(cell.name, cell.share, format_decimal(cell.share) + " %") for cell in part.cells]
    spec = _bars(labels)
    return Chart(
        id, part.title, part_sentence(part), Markup(drawn(msgspec.json.encode(spec))),  # noqa: S704 - our own renderer
        (part.title, gettext("Reports"), gettext("Share")), rows,
    )


def totals(id: str, title: str, sentence: str, quarters: Sequence[tuple[str, int, str]]) -> Chart:
    """Totals of quarters (oldest first: name, total, change) as bars."""
    spec = _bars([(name, total, format_decimal(total)) for name, total, _ in quarters], height=HEIGHT)
    return Chart(
        id, title, sentence, Markup(drawn(msgspec.json.encode(spec))),  # noqa: S704 - our own renderer
        (gettext("Quarter"), gettext("Reports"), gettext("On the quarter before")),
        tuple((name, format_decimal(total), said) for name, total, said in reversed(quarters)),
    )


def counts(id: str, title: str, sentence: str, heads: tuple[str, str], rows: Sequence[tuple[str, int]]) -> Chart:
    """Counts of some things as bars, in the order given."""
    spec = _bars([(name, count, format_decimal(count)) for name, count in rows])
    return Chart(
        id, title, sentence, Markup(drawn(msgspec.json.encode(spec))),  # noqa: S704 - our own renderer
        heads, tuple((name, format_decimal(count)) for name, count in rows),
    )  # fmt: skip


def _bars(values: Sequence[tuple[str, float, str]], height: int = 0) -> dict[str, Any]:
    data = [{"name": name, "value": value, "label": label} for name, value, label in values]
    most = max((value for _, value, _ in values), default=0) or 1
    y = {"field": "name", "type": "nominal", "sort": None, "title": None,
         "axis": {"domain": False, "ticks": False, "labelPadding": 8, "labelLimit": 170}}  # fmt: skip
    x = {"field": "value", "type": "quantitative", "axis": None, "scale": {"domain": [0, most * _ROOM]}}
    return {
        "$schema": _SCHEMA, "width": WIDTH - 120, "height": height or _ROW * max(len(data), 1), "padding": 4,
        "data": {"values": data},
        "layer": [
            {"mark": {"type": "bar", "color": "var(--accent)", "height": {"band": 0.7}}, "encoding": {"x": x, "y": y}},
            {"mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 13},
             "encoding": {"x": x, "y": y, "text": {"field": "label"}, "color": {"value": _INK}}},
        ],
        "config": {
            "aria": False, "background": None, "view": {"stroke": None},
            "axis": {"labelColor": _INK, "labelFontSize": 13},
        },
    }  # fmt: skip
