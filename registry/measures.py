"""Measures against who sends or carries unlawfully: the ladder, notice, start, appeal, end; and who carries them out.

Rules of this room:
- The ladder is that of rule 92. A measure names its legal basis, its facts, its start and end (rule 93), and whoever it
  is against is told before it starts.
- One person proposes, another decides; a decision on what is over or was lifted is refused.
- An appeal is told with its reason, once; it leaves the measure as it is until it is decided (what has not begun does
  not begin meanwhile); one that is granted lifts it in the same moment (rule 94). Whoever appealed is told either way.
- Carriers are given each step as an order, by API and webhook, and confirm it. An order that is not needed any longer
  (lifted before it began) is not given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from registry import audit
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.logs import without_numbers
from registry.naming import new_id
from registry.times import to_micros
from registry.webhook_events import APPEAL_DECIDED, MEASURE_LIFTED, MEASURE_PROPOSED, MEASURE_STARTED, emit

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.store import Store

State = Literal["proposed", "refused", "notified", "in_force", "appealed", "lifted", "expired"]
Step = Literal["begin", "end"]
LADDER: Mapping[str, str] = {  # the measures from the mildest on, with the rules that they stand on
    "order_to_correct": "92", "warn": "92", "limit_new_resources": "92, 75", "suspend_service": "92, 93",
    "disconnect_number": "92, 93", "fine": "95", "publish": "97", "recover_codes": "92, 75", "revoke": "92",
}  # fmt: skip
CARRIED_OUT = frozenset({"limit_new_resources", "suspend_service", "disconnect_number", "recover_codes"})  # by carriers
_LONGEST = 2000
_MOVES: Mapping[str, tuple[tuple[State, ...], State]] = {
    "decide": (("proposed",), "notified"),
    "refuse": (("proposed",), "refused"),
    "enter": (("notified",), "in_force"),
    "appeal": (("notified", "in_force"), "appealed"),
    "grant": (("appealed",), "lifted"),
    "reject": (("appealed",), "in_force"),
    "lift": (("notified", "in_force"), "lifted"),
    "expire": (("in_force",), "expired"),
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. `resource`: what it is about, "" the whole enterprise; `basis`: rules; `facts`: why, without
    numbers; `notified`: when whom it is against was told; `starts`, `ends` (None: open); `appeal`: what was said."""

    measure: str
    case_id: str
    enterprise: str
    resource: str
    kind: str
    basis: str
    facts: str
    state: str
    proposed_by: str
    proposed: datetime
    decided_by: str = ""
    notified: datetime | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    appeal: str = ""
    appealed: datetime | None = None
    ended: datetime | None = None


def propose(
    store: Store, clock: Clock, *, actor: Actor, enterprise: str, kind: str, facts: str, case_id: str = "",
    resource: str = "", basis: str = "",
) -> Measure:
    """Propose a measure. Raises InvalidInputError bad_measure, no_facts, NotFoundError no_such_enterprise."""
    said = _text(facts)
    if kind not in LADDER:
        raise InvalidInputError("There is no such measure.", code="bad_measure")
    if not said:
        raise InvalidInputError("A measure names the facts that it stands on.", code="no_facts")
    with store.writing(about=f"measures of {enterprise}"):
        if store.enterprises.enterprise(enterprise) is None:
            raise NotFoundError("There is no such enterprise.", code="no_such_enterprise")
        made = Measure(
            new_id(12), case_id, enterprise, resource, kind,
            _text(basis) or LADDER[kind], said, "proposed", actor.name, clock.now(),
        )
        store.measures.put(made)
        _keep(store, clock, made, actor.name, "propose", "")
    return made


