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

from registry.calllists.lines import Lines
from registry.scrub import LineAnswer
from registry.times import iso

COLUMNS = ("verdict", "reason", "rule", "until", "next_allowed")


def suffixes(kinds: Sequence[LineAnswer], delimiter: str) -> list[bytes]:
    """The text of each different answer, a delimiter first."""
    return [(delimiter + delimiter.join(cells(kind))).encode() for kind in kinds]


def cells(answer: LineAnswer) -> tuple[str, ...]:
    """The columns of an answer as text: COLUMNS, times in UTC; empty where there is none."""
    until, later = answer.until, answer.next_allowed
    return (
        answer.verdict, answer.reason, answer.rule, iso(until) if until else "", iso(later) if later else "",
    )


def with_answers(lines: Lines, which: NDArray[np.uint32], texts: Sequence[bytes]) -> memoryview:
    """The bytes of a block in which each line is followed by the text that `which` u32[n] names.

    A line break stays where it was, before the next line; the last line has none where it had none.
    """
    data = lines.data
    bounds = np.append(np.zeros(1, np.int64), lines.stops)
    pieces = pa.Array.from_buffers(
        pa.large_binary(), len(lines), [None, pa.py_buffer(bounds), pa.py_buffer(data)]
    )  # each holds the line break before it and the line's content
    answers = pa.array(texts, pa.large_binary()).take(pa.array(which))
    joined = pc.binary_join_element_wise(pieces, answers, pa.scalar(b"", pa.large_binary()))
    offsets = np.frombuffer(joined.buffers()[1], np.int64, len(lines) + 1)
    body = memoryview(joined.buffers()[2])[int(offsets[0]) : int(offsets[-1])] if len(lines) else memoryview(b"")
    tail = data[lines.stops[-1] :] if len(lines) else data
    return memoryview(bytes(body) + tail.tobytes()) if len(tail) else body
