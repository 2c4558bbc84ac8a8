"""A whole call list as delimited text, from bytes to bytes: every line comes back in its order, with its answer.

Rules of this room:
- Blocks are answered by two threads and written in order; what is in flight is bounded, so memory does not grow with
  the list. Every line is kept as it came; the header gets the names of the answer's columns.
- A line that cannot be read as it stands (too long, no such field) is invalid and said so; the others go on.
- `Tally` says at any moment what was done; whoever watches may stop the work between two blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry.calllists import answered
from registry.calllists.blocks import LONGEST, SIZE, Piece, blocks
from registry.calllists.columns import Shape, look
from registry.calllists.lines import lines_of
from registry.numbers import parse_spans
from registry.scrub import LineAnswer

if TYPE_CHECKING:
    from registry.calllists.spool import Spool
    from registry.numbering import NumberPlan
    from registry.scrub import Scrubber

THREADS = 2
_SAMPLE = 1 << 18
TOO_LONG = LineAnswer("invalid", "line_too_long")


@dataclass
class Tally:
    """How far a scrub is: lines, bytes of the text, how many lines got each answer (by its place in the kinds)."""

    lines: int = 0
    size: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, which: NDArray[np.uint32], size: int) -> None:
        """Count one block."""
        counted = np.bincount(which, minlength=len(self.counts)).astype(np.int64)
        counted[: len(self.counts)] += self.counts
        self.counts, self.lines, self.size = counted, self.lines + len(which), self.size + size


@dataclass(frozen=True, eq=False)
class Answers:
    """One block on its way: its bytes with answers, and which answer each line got."""

    content: memoryview
    which: NDArray[np.uint32]
    size: int


def scrub_text(
    source: Iterable[bytes], scrubber: Scrubber, plan: NumberPlan, *, country: str, wanted: str | int | None = None,
    spool: Spool | None = None, tally: Tally | None = None, keep: Callable[[], None] = lambda: None, size: int = SIZE,
    longest: int = LONGEST,
) -> Iterator[memoryview]:
    """The bytes of a call list with answers, in blocks; `source` is UTF-8 without BOM.

    `keep` is called between blocks; what it raises ends the work. Raises InvalidInputError as `columns.look`, when the
    first block is asked for.
    """
    pieces = blocks(source, size=size, longest=longest)
    first = next(pieces, None)
    sample = first.data[:_SAMPLE].tobytes() if first is not None else b""
    shape = look(sample, plan, country=country, wanted=wanted)
    assert first is not None
    work = _Work(scrubber, plan, country, shape, spool)
    tally = tally if tally is not None else Tally()
    waiting: deque[Future[Answers]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            waiting.append(pool.submit(work.block, first, header=shape.header is not None))
            for piece in pieces:
                if len(waiting) > THREADS:
                    yield from _done(waiting.popleft().result(), tally, keep)
                waiting.append(pool.submit(work.block, piece))
            while waiting:
                yield from _done(waiting.popleft().result(), tally, keep)
        finally:
            for future in waiting:
                future.cancel()


def _done(block: Answers, tally: Tally, keep: Callable[[], None]) -> Iterator[memoryview]:
    tally.add(block.which, block.size)
    keep()
    yield block.content


@dataclass(frozen=True, eq=False)
class _Work:
    scrubber: Scrubber
    plan: NumberPlan
    country: str
    shape: Shape
    spool: Spool | None

    def block(self, piece: Piece, *, header: bool = False) -> Answers:
        """One block with its answers; `header`: its first line is one."""
        lines = lines_of(piece.data, ord(self.shape.delimiter), quotes=piece.quotes)
        starts, stops = lines.field(self.shape.column)
        numbers = parse_spans(piece.data, starts[header:], stops[header:], self.plan, country=self.country)
        if piece.too_long:
            which = np.full(len(numbers), self.scrubber.place(TOO_LONG), np.uint32)
        else:
            found = self.scrubber.answer(numbers)
            which = found.which
            if self.spool is not None:
                self.spool.add(found.sealed, which[numbers.ok])
        texts = answered.suffixes(self.scrubber.kinds, self.shape.delimiter)
        if header:
            texts.append((self.shape.delimiter + self.shape.delimiter.join(answered.COLUMNS)).encode())
        all_lines = np.append(np.uint32(len(texts) - 1), which) if header else which
        return Answers(answered.with_answers(lines, all_lines.astype(np.uint32), texts), which, len(piece.data))
