"""Fines: `/api/v1/fines` against oneself, a hearing that is asked for, a statement in writing.

Rules of this room: a fine is seen from the notice on; another's is as one that does not exist.
"""

from __future__ import annotations

from flask import Blueprint, Response

from registry import finedefence
from web.api.edge import Operation, answer, only, operation, party_of, read
from web.api.fine_messages import FineMessage, FinesAnswer, StatementRequest
from web.api.metering import metered
from web.current import registry_of
from web.guard import actor_of_request, key

blueprint = Blueprint("fines_api", __name__)


@blueprint.get("/api/v1/fines")
@operation(Operation(
    summary="Fines against you",
    chinese="查询针对本企业的罚款",
    tag="measures",
    answers={200: FinesAnswer},
    problems=(401, 403, 422, 429),
    says="From the notice on, newest first, with the figures, what they come from, and until when you may be heard.",
))
@key("measures")
@metered
def show_all() -> Response:
    """The fines against the party's enterprise."""
    only()
    found = finedefence.against(registry_of().store, party_of().party)
    return answer(FinesAnswer(fines=[FineMessage.of(each) for each in found]))


@blueprint.post("/api/v1/fines/<fine>/hearing")
@operation(Operation(
    summary="Ask for a hearing",
    chinese="申请听证",
    tag="measures",
    answers={200: FineMessage},
    problems=(401, 403, 404, 409, 422, 429, 503),
    says="Until `hear_by`; then nothing is decided before the hearing. Again is no error. 404 `no_such_penalty`, 409 "
    "`too_late`, or `no_such_move` where it is decided or over.",
))
@key("measures")
@metered
def ask(fine: str) -> Response:
    """Take down that the party wants to be heard."""
    only()
    made = finedefence.ask_hearing(registry_of().fines, actor=actor_of_request(), penalty=fine)
    return answer(FineMessage.of(made))


@blueprint.post("/api/v1/fines/<fine>/statement")
@operation(Operation(
    summary="Write about a fine that is intended",
    chinese="对拟处罚款提出书面意见",
    tag="measures",
    request=StatementRequest,
    answers={200: FineMessage},
    problems=(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    says="Until it is decided, up to twenty times; the newest is `statement`. 404 `no_such_penalty`, 409 "
    "`no_such_move`, or `too_many_statements` after twenty.",
))
@key("measures")
@metered
def state(fine: str) -> Response:
    """Take down what the party writes."""
    only()
    said = read(StatementRequest)
    made = finedefence.state(registry_of().fines, actor=actor_of_request(), penalty=fine, text=said.text)
    return answer(FineMessage.of(made))
