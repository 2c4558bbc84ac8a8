"""A carrier's feed: its TUF metadata, its chain of editions and its list files, from the shelf as they lie there.

Rules of this room: a carrier may fetch its own feed only; whatever has its version or digest in its name never changes
and may be kept for ever; the one pointer, timestamp.json, is asked for anew each time; a file is handed on, never read
into memory (RFC 9110 §13, §14: ETag, If-None-Match, Range, If-Range).
"""

from __future__ import annotations

import hashlib
import re
from contextlib import ExitStack
from typing import IO, Any

from flask import Blueprint, Response, request
from werkzeug.wsgi import wrap_file

from registry.errors import NotAllowedError, NotFoundError
from registry.interfaces import Shelf
from web.api.edge import Operation, operation, party_of
from web.api.metering import metered
from web.api.ranges import PARAMETERS, ranged
from web.current import registry_of
from web.guard import key

blueprint = Blueprint("feeds", __name__)

_PATH = re.compile(r"(?:metadata|targets|lists)/[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_POINTER = re.compile(r"metadata/[a-z]+\.json")  # without a version in its name: it changes under it
_FOR_EVER = "private, max-age=31536000, immutable"
_BUFFER = 256 * 1024


class Part:
    """The bytes of an open file from a place on, at most so many; closing it lets the file go."""

    def __init__(self, file: IO[bytes], stack: ExitStack, start: int, size: int) -> None:
        file.seek(start)
        self._file = file
        self._stack = stack
        self._left = size

    def read(self, most: int = -1) -> bytes:
        """The next bytes; empty at the end of the part."""
        chunk = self._file.read(self._left if most < 0 else min(most, self._left))
        self._left -= len(chunk)
        return chunk

    def fileno(self) -> int:
        """The descriptor, so that the server can hand the file to the kernel."""
        return self._file.fileno()

    def close(self) -> None:
        """Let the file go."""
        self._stack.close()


@blueprint.get("/api/v1/feeds/<party>/<path:path>")
@operation(Operation(
    summary="Fetch a file of your feed",
    chinese="下载本企业名单中的一个文件",
    tag="feeds",
    answers={200: bytes, 206: bytes, 304: None},
    gives=("application/octet-stream", "application/json"),
    problems=(401, 403, 404, 416, 429),
    parameters=PARAMETERS,
    says="`metadata/timestamp.json` points to the newest; verify everything by TUF from your trusted root.",
))
@key("feed")
@metered
def fetch(party: str, path: str) -> Response:
    """One file of the caller's own feed, whole or a range of it."""
    if party_of().party != party:
        raise NotAllowedError("A carrier may fetch its own feed only.", code="not_your_feed")
    if not _PATH.fullmatch(path) or len(path) > 300:
        raise _missing()
    name = f"feeds/{party}/{path}"
    shelf = registry_of().shelf
    if _POINTER.fullmatch(path):
        return _pointer(shelf.get(name))
    size = shelf.size(name)
    if size is None:
        raise _missing()
    return hand_out(shelf, name, size)


def _missing() -> NotFoundError:
    return NotFoundError("This feed has no such file.", code="not_found")


def _pointer(content: bytes) -> Response:
    """A small file that changes under its name: its ETag is its digest."""
    tag = hashlib.sha256(content).hexdigest()
    response = Response(content, mimetype="application/json")
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response


def hand_out(shelf: Shelf, name: str, size: int) -> Response:
    """A file that never changes under its name: its ETag is the name's digest, its bytes may go out in ranges."""

    def opened(start: int, length: int) -> Any:
        stack = ExitStack()
        part = Part(stack.enter_context(shelf.open(name)), stack, start, length)
        return wrap_file(request.environ, part, _BUFFER)  # type: ignore[arg-type]

    media_type = "application/json" if name.endswith(".json") else "application/octet-stream"
    tag = hashlib.sha256(name.encode()).hexdigest()[:32]
    return ranged(size, tag, opened, media_type=media_type, headers={"Cache-Control": _FOR_EVER})
