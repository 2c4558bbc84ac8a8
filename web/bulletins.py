"""Public pages of the bulletins: all of them, one with charts, and the same figures as CSV, JSON and PDF.

Rules of this room: only what is published is shown, here and in every file; JSON is the frozen text, byte for byte.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from registry import bulletins
from registry.bulletinfigures import FORMAT, PARTS
from registry.bulletins import Bulletin
from registry.errors import NotFoundError
from registry.quarters import quarter_named
from web import barcharts, guard
from web.bulletinpdf import lead, pdf_of
from web.bulletinwords import CHANNELS, carrier_names, changed, rows, shown
from web.charts import Chart
from web.current import registry_of
from web.people import Page

blueprint = Blueprint("bulletins", __name__)

_HEADS = ("quarter", "channel", "part", "name", "count", "share_or_change")
_LATEST = 12  # quarters in the chart of totals
_CELL = {
    "type": "object", "required": ["name", "count", "share"], "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "count": {"type": ["integer", "null"]}, "share": {"type": "number"}},
}  # fmt: skip
_COUNTED = {"type": "integer", "minimum": 0}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A quarterly bulletin", "type": "object",
    "required": ["format", "quarter", "cutoff", "channels"], "additionalProperties": False,
    "properties": {
        "format": {"const": FORMAT}, "quarter": {"type": "string", "pattern": "^20[0-9]{2}-Q[1-4]$"},
        "cutoff": {"type": ["string", "null"], "format": "date-time"}, "smallest": {"type": "integer"},
        "channels": {"type": "object", "propertyNames": {"enum": list(CHANNELS)}, "additionalProperties": {
            "type": "object", "required": ["total", "qoq", "yoy", "parts", "segments", "enterprises"],
            "additionalProperties": False,
            "properties": {
                "total": _COUNTED, "qoq": {"type": ["number", "null"]}, "yoy": {"type": ["number", "null"]},
                "parts": {"type": "object", "propertyNames": {"enum": list(PARTS)},
                          "additionalProperties": {"type": "array", "items": _CELL}},
                "segments": {"type": "array", "items": {
                    "type": "object", "required": ["segment", "count"],
                    "properties": {"segment": {"type": "string"}, "count": _COUNTED}}},
                "enterprises": {"type": "object", "additionalProperties": {"type": "array", "items": {
                    "type": "object", "required": ["enterprise", "name", "count", "quarters"],
                    "properties": {"enterprise": {"type": "string"}, "name": {"type": "string"}, "count": _COUNTED,
                                   "quarters": _COUNTED}}}},
            },
        }},
    },
}  # fmt: skip


@blueprint.get("/bulletins")
@guard.public
def overview() -> Page:
    """All published bulletins, and how the totals went."""
    found = bulletins.published(registry_of().store)
    charts = [chart for kind in ("call", "message") if (chart := _over_quarters(found, kind))]
    return render_template("bulletins/all.html", bulletins=found, charts=charts)


def _over_quarters(found: tuple[Bulletin, ...], kind: str) -> Chart | None:
    totals = [
        (each.quarter, figures["total"], changed(figures["qoq"]))
        for each in reversed(found[:_LATEST]) if (figures := each.data["channels"].get(kind))
    ]  # fmt: skip
    if not totals:
        return None
    sentence = gettext("%(quarter)s: %(change)s on the quarter before.", quarter=totals[-1][0], change=totals[-1][2])
    return barcharts.totals(f"totals-{kind}", str(CHANNELS[kind]), sentence, totals)


def _asked(quarter: str) -> Bulletin:
    version = request.args.get("version", "")
    if version and not (version.isascii() and version.isdigit() and len(version) < 6):
        raise NotFoundError("There is no such bulletin.", code="no_such_bulletin")
    named = str(quarter_named(quarter))
    return bulletins.published_of(registry_of().store, named, int(version) if version else None)


@blueprint.get("/bulletins/<quarter>")
@guard.public
def one(quarter: str) -> Page:
    """One bulletin with its charts."""
    return render_template("bulletins/one.html", **page_of(_asked(quarter)))


def page_of(bulletin: Bulletin) -> dict[str, Any]:
    """What a page of a bulletin shows."""
    channels = shown(bulletin, carrier_names(registry_of().store))
    charts = {
        channel.slug: [barcharts.shares(f"{channel.slug}-{part.slug}", part) for part in channel.parts]
        for channel in channels
    }
    return {"bulletin": bulletin, "channels": channels, "charts": charts, "changed": changed, "lead": lead(bulletin)}


@blueprint.get("/bulletins/<quarter>.json")
@guard.public
def as_json(quarter: str) -> Response:
    """The frozen figures, byte for byte; their SHA-256 stands in the header."""
    found = _asked(quarter)
    answer = Response(found.figures.encode(), mimetype="application/json")
    answer.headers["Digest"] = f"sha-256={found.sha256}"
    return answer


@blueprint.get("/bulletins/<quarter>.csv")
@guard.public
def as_csv(quarter: str) -> Response:
    """The figures as CSV (UTF-8 with a mark, so that spreadsheets read Chinese)."""
    found, text = _asked(quarter), io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_HEADS)
    writer.writerows(rows(found))
    return _file(text.getvalue().encode("utf-8-sig"), "text/csv", f"bulletin-{found.quarter}.csv")


@blueprint.get("/bulletins/<quarter>.pdf")
@guard.public
def as_pdf(quarter: str) -> Response:
    """The bulletin as PDF in the page's language."""
    found = _asked(quarter)
    return _file(pdf_of(registry_of().store, found), "application/pdf", f"bulletin-{found.quarter}.pdf")


def _file(content: bytes, kind: str, name: str) -> Response:
    answer = Response(content, mimetype=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@blueprint.get("/bulletins/schema.json")
@guard.public
def schema() -> Response:
    """What the JSON of a bulletin looks like (JSON Schema)."""
    return jsonify(SCHEMA)
