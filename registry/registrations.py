"""Registrations: register, change, withdraw, expire, recycle; what a number declines at any moment.

Rules of this room:
- Every change writes the current row, a history row and a pending row in one transaction (DESIGN §4).
- A registration that is not active declines nothing: its masks are 0, so whatever reads the row is right by itself.
- The version counts every event up; re-registering after an end goes on counting.
- A choice is later than every consent given until then, so none of them beats it any more (rules 30, 49(7)).
- Rule 45: with the holder, everything the old holder said ends; the next holder never sees it.
- Rule 46: preference and lists follow a ported number (`serving.port`), and porting changes no will.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from registry.errors import InvalidInputError, NotFoundError
from registry.preferences import NOTHING, Preference
from registry.standing import CONSENT, NO_WILL
from registry.times import EPOCH, from_micros, local, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.sealing import SealedNumber
    from registry.store import Store

STATES = ("active", "withdrawn", "expired", "recycled")
EVENTS = ("registered", "changed", "withdrawn", "expired", "ported", "deactivated", "recycled")

_SAID = frozenset({"registered", "changed", "withdrawn"})  # events that somebody willed
_CHUNK = 10_000
_EXPIRE_CHUNK = 500
_QUARTER = 15 * 60 * 1_000_000  # every zone's midnight falls on a quarter of an hour in UTC


@dataclass(frozen=True, slots=True)
class Registration:
    """What a number declines: `since` is when the present preference (or end) began, `expires` None means open."""

    number: SealedNumber
    state: str
    preference: Preference
    source: str
    language: str
    since: datetime
    expires: datetime | None
    version: int

    @property
    def is_active(self) -> bool:
        """Whether it declines anything at all."""
        return self.state == "active"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a registration's history."""

    version: int
    event: str
    state: str
    preference: Preference
    source: str
    at: datetime


# use cases that write


def register(
    store: Store, clock: Clock, *, number: SealedNumber, preference: Preference, source: str, language: str,
    expires: datetime | None = None,
) -> Registration:
    """Register a number, or register it again; for an active one the new preference takes the old one's place.

    Raises InvalidInputError (nothing_declined) for a preference that declines nothing.
    """
    _must_decline(preference)
    at = clock.now()
    with store.writing(about=number):
        before = current(store, number)
        active = before is not None and before.is_active
        if before is not None and active and before.preference == preference and before.expires == expires:
            return before
        wanted = Registration(number, "active", preference, source, language, at, expires, 0)
        return _write(store, wanted, "changed" if active else "registered", at)


def change(store: Store, clock: Clock, *, number: SealedNumber, preference: Preference, source: str) -> Registration:
    """Change what an active registration declines; the same preference again changes nothing.

    Raises NotFoundError (not_registered), InvalidInputError (nothing_declined).
    """
    _must_decline(preference)
    at = clock.now()
    with store.writing(about=number):
        before = _active(store, number)
        if before.preference == preference:
            return before
        wanted = Registration(number, "active", preference, source, before.language, at, before.expires, 0)
        return _write(store, wanted, "changed", at)


def withdraw(store: Store, clock: Clock, *, number: SealedNumber, source: str) -> Registration:
    """End an active registration on the registrant's wish. Raises NotFoundError (not_registered)."""
    at = clock.now()
    with store.writing(about=number):
        before = _active(store, number)
        wanted = Registration(number, "withdrawn", NOTHING, source, before.language, at, None, 0)
        return _write(store, wanted, "withdrawn", at)


def recycle(
    store: Store, clock: Clock, *, number: SealedNumber, source: str = "carrier", at: datetime | None = None
) -> None:
    """The number went to another holder at a moment (None: now): registration, consents, entries end (rule 45).

    What was said after that moment was said by the next holder, and stays. Where nothing was ever said by or about the
    old holder, nothing is written.
    """
    with store.writing(about=number):
        newest = max((from_micros(row["at"]) for row in store.registrations.history(number)), default=EPOCH)
        moment = at or max(clock.now(), newest)  # a clock that was set back makes nobody a next holder
        recycle_inside(store, clock, number=number, source=source, at=moment)


