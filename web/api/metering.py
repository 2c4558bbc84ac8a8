"""What an API key may ask in a minute, and the headers that say how much of it is left.

Rules of this room: one allowance per key, shared by all processes (`registry.limits`), and another where a dialer asks
before each call; every metered answer names the policy and the rest (RateLimit-Policy, RateLimit: IETF draft "RateLimit
header fields for HTTP"), a refusal the wait.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec

from flask import Response, g

from registry.errors import TooManyError
from registry.limits import Limit, gcra, spend_inside, subject_of
from registry.times import Micros, to_micros
from web.current import registry_of
from web.guard import actor_of_request

P = ParamSpec("P")

MOST = 1200  # requests of one key at once and per minute: a follower needs some ten, a pusher of reports one a second
MOST_OFTEN = 6000  # checks, of which a dialer needs one a call; what they learn is metered by numbers
PER_S = 60
_NAME, _OFTEN = "api-key-minute", "api-key-checks"


def metered(view: Callable[P, Response]) -> Callable[P, Response]:
    """Spends one request of the presented key before the view; stands inside a key's guard.

    Raises TooManyError requests_spent.
    """

    @functools.wraps(view)
    def spending(*args: P.args, **values: P.kwargs) -> Response:
        left, reset = _spend(_NAME, MOST)
        response = view(*args, **values)
        say(response, _NAME, most=MOST, per_s=PER_S, left=left, reset=reset)
        return response

    return spending


def often(view: Callable[P, Response]) -> Callable[P, Response]:
    """As `metered`, out of an allowance of its own for what is asked very often.

    The view spends it together with what else it writes: `spending_here()` in its own transaction, once. Where the view
    refuses, it is spent all the same.
    """

    @functools.wraps(view)
    def spending(*args: P.args, **values: P.kwargs) -> Response:
        limit = _limit(_OFTEN, MOST_OFTEN)
        left, reset = _look(limit)
        g.spending_here = (limit,)
        try:
            response = view(*args, **values)
        except TooManyError as error:
            if error.facts.get("limit") != limit.name:
                _spend(_OFTEN, MOST_OFTEN)
                raise
            raise _spent(limit, error.retry_after) from None
        except Exception:
            _spend(_OFTEN, MOST_OFTEN)
            raise
        say(response, limit.name, most=limit.most, per_s=PER_S, left=left - 1, reset=reset)
        return response

    return spending


def spending_here() -> tuple[Limit, ...]:
    """What a view behind `often` has to spend."""
    limits: tuple[Limit, ...] = g.spending_here
    return limits


def say(response: Response, name: str, *, most: int, per_s: int, left: int, reset: int) -> None:
    """Name one more allowance in an answer's headers: `most` per `per_s`, `left` of it, whole again in `reset` s."""
    for header, text in (
        ("RateLimit-Policy", f'"{name}";q={most};w={per_s}'), ("RateLimit", f'"{name}";r={left};t={reset}')
    ):
        before = response.headers.get(header)
        response.headers[header] = f"{before}, {text}" if before else text


def _spend(name: str, most: int) -> tuple[int, int]:
    """Requests left now, and seconds until all are there again."""
    store, now, limit = registry_of().store, registry_of().clock.now(), _limit(name, most)
    try:
        with store.writing():
            spend_inside(store, now, limits=(limit,))
            arrival = store.allowances.arrival(subject=limit.subject, name=limit.name)
    except TooManyError as error:
        raise _spent(limit, error.retry_after) from None
    return _left(limit, arrival, now)


def _look(limit: Limit) -> tuple[int, int]:
    """As `_spend` says it, before it is spent. Raises TooManyError requests_spent where nothing is left."""
    now = registry_of().clock.now()
    arrival = registry_of().store.allowances.arrival(subject=limit.subject, name=limit.name)
    _arrival, wait = gcra(Micros(arrival), to_micros(now), interval=limit.interval, tolerance=limit.tolerance)
    if wait:
        raise _spent(limit, max(1, -(-wait // 1_000_000)))
    return _left(limit, arrival, now)


def _limit(name: str, most: int) -> Limit:
    return Limit(name, subject_of(registry_of().keys, b"key:" + actor_of_request().key.encode()), most, PER_S)


def _left(limit: Limit, arrival: int, now: datetime) -> tuple[int, int]:
    ahead = max(0, arrival - to_micros(now))
    return (limit.tolerance - ahead) // limit.interval, -(-ahead // 1_000_000)


def _spent(limit: Limit, retry_after: int) -> TooManyError:
    detail = f"This key may ask {limit.most} times a minute."
    return TooManyError(detail, code="requests_spent", retry_after=retry_after, limit=limit.name)