def decide(
    store: Store, clock: Clock, *, actor: Actor, measure: str, starts: datetime, ends: datetime | None = None,
    note: str = "",
) -> Measure:
    """Decide a proposed measure: whom it is against is told now, it starts then.

    Raises NotFoundError no_such_measure, NotAllowedError own_proposal, ConflictError no_such_move, InvalidInputError
    no_notice (it would start before the notice), bad_period.
    """
    now = clock.now()
    if starts <= now:
        raise InvalidInputError("A measure starts after the notice of it (rule 93).", code="no_notice")
    if ends is not None and ends <= starts:
        raise InvalidInputError("A measure ends after it started.", code="bad_period")
    with store.writing(about=f"measure {measure}"):
        found = _not_own(of(store, measure), actor)
        made = _moved(store, clock, found, "decide", actor.name, note, decided_by=actor.name, notified=now,
                      starts=starts, ends=ends)  # fmt: skip
        _tell(store, clock, made, MEASURE_PROPOSED)
    return made


def refuse(store: Store, clock: Clock, *, actor: Actor, measure: str, note: str) -> Measure:
    """Turn a proposal down. Raises as `decide`; InvalidInputError no_reason."""
    _must_say(note)
    with store.writing(about=f"measure {measure}"):
        return _moved(store, clock, _not_own(of(store, measure), actor), "refuse", actor.name, note,
                      decided_by=actor.name, ended=clock.now())  # fmt: skip


def appeal(store: Store, clock: Clock, *, actor: Actor, measure: str, text: str) -> Measure:
    """Say something against a measure, for the enterprise that it is against.

    Raises NotFoundError no_such_measure (also for another enterprise's), InvalidInputError no_reason, ConflictError
    no_such_move, appealed_before.
    """
    _must_say(text)
    with store.writing(about=f"measure {measure}"):
        found = of(store, measure)
        own = store.enterprises.of_party(actor.party.party) if actor.party else None
        if own is None or own.enterprise != found.enterprise:
            raise NotFoundError("There is no such measure.", code="no_such_measure")
        if found.appeal and found.ended is None:
            raise ConflictError("You appealed against this measure before.", code="appealed_before")
        return _moved(store, clock, found, "appeal", actor.name, "", appeal=_text(text), appealed=clock.now())


def decide_appeal(store: Store, clock: Clock, *, actor: Actor, measure: str, granted: bool, note: str) -> Measure:
    """Grant an appeal, which lifts the measure at once (rule 94), or reject it. Raises as `refuse`."""
    _must_say(note)
    with store.writing(about=f"measure {measure}"):
        found = _not_own(of(store, measure), actor)
        if granted:
            made = _ended(store, clock, found, "grant", actor.name, note)
        else:
            made = _moved(store, clock, found, "reject", actor.name, note)
        if not granted and not any(move["action"] == "enter" for move in store.measures.moves(measure)):
            made = replace(made, state="notified")  # it begins at its time, or at once where that passed meanwhile
            store.measures.put(made)
        against = store.enterprises.enterprise(made.enterprise)
        if against is not None and against.party:
            emit(store, clock, type=APPEAL_DECIDED, party=against.party,
                 data={"measure": made.measure, "kind": made.kind, "granted": granted})  # fmt: skip
        return made


def lift(store: Store, clock: Clock, *, actor: Actor, measure: str, note: str) -> Measure:
    """End a measure before its time. Raises as `refuse`."""
    _must_say(note)
    with store.writing(about=f"measure {measure}"):
        return _ended(store, clock, _not_own(of(store, measure), actor), "lift", actor.name, note)


def run_due(store: Store, clock: Clock, *, limit: int = 500) -> dict[str, int]:
    """Start what is due to start, and end what is over; how many of each. Carriers are given their orders."""
    now, counts = clock.now(), {"started": 0, "expired": 0}
    with store.reading():
        due = store.measures.due(at=to_micros(now), limit=limit)
    for name in due:
        with store.writing(about=f"measure {name}"):
            found = of(store, name)
            if found.state == "notified" and found.starts is not None and found.starts <= now:
                made = _moved(store, clock, found, "enter", "system", "")
                _order(store, clock, made, "begin")
                _tell(store, clock, made, MEASURE_STARTED)
                counts["started"] += 1
            elif found.state == "in_force" and found.ends is not None and found.ends <= now:
                _ended(store, clock, found, "expire", "system", "")
                counts["expired"] += 1
    return counts


