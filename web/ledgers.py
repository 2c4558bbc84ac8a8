"""Pages of a carrier's ledger of number resources: what stands, sending the list, what became of each list.

Rules of this room: everything is about the member's own party; the list is read as it comes and never lies on a disk;
plain numbers are shown masked, in files too; the page says what an answer of the API says.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from flask import Response, redirect, render_template, url_for

from registry import ledgers
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.ledger_rows import FIELDS
from registry.readers import format_of, read
from registry.resources import RESOURCE_ID
from registry.sealing import SealedNumber, unseal_one
from registry.store.ledgers import KeptRow
from registry.times import local, to_micros
from web import guard, ledgerwords
from web.current import registry_of
from web.parties import actor, own_party, room
from web.people import Page
from web.tables import asked
from web.uploading import stream_of, upload_of

_ROWS, _LISTS = 50, 20
_SHORT = 40  # characters of a reason in a list to choose from
_LARGEST = 100_000_000  # bytes of a file: 200,000 rows, written at length
_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
_HEAD = ("line", "result", "reason", "detail", "digits")
blueprint = room("ledgers", __name__)


def digits_of(prefix: str, number: SealedNumber | None) -> str:
    """What an entry or a row is about, as screens show it: public codes whole, numbers masked, "" for neither."""
    return prefix or (unseal_one(registry_of().keys.at_rest, number).masked if number else "")


@blueprint.get("/party/resources")
@guard.member("see_ledger")
def overview() -> Page:
    """What stands in the own ledger now, the way to send the list, the lists so far."""
    return _overview()


def _overview(problem: str = "", status: int = 200) -> Page:
    registry, party = registry_of(), own_party().party
    store, now = registry.store, registry.clock.now()
    seen = asked(texts=("after",), places=("lists",))
    after = seen["after"] if RESOURCE_ID.fullmatch(seen["after"]) else ""
    lists = min(seen.places["lists"] or 0, 10_000)
    rows = store.enterprises.of_carrier(party, at=to_micros(now), after=after, limit=_ROWS + 1)
    taken = store.ledgers.all(carrier=party, limit=_LISTS + 1, after=lists)
    named = store.enterprises.these(side for each in rows for side in (each.provider, each.content))
    return render_template(
        "party/resources.html", rows=[(each, digits_of(each.prefix, each.number)) for each in rows[:_ROWS]],
        named=named, more=rows[_ROWS - 1].resource if len(rows) > _ROWS else "", after=after, seen=seen,
        lists=taken[:_LISTS], older=lists + _LISTS if len(taken) > _LISTS else None, words=ledgerwords,
        most=_LARGEST,
        today=local(now, registry.settings.numbers.zone).date().isoformat(), problem=problem,
    ), status  # fmt: skip


@blueprint.post("/party/resources")
@guard.member("keep_ledger")
def send() -> Page:
    """Take a list in; the form's token is looked at as the body comes (`uploading`)."""
    registry = registry_of()
    numbers = registry.settings.numbers
    try:
        upload = upload_of(_LARGEST)
        form = format_of(upload.name)
        if form is None:
            raise InvalidInputError("This kind of file is not read.", code="type")
        done, _results = ledgers.take_in(
            registry.store, registry.keys, registry.clock, registry.plan, actor=actor().name,
            carrier=own_party().party, day=ledgers.day_of(upload.fields.get("date", ""), numbers.zone),
            rows=read(stream_of(upload.pieces), format=form, columns=FIELDS), country=numbers.country,
            zone=numbers.zone, sure=upload.fields.get("sure") == "yes",
        )
    except (InvalidInputError, ConflictError) as error:
        said = str(ledgerwords.PROBLEMS.get(error.code, error.detail))
        return _overview(said, 413 if error.code == "too_large" else 422)
    return redirect(url_for("ledgers.one", ledger=done.ledger), 303)


@blueprint.get("/party/resources/lists/<ledger>")
@guard.member("see_ledger")
def one(ledger: str) -> Page:
    """What became of one list, and its rows that were not taken."""
    store = registry_of().store
    found = ledgers.ledger_of(store, own_party().party, ledger)
    reasons = store.ledgers.reasons(ledger)
    seen = asked(reason=tuple(reasons), places=("after",))
    after = seen.places["after"] or 0
    rows = store.ledgers.rows(ledger, reason=seen["reason"], after=after, limit=_ROWS + 1)
    return render_template(
        "party/ledger.html", ledger=found, rows=[(row, digits_of(row.prefix, row.number)) for row in rows[:_ROWS]],
        more=rows[_ROWS - 1].line if len(rows) > _ROWS else None, after=after, seen=seen, words=ledgerwords,
        reasons=[(reason, f"{ledgerwords.reason_of(reason)[:_SHORT]} ({count})") for reason, count in reasons.items()],
        left_out=found["held"] + found["refused"] - sum(reasons.values()),
    )  # fmt: skip


@blueprint.get("/party/resources/lists/<ledger>/rows.<format>")
@guard.member("see_ledger")
def download(ledger: str, format: str) -> Response:
    """The rows of one list that were not taken, as CSV or NDJSON."""
    if format not in _TYPES:
        raise NotFoundError("There is no such file.", code="not_found")
    store = registry_of().store
    ledgers.ledger_of(store, own_party().party, ledger)
    said = [_said(row) for row in store.ledgers.rows(ledger, limit=ledgers.KEPT_ROWS)]
    out = io.StringIO()
    if format == "csv":
        out.write("\ufeff")
        writer = csv.DictWriter(out, _HEAD)
        writer.writeheader()
        writer.writerows(said)
    else:
        out.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in said)
    return Response(out.getvalue(), content_type=_TYPES[format], headers={
        "Content-Disposition": f'attachment; filename="{ledger}.{format}"', "Cache-Control": "private, no-store",
    })  # fmt: skip


def _said(row: KeptRow) -> dict[str, Any]:
    return {"line": row.line, "result": row.result, "reason": row.reason,
            "detail": ledgerwords.reason_of(row.reason), "digits": digits_of(row.prefix, row.number)}  # fmt: skip
