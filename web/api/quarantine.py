"""Rows that were not taken: list them, take them again after a fix, set them aside."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response

from registry import quarantine
from registry.numberevents import ABOUT
from web.api.edge import Operation, Parameter, answer, one_of, only, operation, party_of, read, whole
from web.api.messages import DiscardRequest, QuarantineAnswer, QuarantinedRow, ReleaseRequest, RowAnswer
from web.api.metering import metered
from web.current import registry_of
from web.guard import actor_of_request, key

blueprint = Blueprint("quarantine", __name__)

_MOST = 1000
_FURTHEST = 10**9


@blueprint.get("/api/v1/quarantine")
@operation(Operation(
    summary="List your rows in quarantine",
    chinese="查询被隔离的报送记录",
    tag="reports",
    answers={200: QuarantineAnswer},
    problems=(401, 403, 422, 429, 503),
    parameters=(
        Parameter("state", "query", {"enum": list(quarantine.STATES), "default": "open"}, "Which of them."),
        Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": _MOST, "default": 100}, "How many."),
        Parameter("after", "query", {"type": "integer", "minimum": 0, "maximum": _FURTHEST, "default": 0},
                  "Skip so many."),
    ),
))
@(key("reports") | key("number-events"))
@metered
def show() -> Response:
    """The caller's quarantined rows, oldest first."""
    only("state", "limit", "after")
    state = one_of("state", default="open", known=quarantine.STATES)
    limit = whole("limit", default=100, least=1, most=_MOST)
    after = whole("after", default=0, least=0, most=_FURTHEST)
    registry = registry_of()
    found = quarantine.rows_of(
        registry.store, registry.keys, source=party_of().party, state=state, limit=limit, after=after
    )
    rows = [
        QuarantinedRow(
            row=each.name, batch=each.batch, line=each.line, format=each.format, reason=each.reason,
            detail=each.detail, at=each.at, state=each.state, about=each.about,  # type: ignore[arg-type]
            raw=each.raw, fields=each.fields,
        )
        for each in found
    ]
    return answer(QuarantineAnswer(rows=rows, after=after + limit if len(rows) == limit else None))


@blueprint.post("/api/v1/quarantine/<row>/release")
@operation(Operation(
    summary="Take a row again",
    chinese="修正后重新受理",
    tag="reports",
    request=ReleaseRequest,
    answers={200: RowAnswer},
    problems=(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    says="Without `corrected` the row is taken as it was sent. A row that still cannot be taken stays where it is.",
))
@(key("reports") | key("number-events"))
@metered
def release(row: str) -> Response:
    """Take one of the caller's rows again."""
    said = read(ReleaseRequest)
    registry = registry_of()
    source = party_of().party
    held = quarantine.row_of(registry.store, registry.keys, source=source, name=row)
    given = said.event if held.about == ABOUT else said.corrected
    corrected = None
    if given is not None:
        corrected = {name: value for name, value in msgspec.to_builtins(given).items() if value is not None}
    result = quarantine.release(
        registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source=source, name=row,
        kind="ftc" if held.format == "ftc" else "carrier", corrected=corrected,
        country=registry.settings.numbers.country, actor=actor_of_request().name, shelf=registry.shelf,
        zone=registry.settings.numbers.zone,
    )
    return answer(msgspec.convert(result, RowAnswer, from_attributes=True))


@blueprint.post("/api/v1/quarantine/<row>/discard")
@operation(Operation(
    summary="Set a row aside",
    chinese="弃置记录",
    tag="reports",
    request=DiscardRequest,
    answers={204: None},
    problems=(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
))
@(key("reports") | key("number-events"))
@metered
def discard(row: str) -> Response:
    """Set one of the caller's rows aside for good."""
    said = read(DiscardRequest)
    registry = registry_of()
    quarantine.discard(
        registry.store, registry.clock, source=party_of().party, name=row, note=said.note,
        actor=actor_of_request().name,
    )
    return Response(status=204)
