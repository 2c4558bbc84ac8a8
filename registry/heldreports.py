"""What is held: waves of people with one text against one company, what one person sent twice; released or closed.

Rules of this room:
- What is held counts nowhere until somebody has looked (rules 79, 81). A wave is decided as a whole, with a reason that
  stands in the audit trail; each of its reports keeps the decision among its moves.
- What is released counts like any other report, from the next gathering on; what is closed stays held and never counts.
- What came before a release is not held again for the same; what comes after it makes a wave of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from registry import audit
from registry.errors import InvalidInputError, NotFoundError
from registry.handlingmoves import move_of
from registry.logs import without_numbers
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.store import Store

Decision = Literal["release", "dismiss"]
DECISIONS: tuple[Decision, ...] = ("release", "dismiss")
HELD = ("bombing", "same_text")
MOST = 100  # waves on a page
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Wave:
    """Held reports that belong together: why they are held, the text they share, the enterprise they are against ("":
    nobody known), how many, of how many people, from when to when, and one of them as an example."""

    held: str
    cluster: str
    enterprise: str
    reports: int
    reporters: int
    first: datetime
    last: datetime
    example: str


@dataclass(frozen=True, slots=True)
class Review:
    """What was decided about a wave."""

    held: str
    cluster: str
    enterprise: str
    at: datetime
    action: str
    reports: int
    reporters: int
    actor: str
    reason: str


def waves(store: Store) -> list[Wave]:
    """The waves that wait for somebody to look, the largest first, at most MOST."""
    return store.centre.waves(limit=MOST)


def reviews(store: Store) -> list[Review]:
    """The newest decisions."""
    return store.centre.reviews(limit=20)


def decide(
    store: Store, clock: Clock, *, actor: Actor, held: str, cluster: str, enterprise: str, decision: str, reason: str
) -> int:
    """Release a wave, or close its reports for good; how many.

    Raises InvalidInputError no_reason, bad_decision, NotFoundError no_such_wave (also for one that was decided).
    """
    said = without_numbers(reason.strip())[:_LONGEST]
    if not said:
        raise InvalidInputError("Say why.", code="no_reason")
    if decision not in DECISIONS:
        raise InvalidInputError("A wave is released or dismissed.", code="bad_decision")
    now = to_micros(clock.now())
    with store.writing(about="gathering"):
        wave = store.centre.wave(held, cluster, enterprise)
        if wave is None:
            raise NotFoundError("There is no such wave.", code="no_such_wave")
        closed = move_of("dismiss", "accepted", "centre").state if decision == "dismiss" else ""
        store.centre.decide(wave, at=now, actor=actor.name, decision=decision, state=closed, reason=said)
        audit.append(
            store, clock, actor=actor.name, action=f"held_{decision}", subject=f"wave:{cluster}",
            detail={"held": held, "enterprise": enterprise, "reports": wave.reports, "reason": said},
        )  # fmt: skip
    return wave.reports