def recycle_inside(store: Store, clock: Clock, *, number: SealedNumber, source: str, at: datetime) -> None:
    """`recycle` inside an open transaction about the number."""
    stored = to_micros(at)
    if _has_past(store, number, current(store, number)):
        if any(row["at"] > stored and row["event"] in _SAID for row in store.registrations.history(number)):
            version = store.registrations.next_version(number)
            ended = {"state": "recycled", "calls": 0, "robocalls": 0, "messages": 0, "quiet": 0, "source": source}
            store.registrations.remember([
                {**ended, "number": number, "version": version, "event": "recycled", "at": stored}
            ])  # fmt: skip
        else:
            _write(store, Registration(number, "recycled", NOTHING, source, "", at, None, 0), "recycled", at)
            store.registrations.await_publishing([{"number": number, "at": to_micros(clock.now())}])
    store.consents.end_all(number=number, at=stored)
    store.codes.remove_all(number=number, before=stored)
    store.sessions.close_number(number, before=stored)


def deactivate_inside(store: Store, *, number: SealedNumber, source: str, at: datetime) -> None:
    """The number is idle since a moment, inside an open transaction: history says so, and nothing else changes.

    What its holder said protects until it goes to another holder: nobody else may use the number before (rule 45).
    """
    version = store.registrations.next_version(number)
    if version is not None:
        row = store.registrations.current(number)
        assert row is not None
        store.registrations.remember([{**row, "event": "deactivated", "source": source, "at": to_micros(at)}])


def holder_since(store: Store, number: SealedNumber) -> datetime:
    """Since when a number is its present holder's, as far as anybody told us; what is older is not theirs (rule 45)."""
    events = history(store, number, all_holders=True)
    told = from_micros(store.number_events.holder_since(number))
    return max((event.at for event in events if event.event == "recycled"), default=told)


def expire_due(store: Store, clock: Clock) -> int:
    """End the registrations whose time is over, a few hundred in a transaction; how many."""
    at = to_micros(clock.now())
    total = 0
    while True:
        with store.writing():
            rows = store.registrations.expire(at=at, most=_EXPIRE_CHUNK)
            store.registrations.remember({**row, "event": "expired", "at": at} for row in rows)
            store.registrations.await_publishing({"number": row["number"], "at": at} for row in rows)
        total += len(rows)
        if len(rows) < _EXPIRE_CHUNK:
            return total


def load_many(
    store: Store, clock: Clock, *, sealed: npt.NDArray[np.uint8], calls: npt.NDArray[Any], robocalls: npt.NDArray[Any],
    messages: npt.NDArray[Any], quiet: npt.NDArray[Any], source: str, language: str = "zh_CN",
    at: npt.NDArray[np.int64] | None = None,
) -> int:
    """Register many numbers at once; how many. Numbers that are active already, or come twice, are passed over.

    `sealed` uint8[n, 16] (of `sealing.seal_many`); masks any integer[n]; `at` int64[n] Micros, default now.
    """
    moments = np.full(len(sealed), to_micros(clock.now()), dtype=np.int64) if at is None else at
    halves = np.ascontiguousarray(sealed, dtype=np.uint8).view(">u8")
    order = np.lexsort((halves[:, 1], halves[:, 0]))  # neighbours lie on the same pages of the index
    flat = np.ascontiguousarray(sealed[order]).tobytes()
    columns = [column[order].tolist() for column in (calls, robocalls, messages, quiet, moments)]
    total = 0
    for start in range(0, len(sealed), _CHUNK):
        stop = min(start + _CHUNK, len(sealed))
        numbers = [flat[i * 16 : i * 16 + 16] for i in range(start, stop)]
        said = zip(numbers, *(column[start:stop] for column in columns))
        with store.writing(about="load"):
            known = store.registrations.versions(numbers)
            fresh: dict[bytes, dict[str, Any]] = {}
            for number, *masks, moment in said:
                version, state = known.get(number, (0, ""))
                if state != "active" and any(masks):
                    fresh.setdefault(number, {
                        "number": number, **dict(zip(("calls", "robocalls", "messages", "quiet"), masks)),
                        "state": "active", "event": "registered", "source": source, "language": language,
                        "at": moment, "version": version + 1,
                    })  # fmt: skip
            store.registrations.put_many(list(fresh.values()))
            store.consents.outdate(list(fresh), kind=CONSENT)
        total += len(fresh)
    return total


# use cases that read


def current(store: Store, number: SealedNumber) -> Registration | None:
    """The registration of a number as it stands, in whatever state; None where there never was one."""
    row = store.registrations.current(number)
    if row is None:
        return None
    expires = from_micros(row["expires"]) if row["expires"] else None
    return Registration(
        number, row["state"], _preference(row), row["source"], row["language"], from_micros(row["since"]), expires,
        row["version"],
    )  # fmt: skip


