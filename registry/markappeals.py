"""Appeals against wrong marks: "this number is mine, and was somebody else's when it was reported" (part 10).

Rules of this room:
- Whoever appeals has proved the number. Where the registry knows that it went to another holder, the mark goes at once;
  else an officer decides, with a reason. What is cleared leaves the open data in the same transaction.
- One appeal of a number waits at a time, and three may be made a day. An appeal is for what was reported before it:
  reports that come later count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from registry import audit, opendata
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.limits import Limit, spend_inside, subject_of
from registry.logs import without_numbers
from registry.naming import new_id
from registry.sealing import unseal_one
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.opendata import Mark
    from registry.sealing import SealedNumber
    from registry.store import Store

A_DAY = 3
_DAY_S = 86_400
_LONGEST = 500
WAITING, CLEARED, REFUSED = "waiting", "cleared", "refused"


@dataclass(frozen=True, slots=True)
class Appeal:
    """One appeal: `number` masked, its `state`, what was marked when it was made or now, who decided and why."""

    appeal: str
    number: str
    state: str
    asked: datetime
    decided: datetime | None
    why: str
    mark: Mark | None


def appeal(store: Store, clock: Clock, keys: KeyRing, *, number: SealedNumber) -> str:
    """Appeal against the mark on a proved number; the state it comes to.

    Raises NotFoundError no_mark, ConflictError appeal_waiting, TooManyError too_many.
    """
    with store.writing(about=opendata.ABOUT):
        now = clock.now()
        row = store.open_data.marks_of([number]).get(number)
        if row is None or row["state"] != "marked":
            raise NotFoundError("There is no mark on this number.", code="no_mark")
        if any(each["state"] == WAITING for each in store.open_data.appeals_of(number)):
            raise ConflictError("An appeal is waiting already.", code="appeal_waiting")
        spend_inside(store, now, limits=(Limit("mark-appeal", subject_of(keys, b"mark:" + number), A_DAY, _DAY_S),))
        handed_on = store.open_data.past([number]).get(number, 0)
        known = handed_on > row["first"]
        if known:
            opendata.clear_inside(store, number, before=from_micros(handed_on), at=now, reason="recycled")
        state = CLEARED if known else WAITING
        name = new_id()
        store.open_data.add_appeal(
            appeal=name, number=number, state=state, asked=to_micros(now), decided=to_micros(now) if known else 0
        )
        audit.append(store, clock, actor="person", action="mark_appealed", subject=f"mark_appeal:{name}",
                     detail={"state": state})  # fmt: skip
    return state


def decide(store: Store, clock: Clock, *, appeal: str, clear: bool, why: str, actor: str) -> None:
    """An officer's word about an appeal that waits.

    Raises InvalidInputError no_reason, NotFoundError no_such_appeal, ConflictError appeal_settled.
    """
    kept = without_numbers(why.strip()[:_LONGEST])
    if not kept:
        raise InvalidInputError("Say why.", code="no_reason")
    with store.writing(about=opendata.ABOUT):
        now = clock.now()
        row = store.open_data.appeal(appeal)
        if row is None:
            raise NotFoundError("There is no such appeal.", code="no_such_appeal")
        if row["state"] != WAITING:
            raise ConflictError("This appeal was decided before.", code="appeal_settled")
        state = CLEARED if clear else REFUSED
        if clear:
            opendata.clear_inside(
                store, row["number"], before=from_micros(row["asked"]), at=now, reason="cleared"
            )
        store.open_data.settle_appeal(appeal, state=state, decided=to_micros(now), actor=actor, why=kept)
        audit.append(store, clock, actor=actor, action=f"mark_{state}", subject=f"mark_appeal:{appeal}",
                     detail={"why": kept})  # fmt: skip


def of_number(store: Store, keys: KeyRing, number: SealedNumber, *, zone: str) -> tuple[Appeal, ...]:
    """The appeals of a number, newest first; those of holders before are not theirs and not told."""
    past = store.open_data.past([number]).get(number, 0)
    own = [row for row in store.open_data.appeals_of(number) if row["asked"] >= past or row["state"] == CLEARED]
    return tuple(_appeal(store, keys, row, zone) for row in own)


def waiting(store: Store, keys: KeyRing, *, limit: int, zone: str) -> tuple[Appeal, ...]:
    """Appeals that wait for an officer, the oldest first."""
    return tuple(_appeal(store, keys, row, zone) for row in store.open_data.appeals_in(WAITING, most=limit))


def _appeal(store: Store, keys: KeyRing, row: Mapping[str, Any], zone: str) -> Appeal:
    return Appeal(
        row["appeal"], unseal_one(keys.at_rest, row["number"]).masked, row["state"], from_micros(row["asked"]),
        from_micros(row["decided"]) if row["decided"] else None, row["why"],
        opendata.mark_of(store, keys, row["number"], zone=zone),
    )  # fmt: skip
