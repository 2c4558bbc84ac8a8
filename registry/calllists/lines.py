"""Lines and fields of delimited text (RFC 4180), found for a whole block at once.

Rules of this room:
- A block is an image of text (`codings.py`) that begins and ends with whole lines; places in it are i64 arrays;
  nothing is copied.
- A line break or delimiter inside a quoted cell (`quoting.py`) is none.
- A line ends before its LF or CRLF; the last one may lack it. An empty line is a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.calllists.quoting import CR, LF, QUOTE, quoting

Block = NDArray[np.uint8]
Places = NDArray[np.int64]
_NO_PLACES: Places = np.empty(0, np.int64)
_FEW = 16  # a share of one in so many


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of a block: where each begins and where its content ends. `marks`: every delimiter and line break
    outside quotes, in order; `ends`: the place in `marks` of each line's break; `each`: how many marks every line has,
    0 where not all have as many."""

    data: Block
    starts: Places
    stops: Places
    marks: Places
    ends: Places
    each: int = 0

    def __len__(self) -> int:
        return len(self.starts)

    def delimiters_each(self) -> Places:
        """How many delimiters each line has."""
        return np.diff(self.ends, prepend=-1) - 1

    def field(self, column: int) -> tuple[Places, Places]:
        """Where the field of a column (from 0) begins and ends in each line, without quotes around it.

        In a line with fewer fields both are the line's end.
        """
        if column < self.each:
            starts = self.marks[column - 1 :: self.each] + 1 if column else self.starts
            return self._unquoted(starts, np.minimum(self.marks[column :: self.each], self.stops))
        place = np.empty_like(self.ends)  # in `marks`, of what ends the field
        place[:1], place[1:] = column, self.ends[:-1] + (1 + column)
        starts = self.starts
        if column:
            starts = self.marks.take(np.minimum(place - 1, self.ends)) + 1
            np.minimum(starts, self.stops, out=starts)
        stops = np.minimum(self.marks.take(np.minimum(place, self.ends)), self.stops)
        return self._unquoted(starts, stops)

    def _unquoted(self, starts: Places, stops: Places) -> tuple[Places, Places]:
        if not len(self.data):
            return starts, stops
        quoted = self.data.take(starts, mode="clip") == QUOTE
        if not quoted.any():
            return starts, stops
        quoted &= stops - starts >= 2
        quoted &= self.data.take(stops - 1, mode="clip") == QUOTE
        return starts + quoted, stops - quoted


def lines_of(data: Block, delimiter: int, *, quotes: bool = True, known: Places | None = None) -> Lines:
    """The lines of a block (`delimiter` as a byte); without `quotes` a double quote is a character like any other.

    `known`: where double quotes are, if somebody has looked.
    """
    found = data == LF
    breaks = np.count_nonzero(found)
    found |= data == delimiter
    held = quoting(data, delimiter, known) if quotes else _NO_PLACES
    if len(held) and (inside := _between(held, len(data))) is not None:
        found[inside] = False
        held = _NO_PLACES
    marks = _outside(np.flatnonzero(found), held, len(data))
    ends, each = _ends(data, marks, int(breaks))
    if len(data) and (not len(ends) or marks[ends[-1]] != len(data) - 1):
        marks, each = np.append(marks, len(data)), 0
        ends = np.append(ends, len(marks) - 1)
    stops = marks.take(ends)
    starts = np.zeros_like(stops)
    starts[1:] = stops[:-1] + 1
    returned = data.take(stops - 1, mode="clip") == CR if len(stops) else np.zeros(0, bool)
    if returned.any():
        stops -= returned & (stops > starts)
    return Lines(data, starts, stops, marks, ends, each)


def _ends(data: Block, marks: Places, breaks: int) -> tuple[Places, int]:
    """Which marks are line breaks, of which there are `breaks` at most; how many marks each line has, if all as many.

    Nearly always they have, and then nobody has to look at all of them.
    """
    each = len(marks) // max(1, breaks)
    if each and each * breaks == len(marks) and (data.take(marks[each - 1 :: each]) == LF).all():
        return np.arange(each - 1, len(marks), each), each
    return np.flatnonzero(data.take(marks) == LF), 0


def _between(quotes: Places, size: int) -> Places | None:
    """All places from a quote to the next, in data of a size; None where they are too many to be named."""
    opened, closed = quotes[::2], quotes[1::2]
    if len(opened) > len(closed):
        closed = np.append(closed, size)
    held = closed - opened
    ends = np.cumsum(held)
    if ends[-1] > size // _FEW:
        return None
    return np.repeat(opened - (ends - held), held) + np.arange(ends[-1])


def _outside(places: Places, quotes: Places, size: int) -> Places:
    """Of places that ascend, in data of a size, those that are not between a quote and the next."""
    if not len(quotes):
        return places
    if len(quotes) > len(places) // 4:
        turned = np.zeros(size, np.uint8)
        turned[quotes] = 1
        before = np.cumsum(turned, dtype=np.uint8)  # overflows, and stays odd or even
        unquoted: Places = places[before.take(places) & 1 == 0]
        return unquoted
    opened, closed = np.searchsorted(places, quotes[::2]), np.searchsorted(places, quotes[1::2])
    if len(opened) > len(closed):
        closed = np.append(closed, len(places))
    some = np.flatnonzero(opened < closed)  # quotes that hold some of the places
    if not len(some):
        return places
    opened, held = opened[some], (closed - opened)[some]
    outside = np.ones(len(places), bool)
    outside[np.repeat(opened - np.cumsum(held) + held, held) + np.arange(held.sum())] = False
    beyond: Places = places[outside]
    return beyond


def last_break(data: Block, quotes: Places) -> int:
    """The place after the last line break of bytes that begin with a line; 0 where there is none outside quotes."""
    breaks = _outside(np.flatnonzero(data == LF), quotes, len(data))
    return int(breaks[-1]) + 1 if len(breaks) else 0
