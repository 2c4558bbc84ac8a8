"""Lanes of parties: who has checks answered as usual, who slowly, and who not until an officer has decided.

Rules of this room: a party is in the usual lane unless a row says otherwise; in the slow one it may ask for so many new
numbers an hour (a setting of its tier); in the held one for none. What it asked for before stays free and is answered.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, cast

from registry.errors import NotAllowedError, TooManyError
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.store import Store

Lane = Literal["usual", "slow", "held"]
LANES: tuple[Lane, ...] = ("usual", "slow", "held")  # from good to bad
_HOUR_US = 3_600_000_000
_ALLOWANCE = "scrub-slow"


def lane_of(store: Store, party: str) -> Lane:
    """The lane of a party."""
    return cast(Lane, store.guard.lane(party))


def worse(one: Lane, other: Lane) -> Lane:
    """The worse of two lanes."""
    return max(one, other, key=LANES.index)


def must_be_open(store: Store, party: str) -> Lane:
    """The lane of a party that is not held. Raises NotAllowedError held_by_guard."""
    lane = lane_of(store, party)
    if lane == "held":
        raise held()
    return lane


def held() -> NotAllowedError:
    """The refusal of what an officer has to decide about."""
    return NotAllowedError(
        "What was asked for looks like an attempt to read the registry out. An officer has to decide first.",
        code="held_by_guard",
    )


def spend_slow(store: Store, now: datetime, *, party: str, numbers: int, an_hour: int) -> None:
    """Inside `writing()`: spend new numbers of the slow lane. Raises TooManyError slow_lane, which has to end it."""
    each = -(-_HOUR_US // an_hour)
    at, tolerance, subject = to_micros(now), each * an_hour, party.encode()
    if not numbers:
        return
    spent = numbers <= an_hour and store.allowances.spend(
        subject=subject, name=_ALLOWANCE, now=at, interval=each * numbers, tolerance=tolerance
    )
    if not spent:
        arrival = max(at, store.allowances.arrival(subject=subject, name=_ALLOWANCE))
        wait = arrival + each * min(numbers, an_hour) - tolerance - at
        raise TooManyError(
            f"Your checks are slowed down: at most {an_hour} new numbers an hour.", code="slow_lane",
            retry_after=max(1, -(-wait // 1_000_000)), limit=_ALLOWANCE,
        )
