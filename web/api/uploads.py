"""Bodies of many rows, taken in as they arrive: their format, their Idempotency-Key, and what became of each row.

Rules of this room: a body is never held whole; the answer begins when all of it was taken in, because a sender that
does not read yet must not be able to block itself; what was stored before a break stays stored.
"""

from __future__ import annotations

import re
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO

import msgspec
from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from registry.errors import InvalidInputError
from registry.intake import Intake, RowResult
from registry.readers import Format, format_of
from web.api.edge import JSON, Parameter, answer, header
from web.api.messages import ReportsAnswer, RowAnswer
from web.current import registry_of

NDJSON = "application/x-ndjson"
TAKES = (NDJSON, JSON, "text/csv")
PARAMETERS = (
    Parameter("Idempotency-Key", "header", {"type": "string", "pattern": "^[!-~]{1,64}$"},
              "The same body under the same key goes on where it stopped and gets the same answer."),
    Parameter("Accept", "header", {"type": "string"}, f"{NDJSON} for a line about each row, the summary last."),
)  # fmt: skip
_SPOOL_BYTES = 1_000_000  # answers beyond this lie in a file until they are sent
_PIECE = 64 * 1024
_KEY = re.compile(r"[!-~]{1,64}")


def format_of_body() -> Format:
    """The body's format by its type; from here on it may be as large as uploads may. Raises UnsupportedMediaType."""
    found = format_of(request.mimetype) if request.mimetype else None
    if found is None or header("Content-Encoding").lower() not in {"", "identity", "gzip", "x-gzip"}:
        raise UnsupportedMediaType
    request.max_content_length = registry_of().settings.site.max_upload_bytes
    return found


def idempotency_key() -> str | None:
    """The Idempotency-Key, or None. Raises InvalidInputError bad_idempotency_key."""
    if "Idempotency-Key" not in request.headers:
        return None
    given = header("Idempotency-Key")
    if not _KEY.fullmatch(given):
        raise InvalidInputError("An Idempotency-Key is 1 to 64 visible characters.", code="bad_idempotency_key")
    return given


def answered(results: Iterator[RowResult | Intake]) -> Response:
    """Take everything in, and answer in sum or, where that is asked for, with a line about each row."""
    by_row = request.accept_mimetypes.best_match([JSON, NDJSON], default=JSON) == NDJSON
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


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
