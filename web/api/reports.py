"""Reports of calls and messages: `POST /api/v1/reports`, of any size, row by row.

Rules of this room: the body is read as it arrives and never held whole; the answer begins when all of it was taken in,
because a sender that does not read yet must not be able to block itself; what was stored before a break stays stored.
"""

from __future__ import annotations

import re
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from registry.errors import InvalidInputError
from registry.readers import Format, format_of, read
from registry.report_rows import FIELDS, Kind
from registry.reports import Intake, RowResult, stream_in
from web.api.edge import JSON, Operation, Parameter, answer, header, one_of, only, operation, party_of
from web.api.messages import ReportRow, ReportsAnswer, RowAnswer
from web.api.metering import metered
from web.current import registry_of
from web.guard import key

blueprint = Blueprint("reports", __name__)

NDJSON = "application/x-ndjson"
_SPOOL_BYTES = 1_000_000  # answers beyond this lie in a file until they are sent
_PIECE = 64 * 1024
_KEY = re.compile(r"[!-~]{1,64}")
_KINDS = ("carrier", "ftc")


@blueprint.post("/api/v1/reports")
@operation(Operation(
    summary="Report calls and messages",
    chinese="报送违规呼叫与短信",
    tag="reports",
    request=ReportRow,
    by_row=True,
    takes=(NDJSON, JSON, "text/csv"),
    answers={200: ReportsAnswer},
    gives=(JSON, NDJSON),
    problems=(400, 401, 403, 409, 413, 415, 422, 429, 503),
    parameters=(
        Parameter("Idempotency-Key", "header", {"type": "string", "pattern": "^[!-~]{1,64}$"},
                  "The same body under the same key goes on where it stopped and gets the same answer."),
        Parameter("Accept", "header", {"type": "string"}, f"{NDJSON} for a line about each row, the summary last."),
        Parameter("kind", "query", {"enum": list(_KINDS), "default": "carrier"},
                  "`ftc`: the FTC's reported calls, which name no called number."),
    ),
    says="One `ReportRow` a line (NDJSON), element (JSON array) or row (CSV with a header), in UTF-8, UTF-16 or "
    "GB18030, gzipped or plain, of any size. Rows that cannot be read wait in quarantine; no row vanishes.",
))
@key("reports")
@metered
def take() -> Response:
    """Take the body's rows in; what became of each, or of all."""
    only("kind")
    format, kind = _format(), one_of("kind", default="carrier", known=_KINDS)
    idempotency = _idempotency()
    registry = registry_of()
    request.max_content_length = registry.settings.site.max_upload_bytes
    by_row = request.accept_mimetypes.best_match([JSON, NDJSON], default=JSON) == NDJSON
    results = stream_in(
        registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks,
        source=party_of().party, kind=_KIND_OF[kind], idempotency=idempotency, origin="api",
        rows=read(request.stream, format="ftc" if kind == "ftc" else format, columns=FIELDS),
        country=registry.settings.numbers.country,
    )
    return _by_row(results) if by_row else _in_sum(results)


def _in_sum(results: Iterator[RowResult | Intake]) -> Response:
    """The summary alone."""
    last = deque(results, maxlen=1).pop()  # the rows' answers are many and not asked for
    return answer(msgspec.convert(last, ReportsAnswer, from_attributes=True))


def _by_row(results: Iterator[RowResult | Intake]) -> Response:
    """A line about each row, the summary as the last line."""
    encode = msgspec.json.Encoder().encode
    with ExitStack() as stack:
        said = stack.enter_context(tempfile.SpooledTemporaryFile(_SPOOL_BYTES))
        for result in results:
            kind = ReportsAnswer if isinstance(result, Intake) else RowAnswer
            said.write(encode(msgspec.convert(result, kind, from_attributes=True)) + b"\n")
        stack.pop_all()  # from here on the answer closes it
    said.seek(0)
    return Response(_pieces(said), mimetype=NDJSON)


_KIND_OF: dict[str, Kind] = {"carrier": "carrier", "ftc": "ftc"}


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _format() -> Format:
    """The body's format by its type. Raises UnsupportedMediaType."""
    found = format_of(request.mimetype) if request.mimetype else None
    if found is None or header("Content-Encoding").lower() not in {"", "identity", "gzip", "x-gzip"}:
        raise UnsupportedMediaType
    return found


def _idempotency() -> str | None:
    """The Idempotency-Key, or None. Raises InvalidInputError bad_idempotency_key."""
    if "Idempotency-Key" not in request.headers:
        return None
    given = header("Idempotency-Key")
    if not _KEY.fullmatch(given):
        raise InvalidInputError("An Idempotency-Key is 1 to 64 visible characters.", code="bad_idempotency_key")
    return given
