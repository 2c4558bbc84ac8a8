"""Number events from carriers: taken in, carried out when their time has come, held ones decided (rules 45, 46).

Rules of this room:
- Taking in only stores: what an event comes to is found by the clockwork when it is due, in the order of the moments
  (`moving`); each in one transaction about its number, so that a crash between two of them loses nothing.
- An event is unique by its source and the source's own id. What was said of it is kept: who, when, and why.
- What a sandbox party says is about magic numbers alone, is noted, and moves nothing.
- An officer's word about an event that is held counts, and stands in the audit trail; numbers never do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from registry import audit, intake, moving, registrations, serving
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.event_rows import DEACTIVATED, ENDINGS, PORTINGS, EventEntry, EventReading
from registry.intake import Intake, RowResult
from registry.logs import without_numbers
from registry.naming import new_id
from registry.numbers import Number
from registry.readers.rows import Row, Unreadable
from registry.sealing import SealedNumber, unseal_one
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.settings import Settings
    from registry.store import Store

ABOUT = "number-events"
CHUNK = 2000
_DUE = 500
_NOTE_CHARS = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """What is found when an event is taken in: nothing yet."""

    verdict: str = ""


@dataclass(frozen=True)
class _Desk:
    """Where one batch of events is worked on."""

    store: Store
    keys: KeyRing
    clock: Clock
    source: str
    reading: EventReading
    trial: bool = False  # of a sandbox party, whose words move nothing
    about: str = ABOUT

    def known(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return self.store.number_events.known(self.source, ids)

    def judge(self, entries: list[EventEntry]) -> dict[int, Taken]:
        return {id(entry): Taken(entry.claim.kind if entry.claim else "") for entry in entries}

    def add(self, batch: str, entries: Sequence[EventEntry], verdicts: Mapping[int, Taken], now: datetime) -> None:
        del verdicts
        self.store.number_events.add([_row(self, batch, entry, now) for entry in entries])

    def accepted(self, entry: EventEntry, verdict: Taken) -> RowResult:
        return RowResult(entry.line, entry.id, "accepted", verdict.verdict)

    def stored(self, entry: EventEntry, row: Mapping[str, Any]) -> RowResult:
        return RowResult(entry.line, entry.id, "accepted", row["kind"])


def _row(desk: _Desk, batch: str, entry: EventEntry, now: datetime) -> dict[str, Any]:
    claim = entry.claim
    assert claim is not None
    state, reason = (moving.NOTED, "sandbox") if desk.trial else (moving.WAITING, "")
    return {
        "source": desk.source, "source_id": entry.kept_id, "event": new_id(), "batch": batch,
        "line": entry.line, "number": entry.number, "kind": claim.kind, "at": claim.at, "giver": claim.giver,
        "taker": claim.taker, "received": to_micros(now), "state": state, "reason": reason, "other": "",
        "settled": None, "actor": "", "note": "",
    }  # fmt: skip


def _desk(store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, source: str, country: str) -> _Desk:
    party = store.parties.party(source)
    trial = party is not None and party.sandbox
    reading = EventReading(plan, country, keys, source, _hosts(store, sandbox=trial), trial)
    return _Desk(store, keys, clock, source, reading, trial)


def _hosts(store: Store, *, sandbox: bool = False) -> dict[str, str]:
    """All carriers with their hosts; sandboxes and others never mix."""
    return {
        party.party: party.host for party in store.parties.all()
        if party.kind == "carrier" and party.sandbox == sandbox
    }  # fmt: skip


# taking in


def stream_in(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, *, source: str, rows: Iterable[Row | Unreadable],
    format: str = "", country: str = "CN", idempotency: str | None = None, origin: str = "api",
) -> Iterator[RowResult | Intake]:
    """Take events in while they arrive; parameters, answers and errors as in `intake.stream`."""
    desk = _desk(store, keys, clock, plan, source, country)
    return intake.stream(desk, rows, format=format, idempotency=idempotency, origin=origin, most=CHUNK)


def take_in(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, *, source: str, rows: Iterable[Row | Unreadable],
    format: str = "", country: str = "CN", idempotency: str | None = None, origin: str = "api",
) -> Intake:
    """Take all events in and answer with the counts alone; parameters and errors as in `intake.stream`."""
    return intake.last_of(
        stream_in(
            store, keys, clock, plan, source=source, rows=rows, format=format, country=country,
            idempotency=idempotency, origin=origin,
        )
    )


def take_one(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, *, source: str, fields: dict[str, Any],
    country: str = "CN", batch: str = "", line: int = 1,
) -> RowResult:
    """Take one event in that somebody waits for. Raises InvalidInputError with the refusal's slug and sentence."""
    desk = _desk(store, keys, clock, plan, source, country)
    now = clock.now()
    entry = desk.reading.entries([Row(line, b"", fields, typed=False)], to_micros(now))[0]
    if entry.refusal:
        raise InvalidInputError(entry.refusal.detail, code=entry.refusal.reason)
    with store.writing(about=f"{ABOUT} {source}"):
        if desk.known([entry.kept_id]):
            return RowResult(line, entry.id, "duplicate")
        store.number_events.add([_row(desk, batch, entry, now)])
    return RowResult(line, entry.id, "accepted", entry.claim.kind if entry.claim else "")


