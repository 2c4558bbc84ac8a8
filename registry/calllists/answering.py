"""The answers to the cells of a call list, whatever its format: read, asked, admitted, kept for the receipt.

Rules of this room:
- A cell whose bytes are no text is invalid and said so; what stands in other columns is nobody's business.
- A valid number that is not admitted (its party's quota is spent) gets no answer and is not kept. Numbers are admitted
  in the order of the lines, so that those up to some line are served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry.calllists.codings import Coding
from registry.calllists.lines import Block, Places
from registry.calllists.turns import Turns
from registry.numbering.bulk import inside_of
from registry.numbering.reading import read
from registry.numbers import NumberArray, parse_spans
from registry.scrub import LineAnswer

if TYPE_CHECKING:
    from registry.calllists.spool import Spool
    from registry.numbering import NumberPlan
    from registry.scrub import Scrubber

TOO_LONG = LineAnswer("invalid", "line_too_long")
BAD_ENCODING = LineAnswer("invalid", "bad_encoding")
QUOTA_REACHED = LineAnswer("invalid", "quota_reached")

_ASCII = 0x80
Admit = Callable[[NDArray[np.uint8]], NDArray[np.bool_]]
Which = NDArray[np.uint32]
NO_OTHERS: Mapping[int, LineAnswer] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Answering:
    """Answers cells for one call list; shared by threads. `admit`: which sealed numbers u8[n, 16] may be answered."""

    scrubber: Scrubber
    plan: NumberPlan
    country: str
    spool: Spool | None = None
    admit: Admit | None = None
    turns: Turns = field(default_factory=Turns)

    def cells(
        self, native: Block, image: Block, starts: Places, stops: Places, coding: Coding,
        others: Mapping[int, LineAnswer] = NO_OTHERS,
    ) -> Which:
        """The answer to each cell, as its place in the scrubber's kinds. Places count in the image.

        `others`: what some lines without a number are told instead of the reason why it is none.
        """
        numbers = parse_spans(image, starts, stops, self.plan, country=self.country)
        bad = self._read_natively(numbers, native, image, starts, stops, coding)
        return self._numbers(numbers, dict.fromkeys(bad, BAD_ENCODING) | dict(others))

    def _numbers(self, numbers: NumberArray, others: Mapping[int, LineAnswer]) -> Which:
        found = self.scrubber.answer(numbers)
        which, sealed, good = found.which, found.sealed, np.flatnonzero(numbers.ok)
        if self.admit is not None and len(sealed):
            with self.turns.own():
                admitted = self.admit(sealed)
            if not admitted.all():
                which[good[~admitted]] = self.scrubber.place(QUOTA_REACHED)
                sealed, good = sealed[admitted], good[admitted]
        if self.spool is not None:
            self.spool.add(sealed, which[good])
        for place, answer in others.items():
            which[place] = self.scrubber.place(answer)
        return which

    def _read_natively(
        self, numbers: NumberArray, native: Block, image: Block, starts: Places, stops: Places, coding: Coding
    ) -> list[int]:
        """Reads the cells that are not ASCII by their own encoding; the places of those that are no text in it."""
        bad, rest = [], np.flatnonzero(~numbers.ok & (stops > starts))
        for place in rest[_beyond_ascii(image, starts[rest], stops[rest])].tolist():
            start, stop = int(starts[place]), int(stops[place])
            raw = native[start * coding.unit : stop * coding.unit].tobytes()
            try:
                text = raw.decode(coding.encoding)
            except UnicodeDecodeError:
                bad.append(place)
                continue
            if coding.encoding != "utf-8":
                reason, kind, digits = read(text, self.plan, self.country, callers=False)
                numbers.reason[place], numbers.kind[place], numbers.digits[place] = reason, kind, digits
        return bad

    def nothing_but(self, answer: LineAnswer, count: int) -> Which:
        """One answer for lines whose numbers are not even looked at."""
        return np.full(count, self.scrubber.place(answer), np.uint32)


def _beyond_ascii(image: Block, starts: Places, stops: Places) -> NDArray[np.bool_]:
    """Which cells, none of them empty, hold anything but ASCII."""
    inside, first = inside_of(starts, stops - starts)
    beyond: NDArray[np.bool_] = np.logical_or.reduceat(image.take(inside) >= _ASCII, first)
    return beyond
