"""For how many numbers a telemarketer may still ask: `GET /api/v1/balance`, and the headers that say so along the way.

Rules of this room: what is said is what `quotas` counts; a key of the sandbox has no balance, because nothing is
charged to it.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from flask import Blueprint, Response

from registry import quotas
from registry.checks import telemarketer_of
from registry.quotas import Balance, Window
from web.api.edge import Operation, answer, operation
from web.api.metering import metered, say
from web.api.scrub_messages import BalanceAnswer, WindowMessage
from web.current import registry_of
from web.guard import actor_of_request, key

blueprint = Blueprint("balance", __name__)

_DAY_S = 86_400


@blueprint.get("/api/v1/balance")
@operation(Operation(
    summary="How many numbers you may still ask for",
    chinese="剩余可核对号码数",
    tag="scrubs",
    answers={200: BalanceAnswer},
    problems=(401, 403, 429),
    says="Distinct numbers count once a calendar month; invalid, duplicate and failed lines are free.",
))
@(key("read") | key("check") | key("scrub"))
@metered
def show() -> Response:
    """The balance of the party that asks."""
    found = _balance()
    return with_balance(answer(BalanceAnswer(
        tier=found.tier, lane=found.lane, slow_hour=found.slow_hour, day=_window(found.day), month=_window(found.epoch)
    )))


def with_balance(response: Response) -> Response:
    """The same answer with headers that say what is left, except to a key of the sandbox."""
    if actor_of_request().sandbox:
        return response
    found, now = _balance(), registry_of().clock.now()
    for name, window, days in (("numbers-day", found.day, 1), ("numbers-month", found.epoch, 31)):
        say(response, name, most=window.limit, per_s=days * _DAY_S, left=window.left, reset=_seconds(window, now))
    return response


def _balance() -> Balance:
    registry = registry_of()
    party = telemarketer_of(actor_of_request())
    return quotas.balance(registry.store, registry.clock, registry.settings, party)


def _window(window: Window) -> WindowMessage:
    return WindowMessage(limit=window.limit, used=window.used, left=window.left, renews=window.renews)


def _seconds(window: Window, now: datetime) -> int:
    return max(0, math.ceil((window.renews - now) / timedelta(seconds=1)))