# carrying out


def carry_out_due(
    store: Store, clock: Clock, keys: KeyRing, plan: NumberPlan, settings: Settings,
    keep: Callable[[], None] = lambda: None,
) -> dict[str, int]:
    """Settle the events whose time has come, the earliest first; counts by what they came to (`moving.STATES`).

    `keep` is called after every few hundred.
    """
    counts = dict.fromkeys((moving.DONE, moving.NOTED, moving.MATCHED, moving.HELD), 0)
    hosts = _hosts(store)
    while rows := store.number_events.due(now=to_micros(clock.now()), most=_DUE):
        for row in rows:
            state = _settle(store, clock, keys, plan, settings, row["event"], row["number"], hosts)
            if state:
                counts[state] += 1
        keep()
    return counts


def _settle(
    store: Store, clock: Clock, keys: KeyRing, plan: NumberPlan, settings: Settings, name: str, number: SealedNumber,
    hosts: Mapping[str, str],
) -> str:
    """Find what one event comes to and do it; "" where somebody else did so meanwhile."""
    with store.writing(about=number):
        events = store.number_events.of_number(number)
        event = next((row for row in events if row["event"] == name), None)
        if event is None or event["state"] != moving.WAITING:
            return ""
        digits = unseal_one(keys.at_rest, number)
        found = moving.find(event, _known(store, plan, settings, number, digits, events, hosts))
        at = to_micros(clock.now())
        if found.state == moving.DONE:
            _carry_out(store, clock, plan, settings, event, digits)
        store.number_events.settle(
            event=name, was=moving.WAITING, state=found.state, reason=found.reason, other=found.other, at=at
        )
        if found.state != moving.HELD:
            store.number_events.look_again(number=number, apart_from=name)
    return found.state


def _known(
    store: Store, plan: NumberPlan, settings: Settings, number: SealedNumber, plain: Number,
    events: Sequence[Mapping[str, Any]], hosts: Mapping[str, str],
) -> moving.Known:
    serves = serving.serving_carrier(store, plan, plain.digits, number)
    ported = store.registrations.last_porting(number)
    before = ""
    if ported is not None:
        before = serving.serving_carrier(store, plan, plain.digits, number, from_micros(ported[0] - 1))
    return moving.Known(
        serves, before, ported[0] if ported else None, plan.is_portable(plain), events, hosts,
        timedelta(days=settings.moves.in_net_days) // timedelta(microseconds=1),
    )


