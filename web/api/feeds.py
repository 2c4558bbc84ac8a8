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
from werkzeug.datastructures import ETags
from werkzeug.http import quote_etag
from werkzeug.wsgi import wrap_file

from registry.errors import NotAllowedError, NotFoundError
from registry.interfaces import Shelf
from web.api.edge import Operation, Parameter, operation, party_of
from web.api.metering import metered
from web.current import registry_of
from web.guard import key
from web.problems import Problem, answer

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
    parameters=(
        Parameter("Range", "header", {"type": "string"}, "One range of bytes (RFC 9110 §14.2)."),
        Parameter("If-Range", "header", {"type": "string"}, "The ETag for which the range counts."),
        Parameter("If-None-Match", "header", {"type": "string"}, "ETags that you have already."),
    ),
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
    tag = hashlib.sha256(name.encode()).hexdigest()[:32]
    headers = {
        "ETag": quote_etag(tag), "Accept-Ranges": "bytes", "Cache-Control": _FOR_EVER, "Vary": "Authorization",
    }
    if _has_it(request.if_none_match, tag):
        return Response(status=304, headers=headers)
    start, stop = 0, size
    status = 200
    wanted = request.range
    if request.method == "GET" and wanted is not None and _range_counts(tag):
        found = wanted.range_for_length(size)
        if found is not None:
            start, stop = found
            status = 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        elif wanted.units == "bytes" and len(wanted.ranges) == 1:
            return _unsatisfiable(size)
    headers["Content-Length"] = str(stop - start)
    media_type = "application/json" if name.endswith(".json") else "application/octet-stream"
    if request.method == "HEAD":
        return Response(status=status, headers=headers, mimetype=media_type)
    stack = ExitStack()
    part = Part(stack.enter_context(shelf.open(name)), stack, start, stop - start)
    body: Any = wrap_file(request.environ, part, _BUFFER)  # type: ignore[arg-type]
    return Response(body, status=status, headers=headers, mimetype=media_type, direct_passthrough=True)


def _has_it(tags: ETags, tag: str) -> bool:
    return tags.star_tag or tags.contains_weak(tag)


def _range_counts(tag: str) -> bool:
    """A range counts unless If-Range names another file; a weak tag or a date never matches (RFC 9110 §13.1.5)."""
    return request.headers.get("If-Range", quote_etag(tag)).strip() == quote_etag(tag)


def _unsatisfiable(size: int) -> Response:
    """Nothing of the file lies in the range that was asked for (RFC 9110 §15.5.17)."""
    return answer(Problem(416, "range_not_satisfiable", "The file has no such bytes.", headers={
        "Content-Range": f"bytes */{size}",
    }))
