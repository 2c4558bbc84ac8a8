"""The own desk: `/api/v1/desk/reports`: reports that wait for an answer, and answers, one or many.

Rules of this room: a report on another desk is as one that does not exist; nothing tells who reported (rule 90).
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from registry import deskwork
from registry.deskwork import ANSWERED, OPEN, STATES
from registry.handling import Tools
from web.api.desk_messages import (
    DeskAnswer,
    DeskReportAnswer,
    FindingRequest,
    FindingResult,
    FindingsAnswer,
    FindingsRequest,
)
from web.api.edge import Operation, Parameter, answer, one_of, only, operation, party_of, read, whole
from web.api.metering import metered
from web.current import registry_of
from web.guard import actor_of_request, key

blueprint = Blueprint("desk_api", __name__)

_MOST = 500
_STATES = {"open": OPEN, "answered": ANSWERED, "all": STATES}


def tools() -> Tools:
    """What moving reports needs."""
    registry = registry_of()
    return Tools(
        registry.store, registry.clock, registry.keys, registry.plan, registry.rulebooks, registry.settings.numbers.zone
    )


@blueprint.get("/api/v1/desk/reports")
@operation(Operation(
    summary="Reports on your desk",
    chinese="本企业待办举报",
    tag="reports",
    answers={200: DeskAnswer},
    problems=(401, 403, 422, 429, 503),
    parameters=(
        Parameter("state", "query", {"enum": list(_STATES), "default": "open"}, "Those to answer, or answered."),
        Parameter("cursor", "query", {"type": "string", "maxLength": 40}, "The `cursor` of the page before."),
        Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": _MOST, "default": 100}, "How many."),
    ),
))
@key("desk")
@metered
def show_all() -> Response:
    """The desk's reports in the order they came."""
    only("state", "cursor", "limit")
    states = _STATES[one_of("state", default="open", known=tuple(_STATES))]
    limit = whole("limit", default=100, least=1, most=_MOST)
    rows, cursor = deskwork.page_of(
        tools(), party_of().party, states=states, cursor=request.args.get("cursor", ""), limit=limit
    )
    return answer(DeskAnswer(reports=list(map(DeskReportAnswer.of, rows)), cursor=cursor or None))


@blueprint.get("/api/v1/desk/reports/<reference>")
@operation(Operation(
    summary="One report on your desk",
    chinese="查询一件待办举报",
    tag="reports",
    answers={200: DeskReportAnswer},
    problems=(401, 403, 404, 429, 503),
))
@key("desk")
@metered
def show(reference: str) -> Response:
    """One report of the desk."""
    return answer(DeskReportAnswer.of(deskwork.one_of(tools(), party_of().party, reference)))


@blueprint.post("/api/v1/desk/reports/<reference>/answer")
@operation(Operation(
    summary="Answer a report",
    chinese="反馈核查与处置结果",
    tag="reports",
    request=FindingRequest,
    answers={200: DeskReportAnswer},
    problems=(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    says="`violation` with the measure you took, `unfounded`, or `not_ours`, which sends it back to the centre. 409 "
    "`no_such_move` where it was answered before.",
))
@key("desk")
@metered
def answer_one(reference: str) -> Response:
    """Answer one report."""
    said = read(FindingRequest)
    done = deskwork.answer(
        tools(), desk=party_of().party, actor=actor_of_request(), reference=reference, said=said.answer()
    )
    return answer(DeskReportAnswer.of(done))


@blueprint.post("/api/v1/desk/answers")
@operation(Operation(
    summary="Answer many reports",
    chinese="批量反馈核查与处置结果",
    tag="reports",
    request=FindingsRequest,
    answers={200: FindingsAnswer},
    problems=(400, 401, 403, 413, 415, 422, 429, 503),
    says="Up to 200 answers; each is taken or refused by itself, and `results` says what became of each.",
))
@key("desk")
@metered
def answer_many() -> Response:
    """Answer many reports."""
    said = read(FindingsRequest)
    results = deskwork.answer_many(
        tools(), desk=party_of().party, actor=actor_of_request(),
        answers=[(each.reference, each.answer()) for each in said.answers],
    )
    return answer(FindingsAnswer(results=list(map(FindingResult.of, results))))
