"""Alarms about what telemarketers ask for: raised with their figures, decided about by an officer, kept for the trail.

Rules of this room:
- An alarm holds figures and never a number. One scrub, and the checks of one party, ring once for the same reason.
- An officer lets go, keeps slow or refuses, and says why. What was let go does not ring again for this party in this
  month; a scrub that was refused is cancelled; checks that were refused are answered no more until somebody lets go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, cast, get_args

from registry import audit, guardlanes
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.logs import without_numbers
from registry.naming import new_id
from registry.signals import LANES, Found, Kind
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.guardlanes import Lane
    from registry.interfaces import Clock
    from registry.store import Store

Decision = Literal["let_go", "keep_slow", "refuse"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
_LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm about a party; times are Micros, `settled` 0 while nobody has decided, `figures` JSON without numbers.

    `scrub` is the scrub that it stopped, "" for checks; `lane` where it put the party or the scrub.
    """

    alarm: str
    party: str
    epoch: int
    kind: str
    scrub: str
    lane: str
    figures: str
    raised: int
    settled: int = 0
    decision: str = ""
    note: str = ""
    officer: str = ""


@dataclass(frozen=True, slots=True)
class GuardAlarm:
    """One alarm; `kinds` the gravest first, `settled` None while nobody has decided."""

    alarm: str
    party: str
    scrub: str
    lane: Lane
    kinds: tuple[Kind, ...]
    figures: dict[str, float]
    raised: datetime
    settled: datetime | None
    decision: str
    note: str
    officer: str


def alarm_from(row: AlarmRow) -> GuardAlarm:
    """The alarm of a row."""
    kinds = cast("tuple[Kind, ...]", tuple(row.kind.split()))
    return GuardAlarm(
        row.alarm, row.party, row.scrub, cast("Lane", row.lane), kinds, json.loads(row.figures),
        from_micros(row.raised), from_micros(row.settled) if row.settled else None, row.decision, row.note, row.officer,
    )  # fmt: skip


def open_alarms(store: Store, party: str = "") -> tuple[GuardAlarm, ...]:
    """Alarms that wait for an officer, the gravest first, then the newest."""
    found = [alarm_from(row) for row in store.guard.open_alarms(party)]
    return tuple(sorted(found, key=lambda each: -guardlanes.LANES.index(each.lane)))


def settled_alarms(store: Store, *, limit: int = 50) -> tuple[GuardAlarm, ...]:
    """Alarms that were decided about, newest first."""
    return tuple(alarm_from(row) for row in store.guard.settled_alarms(limit=limit))


def lane_for(kinds: Iterable[Kind]) -> Lane:
    """Where signals put what they are about, before an officer has seen it; two weak ones are as one that slows."""
    lanes = [LANES[kind] for kind in kinds]
    lane: Lane = "slow" if lanes.count("usual") > 1 else "usual"
    for each in lanes:
        lane = guardlanes.worse(lane, each)
    return lane


# use cases


def ring_inside(
    store: Store, clock: Clock, *, party: str, epoch: int, found: Found, scrub: str = ""
) -> tuple[Lane, tuple[Kind, ...]]:
    """Inside `writing()`: raise an alarm for signals that nobody has let go yet; the lane they ask for, and which.

    Alarms about checks (no scrub) put the party into that lane.
    """
    known = [alarm_from(row) for row in store.guard.alarms_of(party, epoch=epoch)]
    cleared = {kind for each in known if each.decision == "let_go" for kind in each.kinds}
    kinds = tuple(kind for kind in found.kinds if kind not in cleared)
    if not kinds:
        return "usual", ()
    lane = lane_for(kinds)
    rung = {kind for each in known if each.scrub == scrub and each.settled is None for kind in each.kinds}
    if not set(kinds) <= rung:
        now = to_micros(clock.now())
        row = AlarmRow(
            new_id(), party, epoch, " ".join(kinds), scrub, lane, json.dumps(dict(found.figures)), now
        )
        store.guard.raise_alarm(row)
        if not scrub and lane != "usual":
            put = guardlanes.worse(guardlanes.lane_of(store, party), lane)
            store.guard.put_lane(party, lane=put, since=now, by=f"alarm:{row.alarm}")
        audit.append(store, clock, actor="system", action="guard_alarm", subject=f"party:{party}",
                     detail={"alarm": row.alarm, "kinds": row.kind, "lane": lane, "scrub": scrub})
    return lane, kinds


def decide(store: Store, clock: Clock, *, alarm: str, decision: str, note: str, actor: str) -> GuardAlarm:
    """An officer decides about an alarm and says why.

    Raises InvalidInputError bad_decision, note_missing, NotFoundError no_such_alarm, ConflictError already_settled.
    """
    note = without_numbers(note.strip())[:_LONGEST_NOTE]
    if decision not in DECISIONS:
        raise InvalidInputError(f"A decision is one of {', '.join(DECISIONS)}.", code="bad_decision")
    if not note:
        raise InvalidInputError("Please say why.", code="note_missing")
    with store.writing(about="guard"):
        row = store.guard.alarm(alarm)
        if row is None:
            raise NotFoundError("There is no such alarm.", code="no_such_alarm")
        now = to_micros(clock.now())
        if not store.guard.settle(alarm, at=now, decision=decision, note=note, officer=actor):
            raise ConflictError("Somebody has decided already.", code="already_settled")
        lane: Lane = {"let_go": "usual", "keep_slow": "slow", "refuse": "held"}[decision]  # type: ignore[assignment]
        if row.scrub and decision == "refuse":
            _cancel(store, row.scrub, now)
        elif row.scrub:
            store.scrub_jobs.change(row.scrub, states=("waiting",), lane=lane)
        else:
            _move_inside(store, row.party, lane, now, actor)
        audit.append(store, clock, actor=actor, action="guard_decided", subject=f"party:{row.party}",
                     detail={"alarm": alarm, "decision": decision, "scrub": row.scrub, "note": note})
        found = store.guard.alarm(alarm)
    assert found is not None
    return alarm_from(found)


def move(store: Store, clock: Clock, *, party: str, lane: str, note: str, actor: str) -> None:
    """An officer moves a party into a lane and says why. Raises InvalidInputError bad_lane, note_missing."""
    note = without_numbers(note.strip())[:_LONGEST_NOTE]
    if lane not in guardlanes.LANES:
        raise InvalidInputError(f"A lane is one of {', '.join(guardlanes.LANES)}.", code="bad_lane")
    if not note:
        raise InvalidInputError("Please say why.", code="note_missing")
    with store.writing(about="guard"):
        _move_inside(store, party, lane, to_micros(clock.now()), actor)
        audit.append(store, clock, actor=actor, action="guard_lane", subject=f"party:{party}",
                     detail={"lane": lane, "note": note})


def _move_inside(store: Store, party: str, lane: Lane, now: int, actor: str) -> None:
    """Move a party, and those of its scrubs that wait because of the party and not for an alarm of their own."""
    store.guard.put_lane(party, lane=lane, since=now, by=actor)
    own = {row.scrub for row in store.guard.open_alarms(party)}
    for scrub in store.guard.stopped(party):
        if scrub not in own:
            store.scrub_jobs.change(scrub, states=("waiting",), lane=lane)


def _cancel(store: Store, scrub: str, now: int) -> None:
    store.scrub_jobs.change(
        scrub, states=("waiting",), state="cancelled", problem="refused_by_officer", finished=now, expires=now
    )
