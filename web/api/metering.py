"""What an API key may ask in a minute, and the headers that say how much of it is left.

Rules of this room: one allowance per key, shared by all processes (`registry.limits`), and another where a dialer asks
before each call; every metered answer names the policy and the rest (RateLimit-Policy, RateLimit: IETF draft "RateLimit
header fields for HTTP"), a refusal the wait.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from flask import Response

from registry.errors import TooManyError
from registry.limits import Limit, spend_inside, subject_of
from registry.times import to_micros
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
    return _metered(view, _NAME, lambda: MOST)


def often(view: Callable[P, Response]) -> Callable[P, Response]:
    """As `metered`, out of an allowance of its own for what is asked very often."""
    return _metered(view, _OFTEN, lambda: MOST_OFTEN)


def _metered(view: Callable[P, Response], name: str, most_of: Callable[[], int]) -> Callable[P, Response]:
    @functools.wraps(view)
    def spending(*args: P.args, **values: P.kwargs) -> Response:
        most = most_of()
        left, reset = _spend(name, most)
        response = view(*args, **values)
        say(response, name, most=most, per_s=PER_S, left=left, reset=reset)
        return response

    return spending


def say(response: Response, name: str, *, most: int, per_s: int, left: int, reset: int) -> None:
    """Name one more allowance in an answer's headers: `most` per `per_s`, `left` of it, whole again in `reset` s."""
    for header, text in (
        ("RateLimit-Policy", f'"{name}";q={most};w={per_s}'), ("RateLimit", f'"{name}";r={left};t={reset}')
    ):
        before = response.headers.get(header)
        response.headers[header] = f"{before}, {text}" if before else text


def _spend(name: str, most: int) -> tuple[int, int]:
    """Requests left now, and seconds until all are there again."""
    registry = registry_of()
    limit = Limit(name, subject_of(registry.keys, b"key:" + actor_of_request().key.encode()), most, PER_S)
    now = registry.clock.now()
    try:
        with registry.store.writing():
            spend_inside(registry.store, now, limits=(limit,))
            arrival = registry.store.allowances.arrival(subject=limit.subject, name=limit.name)
    except TooManyError as error:
        raise TooManyError(
            f"This key may ask {most} times a minute.", code="requests_spent", retry_after=error.retry_after, limit=name
        ) from None
    ahead = max(0, arrival - to_micros(now))
    return (limit.tolerance - ahead) // limit.interval, -(-ahead // 1_000_000)
