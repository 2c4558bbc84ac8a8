"""A block of lines with its answers: every line as it came, and the columns of its answer behind it.

Rules of this room: what a line holds is copied byte for byte, its line break too; an answer is text that was made once
for each different answer, so that writing a line costs a copy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from registry.calllists.codings import Coding
from registry.calllists.lines import Block, Lines
from registry.scrub import LineAnswer
from registry.times import iso

_NARROW = 1 << 31  # bytes, below which places take half as much
COLUMNS = ("verdict", "reason", "rule", "until", "next_allowed")


def names_beside(header: Sequence[str]) -> tuple[str, ...]:
    """The names of the answer's columns, such that none is in the header already: verdict, or verdict_2, …"""
    taken, number = {name.strip().casefold() for name in header}, 1
    names: tuple[str, ...] = COLUMNS
    while taken.intersection(names):
        number += 1
        names = tuple(f"{name}_{number}" for name in COLUMNS)
    return names


def suffixes(kinds: Sequence[LineAnswer], delimiter: str, coding: Coding) -> list[bytes]:
    """The text of each different answer, a delimiter first."""
    return [suffix(cells(kind), delimiter, coding) for kind in kinds]


def suffix(texts: Sequence[str], delimiter: str, coding: Coding) -> bytes:
    """Texts as the last cells of a line; none of ours needs quotes, whatever the delimiter."""
    return coding.coded(delimiter + delimiter.join(texts))


def cells(answer: LineAnswer) -> tuple[str, ...]:
    """The columns of an answer as text: COLUMNS, times in UTC; empty where there is none."""
    until, later = answer.until, answer.next_allowed
    return (
        answer.verdict, answer.reason, answer.rule, iso(until) if until else "", iso(later) if later else "",
    )


def with_answers(
    native: Block, lines: Lines, which: NDArray[np.uint32], texts: Sequence[bytes], unit: int = 1
) -> memoryview:
    """The bytes of a block in which each line is followed by the text that `which` u32[n] names.

    `unit`: bytes of a code unit, in which the places of lines count. A line break stays where it was, before the next
    line; the last line has none where it had none.
    """
    count, size, sizes = len(lines), len(native), [len(text) for text in texts]
    narrow = size + count * max(sizes, default=0) < _NARROW
    kind, places = (pa.binary(), np.int32) if narrow else (pa.large_binary(), np.int64)
    bounds = np.zeros(count + 2 + len(texts), places)
    bounds[1 : count + 1] = lines.stops if unit == 1 else lines.stops * unit
    bounds[count + 1] = size
    bounds[count + 2 :] = size + np.cumsum(sizes)
    held = np.concatenate((native, np.frombuffer(b"".join(texts), np.uint8)))
    pieces = pa.Array.from_buffers(
        kind, len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(held)]
    )  # each line with the line break before it; what is behind the last one; the texts
    order = np.empty(2 * count + 1, np.int32)
    order[::2] = np.arange(count + 1, dtype=np.int32)
    np.add(which, count + 1, out=order[1::2], casting="unsafe")
    taken = pieces.take(pa.array(order))  # lies in memory one after another, as it is to be written
    stop = int(np.frombuffer(taken.buffers()[1], places, len(order) + 1)[-1])
    return memoryview(taken.buffers()[2])[:stop]
