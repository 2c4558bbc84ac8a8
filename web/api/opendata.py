"""Open data over the API: `/api/v1/open/callers`, and `/api/v1/open/changes` for handset makers and marking apps.

Rules of this room: anybody may ask, so often an address; a key with the scope `read` has the allowance of keys.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from flask import Blueprint, Response, request

from registry import limits, opendata, willingness
from registry.errors import NotFoundError
from registry.willingness import Willingness
from web.api.edge import Operation, Parameter, answer, only, operation, whole
from web.api.metering import metered
from web.api.opendata_messages import CallersAnswer, ChangesAnswer
from web.current import address_of, registry_of
from web.guard import key, public

blueprint = Blueprint("opendata_api", __name__)

P = ParamSpec("P")

MOST, PER_S = 60, 60  # requests of one address without a key
_AT_ONCE = 1000
_MOST_CURSOR = 2**53
_PARAMETERS = (
    Parameter("cursor", "query", {"type": "integer", "minimum": 0, "maximum": _MOST_CURSOR, "default": 0},
              "The `cursor` of the page before; 0 for the first."),
    Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": _AT_ONCE, "default": 500}, "At most."),
)  # fmt: skip


def sparing(view: Callable[P, Response]) -> Callable[P, Response]:
    """Spends one request of the key, or of the address where none is presented. Raises TooManyError."""
    by_key = metered(view)

    @functools.wraps(view)
    def spending(*args: P.args, **values: P.kwargs) -> Response:
        if "Authorization" in request.headers:
            key("read").check()
            return by_key(*args, **values)
        registry = registry_of()
        subject = limits.address_subject(registry.keys, address_of())
        limits.spend(registry.store, registry.clock, name="open-address", subject=subject, most=MOST, per_s=PER_S)
        return view(*args, **values)

    return spending


@blueprint.get("/api/v1/open/callers")
@operation(Operation(
    summary="Reported callers of the last 90 days",
    chinese="近 90 天被举报的主叫号码",
    tag="open",
    answers={200: CallersAnswer},
    problems=(401, 403, 422, 429),
    parameters=_PARAMETERS,
    says="A mark is a signal, not a finding. Plain numbers that few people reported are left out.",
))
@public
@sparing
def show_callers() -> Response:
    """The marks that stand."""
    return answer(CallersAnswer.of(_page(opendata.marks)))


@blueprint.get("/api/v1/open/changes")
@operation(Operation(
    summary="What changed of reported callers",
    chinese="被举报主叫号码的变动",
    tag="open",
    answers={200: ChangesAnswer},
    problems=(401, 403, 409, 422, 429),
    parameters=_PARAMETERS,
    says="For handset makers and marking apps: marks put and taken away since a cursor. Take away what is removed, "
    "whatever the reason. 409 `cursor_too_old`: begin again at 0 and drop what you have.",
))
@public
@sparing
def show_changes() -> Response:
    """What changed since a cursor."""
    return answer(ChangesAnswer.of(_page(opendata.changes)))


@blueprint.get("/api/v1/open/willingness")
@operation(Operation(
    summary="What people decline",
    chinese="公众拒收意愿统计",
    tag="open",
    answers={200: Willingness},
    problems=(401, 403, 404, 422, 429),
    says="Counted once a day. A cell that is null has too few people to be shown. Provinces are those of landlines.",
))
@public
@sparing
def show_willingness() -> Response:
    """What was counted last."""
    only()
    made = willingness.latest(registry_of().shelf)
    if made is None:
        raise NotFoundError("It has not been counted yet.", code="not_found")
    return answer(made)


def _page(asked: Callable[..., opendata.Page]) -> opendata.Page:
    only("cursor", "limit")
    registry = registry_of()
    return asked(
        registry.store, registry.keys, cursor=whole("cursor", default=0, least=0, most=_MOST_CURSOR),
        limit=whole("limit", default=500, least=1, most=_AT_ONCE), zone=registry.settings.numbers.zone,
    )
