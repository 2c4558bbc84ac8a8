"""Pages of the reports that a party sent: batches with their counts, one batch row by row, the same as a file.

Rules of this room: everything is about the member's own party; numbers are masked, in files too; a file is written as
it is sent, so that a batch of any size costs no memory.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from flask import Response, render_template, request

from registry import batch_results
from registry.batch_results import RESULTS, BatchRow, batch_of, batches_of, every_row
from registry.errors import NotFoundError
from registry.preferences import Category, Channel
from registry.times import iso
from web import figures, guard
from web.current import registry_of
from web.parties import own_party, room
from web.people import Page
from web.tables import asked

blueprint = room("batches", __name__)

ONLY = ("quarantined", "duplicates", "open", "done", "refused")
_BATCHES = 50
_ROWS = 100
_LINES_AT_ONCE = 500
_FIELDS = (
    "line", "result", "state", "id", "called", "caller", "channel", "category", "at", "verdict", "reason", "rule",
    "rulebook", "detail", "quarantine",
)  # fmt: skip
_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


@blueprint.get("/party/reports")
@guard.member("see_own_party")
def reports() -> Page:
    """What was sent, and what became of it in sum."""
    store, party = registry_of().store, own_party().party
    seen = asked(only=ONLY)
    before = request.args.get("before", "")
    start = batch_of(store, source=party, batch=before).started if before else None
    rows = batches_of(store, source=party, only=seen["only"], before=start, limit=_BATCHES + 1)
    older = rows[_BATCHES - 1].batch if len(rows) > _BATCHES else None
    return render_template(
        "party/reports.html", totals=figures.kept(f"totals {party}", lambda: store.reports.totals(party)),
        batches=rows[:_BATCHES], seen=seen, older=older, before=before, choices=ONLY,
    )  # fmt: skip


@blueprint.get("/party/reports/<batch>")
@guard.member("see_own_party")
def one(batch: str) -> Page:
    """One batch, row by row."""
    registry, party = registry_of(), own_party().party
    found = batch_of(registry.store, source=party, batch=batch)
    seen = asked(result=RESULTS, places=("after",))
    rows = batch_results.rows_of(
        registry.store, registry.keys, source=party, batch=batch, result=seen["result"],
        after=seen.places["after"] or 0, limit=_ROWS + 1,
    )  # fmt: skip
    more = rows[_ROWS - 1].line if len(rows) > _ROWS else None
    return render_template(
        "party/batch.html", batch=found, rows=rows[:_ROWS], seen=seen, more=more, results=RESULTS,
    )  # fmt: skip


@blueprint.get("/party/reports/<batch>/rows.<format>")
@guard.member("see_own_party")
def download(batch: str, format: str) -> Response:
    """The rows of one batch, all or those of one result, as CSV or NDJSON."""
    if format not in _TYPES:
        raise NotFoundError("There is no such file.", code="not_found")
    registry, party = registry_of(), own_party().party
    found = batch_of(registry.store, source=party, batch=batch)
    result = asked(result=RESULTS)["result"]
    rows = every_row(registry.store, registry.keys, source=party, batch=found.batch, result=result)
    name = f"{found.batch}{f'-{result}' if result else ''}.{format}"
    written = _csv(map(_said, rows)) if format == "csv" else _ndjson(map(_said, rows))
    return Response(written, content_type=_TYPES[format], headers={
        "Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store",
    })  # fmt: skip


def _said(row: BatchRow) -> dict[str, Any]:
    """A row as files say it, in the words of the API."""
    return {name: getattr(row, name) for name in _FIELDS} | {
        "channel": None if row.channel is None else Channel(row.channel).slug,
        "category": None if row.category is None else Category(row.category).slug,
        "at": None if row.at is None else iso(row.at),
    }  # fmt: skip


def _ndjson(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for chunk in _chunks(rows):
        lines = ({name: value for name, value in row.items() if value not in ("", None)} for row in chunk)
        yield b"".join(encode(line) + b"\n" for line in lines)


def _csv(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    out = io.StringIO()
    csv.writer(out).writerow(_FIELDS)
    yield out.getvalue().encode()
    for chunk in _chunks(rows):
        out = io.StringIO()
        csv.DictWriter(out, _FIELDS).writerows(chunk)
        yield out.getvalue().encode()


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _LINES_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
