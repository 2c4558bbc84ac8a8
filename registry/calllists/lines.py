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


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of a block: where each begins and where its content ends. `marks`: every delimiter and line break
    outside quotes, in order; `ends`: the place in `marks` of each line's break."""

    data: Block
    starts: Places
    stops: Places
    marks: Places
    ends: Places

    def __len__(self) -> int:
        return len(self.starts)

    def delimiters_each(self) -> Places:
        """How many delimiters each line has."""
        return np.diff(self.ends, prepend=-1) - 1

    def field(self, column: int) -> tuple[Places, Places]:
        """Where the field of a column (from 0) begins and ends in each line, without quotes around it.

        In a line with fewer fields both are the line's end.
        """
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


def lines_of(data: Block, delimiter: int, *, quotes: bool = True) -> Lines:
    """The lines of a block (`delimiter` as a byte); without `quotes` a double quote is a character like any other."""
    marks = np.flatnonzero((data == LF) | (data == delimiter))
    if quotes:
        marks = _outside(marks, quoting(data, delimiter), len(data))
    ends = np.flatnonzero(data.take(marks) == LF)
    if len(data) and (not len(ends) or marks[ends[-1]] != len(data) - 1):
        marks = np.append(marks, len(data))
        ends = np.append(ends, len(marks) - 1)
    stops = marks.take(ends)
    starts = np.zeros_like(stops)
    starts[1:] = stops[:-1] + 1
    returned = data.take(stops - 1, mode="clip") == CR if len(stops) else np.zeros(0, bool)
    if returned.any():
        stops -= returned & (stops > starts)
    return Lines(data, starts, stops, marks, ends)


def _outside(places: Places, quotes: Places, size: int) -> Places:
    """Of places that ascend, in data of a size, those that are not between a quote and the next."""
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
