"""Carriers' ledgers of number resources: the quarterly whole list, taken in row by row, in one transaction (row 15).

Rules of this room:
- A ledger is the whole list of a carrier as of a day: what it no longer names ends on that day, and stays known for
  the time before. The same list again changes nothing; one that is older than what was taken is refused.
- The good part goes on: each other row is refused with its reason. What a refused row is about does not end; nothing
  ends at all where it cannot be told what a row is about, the file is cut, or more than half would end and nobody said
  that this is so (`sure`): `withheld` says how much.
- What another carrier holds at the same time is `held`, and theirs stays: nobody takes a resource by a list alone. What
  would give something new to a restricted enterprise is held, too (rules 92, 97); what it has already stays.
- Rows that were not taken are kept, plain numbers sealed: so many of a list, of so many lists of a carrier.
- A change begins on the ledger's day (or on the row's, where that is later than what stood before): the past is never
  written anew.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from registry import audit, enterprises, restrictions
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.ledger_rows import Line, Name, Place, Said, lines
from registry.naming import new_id, new_ids
from registry.readers.rows import Progress, Row, Unreadable
from registry.report_rows import Refusal
from registry.resources import Resource, purpose_changes, sublets
from registry.serving import serving_carriers
from registry.store.ledgers import KeptRow
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.store import Store

Outcome = Literal["added", "changed", "unchanged", "held", "refused"]
MOST = 200_000  # rows of one ledger
KEPT_ROWS, KEPT_LEDGERS = 10_000, 8  # rows that were not taken: of one ledger, of so many of a carrier
HALF_MISSING = "half_missing"  # why nothing was ended though the file was whole
_SOON = timedelta(days=31)  # how far ahead a ledger's day may lie
_A_DAY = timedelta(days=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_FEW = 20  # entries of which all may end unasked


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
    if all could be told; `cut`: why the file ended early, or HALF_MISSING."""

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
    rows: Iterable[Row | Unreadable], country: str = "CN", zone: str = "Asia/Shanghai", sure: bool = False,
) -> tuple[Ledger, tuple[LineResult, ...]]:
    """Take a carrier's whole list as of a day in; what became of it and of each row, in their order. `sure`: what it no
    longer names ends, even if that is more than half.

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
    forms, ids = enterprises.forms_of(_names(found)), new_ids(len(found))
    with store.writing(about="enterprises"):
        newest = store.ledgers.newest_day(carrier)
        if newest is not None and to_micros(day) < newest:
            raise ConflictError("A ledger of a later day was taken in before.", code="older_ledger")
        before = None if newest is None else from_micros(newest)
        taking = _Taking(store, clock, plan, carrier, day.astimezone(UTC), now, before, ids)
        taking.enrol(forms)
        results = tuple(taking.line(each) for each in taking.prepared(found))
        blind = bool(progress.cut and progress.mid_row) or any(each.place is None for each in found)
        ended, withheld, cut = taking.end_missing(found, blind=blind, sure=sure)
        done = taking.summary(results, ended, withheld, cut or progress.cut)
        taking.write()
        store.ledgers.add(done, taken=to_micros(now), actor=actor)
        kept = (
            KeptRow(each.line, each.result, each.reason, line.prefix, line.number)
            for each, line in zip(results, found) if each.reason
        )  # fmt: skip
        store.ledgers.keep_rows(done.ledger, itertools.islice(kept, KEPT_ROWS))
        store.ledgers.forget_rows(carrier, but=KEPT_LEDGERS)
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


def _names(found: list[Line]) -> Iterator[enterprises.Called]:
    """The organisations of the lines that can be taken, in their order."""
    seen: set[Place] = set()
    for each in found:
        if not each.refusal and each.said and each.place is not None and each.place not in seen:
            seen.add(each.place)
            yield from ((name.name, name.company) for name in (each.said.provider, each.said.content) if name)


class _Taking:
    """One ledger on its way in; the transaction is the caller's. `before`: the day of the list before, if any;
    `ids`: fresh ones, one for each line."""

    def __init__(
        self, store: Store, clock: Clock, plan: NumberPlan, carrier: str, day: datetime, now: datetime,
        before: datetime | None, ids: Iterable[str],
    ) -> None:
        self.store, self.clock, self.plan, self.carrier, self.day, self.now = store, clock, plan, carrier, day, now
        self.before = before
        self.barred = {
            each.enterprise: each.since
            for each in restrictions.everybody(store, at=now) if "resources" in each.uses
        }  # fmt: skip
        self.ledger = f"l_{new_id()}"
        self.own: dict[Place, list[Resource]] = {}
        self.others: dict[Place, list[Resource]] = {}
        self.serving: Mapping[bytes | str, str] = {}
        self.seen: set[Place] = set()
        self.known: dict[enterprises.Called, str] = {}
        self.changed: dict[str, Resource] = {}
        self.fresh = {f"r_{one}" for one in ids}  # of new entries: nothing can have been found in them yet
        self.ids = iter(sorted(self.fresh))  # as the rows stand: indexes grow at one place

    def enrol(self, forms: Mapping[enterprises.Called, tuple[str, str]]) -> None:
        """Enter all organisations of the list that are not known yet."""
        self.known = enterprises.enrol_many_inside(self.store, self.clock, forms)

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
        own = self.own.get(each.place, [])
        if self._is_barred(wanted, own):
            return LineResult(each.line, "held", "restricted", restrictions.SENTENCE)
        return LineResult(each.line, self._put(wanted, own))

    def _is_barred(self, wanted: Resource, own: list[Resource]) -> bool:
        """Whether an entry would give something to an enterprise that has it not yet, and is restricted since before.

        What a list names for the first time, though the list before could have named it, is as old as this list; days
        are as exact as lists are.
        """
        had = {""}
        for entry in own:
            if entry.until is None or entry.until > self.day:
                had |= {entry.provider, entry.content}
        given = wanted.since if self.before is None or wanted.since > self.before else self.day
        return any(self.barred.get(each, _NEVER) < given + _A_DAY for each in {wanted.provider, wanted.content} - had)

    def end_missing(self, found: list[Line], *, blind: bool, sure: bool) -> tuple[int, int, str]:
        """End the carrier's entries that no line is about: how many ended, how many were left, and why, if not
        `blind`."""
        named = {each.place for each in found}
        standing = self.store.enterprises.places_of_carrier(self.carrier, at=to_micros(self.day))
        missing = [resource for resource, place in standing.items() if place not in named]
        if blind:
            return 0, len(missing), ""
        if not sure and len(missing) > _FEW and 2 * len(missing) > len(standing):
            return 0, len(missing), HALF_MISSING
        for entry in self.store.enterprises.resources(missing).values():
            self._enter(replace(entry, until=max(self.day, entry.since)))
        return len(missing), 0, ""

    def write(self) -> None:
        """Write everything that came of it, and what is found in it."""
        store = self.store
        store.enterprises.put_resources(self.changed.values())
        touched = {entry.number or entry.prefix for entry in self.changed.values()}
        before = {entry.resource: entry for side in (self.own, self.others) for place in touched
                  for entry in side.get(place, ())}  # fmt: skip
        at_places = before | self.changed
        store.ledgers.drop_findings("purpose", at_places.keys() - self.fresh)
        store.ledgers.put_findings("purpose", (
            (after.resource, earlier.resource, after.carrier, to_micros(after.since))
            for earlier, after in purpose_changes([each for each in at_places.values() if each.until != each.since])
        ))  # fmt: skip
        if any(entry.prefix for entry in self.changed.values()):
            known, found = store.ledgers.found("sublet"), sublets(itertools.chain.from_iterable(store.ledgers.codes()))
            store.ledgers.drop_findings("sublet", known.keys() - found.keys())
            store.ledgers.put_findings("sublet", (
                (resource, *each) for resource, each in found.items() if known.get(resource) != each[0]
            ))  # fmt: skip

    def summary(self, results: tuple[LineResult, ...], ended: int, withheld: int, cut: str) -> Ledger:
        """What became of all of it."""
        counts = Counter(each.result for each in results)
        return Ledger(
            self.ledger, self.carrier, self.day, len(results), counts["added"], counts["changed"],
            counts["unchanged"], counts["held"], counts["refused"], ended, withheld,
            dict(Counter(each.reason for each in results if each.reason)), cut,
        )

    def _wanted(self, each: Line, said: Said) -> Resource:
        since = (said.since or self.day).astimezone(UTC)
        until = said.until.astimezone(UTC) if said.until else None
        return Resource(
            next(self.ids), said.kind, each.prefix, each.number, self.carrier, self._enterprise(said.provider),
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
        return self.known[name.name, name.company] if name else ""


def _says(entry: Resource) -> tuple[str, ...]:
    return entry.kind, entry.provider, entry.content, entry.purpose, entry.licence, entry.signature


def _overlap(one: Resource, other: Resource) -> bool:
    return (one.until is None or other.since < one.until) and (other.until is None or one.since < other.until)


def ledger_of(store: Store, carrier: str, ledger: str) -> Mapping[str, Any]:
    """One ledger of a carrier, with its figures. Raises NotFoundError no_such_ledger, also for another carrier's."""
    found = store.ledgers.ledger(ledger)
    if found is None or found["carrier"] != carrier:
        raise NotFoundError("There is no such list.", code="no_such_ledger")
    return found


def day_of(text: str, zone: str) -> datetime:
    """The beginning of a day such as 2026-10-01 in a zone. Raises InvalidInputError bad_day."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError("A day is written 2026-10-01.", code="bad_day") from None
