"""Carriers' ledgers of number resources: the quarterly whole list, taken in row by row, in one transaction (row 15).

Rules of this room:
- A ledger is the whole list of a carrier as of a day: what it no longer names ends on that day, and stays known for
  the time before. The same list again changes nothing; one that is older than what was taken is refused.
- The good part goes on: each other row is refused with its reason. What a refused row is about does not end; nothing
  ends at all where it cannot be told what a row is about, or the file is cut: `withheld` says how much.
- What another carrier holds at the same time is `held`, and theirs stays: nobody takes a resource by a list alone.
- A change begins on the ledger's day (or on the row's, where that is later than what stood before): the past is never
  written anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import numpy as np

from registry import audit, enterprises
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.ledger_rows import Line, Name, Place, Said, lines
from registry.readers.rows import Progress, Row, Unreadable
from registry.report_rows import Refusal
from registry.resources import Resource, new_id
from registry.serving import serving_carriers
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.store import Store

Outcome = Literal["added", "changed", "unchanged", "held", "refused"]
MOST = 200_000  # rows of one ledger
_SOON = timedelta(days=31)  # how far ahead a ledger's day may lie


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one row: `reason` and `detail` of one that is held or refused."""

    line: int
    result: Outcome
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What became of a whole ledger. `ended`: entries that it no longer names; `withheld`: those that would have ended
    if the file could be read to its end; `cut`: why it ended early."""

    ledger: str
    carrier: str
    day: datetime
    rows: int
    added: int
    changed: int
    unchanged: int
    held: int
    refused: int
    ended: int
    withheld: int
    reasons: dict[str, int]
    cut: str


def take_in(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, *, actor: str, carrier: str, day: datetime,
    rows: Iterable[Row | Unreadable], country: str = "CN", zone: str = "Asia/Shanghai",
) -> tuple[Ledger, tuple[LineResult, ...]]:
    """Take a carrier's whole list as of a day in; what became of it and of each row, in their order.

    Raises NotFoundError no_such_party, InvalidInputError bad_day, ledger_too_long, empty_ledger and what reading the
    rows raises, ConflictError older_ledger, NotAllowedError sandbox.
    """
    now = clock.now()
    if day > now + _SOON:
        raise InvalidInputError("The day of a ledger lies at most a month ahead.", code="bad_day")
    party = store.parties.party(carrier)
    if party is None or party.kind != "carrier":
        raise NotFoundError("There is no such carrier.", code="no_such_party")
    if party.sandbox:
        raise NotAllowedError("A sandbox carrier has no number resources.", code="sandbox")
    found = lines(_bounded(rows), keys=keys, plan=plan, country=country, zone=zone, now=now)
    progress = getattr(rows, "progress", None) or Progress("")
    if not any(each.said and not each.refusal for each in found):
        raise InvalidInputError("No row of this ledger can be taken.", code="empty_ledger")
    with store.writing(about="enterprises"):
        newest = store.enterprises.newest_ledger(carrier)
        if newest is not None and to_micros(day) < newest:
            raise ConflictError("A ledger of a later day was taken in before.", code="older_ledger")
        taking = _Taking(store, clock, plan, carrier, day.astimezone(UTC), now)
        results = tuple(taking.line(each) for each in taking.prepared(found))
        blind = bool(progress.cut and progress.mid_row) or any(each.place is None for each in found)
        ended = taking.end_missing(found, really=not blind)
        done = taking.summary(results, ended, blind=blind, cut=progress.cut)
        taking.write()
        store.enterprises.add_ledger(done, taken=to_micros(now), actor=actor)
        audit.append(store, clock, actor=actor, action="ledger_taken", subject=f"party:{carrier}", detail={
            "ledger": done.ledger, "rows": done.rows, "added": done.added, "changed": done.changed,
            "ended": done.ended, "held": done.held, "refused": done.refused,
        })  # fmt: skip
    return done, results


def _bounded(rows: Iterable[Row | Unreadable]) -> Iterator[Row | Unreadable]:
    for count, row in enumerate(rows, 1):
        if count > MOST:
            raise InvalidInputError(f"A ledger has at most {MOST} rows.", code="ledger_too_long")
        yield row


class _Taking:
    """One ledger on its way in; the transaction is the caller's."""

    def __init__(
        self, store: Store, clock: Clock, plan: NumberPlan, carrier: str, day: datetime, now: datetime
    ) -> None:
        self.store, self.clock, self.plan, self.carrier, self.day, self.now = store, clock, plan, carrier, day, now
        self.ledger = f"l_{new_id()[2:]}"
        self.own: dict[Place, list[Resource]] = {}
        self.others: dict[Place, list[Resource]] = {}
        self.serving: Mapping[bytes | str, str] = {}
        self.seen: set[Place] = set()
        self.known: dict[Name, str] = {}
        self.changed: dict[str, Resource] = {}

    def prepared(self, found: list[Line]) -> list[Line]:
        """Read what stands at the places of all lines."""
        plain = [each for each in found if each.number]
        codes = self.store.enterprises.under([each.prefix for each in found if each.prefix])
        for entry in (*codes, *self.store.enterprises.of_numbers([each.number for each in plain if each.number])):
            if entry.until == entry.since:
                continue  # it was corrected on the day it began
            place: Place = entry.number or entry.prefix
            side = self.own if entry.carrier == self.carrier else self.others
            side.setdefault(place, []).append(entry)
        digits = np.array([each.digits for each in plain], np.uint64)
        numbers = [each.number or b"" for each in plain]
        if plain:
            served = serving_carriers(self.store, self.plan, digits, numbers, self.day)
            self.serving = dict(zip(numbers, served))
        return found

    def line(self, each: Line) -> LineResult:
        """Take one line in."""
        if each.refusal or each.said is None or each.place is None:
            refusal = each.refusal or Refusal("missing_number", "The row names no number.")
            return LineResult(each.line, "refused", refusal.reason, refusal.detail)
        if each.place in self.seen:
            return LineResult(each.line, "refused", "twice", "An earlier row is about the same number.")
        self.seen.add(each.place)
        wanted = self._wanted(each, each.said)
        if wanted.until is not None and wanted.until <= wanted.since:
            return LineResult(each.line, "refused", "bad_period", "The row ends before it begins.")
        if self.serving.get(each.place, self.carrier) not in {"", self.carrier}:
            return LineResult(each.line, "held", "served_by_other", "Another carrier serves this number.")
        if any(_overlap(wanted, other) for other in self.others.get(each.place, ())):
            return LineResult(each.line, "held", "overlap", "Another carrier holds this at the same time.")
        return LineResult(each.line, self._put(wanted, self.own.get(each.place, [])))

    def end_missing(self, found: list[Line], *, really: bool) -> int:
        """End the carrier's entries that no line is about; how many."""
        named = {each.place for each in found}
        count = 0
        for entry in self.store.enterprises.of_carrier(self.carrier, at=to_micros(self.day)):
            if (entry.number or entry.prefix) not in named:
                count += 1
                if really:
                    self._enter(replace(entry, until=max(self.day, entry.since)))
        return count

    def write(self) -> None:
        """Write everything that came of it."""
        self.store.enterprises.put_resources(self.changed.values())

    def summary(self, results: tuple[LineResult, ...], ended: int, *, blind: bool, cut: str) -> Ledger:
        """What became of all of it."""
        counts = Counter(each.result for each in results)
        return Ledger(
            self.ledger, self.carrier, self.day, len(results), counts["added"], counts["changed"],
            counts["unchanged"], counts["held"], counts["refused"], 0 if blind else ended, ended if blind else 0,
            dict(Counter(each.reason for each in results if each.reason)), cut,
        )

    def _wanted(self, each: Line, said: Said) -> Resource:
        since = (said.since or self.day).astimezone(UTC)
        until = said.until.astimezone(UTC) if said.until else None
        return Resource(
            new_id(), said.kind, each.prefix, each.number, self.carrier, self._enterprise(said.provider),
            self._enterprise(said.content), said.purpose, said.licence, said.signature, since, until, self.ledger,
            self.now,
        )

    def _put(self, wanted: Resource, own: list[Resource]) -> Outcome:
        latest = max(own, key=lambda entry: entry.since, default=None)
        if latest is None:
            self._enter(wanted)
            return "added"
        over = latest.until is not None and latest.until <= self.day
        if _says(latest) == _says(wanted) and (latest.until is None or wanted.since < latest.until):
            if latest.until == wanted.until:
                return "unchanged"
            if not over:
                self._enter(replace(latest, until=wanted.until))
                return "changed"
        if over and latest.until is not None:  # it was given back before, and begins anew
            since = wanted.since if wanted.since >= latest.until else self.day
            self._enter(replace(wanted, since=since))
            return "added"
        since = wanted.since if wanted.since > latest.since else max(self.day, latest.since)
        if wanted.until is not None and wanted.until <= since:  # it is over: the end is news, what was is not
            self._enter(replace(latest, until=max(wanted.until, latest.since)))
            return "changed"
        self._enter(replace(latest, until=since if latest.until is None else min(since, latest.until)))
        self._enter(replace(wanted, since=since))
        return "changed"

    def _enter(self, entry: Resource) -> None:
        self.changed[entry.resource] = entry

    def _enterprise(self, name: Name | None) -> str:
        if name is None:
            return ""
        if name not in self.known:
            self.known[name] = enterprises.enrol_inside(
                self.store, self.clock, name=name.name, company=name.company
            ).enterprise
        return self.known[name]


def _says(entry: Resource) -> tuple[str, ...]:
    return entry.kind, entry.provider, entry.content, entry.purpose, entry.licence, entry.signature


def _overlap(one: Resource, other: Resource) -> bool:
    return (one.until is None or other.since < one.until) and (other.until is None or one.since < other.until)


def day_of(text: str, zone: str) -> datetime:
    """The beginning of a day such as 2026-10-01 in a zone. Raises InvalidInputError bad_day."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError("A day is written 2026-10-01.", code="bad_day") from None
