"""Scrubs: `/api/v1/scrubs`: call lists sent at once or announced, how far they are, stopped, made again, deleted.

Rules of this room: a scrub of another party is as one that does not exist; numbers are in bodies alone; a call list is
sealed while it comes and never lies anywhere in clear.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime

import msgspec
from flask import Blueprint, Response, request

from registry import scrubjobs, scrubkeeping
from registry.errors import InvalidInputError, RegistryError
from registry.limits import subject_of
from registry.scrubjobs import Ask, ScrubJob
from registry.scrubparts import receive
from registry.times import to_micros
from web.api.arriving import PARAMETERS as BODY
from web.api.arriving import announced, pieces, work_folder
from web.api.balance import with_balance
from web.api.edge import (
    JSON,
    Operation,
    Parameter,
    answer,
    newest_first,
    newest_first_parameters,
    only,
    operation,
    party_of,
    place_of,
    read,
)
from web.api.metering import metered
from web.api.scrub_messages import Asked, ScrubAnswer, ScrubRequest, ScrubsAnswer
from web.api.uploads import idempotency_key
from web.current import registry_of
from web.guard import actor_of_request, key

blueprint = Blueprint("scrubs_api", __name__)

LISTS = (
    JSON, "text/csv", "text/plain", "text/tab-separated-values", "application/x-ndjson", "application/octet-stream",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.apache.parquet",
    "application/gzip", "application/zip",
)  # fmt: skip
_AT_ONCE = 200
_IDEMPOTENCY = Parameter(
    "Idempotency-Key", "header", {"type": "string", "pattern": "^[!-~]{1,64}$"},
    "The same ask under the same key finds the scrub that it began.",
)  # fmt: skip
_QUERY = tuple(
    Parameter(name, "query", schema, says)
    for name, schema, says in (
        ("channel", {"enum": ["calls", "robocalls", "messages"]}, "Needed where the body is the call list."),
        ("category", {"type": "string"}, "The industry, needed where the body is the call list."),
        ("campaign", {"type": "string", "maxLength": 80}, "Your word for the campaign."),
        ("on_behalf", {"type": "string", "maxLength": 32}, "The party id of the principal you act for."),
        ("at", {"type": "string", "format": "date-time"}, "When the contacts are to happen."),
        ("country", {"type": "string", "pattern": "^[A-Z]{2}$"}, "Reads numbers without one."),
        ("name", {"type": "string", "maxLength": 200}, "Of the file; its ending helps to tell the format."),
        ("column", {"type": "string", "maxLength": 200}, "The numbers' column, by name or place from 1."),
    )
)
_NAMES = tuple(each.name for each in _QUERY)


@blueprint.post("/api/v1/scrubs")
@operation(Operation(
    summary="Have a call list checked",
    chinese="提交外呼名单核对",
    tag="scrubs",
    request=ScrubRequest,
    by_row=True,
    takes=LISTS,
    answers={201: ScrubAnswer, 202: ScrubAnswer},
    problems=(400, 401, 403, 409, 413, 415, 422, 429, 503),
    parameters=(*_QUERY, _IDEMPOTENCY, *BODY),
    says="With a `ScrubRequest` in JSON: the list is to come in parts (201). With the list itself as the body (CSV, "
    "TSV, NDJSON, XLSX, Parquet, plain, gzipped or zipped; any size): it waits for its turn (202).",
))
@key("scrub")
@metered
def begin() -> Response:
    """Begin a scrub, with its call list or before it."""
    if request.mimetype == JSON:
        only()
        asked = read(ScrubRequest)
        return with_balance(_told(_begun(asked.ask(asked.column), asked.name), 201))
    only(*_NAMES)
    values = {name: value for name, value in request.args.items() if name not in ("name", "column")}
    try:
        asked_by_query = msgspec.convert(values, Asked, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInputError(place_of(error), code="bad_query") from None
    job = _begun(asked_by_query.ask(request.args.get("column", "")[:200]), request.args.get("name", "")[:200])
    return with_balance(_told(_received(job), 202))


def _begun(ask: Ask, name: str) -> ScrubJob:
    registry = registry_of()
    return scrubjobs.begin(
        registry.store, registry.clock, registry.settings.scrubs, actor=actor_of_request(), ask=ask, name=name,
        origin="api", idempotency=_idempotency(),
    )


def _idempotency() -> str:
    """What stands for the Idempotency-Key, or an empty text; whoever puts a number into it leaves none here."""
    given = idempotency_key()
    return subject_of(registry_of().keys, b"idempotency:" + given.encode()).hex() if given else ""


def _received(job: ScrubJob) -> ScrubJob:
    """Take the body as the one part of a call list, and submit it; one that is there already is read and let go, so
    that whoever sends it again hears the answer."""
    if job.state != "uploading":
        announced(registry_of().settings.scrubs.max_bytes)
        deque(pieces(), maxlen=0)
        return job
    registry = registry_of()
    store, clock, settings = registry.store, registry.clock, registry.settings.scrubs
    try:
        length, sha256, most = announced(settings.max_bytes)
        receive(
            store, registry.shelf, registry.keys, work_folder(), job=job, part=1, source=pieces(), length=length,
            most=most, sha256=sha256,
        )
        return scrubjobs.submit(store, clock, settings, job=job)
    except RegistryError:
        if not job.idempotency:  # nobody could find it again
            scrubkeeping.delete(store, clock, registry.shelf, job=job, actor=actor_of_request())
        raise


@blueprint.get("/api/v1/scrubs")
@operation(Operation(
    summary="Your scrubs",
    chinese="本企业的核对任务",
    tag="scrubs",
    answers={200: ScrubsAnswer},
    problems=(401, 403, 422, 429),
    parameters=newest_first_parameters(_AT_ONCE),
))
@(key("scrub") | key("read"))
@metered
def show_all() -> Response:
    """The party's scrubs, newest first."""
    before, limit = newest_first(_AT_ONCE)
    registry = registry_of()
    found = scrubjobs.jobs_of(
        registry.store, party=party_of().party, before=before, limit=limit,
        sandbox=actor_of_request().sandbox,
    )
    rest = to_micros(found[-1].created) if len(found) == limit else None
    return answer(ScrubsAnswer(scrubs=[ScrubAnswer.of(job, registry.clock.now()) for job in found], next=rest))


