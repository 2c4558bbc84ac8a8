"""Call lists on their way in: the body in pieces, and what was announced of it.

Rules of this room: a body is never held whole; one that breaks off is an error, never a shorter call list.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Iterator
from pathlib import Path

from flask import request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, UnsupportedMediaType

from registry.errors import InvalidInputError
from web.api.edge import Parameter, header
from web.current import registry_of

PARAMETERS = (
    Parameter("Content-Digest", "header", {"type": "string"}, "`sha-256=:…:` of the body (RFC 9530); it is checked."),
)
_PIECE = 1 << 18
_SLOWEST = 1_000  # bytes a second, on average: a thread waits for them
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):")


def work_folder() -> Path:
    """Where what arrives lies until it is on the shelf, sealed."""
    return registry_of().instance / "work"


def announced(most: int) -> tuple[int | None, str | None, int]:
    """What was said of the body: its length, its SHA-256 (hex), None where it was not said; and how long it may be.

    Raises UnsupportedMediaType for a body that is coded for the way, InvalidInputError bad_digest.
    """
    if header("Content-Encoding").lower() not in {"", "identity"}:
        raise UnsupportedMediaType
    most = min(most, registry_of().settings.site.max_upload_bytes)
    request.max_content_length = most
    return request.content_length, _digest(), most


def pieces() -> Iterator[bytes]:
    """The body, in pieces. Raises InvalidInputError upload_cut, also where it comes drop by drop."""
    came, began = 0, time.monotonic()
    try:
        while piece := request.stream.read(_PIECE):
            yield piece
            came += len(piece)
            took = time.monotonic() - began
            if took > registry_of().settings.site.stalled_s and came < took * _SLOWEST:
                raise TimeoutError
    except (ClientDisconnected, ParseException, OSError) as error:
        raise InvalidInputError("The upload broke off before its end; send it again.", code="upload_cut") from error


def _digest() -> str | None:
    """The SHA-256 of a Content-Digest; other digests in it are not looked at."""
    text = header("Content-Digest")
    found = _DIGEST.search(text)
    if found is None:
        return None
    try:
        raw = base64.b64decode(found[1], validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 32:
        raise InvalidInputError("A sha-256 digest is 32 bytes in base64 between colons.", code="bad_digest")
    return raw.hex()
