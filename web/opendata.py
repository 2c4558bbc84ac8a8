"""Open data for everybody: reported callers with schema, licence and files of the last days; what people decline.

Rules of this room: files go out as they lie on the shelf, whole or a range of them; what a mark means stands above.
"""

from __future__ import annotations

import csv
import io
from contextlib import ExitStack
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from registry import opendata, openfiles, willingness
from registry.errors import NotFoundError
from registry.quarters import SMALLEST
from web import guard, willingnesscharts
from web.api.feeds import Part
from web.api.ranges import ranged
from web.current import registry_of
from web.people import Page
from web.reportwords import PROVINCES

blueprint = Blueprint("opendata", __name__)

_BUFFER = 1 << 16
_FOR_A_DAY = "public, max-age=86400, immutable"


@blueprint.get("/open-data")
@guard.public
def page() -> Page:
    """What there is to take, and how to take it."""
    shelf = registry_of().shelf
    return render_template(
        "open_data.html", days=[openfiles.of_day(shelf, day) for day in openfiles.days(shelf)],
        columns=openfiles.COLUMNS, fewest=opendata.FEWEST, counted_days=opendata.DAYS, kept=openfiles.KEPT_DAYS,
        types={str: "text", int: "integer"},
    )


@blueprint.get("/open-data/<day>/<name>")
@guard.public
def download(day: str, name: str) -> Response:
    """One file of a day; `latest` for the newest."""
    shelf = registry_of().shelf
    newest = openfiles.latest(shelf) if day == "latest" else None
    place, found = openfiles.place_of(shelf, newest.day if newest else _day(day), name)

    def opened(start: int, length: int) -> Any:
        stack = ExitStack()
        part = Part(stack.enter_context(shelf.open(place)), stack, start, length)
        return wrap_file(request.environ, part, _BUFFER)  # type: ignore[arg-type]

    saved = f"{place.split('/')[1]}-{found.name}"
    return ranged(found.size, found.sha256[:32], opened, media_type=openfiles.NAMES[found.name], headers={
        "Cache-Control": "no-cache" if newest else _FOR_A_DAY, "Content-Disposition": f'attachment; filename="{saved}"',
    })  # fmt: skip


@blueprint.get("/willingness")
@guard.public
def willing() -> Page:
    """What people decline, per industry, way and province."""
    made = willingness.latest(registry_of().shelf)
    return render_template(
        "willingness.html", made=made, chart=willingnesscharts.by_category(made) if made else None,
        provinces=PROVINCES, smallest=SMALLEST,
        by_province=willingnesscharts.by_province(made) if made else (),
    )


@blueprint.get("/willingness/willingness.csv")
@guard.public
def willing_csv() -> Response:
    """The same as CSV."""
    made = willingness.latest(registry_of().shelf)
    if made is None:
        raise NotFoundError("There is no such file of open data.", code="no_such_file")
    out = io.StringIO()
    written = csv.writer(out)
    written.writerow(willingness.HEADS)
    written.writerows(made.rows())
    return Response(out.getvalue(), content_type="text/csv; charset=utf-8", headers={
        "Content-Disposition": 'attachment; filename="willingness.csv"', "Cache-Control": "no-cache",
    })  # fmt: skip


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotFoundError("There is no such file of open data.", code="no_such_file") from None
