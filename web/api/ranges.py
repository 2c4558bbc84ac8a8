"""Files that never change under their name, whole or a range of them (RFC 9110 §13, §14: ETag, Range, If-Range).

Rules of this room: a file is handed on in pieces, never read into memory; it is opened only where bytes of it go out,
and let go when they have, or nobody wants them any longer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, request
from werkzeug.datastructures import ETags
from werkzeug.http import quote_etag

from web.api.edge import Parameter
from web.problems import Problem, answer

Opener = Callable[[int, int], Any]  # the body with the bytes from a place on, so many of them

PARAMETERS = (
    Parameter("Range", "header", {"type": "string"}, "One range of bytes (RFC 9110 §14.2)."),
    Parameter("If-Range", "header", {"type": "string"}, "The ETag for which the range counts."),
    Parameter("If-None-Match", "header", {"type": "string"}, "ETags that you have already."),
)


def ranged(size: int, tag: str, opened: Opener, *, media_type: str, headers: Mapping[str, str]) -> Response:
    """The file of an ETag, whole or the range that was asked for; 304 for who has it, 416 where there are no such
    bytes."""
    said = {"ETag": quote_etag(tag), "Accept-Ranges": "bytes", "Vary": "Authorization", **headers}
    if _has_it(request.if_none_match, tag):
        return Response(status=304, headers=said)
    start, stop = 0, size
    status = 200
    wanted = request.range
    if request.method == "GET" and wanted is not None and _range_counts(tag):
        found = wanted.range_for_length(size)
        if found is not None:
            start, stop = found
            status = 206
            said["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        elif wanted.units == "bytes" and len(wanted.ranges) == 1:
            return _unsatisfiable(size)
    said["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return Response(status=status, headers=said, content_type=media_type)
    body = opened(start, stop - start)
    return Response(body, status=status, headers=said, content_type=media_type, direct_passthrough=True)


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
