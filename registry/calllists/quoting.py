"""Which double quotes of a block quote: those around a whole cell (RFC 4180), and not those that stand in one.

Rules of this room:
- A cell is quoted when a quote stands at its beginning and one at its end; between them quotes are doubled. Any other
  quote is a character: 5" pipe.
- Nearly always quotes are used well, which is seen for a whole block at once; only where they are not is a block gone
  through cell by cell.
"""

from __future__ import annotations

import functools
import re

import numpy as np
from numpy.typing import NDArray

LF, CR, QUOTE = ord("\n"), ord("\r"), ord('"')


def quoting(
    data: NDArray[np.uint8], delimiter: int, quotes: NDArray[np.int64] | None = None, *, goes_on: bool = False
) -> NDArray[np.int64]:
    """The places of the quotes that open and close, in turn; between them nothing ends a line or cell.

    `quotes`: where quotes are, if that is known; `goes_on`: the data are cut anywhere, so a cell may be open at their
    end; then the last quote has no other one.
    """
    if quotes is None:
        quotes = np.flatnonzero(data == QUOTE)
    if not len(quotes) or ((goes_on or len(quotes) % 2 == 0) and used_well(data, quotes, delimiter)):
        return quotes
    before = data.take(quotes - 1, mode="clip")
    if not ((before == LF) | (before == delimiter) | (quotes == 0)).any():  # no cell begins with one
        return quotes[:0]
    found = _cells(delimiter, goes_on).finditer(data.tobytes())
    pairs = [place for cell in found for place in ((cell.start(), cell.end() - 1) if cell[1] else (cell.start(),))]
    return np.array(pairs, np.int64)


def used_well(data: NDArray[np.uint8], quotes: NDArray[np.int64], delimiter: int) -> bool:
    """Whether each quote that opens stands at a cell's beginning, and each that closes at its end.

    A doubled quote closes and opens again.
    """
    around = np.zeros(256, bool)
    around[[LF, delimiter, QUOTE]] = True
    opened = around.take(data.take(quotes[::2] - 1, mode="clip"))
    opened[0] |= quotes[0] == 0
    if not opened.all():
        return False
    around[CR] = True
    closed = around.take(data.take(quotes[1::2] + 1, mode="clip"))
    return bool(closed.all())


@functools.cache
def _cells(delimiter: int, goes_on: bool) -> re.Pattern[bytes]:
    mark = re.escape(bytes((delimiter,)))
    end = rb'("(?=[' + mark + rb"\r\n]|\Z)" + (rb"|\Z)" if goes_on else rb")")
    return re.compile(rb"(?:(?<=[" + mark + rb'\n])|\A)"[^"]*(?:""[^"]*)*' + end)
