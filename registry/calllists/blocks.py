"""A stream of text cut into blocks of whole lines, of bounded size whatever comes.

Rules of this room: a block ends where a line ends, outside quoted cells; a quote that is not closed for as long as a
line may be costs nobody else: it is an ordinary character; of a line that is longer only the beginning is kept, and the
block says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from registry.calllists.codings import Coding, whole_units
from registry.calllists.lines import Block, Places, last_break
from registry.calllists.quoting import LF, QUOTE, quoting, used_well

SIZE = 1 << 21  # in smaller ones threads wait for each other more, larger ones leave the caches
LONGEST = 1 << 20  # bytes of one line
KEPT = 200  # bytes of a line that is too long
_NEAR = 1 << 14
_UTF8 = Coding()


@dataclass(frozen=True, eq=False)
class Piece:
    """A block of whole lines: their bytes and the image of them. `too_long`: it is the beginning of one line; `half`: a
    byte behind all lines that is no whole character; `quotes`: where quotes are, if somebody has looked."""

    native: Block
    data: Block
    too_long: bool = False
    half: bytes = b""
    quotes: Places | None = None


def blocks(
    source: Iterable[bytes], coding: Coding = _UTF8, *, size: int = SIZE, longest: int = LONGEST,
    delimiter: int = 0,
) -> Iterator[Piece]:
    """Blocks of about `size` bytes that are the stream when put together, but for lines of more than `longest`.

    `delimiter` of cells, as a byte; 0: there are no cells, and nothing is quoted.
    """
    held, length, skipping = list[bytes](), 0, False  # skipping: in a line too long, of which the beginning went out
    for piece in source:
        held.append(piece)
        length += len(piece)
        if length < size and not skipping:
            continue
        rest = b"".join(held)
        if skipping:
            rest, skipping = _behind_break(rest, coding)
        while len(rest) >= size and not skipping:
            made, rest, skipping = _cut(rest, coding, longest, delimiter)
            if made is None:
                break
            yield made
            if skipping:
                rest, skipping = _behind_break(rest, coding)
        held, length = [rest], len(rest)
    rest = b"".join(held)
    while rest and not skipping:
        made, rest, skipping = _cut(rest, coding, longest, delimiter)
        if made is None:
            yield _last(rest, coding)
            return
        yield made
        if skipping:
            rest, skipping = _behind_break(rest, coding)


def _last(rest: bytes, coding: Coding) -> Piece:
    native = whole_units(rest, coding.unit)
    data = coding.image(native)
    return Piece(native, data, half=rest[len(native) :])


def _behind_break(rest: bytes, coding: Coding) -> tuple[bytes, bool]:
    """What comes after the first line break, and whether none was found."""
    native = whole_units(rest, coding.unit)
    breaks = np.flatnonzero(coding.image(native) == LF)
    if len(breaks):
        return rest[(int(breaks[0]) + 1) * coding.unit :], False
    return rest[len(native) :], True


def _cut(rest: bytes, coding: Coding, longest: int, delimiter: int) -> tuple[Piece | None, bytes, bool]:
    """The next block, what is left, and whether a line that is too long goes on; None: more bytes are needed for one.

    A quoted cell may go over several lines, but not further than a line may be long.
    """
    unit = coding.unit
    native = whole_units(rest, unit)
    data = coding.image(native)
    quotes = np.flatnonzero(data == QUOTE) if delimiter else None
    cut = _last_break(data, quotes, delimiter, goes_on=True)
    if not cut:
        if len(rest) <= longest:
            return None, rest, False
        cut = _last_break(data, quotes, delimiter, goes_on=False)
    if cut:
        if quotes is not None:
            quotes = quotes[: np.searchsorted(quotes, cut)]
        return Piece(native[: cut * unit], data[:cut], quotes=quotes), rest[cut * unit :], False
    return _beginning(native[: KEPT - KEPT % unit].tobytes(), coding), rest[KEPT - KEPT % unit :], True


def _last_break(data: Block, quotes: Places | None, delimiter: int, *, goes_on: bool) -> int:
    """As `last_break`, which looks at everything: needed only where quotes are, or no break is near the end."""
    breaks = np.flatnonzero(data[-_NEAR:] == LF)
    quotes = quotes if quotes is not None else breaks[:0]
    if len(breaks):
        cut = max(0, len(data) - _NEAR) + int(breaks[-1]) + 1
        before = quotes[: np.searchsorted(quotes, cut)]
        if not len(before) or (len(before) % 2 == 0 and used_well(data, before, delimiter)):
            return cut
    return last_break(data, quoting(data, delimiter, quotes, goes_on=goes_on))


def _beginning(native: bytes, coding: Coding) -> Piece:
    """The beginning of a line that is too long, without half a character or an open quote, which would take in more."""
    text = native.decode(coding.encoding, "ignore")
    if text.count('"') % 2:
        text = text[: text.rindex('"')]
    kept = np.frombuffer(coding.coded(text + "\n"), np.uint8)
    return Piece(kept, coding.image(kept), too_long=True)
