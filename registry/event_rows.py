"""What a row of a number event must say, and how such rows are read: fields checked, numbers parsed and sealed.

Rules of this room: as for reports, every refusal has a slug and one sentence, and neither holds anything that the row
said; an event may lie in the future, within bounds, because recycling is announced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.numbering.reading import Reason
from registry.numbers import parse_many
from registry.readers.rows import Row, Unreadable
from registry.report_entries import RowKeeping
from registry.report_rows import (
    Refusal,
    WrongFieldError,
    choice_of,
    moment_of,
    number_of,
    number_refusal,
    only,
    own_id,
    text_of,
    unreadable,
    wrong,
)
from registry.sealing import SealedNumber, seal_many

if TYPE_CHECKING:
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan

FIELDS = frozenset({"id", "number", "kind", "at", "from", "to"})
PORTED_IN, PORTED_OUT, DEACTIVATED = "ported_in", "ported_out", "deactivated"
RECYCLED, REASSIGNED = "recycled", "reassigned"
KINDS = (PORTED_IN, PORTED_OUT, DEACTIVATED, RECYCLED, REASSIGNED)
PORTINGS, ENDINGS = frozenset({PORTED_IN, PORTED_OUT}), frozenset({RECYCLED, REASSIGNED})
MOST_AHEAD_DAYS = 400  # idle periods last up to half a year
_AHEAD = MOST_AHEAD_DAYS * 86_400 * 1_000_000
_KINDS = {kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class EventClaim:
    """What a readable row says, its number still as text. `at` is Micros; "" where no carrier was named."""

    id: str
    number: str
    kind: str
    at: int
    giver: str
    taker: str


@dataclass(slots=True)
class EventEntry:
    """One row on its way in: a claim with its sealed number, or a refusal (see `report_entries.Entry`)."""

    line: int
    row: Row | Unreadable
    id: str
    claim: EventClaim | None
    refusal: Refusal | None
    name: str = ""
    number: SealedNumber | None = None
    kept_id: str = ""


@dataclass
class EventReading:
    """How rows of one batch are read. `hosts`: all carriers, each with its host ("": none); `source` sends.

    `trial`: it is a sandbox party, which speaks of magic numbers alone.
    """

    plan: NumberPlan
    country: str
    keys: KeyRing
    source: str
    hosts: Mapping[str, str]
    trial: bool = False
    keeping: RowKeeping = field(init=False)

    def __post_init__(self) -> None:
        self.keeping = RowKeeping(self.keys)

    def entries(self, rows: Sequence[Row | Unreadable], now: int) -> list[EventEntry]:
        """The entries of rows, in their order. `now` is Micros."""
        found = [self._entry(row, now) for row in rows]
        for entry in found:
            entry.kept_id = self.keeping.kept_id(entry.id)
        self._read_numbers([entry for entry in found if entry.claim])
        return found

    def name(self, raw: bytes) -> str:
        """The name of a row's text under this registry's key."""
        return self.keeping.name(raw)

    def sealed_row(self, row: Row | Unreadable) -> bytes:
        """A row as quarantine keeps it."""
        return self.keeping.sealed_row(row)

    def _entry(self, row: Row | Unreadable, now: int) -> EventEntry:
        if isinstance(row, Unreadable):
            return EventEntry(row.line, row, "", None, unreadable(row), self.name(row.raw))
        said = self._said(row.fields, now)
        if isinstance(said, Refusal):
            return EventEntry(row.line, row, said.id, None, said, self.name(row.raw))
        return EventEntry(row.line, row, said.id, said, None)

    def _said(self, row: dict[str, Any], now: int) -> EventClaim | Refusal:
        id_ = ""
        try:
            fields = {name: value for name, value in row.items() if value is not None}
            id_ = own_id(fields)
            only(fields, FIELDS)
            place = choice_of(fields, "kind", _KINDS)
            if place is None:
                wrong("missing_kind", "The row has no kind.")
            at = moment_of(fields.get("at"))
            if at > now + _AHEAD:
                wrong("too_far", f"The time lies more than {MOST_AHEAD_DAYS} days ahead.")
            giver, taker = self._sides(fields, KINDS[place])
            return EventClaim(id_, number_of(fields, "number", needed=True), KINDS[place], at, giver, taker)
        except WrongFieldError as refused:
            reason, detail = refused.args
            return Refusal(reason, detail, id_)

    def _sides(self, fields: dict[str, Any], kind: str) -> tuple[str, str]:
        """Who gives and who takes the number, as far as it is said or follows from who sends the row."""
        giver, taker = text_of(fields, "from") or "", text_of(fields, "to") or ""
        for name, party in (("from", giver), ("to", taker)):
            if party and party not in self.hosts:
                wrong(f"unknown_{name}", f"The field {name} names no carrier of this registry.")
        if kind not in PORTINGS:
            if giver or taker:
                wrong("no_move", "Only a porting goes from one carrier to another.")
            return "", ""
        if kind == PORTED_IN:
            taker = taker or self.source
        else:
            giver = giver or self.source
        mine = taker if kind == PORTED_IN else giver
        if self.source not in (mine, self.hosts.get(mine)):
            wrong("not_yours", "A porting is told of by the carrier itself, or by the host of the reseller.")
        if giver == taker:
            wrong("same_carrier", "A number is ported from one carrier to another.")
        return giver, taker

    def _read_numbers(self, entries: list[EventEntry]) -> None:
        if not entries:
            return
        plan = self.plan.with_sandbox() if self.trial else self.plan
        numbers = parse_many([e.claim.number for e in entries if e.claim], plan, country=self.country)
        good = np.flatnonzero(numbers.reason == 0)
        sealed = seal_many(self.keys.at_rest, numbers.digits[good]).tobytes()
        for place, index in enumerate(good.tolist()):
            entries[index].number = SealedNumber(sealed[16 * place : 16 * place + 16])
            if self.trial and not plan.is_sandbox(numbers[index]):
                detail = "A sandbox party speaks of magic numbers only."
                self._refuse(entries[index], Refusal("number_not_magic", detail, entries[index].id))
        for index in np.flatnonzero(numbers.reason).tolist():
            entry = entries[index]
            self._refuse(entry, number_refusal("number", Reason(numbers.reason[index]).slug, entry.id))

    def _refuse(self, entry: EventEntry, refusal: Refusal) -> None:
        entry.claim, entry.number, entry.refusal = None, None, refusal
        entry.name = self.name(entry.row.raw)
