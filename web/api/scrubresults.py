"""Results of scrubs: `/api/v1/scrubs/<id>/result`, whole, in ranges, or the lines of one verdict.

Rules of this room: a result is opened as it goes out, piece by piece; its ETag is its SHA-256, so that whoever goes on
after a break goes on with the same file; no proxy keeps it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any

from flask import Blueprint, Response, request

from registry import scrubfiles, scrubjobs
from registry.calllists import files
from registry.calllists.calllist import CallList, restored
from registry.errors import ConflictError
from registry.scrubjobs import OPEN, ScrubJob
from web.api.edge import Operation, Parameter, one_of, only, operation
from web.api.metering import metered
from web.api.ranges import PARAMETERS, ranged
from web.api.scrubs import own
from web.current import registry_of
from web.guard import key
from web.problems import Problem, answer

blueprint = Blueprint("scrubresults", __name__)

_VERDICTS = ("allowed", "declined", "invalid")
_PIECE = 1 << 18
_AGAIN_S = 2
_CACHE = {"Cache-Control": "private, no-store"}


@blueprint.get("/api/v1/scrubs/<scrub>/result")
@operation(Operation(
    summary="Fetch a result",
    chinese="下载核对结果",
    tag="scrubs",
    answers={200: bytes, 206: bytes, 304: None},
    gives=(
        "text/csv", "text/tab-separated-values", "application/x-ndjson", "application/vnd.apache.parquet",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    problems=(401, 403, 404, 409, 416, 422, 429, 503),
    parameters=(
        Parameter("only", "query", {"enum": list(_VERDICTS)}, "The lines of one verdict; then without ranges."),
        *PARAMETERS,
    ),
    says="The call list as it came, with its answers in columns at the end. 409 `not_done` with Retry-After before "
    "it is there. Call list and result are deleted some hours after the first time the result was fetched.",
))
@key("scrub")
@metered
def fetch(scrub: str) -> Response:
    """A result, or a part of it."""
    only("only")
    verdict = one_of("only", default="", known=("", *_VERDICTS))
    registry, job = registry_of(), own(scrub)
    try:
        scrubjobs.must_have_result(job)
    except ConflictError as error:
        return _not_yet(job, error)
    found = restored(job.found)
    response = lines_of(job, found, verdict) if verdict else whole(job, found)
    if request.method == "GET" and response.status_code in (200, 206):
        scrubjobs.picked_up(registry.store, registry.clock, registry.settings.scrubs, job=job)
    response.headers.set("Content-Disposition", "attachment", filename=f"{scrub}-{verdict or 'checked'}.{found.ending}")
    return response


def _not_yet(job: ScrubJob, error: ConflictError) -> Response:
    """409, and when to ask again, where that makes sense."""
    left = job.seconds_left(registry_of().clock.now()) if job.state == "running" else None
    wait = max(1, min(60, round(left))) if left is not None else _AGAIN_S
    headers = {"Retry-After": str(wait)} if job.state in OPEN else {}
    return answer(Problem(409, error.code, error.detail, headers=headers, facts=dict(error.facts)))


def whole(job: ScrubJob, found: CallList) -> Response:
    """A result, or the range of it that is asked for."""
    registry = registry_of()
    shelf, keys = registry.shelf, registry.keys

    def opened(start: int, length: int) -> Iterator[bytes]:
        stack = ExitStack()
        file = stack.enter_context(scrubfiles.result(shelf, keys, job))
        file.seek(start)
        return _Pieces(stack, _read(file, length))

    digest = base64.b64encode(bytes.fromhex(job.result_sha256)).decode()
    headers = {**_CACHE, "Repr-Digest": f"sha-256=:{digest}:"}
    return ranged(job.result_size, job.result_sha256, opened, media_type=found.media_type, headers=headers)


def lines_of(job: ScrubJob, found: CallList, verdict: str) -> Response:
    """The lines of a result that have one verdict."""
    registry = registry_of()
    stack = ExitStack()
    try:
        file = stack.enter_context(scrubfiles.result(registry.shelf, registry.keys, job))
        lines = files.only(file, found, verdict)
        first = next(lines, b"")  # what stands against it is said before the answer begins
    except BaseException:
        stack.close()
        raise
    return Response(
        _Pieces(stack, _chained(first, lines)), content_type=found.media_type,
        headers={**_CACHE, "Accept-Ranges": "none"},
    )


class _Pieces(Iterator[bytes]):
    """Pieces of a file that is let go when they are closed, read to their end or not."""

    def __init__(self, stack: ExitStack, pieces: Iterator[bytes]) -> None:
        self._stack, self._pieces = stack, pieces

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Let the file go."""
        self._stack.close()


def _read(file: IO[bytes], left: int) -> Iterator[bytes]:
    while left and (piece := file.read(min(_PIECE, left))):
        left -= len(piece)
        yield piece


def _chained(first: bytes, rest: Iterator[Any]) -> Iterator[bytes]:
    yield first
    yield from rest