@blueprint.get("/api/v1/scrubs/<scrub>")
@operation(Operation(
    summary="One scrub and how far it is",
    chinese="核对任务的进度与结果",
    tag="scrubs",
    answers={200: ScrubAnswer},
    problems=(401, 403, 404, 429),
))
@(key("scrub") | key("read"))
@metered
def show(scrub: str) -> Response:
    """One scrub of the party."""
    return _told(own(scrub), 200)


@blueprint.delete("/api/v1/scrubs/<scrub>")
@operation(Operation(
    summary="Stop a scrub, or delete its files",
    chinese="终止核对任务或立即删除其文件",
    tag="scrubs",
    answers={204: None},
    problems=(401, 403, 404, 409, 429, 503),
    says="One that has not ended is stopped; of one that has, call list and result are deleted at once.",
))
@key("scrub")
@metered
def delete(scrub: str) -> Response:
    """Stop a scrub or delete its files."""
    registry, job = registry_of(), own(scrub)
    scrubkeeping.delete(registry.store, registry.clock, registry.shelf, job=job, actor=actor_of_request())
    return Response(status=204)


@blueprint.post("/api/v1/scrubs/<scrub>/cancellation")
@operation(Operation(
    summary="Stop a scrub",
    chinese="终止核对任务",
    tag="scrubs",
    answers={200: ScrubAnswer},
    problems=(401, 403, 404, 409, 429, 503),
    says="At once while it waits, at its next block where it runs. 409 `scrub_ended` where it has ended.",
))
@key("scrub")
@metered
def cancel(scrub: str) -> Response:
    """Stop a scrub."""
    registry, job = registry_of(), own(scrub)
    return _told(scrubjobs.cancel(registry.store, registry.clock, job=job, actor=actor_of_request()), 200)


@blueprint.post("/api/v1/scrubs/<scrub>/again")
@operation(Operation(
    summary="Check the same list again",
    chinese="重新核对同一名单",
    tag="scrubs",
    answers={202: ScrubAnswer},
    problems=(401, 403, 404, 409, 422, 429, 503),
    parameters=(_IDEMPOTENCY,),
    says="A scrub of its own, as things stand now. 404 `call_list_deleted` where the list is not kept any longer.",
))
@key("scrub")
@metered
def again(scrub: str) -> Response:
    """Make a scrub again."""
    registry, job = registry_of(), own(scrub)
    made = scrubkeeping.again(
        registry.store, registry.clock, registry.settings.scrubs, registry.shelf, registry.keys, work_folder(),
        actor=actor_of_request(), job=job, idempotency=_idempotency(),
    )
    return _told(made, 202)


def own(scrub: str) -> ScrubJob:
    """A scrub of the party that asks, to a key of the sandbox only one of the sandbox. Raises NotFoundError
    no_such_scrub."""
    return scrubjobs.job_of(
        registry_of().store, party=party_of().party, scrub=scrub, sandbox=actor_of_request().sandbox
    )


def _told(job: ScrubJob, status: int) -> Response:
    now: datetime = registry_of().clock.now()
    headers = {"Location": f"/api/v1/scrubs/{job.scrub}"} if status in (201, 202) else {}
    return answer(ScrubAnswer.of(job, now), status, headers=headers)
