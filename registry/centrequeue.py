"""The queue of all reports: what can be asked of it, what is due first on top, page by page (RULES §4, rule 87).

Rules of this room:
- A page begins where the one before ended, not at a row number: what is moved meanwhile shifts nothing.
- Counts stop at `MOST_COUNTED`: a queue says "more than" instead of counting a million rows.
- Places and moments stand in addresses and forms as letters, which nobody takes for a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.handling import Handling
    from registry.interfaces import Clock
    from registry.store import Store

HERE = ("submitted", "accepted", "not_ours", "reopened")  # what waits for the centre, where no desk has it
MOST_COUNTED = 10_000
SHORTEST = 4  # letters of a reference that find it
_HEX, _LETTERS = "0123456789abcdef", "bcdfghjkmnpqrstv"
_TO_LETTERS, _TO_HEX = str.maketrans(_HEX, _LETTERS), str.maketrans(_LETTERS, _HEX)


def to_letters(micros: int) -> str:
    """A moment in letters, for addresses and forms: nobody takes it for a number."""
    return f"{micros:x}".translate(_TO_LETTERS)


def from_letters(text: str) -> int | None:
    """The moment of `to_letters` (Micros); None for anything else."""
    if not text or len(text) > 13 or text.strip(_LETTERS):
        return None
    return int(text.translate(_TO_HEX), 16)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reports are asked for; what is empty leaves nothing out. `state`: one of the table, or worked (neither told
    nor closed); `where`: centre or desk; `late`: overdue (the deadline that runs ran out) or once (any did); `held`:
    held, not_held or why; `reference`: its first letters."""

    state: str = ""
    where: str = ""
    desk: str = ""
    class_: str = ""
    kind: str = ""
    channel: int | None = None
    category: int | None = None
    province: str = ""
    carrier: str = ""
    late: str = ""
    held: str = ""
    undated: bool = False
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the queue ends: what is due comes first by deadline, the rest after it, the newest on top."""

    dated: bool
    at: datetime
    reference: str

    @classmethod
    def of(cls, found: Handling) -> Place:
        """The place of a report."""
        return cls(found.due is not None, found.due or found.received, found.reference)

    @classmethod
    def read(cls, text: str) -> Place | None:
        """A place as `written`; None for anything else, which counts as not said."""
        kind, _dash, rest = text.partition("-")
        at, _dash, reference = rest.partition("-")
        micros = from_letters(at)
        if micros is None or kind not in ("due", "rest") or not (reference.isascii() and reference.isalpha()):
            return None
        return cls(kind == "due", from_micros(micros), reference)

    @property
    def written(self) -> str:
        """As it stands in an address."""
        return f"{'due' if self.dated else 'rest'}-{to_letters(to_micros(self.at))}-{self.reference}"


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the queue: its reports, where the next page begins, and on the first page how many are like this (at
    most MOST_COUNTED + 1)."""

    reports: tuple[Handling, ...]
    more: Place | None
    count: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How much there is to do, each at most MOST_COUNTED + 1: at the centre, overdue, held, without a deadline."""

    here: int
    overdue: int
    held: int
    undated: int


def queue(store: Store, clock: Clock, wanted: Wanted, *, after: Place | None = None, limit: int = 50) -> Found:
    """Reports as asked for, what is due first on top; the first page walks on to count."""
    walked = MOST_COUNTED + 1 if after is None else limit + 1
    with store.reading():
        names = store.centre.queue(wanted, at=to_micros(clock.now()), after=after, limit=walked)
        rows = {each.reference: each for each in store.handling.these(names[:limit])}
    found = tuple(rows[name] for name in names[:limit])
    more = Place.of(found[-1]) if len(names) > limit else None
    return Found(found, more, len(names) if after is None else None)


def standing(store: Store, clock: Clock) -> Standing:
    """How much there is to do."""
    most, now = MOST_COUNTED + 1, to_micros(clock.now())
    return Standing(
        store.centre.here(most=most), store.centre.overdue(at=now, most=most), store.centre.held(most=most),
        store.handling.count_undated(),
    )
