"""Rows of reports with everything read: fields checked, numbers parsed and sealed, many at a time.

Rules of this room: from here on a number exists in its sealed form only; called numbers are subscribers', callers may
be short codes and ports too, or withheld; a description is kept encrypted. Sources make ids of numbers and write them
into names: an id in which a number could stand is kept as a keyed hash, a name without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from registry.keys import FIRST_EPOCH
from registry.logs import without_numbers
from registry.numbering import CallerKind
from registry.numbering.reading import Reason
from registry.numbers import Number, parse_many
from registry.readers.rows import Row, Unreadable
from registry.report_rows import HIDDEN, Claim, Kind, Refusal, check, number_refusal, unreadable
from registry.sealing import SealedNumber, seal_many, seal_text

if TYPE_CHECKING:
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.trials import Trial

FTC_COUNTRY = "US"
_MOST_CALLERS = 100_000  # caller texts remembered at once


@dataclass(slots=True)
class Entry:
    """One row on its way in: a claim with sealed numbers, or a refusal. `name` stands for the row's text.

    `id` is the source's own, as it is told back; `kept_id` is what the database holds of it.
    """

    line: int
    row: Row | Unreadable
    id: str
    claim: Claim | None
    refusal: Refusal | None
    name: str = ""
    called: SealedNumber | None = None
    caller: SealedNumber | None = None
    caller_kind: CallerKind = CallerKind.HIDDEN
    description: bytes | None = None
    kept_id: str = ""


class RowKeeping:
    """How rows of any kind are kept: names of their texts, ids without numbers, the rows themselves encrypted."""

    def __init__(self, keys: KeyRing) -> None:
        self._name_key = keys.derive("at-rest", "quarantine-name", FIRST_EPOCH)
        self._raw_key = keys.derive("at-rest", "quarantine", FIRST_EPOCH)

    def name(self, raw: bytes) -> str:
        """The name of a row's text."""
        return row_name(self._name_key, raw)

    def kept_id(self, id_: str) -> str:
        """A source's own id as it is kept: a keyed hash where a number could stand in it."""
        return id_ if without_numbers(id_) == id_ else f"#{row_name(self._name_key, id_.encode())}"

    def sealed_row(self, row: Row | Unreadable) -> bytes:
        """A row as quarantine keeps it: its text and, where there are any, its fields, encrypted."""
        return seal_text(self._raw_key, kept_text(row))


@dataclass
class Reading:
    """How rows of one batch are read: the plan, the kind of source, the country of numbers without one, the keys.

    The FTC's numbers are American, whatever `country` says.
    """

    plan: NumberPlan
    kind: Kind
    country: str
    keys: KeyRing
    trial: Trial | None = None  # of a sandbox party
    _callers: dict[str, tuple[Number, CallerKind] | Reason] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.country = FTC_COUNTRY if self.kind == "ftc" else self.country
        self._keeping = RowKeeping(self.keys)
        self._text_key = self.keys.derive("at-rest", "report", FIRST_EPOCH)

    def entries(self, rows: Sequence[Row | Unreadable], now: int) -> list[Entry]:
        """The entries of rows, in their order. `now` is Micros."""
        found = [self._entry(row, now) for row in rows]
        for entry in found:
            entry.kept_id = self._keeping.kept_id(entry.id)
        self._read_called([entry for entry in found if entry.claim and entry.claim.called])
        self._read_callers([entry for entry in found if entry.claim and entry.claim.caller != HIDDEN])
        for entry in found:
            if entry.claim and entry.claim.description:
                entry.description = seal_text(self._text_key, entry.claim.description)
        return found

    def name(self, raw: bytes) -> str:
        """The name of a row's text under this registry's key."""
        return self._keeping.name(raw)

    def sealed_row(self, row: Row | Unreadable) -> bytes:
        """A row as quarantine keeps it: its text and, where there are any, its fields, encrypted."""
        return self._keeping.sealed_row(row)

    def refuse(self, entry: Entry, refusal: Refusal) -> None:
        """Turn an entry into a refused one."""
        entry.claim, entry.refusal = None, refusal
        entry.name = self.name(entry.row.raw)

    def _entry(self, row: Row | Unreadable, now: int) -> Entry:
        if isinstance(row, Unreadable):
            return Entry(row.line, row, "", None, unreadable(row), self.name(row.raw))
        claim = check(row, kind=self.kind, now=now)
        if isinstance(claim, Refusal):
            return Entry(row.line, row, claim.id, None, claim, self.name(row.raw))
        return Entry(row.line, row, claim.id, claim, None)

    def _read_called(self, entries: list[Entry]) -> None:
        if not entries:
            return
        texts = [entry.claim.called for entry in entries if entry.claim]
        numbers = parse_many(texts, self.plan if self.trial is None else self.plan.with_sandbox(), country=self.country)
        good = np.flatnonzero(numbers.reason == 0)
        sealed = seal_many(self.keys.at_rest, numbers.digits[good]).tobytes()
        for place, index in enumerate(good.tolist()):
            entries[index].called = SealedNumber(sealed[16 * place : 16 * place + 16])
            if self.trial is not None and not self.plan.is_sandbox(numbers[index]):
                self.refuse(entries[index], self.trial.refusal(entries[index].id))
        for index in np.flatnonzero(numbers.reason).tolist():
            self.refuse(entries[index], number_refusal("called", Reason(numbers.reason[index]).slug, entries[index].id))

    def _read_callers(self, entries: list[Entry]) -> None:
        self._remember({entry.claim.caller for entry in entries if entry.claim})
        read: list[tuple[Entry, Number]] = []
        for entry in entries:
            if entry.claim is None:
                continue
            caller = self._callers[entry.claim.caller]
            if isinstance(caller, Reason):
                self.refuse(entry, number_refusal("caller", caller.slug, entry.id))
            else:
                entry.caller_kind = caller[1]
                read.append((entry, caller[0]))
        if not read:
            return
        digits = np.array([number.digits for _, number in read], np.uint64)
        kinds = np.array([number.kind for _, number in read], np.uint8)
        sealed = seal_many(self.keys.at_rest, digits, kinds).tobytes()
        for place, (entry, _) in enumerate(read):
            entry.caller = SealedNumber(sealed[16 * place : 16 * place + 16])

    def _remember(self, texts: set[str]) -> None:
        """Read caller numbers that were not seen before; the same few callers are reported over and over."""
        if len(self._callers) > _MOST_CALLERS:
            self._callers.clear()
        fresh = [text for text in texts if text not in self._callers]
        found = parse_many(fresh, self.plan, country=self.country, callers=True)
        for text, digits, kind, reason in zip(
            fresh, found.digits.tolist(), found.kind.tolist(), found.reason.tolist()
        ):
            if reason:
                self._callers[text] = Reason(reason)
            else:
                number = Number(kind, digits)
                self._callers[text] = number, self.plan.caller_kind(number)


def row_name(key: bytes, raw: bytes) -> str:
    """What stands for a text of a row: the same for the same text, and telling nothing without the key."""
    return hashlib.blake2b(raw, key=key, digest_size=16).hexdigest()


def kept_text(row: Row | Unreadable) -> str:
    """The JSON of a row's text and fields; fields are null where it has none, or some that can't be written again."""
    raw = row.raw.decode("utf-8", "replace")
    fields = row.fields if isinstance(row, Row) else None
    try:
        return msgspec.json.encode({"raw": raw, "fields": fields}).decode()
    except (RecursionError, UnicodeEncodeError):
        return msgspec.json.encode({"raw": raw, "fields": None}).decode()
