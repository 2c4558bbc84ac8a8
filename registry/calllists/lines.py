"""Lines and fields of delimited text (RFC 4180), found for a whole block at once.

Rules of this room:
- A block is an image of text (`codings.py`) that begins and ends with whole lines; places in it are i64 arrays;
  nothing is copied.
- A line break or delimiter inside double quotes is none. Quotes are counted, not parsed: one is inside where an odd
  number of them stands before it since the block began.
- A line ends before its LF or CRLF; the last one may lack it. An empty line is a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LF, CR, QUOTE, SPACE = ord("\n"), ord("\r"), ord('"'), ord(" ")

Block = NDArray[np.uint8]
Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of a block: where each begins and where its content ends; `delimiters`, those outside quotes."""

    data: Block
    starts: Places
    stops: Places
    delimiters: Places

    def __len__(self) -> int:
        return len(self.starts)

    def delimiters_each(self) -> Places:
        """How many delimiters each line has."""
        first = np.searchsorted(self.delimiters, self.starts) if len(self.delimiters) else np.zeros(len(self), np.int64)
        return np.diff(np.append(first, len(self.delimiters)))

    def field(self, column: int) -> tuple[Places, Places]:
        """Where the field of a column (from 0) begins and ends in each line, without quotes around it.

        In a line with fewer fields both are the line's end.
        """
        first = np.searchsorted(self.delimiters, self.starts) if len(self.delimiters) else np.zeros(len(self), np.int64)
        bounds = np.append(self.delimiters, np.int64(len(self.data)))
        last = len(bounds) - 1
        if column:
            before = bounds[np.minimum(first + column - 1, last)]
            there = before < self.stops
            starts = np.where(there, before + 1, self.stops)
        else:
            starts = self.starts
        stops = np.minimum(bounds[np.minimum(first + column, last)], self.stops)
        return self._unquoted(starts, np.maximum(starts, stops))

    def _unquoted(self, starts: Places, stops: Places) -> tuple[Places, Places]:
        if not len(self.data):
            return starts, stops
        quoted = stops - starts >= 2
        quoted &= self.data[np.minimum(starts, len(self.data) - 1)] == QUOTE
        quoted &= self.data[np.maximum(stops - 1, 0)] == QUOTE
        return starts + quoted, stops - quoted


def lines_of(data: Block, delimiter: int, *, quotes: bool = True) -> Lines:
    """The lines of a block (`delimiter` as a byte); without `quotes` a double quote is a character like any other."""
    breaks = np.flatnonzero(data == LF)
    delimiters = np.flatnonzero(data == delimiter)
    marks = np.flatnonzero(data == QUOTE) if quotes else breaks[:0]
    if len(marks):
        breaks, delimiters = _outside(breaks, marks), _outside(delimiters, marks)
    if len(data) and (not len(breaks) or breaks[-1] != len(data) - 1):
        breaks = np.append(breaks, len(data))
    starts = np.zeros(len(breaks), np.int64)
    starts[1:] = breaks[:-1] + 1
    returned = (breaks > starts) & (data[np.maximum(breaks - 1, 0)] == CR) if len(breaks) else np.zeros(0, bool)
    return Lines(data, starts, breaks - returned, delimiters)


def _outside(places: Places, quotes: Places) -> Places:
    outside: Places = places[np.searchsorted(quotes, places) % 2 == 0]
    return outside


def last_break(data: Block, *, quotes: bool = True) -> int:
    """The place after the last line break of bytes that begin with a line; 0 where there is none outside quotes."""
    breaks = np.flatnonzero(data == LF)
    marks = np.flatnonzero(data == QUOTE) if quotes else breaks[:0]
    if len(marks):
        breaks = _outside(breaks, marks)
    return int(breaks[-1]) + 1 if len(breaks) else 0
