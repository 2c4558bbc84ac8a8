"""A block of lines with its answers: every line as it came, and the columns of its answer behind it.

Rules of this room: what a line holds is copied byte for byte, its line break too; an answer is text that was made once
for each different answer, so that writing a line costs a copy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from registry.calllists.codings import Coding
from registry.calllists.lines import Block, Lines
from registry.scrub import LineAnswer
from registry.times import iso

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
) -> bytes:
    """The bytes of a block in which each line is followed by the text that `which` u32[n] names.

    `unit`: bytes of a code unit, in which the places of lines count. A line break stays where it was, before the next
    line; the last line has none where it had none.
    """
    if not len(lines):
        return native.tobytes()
    bounds = np.append(np.zeros(1, np.int64), lines.stops * unit)
    pieces = pa.Array.from_buffers(
        pa.large_binary(), len(lines), [None, pa.py_buffer(bounds), pa.py_buffer(native)]
    )  # each holds the line break before it and the line's content
    answers = pa.array(texts, pa.large_binary()).take(pa.array(which))
    joined = pc.binary_join_element_wise(pieces, answers, pa.scalar(b"", pa.large_binary()))
    offsets = np.frombuffer(joined.buffers()[1], np.int64, len(lines) + 1)
    body = memoryview(joined.buffers()[2])[int(offsets[0]) : int(offsets[-1])]
    return b"".join((body, native[bounds[-1] :].tobytes()))