def confirm(store: Store, clock: Clock, *, actor: Actor, measure: str, step: Step) -> None:
    """A carrier says that it has carried out an order; again is no error. Raises NotFoundError no_such_order."""
    party = actor.party.party if actor.party else ""
    with store.writing(about=f"measure {measure}"):
        if not store.measures.confirm(measure, party, step, at=to_micros(clock.now())):
            raise NotFoundError("There is no such order for you.", code="no_such_order")
        audit.append(store, clock, actor=actor.name, action="measure_confirmed", subject=f"measure:{measure}",
                     detail={"step": step})  # fmt: skip


def of(store: Store, measure: str) -> Measure:
    """A measure. Raises NotFoundError no_such_measure."""
    found = store.measures.measure(measure)
    if found is None:
        raise NotFoundError("There is no such measure.", code="no_such_measure")
    return found


def _moved(
    store: Store, clock: Clock, found: Measure, action: str, actor: str, note: str, **changes: object
) -> Measure:
    origins, state = _MOVES[action]
    if found.state not in origins:
        raise ConflictError("This measure is over, or not so far yet.", code="no_such_move", state=found.state)
    made = replace(found, state=state, **changes)  # type: ignore[arg-type]
    store.measures.put(made)
    _keep(store, clock, made, actor, action, note)
    return made


def _ended(store: Store, clock: Clock, found: Measure, action: str, actor: str, note: str) -> Measure:
    """End a measure; carriers that began it are told to end it, what did not begin is not begun."""
    made = _moved(store, clock, found, action, actor, note, ended=clock.now())
    if store.measures.forget_unbegun(made.measure):
        _order(store, clock, made, "end")
    _tell(store, clock, made, MEASURE_LIFTED)
    return made


def _order(store: Store, clock: Clock, made: Measure, step: Step) -> None:
    if made.kind in CARRIED_OUT:
        store.measures.order(made.measure, _carriers(store, made), step, at=to_micros(clock.now()))


def _carriers(store: Store, made: Measure) -> list[str]:
    """Who carries a measure out: the carrier of its resource, or every carrier where it is about the enterprise."""
    resource = store.enterprises.resource(made.resource) if made.resource else None
    every = [party.party for party in store.parties.all() if party.kind == "carrier" and not party.sandbox]
    return [resource.carrier] if resource is not None and resource.carrier in every else every


def _tell(store: Store, clock: Clock, made: Measure, type: str) -> None:
    against = store.enterprises.enterprise(made.enterprise)
    told: Iterable[str] = _carriers(store, made) if made.kind in CARRIED_OUT else ()
    for party in dict.fromkeys([against.party if against else "", *told]):
        if party:
            emit(store, clock, type=type, party=party, data={"measure": made.measure, "kind": made.kind})


def _not_own(found: Measure, actor: Actor) -> Measure:
    """Raises NotAllowedError own_proposal: nobody decides what they proposed themselves."""
    if found.proposed_by == actor.name:
        raise NotAllowedError("Somebody else decides what you proposed.", code="own_proposal")
    return found


def _must_say(text: str) -> None:
    if not text.strip():
        raise InvalidInputError("Please say why.", code="no_reason")


def _text(text: str) -> str:
    return without_numbers(text.strip())[:_LONGEST]


def _keep(store: Store, clock: Clock, made: Measure, actor: str, action: str, note: str) -> None:
    store.measures.note(made, at=to_micros(clock.now()), actor=actor, action=action, note=_text(note))
    audit.append(store, clock, actor=actor, action=f"measure_{action}", subject=f"measure:{made.measure}",
                 detail={"kind": made.kind, "state": made.state})  # fmt: skip
