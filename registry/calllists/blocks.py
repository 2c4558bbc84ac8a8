"""A stream of UTF-8 bytes cut into blocks of whole lines, of bounded size whatever comes.

Rules of this room: a block ends where a line ends, outside quotes; a quote that is not closed within a block costs
nobody else: quotes are ordinary characters then; of a line that is longer than a block only the beginning is kept, and
the block says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from registry.calllists.lines import LF, Block, last_break

SIZE = 4 << 20
LONGEST = 1 << 20  # bytes of one line
KEPT = 200  # bytes of a line that is too long


@dataclass(frozen=True, eq=False)
class Piece:
    """A block of whole lines. `quotes`: whether quotes quote in it; `too_long`: it is the beginning of one line."""

    data: Block
    quotes: bool = True
    too_long: bool = False


def blocks(source: Iterable[bytes], *, size: int = SIZE, longest: int = LONGEST) -> Iterator[Piece]:
    """Blocks of about `size` bytes that are the stream when put together, but for lines of more than `longest`."""
    rest, skipping = b"", False  # skipping: in a line that is too long, of which the beginning went out
    for piece in source:
        if skipping:
            _, found, piece = piece.partition(b"\n")
            skipping = not found
        rest += piece
        while len(rest) >= size and not skipping:
            made, rest, skipping = _cut(rest, longest)
            if made is None:
                break
            yield made
    while rest:
        made, rest, skipping = _cut(rest, longest)
        if made is None:
            yield Piece(np.frombuffer(rest, np.uint8), quotes=rest.count(b'"') % 2 == 0)
            return
        yield made
        if skipping:
            return


def _cut(rest: bytes, longest: int) -> tuple[Piece | None, bytes, bool]:
    """The next block, what is left, and whether a line that is too long goes on; None: more bytes are needed for one.

    A value in quotes may go over several lines, but not further than a line may be long.
    """
    data = np.frombuffer(rest, np.uint8)
    cut = last_break(data)
    if cut:
        return Piece(data[:cut]), rest[cut:], False
    if len(rest) <= longest:
        return None, rest, False
    breaks = np.flatnonzero(data == LF)
    if len(breaks):
        cut = int(breaks[-1]) + 1
        return Piece(data[:cut], quotes=False), rest[cut:], False
    start = rest[:KEPT].decode("utf-8", "ignore").encode()
    return Piece(np.frombuffer(start + b"\n", np.uint8), quotes=False, too_long=True), b"", True