def _carry_out(
    store: Store, clock: Clock, plan: NumberPlan, settings: Settings, event: Mapping[str, Any], plain: Number
) -> None:
    """Do what an event says, inside an open transaction about its number."""
    number, at, source = event["number"], from_micros(event["at"]), "carrier"
    if event["kind"] in PORTINGS:
        if event["taker"]:
            serving.port_inside(
                store, clock, plan, number=number, digits=plain.digits, carrier=event["taker"], source=source, at=at,
                overlap=timedelta(hours=settings.publish.porting_overlap_hours),
            )
    elif event["kind"] == DEACTIVATED:
        registrations.deactivate_inside(store, number=number, source=source, at=at)
    elif event["kind"] in ENDINGS:
        registrations.recycle_inside(store, clock, number=number, source=source, at=at)


# what is held


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """An event as an officer sees it: the number masked, `other` the event that stands against it."""

    event: str
    number: str
    source: str
    kind: str
    at: datetime
    giver: str
    taker: str
    received: datetime
    state: str
    reason: str
    serving: str
    note: str
    other: HeldEvent | None = None


def held(
    store: Store, keys: KeyRing, plan: NumberPlan, *, limit: int = 50, after: int = 0
) -> tuple[HeldEvent, ...]:
    """Events that wait for an officer, the oldest first, with what stands against them."""
    with store.reading():
        rows = store.number_events.in_state(moving.HELD, limit=limit, after=after)
        return tuple(_seen(store, keys, plan, row) for row in rows)


def one(store: Store, keys: KeyRing, plan: NumberPlan, event: str) -> HeldEvent:
    """One event, in whatever state. Raises NotFoundError no_such_event."""
    with store.reading():
        row = store.number_events.event(event)
        if row is None:
            raise NotFoundError("There is no such event.", code="no_such_event")
        return _seen(store, keys, plan, row)


def _seen(
    store: Store, keys: KeyRing, plan: NumberPlan, row: Mapping[str, Any], *, alone: bool = False
) -> HeldEvent:
    plain = unseal_one(keys.at_rest, row["number"])
    other = store.number_events.event(row["other"]) if row["other"] and not alone else None
    return HeldEvent(
        row["event"], plain.masked, row["source"], row["kind"], from_micros(row["at"]), row["giver"], row["taker"],
        from_micros(row["received"]), row["state"], row["reason"],
        serving.serving_carrier(store, plan, plain.digits, row["number"]), row["note"],
        _seen(store, keys, plan, other, alone=True) if other else None,
    )  # fmt: skip


def decide(
    store: Store, clock: Clock, keys: KeyRing, plan: NumberPlan, settings: Settings, *, event: str, accept: bool,
    note: str, actor: str,
) -> None:
    """An officer's word about an event that is held: carry it out whatever stands against it, or refuse it.

    Raises NotFoundError no_such_event, InvalidInputError no_reason, ConflictError event_settled.
    """
    kept = without_numbers(note.strip()[:_NOTE_CHARS])
    if not kept:
        raise InvalidInputError("Say why.", code="no_reason")
    found = store.number_events.event(event)
    if found is None:
        raise NotFoundError("There is no such event.", code="no_such_event")
    number = found["number"]
    with store.writing(about=number):
        state = moving.DONE if accept else moving.REFUSED
        if not store.number_events.settle(
            event=event, was=moving.HELD, state=state, reason=found["reason"], other=found["other"],
            at=to_micros(clock.now()), actor=actor, note=kept,
        ):
            raise ConflictError("This event was decided before, or is being looked at again.", code="event_settled")
        if accept:
            _carry_out(store, clock, plan, settings, found, unseal_one(keys.at_rest, number))
        store.number_events.look_again(number=number, apart_from=event)
        audit.append(
            store, clock, actor=actor, action=f"number_event.{'accepted' if accept else 'refused'}",
            subject=f"number_event:{event}",
            detail={"source": found["source"], "kind": found["kind"], "reason": found["reason"], "note": kept},
        )  # fmt: skip
