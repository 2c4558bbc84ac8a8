"""A call list in parts: `/api/v1/scrubs/<id>/parts/<n>`, each sent again where it broke off, then submitted.

Rules of this room: a part is taken whole or not at all; its length is announced and has to fit; parts may come in any
order, several at a time.
"""

from __future__ import annotations

from flask import Blueprint, Response
from werkzeug.exceptions import LengthRequired

from registry import scrubjobs
from registry.errors import InvalidInputError
from registry.scrubjobs import MOST_PARTS
from registry.scrubparts import receive
from web.api.arriving import PARAMETERS, announced, pieces, work_folder
from web.api.edge import Operation, answer, operation
from web.api.metering import metered
from web.api.scrub_messages import PartMessage, PartsAnswer, ScrubAnswer
from web.api.scrubs import own
from web.current import registry_of
from web.guard import key

blueprint = Blueprint("scrubparts", __name__)

_RAW = "application/octet-stream"


@blueprint.put("/api/v1/scrubs/<scrub>/parts/<int:part>")
@operation(Operation(
    summary="Send a part of a call list",
    chinese="上传名单的一个分块",
    tag="scrubs",
    request=bytes,
    takes=(_RAW,),
    answers={200: PartMessage},
    problems=(401, 403, 404, 409, 411, 413, 415, 422, 429, 503),
    parameters=PARAMETERS,
    says="Parts are the file's bytes in order, cut wherever you like, numbered from 1. Sent again, a part is replaced.",
))
@key("scrub")
@metered
def put(scrub: str, part: int) -> Response:
    """Take one part."""
    registry, job = registry_of(), own(scrub)
    if not 1 <= part <= MOST_PARTS:
        raise InvalidInputError(f"Parts are numbered from 1 to {MOST_PARTS}.", code="bad_part")
    scrubjobs.must_be(registry.store, scrub, "uploading")
    others = sum(each.size for each in registry.store.scrub_jobs.parts(scrub) if each.part != part)
    length, sha256, most = announced(max(0, registry.settings.scrubs.max_bytes - others))
    if length is None:
        raise LengthRequired
    taken = receive(
        registry.store, registry.shelf, registry.keys, work_folder(), job=job, part=part, source=pieces(),
        length=length, most=most, sha256=sha256,
    )
    return answer(PartMessage(part=part, size=taken.size, sha256=taken.sha256))


@blueprint.get("/api/v1/scrubs/<scrub>/parts")
@operation(Operation(
    summary="Parts that are there",
    chinese="已收到的分块",
    tag="scrubs",
    answers={200: PartsAnswer},
    problems=(401, 403, 404, 429),
))
@key("scrub")
@metered
def show(scrub: str) -> Response:
    """The parts of a call list that came."""
    found = registry_of().store.scrub_jobs.parts(own(scrub).scrub)
    parts = [PartMessage(part=each.part, size=each.size, sha256=each.sha256) for each in found]
    return answer(PartsAnswer(parts=parts, size=sum(each.size for each in found)))


@blueprint.post("/api/v1/scrubs/<scrub>/submission")
@operation(Operation(
    summary="Say that all parts are there",
    chinese="确认分块已全部上传",
    tag="scrubs",
    answers={202: ScrubAnswer},
    problems=(401, 403, 404, 409, 413, 422, 429, 503),
    says="From here on it waits for its turn. Submitted twice is submitted once.",
))
@key("scrub")
@metered
def submit(scrub: str) -> Response:
    """Let a scrub wait for its turn."""
    registry, job = registry_of(), own(scrub)
    found = scrubjobs.submit(registry.store, registry.clock, registry.settings.scrubs, job=job)
    headers = {"Location": f"/api/v1/scrubs/{scrub}"}
    return answer(ScrubAnswer.of(found, registry.clock.now()), 202, headers=headers)
