"""Measures: `/api/v1/measures` against oneself and appeals; `/api/v1/measures/orders` for the carriers, which confirm.

Rules of this room: a measure that is neither against the party nor its to carry out is as one that does not exist.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from registry import measures, orders
from web.api.edge import Operation, Parameter, answer, one_of, only, operation, party_of, read, whole
from web.api.measure_messages import (
    AppealRequest,
    ConfirmRequest,
    MeasureMessage,
    MeasuresAnswer,
    OrderMessage,
    OrdersAnswer,
)
from web.api.metering import metered
from web.current import registry_of
from web.guard import actor_of_request, key

blueprint = Blueprint("measures_api", __name__)

_AT_ONCE = 200


@blueprint.get("/api/v1/measures/orders")
@operation(Operation(
    summary="What you are ordered to carry out",
    chinese="查询需执行的处置措施",
    tag="measures",
    answers={200: OrdersAnswer},
    problems=(401, 403, 422, 429),
    parameters=(
        Parameter("state", "query", {"enum": ["open", "all"], "default": "open"}, "Those not confirmed yet, or all."),
        Parameter("after", "query", {"type": "string", "pattern": r"^[a-z]{12}\.(begin|end)$"}, "A page's `next`."),
        Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": _AT_ONCE, "default": 50}, "At most."),
    ),
    says="An order to begin comes when a measure starts, one to end when it was lifted or is over. 422 `bad_cursor`.",
))
@key("measures")
@metered
def show_orders() -> Response:
    """The carrier's orders, oldest first."""
    only("state", "after", "limit")
    limit = whole("limit", default=50, least=1, most=_AT_ONCE)
    registry = registry_of()
    found = orders.orders_of(
        registry.store, registry.clock, registry.keys, party=party_of().party, limit=limit,
        open_only=one_of("state", default="open", known=("open", "all")) == "open",
        after=request.args.get("after", ""),
    )
    rest = found[-1].cursor if len(found) == limit else None
    return answer(OrdersAnswer(orders=[OrderMessage.of(each) for each in found], next=rest))


@blueprint.post("/api/v1/measures/<measure>/confirmation")
@operation(Operation(
    summary="Confirm that an order was carried out",
    chinese="确认已执行处置措施",
    tag="measures",
    request=ConfirmRequest,
    answers={204: None},
    problems=(400, 401, 403, 404, 413, 415, 422, 429, 503),
    says="Again is no error; the first time counts. 404 `no_such_order`.",
))
@key("measures")
@metered
def confirm(measure: str) -> Response:
    """Note that the carrier did as it was told."""
    only()
    said, registry = read(ConfirmRequest), registry_of()
    measures.confirm(registry.store, registry.clock, actor=actor_of_request(), measure=measure, step=said.step)
    return Response(status=204)


@blueprint.get("/api/v1/measures")
@operation(Operation(
    summary="Measures against you",
    chinese="查询针对本企业的处置措施",
    tag="measures",
    answers={200: MeasuresAnswer},
    problems=(401, 403, 422, 429),
    says="From the notice on, newest first, with the rules and the facts that each stands on.",
))
@key("measures")
@metered
def show_all() -> Response:
    """The measures against the party's enterprise."""
    only()
    found = orders.against(registry_of().store, party_of().party)
    return answer(MeasuresAnswer(measures=[_message(each) for each in found]))


@blueprint.post("/api/v1/measures/<measure>/appeal")
@operation(Operation(
    summary="Appeal against a measure",
    chinese="对处置措施提出申诉",
    tag="measures",
    request=AppealRequest,
    answers={200: MeasureMessage},
    problems=(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    says="The measure stays as it is until somebody decides; an appeal that is granted lifts it at once. 404 "
    "`no_such_measure`, 409 `no_such_move` where it is over, `appealed_before` where you did so once. The event "
    "`measure.appeal_decided` tells how it was decided.",
))
@key("measures")
@metered
def appeal(measure: str) -> Response:
    """Take down what the party says against a measure."""
    only()
    said, registry = read(AppealRequest), registry_of()
    made = measures.appeal(registry.store, registry.clock, actor=actor_of_request(), measure=measure, text=said.text)
    return answer(_message(made))


def _message(found: measures.Measure) -> MeasureMessage:
    return MeasureMessage.of(found, answer=orders.answer_to(registry_of().store, found.measure))