def history(store: Store, number: SealedNumber, *, all_holders: bool = False) -> tuple[Event, ...]:
    """What happened to a number, oldest first; only in the present holder's time unless `all_holders` (rule 45)."""
    events = [
        Event(row["version"], row["event"], row["state"], _preference(row), row["source"], from_micros(row["at"]))
        for row in store.registrations.history(number)
    ]
    if not all_holders:
        last = max((i for i, event in enumerate(events) if event.event == "recycled"), default=-1)
        events = events[last + 1 :]
    return tuple(events)


def as_of(store: Store, number: SealedNumber, at: datetime) -> Registration | None:
    """The registration as it stood at a moment; None before the first. `expires` is not kept in history (None)."""
    events = history(store, number, all_holders=True)
    standing, _before = standing_at(events, at)
    if standing is None:
        return None
    version = max(event.version for event in events if event.at <= at)
    return Registration(
        number, standing.state, standing.preference, standing.source, "", standing.at, None, version
    )


def standing_at(events: Sequence[Event], at: datetime) -> tuple[Event | None, Event | None]:
    """Of a history (oldest first): the event in force at a moment, and the one in force before it.

    Porting and lying idle change nothing of what a number declines, so they never count as either.
    """
    said = [event for event in events if event.at <= at and event.event not in NO_WILL]
    return (said[-1] if said else None, said[-2] if len(said) > 1 else None)


def totals(store: Store) -> dict[str, int]:
    """How many registrations there are in each of STATES."""
    found = store.registrations.totals()
    return {state: found.get(state, 0) for state in STATES}


def per_day(store: Store, clock: Clock, *, days: int, zone: str) -> dict[date, dict[str, int]]:
    """How often each of EVENTS happened on each of the last `days` days of a zone, today included; oldest first."""
    now = local(clock.now(), zone)
    listed = [now.date() - timedelta(days=back) for back in range(days - 1, -1, -1)]
    midnight = datetime(listed[0].year, listed[0].month, listed[0].day, tzinfo=now.tzinfo)
    counted: Counter[tuple[date, str]] = Counter()
    since, until = to_micros(midnight), to_micros(clock.now()) + 1
    for start, event, count in store.registrations.events(since=since, until=until, bucket=_QUARTER):
        counted[local(from_micros(start), zone).date(), event] += count
    return {day: {event: counted[day, event] for event in EVENTS} for day in listed}


# rules

def _must_decline(preference: Preference) -> None:
    if preference == NOTHING:
        raise InvalidInputError("Choose at least one thing to decline.", code="nothing_declined")


def _active(store: Store, number: SealedNumber) -> Registration:
    found = current(store, number)
    if found is None or not found.is_active:
        raise NotFoundError("This number is not registered.", code="not_registered")
    return found


def _has_past(store: Store, number: SealedNumber, before: Registration | None) -> bool:
    """Whether the present holder left anything that the next one must not see."""
    if before is not None and before.state != "recycled":
        return True
    began = to_micros(before.since) if before is not None else 0
    left = [row["at"] for row in store.reports.about(number, limit=1)]
    left += [store.reports.newest_of_caller(number)]  # complaints about the holder end with the holding, too
    left += [row["asked"] for row in store.consents.of_numbers([number])]
    left += [row["since"] for row in store.consents.entries_of_numbers([number])]
    return any(at >= began for at in left)


def _preference(row: dict[str, Any]) -> Preference:
    return Preference(row["calls"], row["robocalls"], row["messages"], row["quiet"])


def _write(store: Store, wanted: Registration, event: str, at: datetime) -> Registration:
    """Current, history and pending row of one event, inside an open transaction; the registration as written."""
    stored = to_micros(at)
    said = wanted.preference
    values = {
        "number": wanted.number, "state": wanted.state, "calls": said.calls, "robocalls": said.robocalls,
        "messages": said.messages, "quiet": said.quiet, "source": wanted.source, "language": wanted.language,
        "since": stored, "expires": to_micros(wanted.expires) if wanted.expires else 0,
    }  # fmt: skip
    version = store.registrations.put(values)
    store.registrations.remember([{**values, "version": version, "event": event, "at": stored}])
    store.registrations.await_publishing([{"number": wanted.number, "at": stored}])
    store.consents.outdate([wanted.number], kind=CONSENT)
    return Registration(
        wanted.number, wanted.state, said, wanted.source, wanted.language, at, wanted.expires, version
    )
