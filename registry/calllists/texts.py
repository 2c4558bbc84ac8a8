"""Call lists as delimited text: every line comes back in its order, with its answer; or the lines of one verdict.

Rules of this room:
- Every line is kept as it came, in its own encoding; the header gets the names of the answer's columns.
- A line that cannot be read as it stands (too long, no such field) is invalid and said so; the others go on.
- Of a result, a line is known by the answer at its end, so a quote that was never closed misleads nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from registry.calllists import answered
from registry.calllists.answering import TOO_LONG, Answering, Which
from registry.calllists.blocks import SIZE, Piece, blocks
from registry.calllists.calllist import CallList, ending_of
from registry.calllists.codings import Coding, whole_units
from registry.calllists.columns import Wanted, shape_of
from registry.calllists.delimited import delimiter_of, first_rows
from registry.calllists.limits import Limits
from registry.calllists.lines import Lines, lines_of
from registry.calllists.quoting import LF

if TYPE_CHECKING:
    from registry.calllists.tally import Tally
    from registry.numbering import NumberPlan

_VERDICTS = ("allowed", "declined", "invalid")
_HEADER = 255
_HEADER_WITHIN = 1000  # lines


def inspect(text: bytes, name: str, coding: Coding, plan: NumberPlan, wanted: Wanted, *, asking: bool) -> CallList:
    """How a text is laid out, by its beginning in UTF-8. Raises InvalidInputError as `shape_of`."""
    delimiter = delimiter_of(text)
    shape = shape_of(first_rows(text, delimiter), plan, wanted, asking=asking)
    return CallList(
        "text", "", ending_of(name, "text"), 0, shape.header, shape.column, shape.width, shape.candidates, shape.rows,
        answered.names_beside(shape.header or ()), coding.encoding, coding.bom, coding.returns, delimiter,
        titles=shape.titles,
    )  # fmt: skip


def as_utf8(sample: bytes, coding: Coding, *, cut: bool) -> bytes:
    """The beginning of a text in UTF-8, for looking at it; whole lines, where it was cut and has any."""
    native = whole_units(sample[len(coding.mark) :], coding.unit)
    breaks = np.flatnonzero(coding.image(native) == LF)
    if cut and len(breaks):
        native = native[: (int(breaks[-1]) + 1) * coding.unit]
    text = coding.text(native.tobytes())
    return (text.replace("\r", "\n") if coding.returns else text).encode()


# scrubbing


@dataclass(frozen=True, eq=False)
class Done:
    """One block on its way: its bytes with answers, which answer each line got, how far the file was read then."""

    content: bytes | memoryview
    which: Which
    read: int


def scrub(
    source: Iterable[bytes], found: CallList, answering: Answering, *, tally: Tally, keep: Callable[[], None],
    limits: Limits, read: Callable[[], int],
) -> Iterator[bytes | memoryview]:
    """The bytes of a call list with answers, in blocks; `read` says how far the file was read."""
    work = _Work(answering, found)
    for block in answering.turns.in_order(_numbered(source, found, limits, read), work.block):
        tally.add(block.which, block.read)
        keep()
        yield block.content


def without_mark(source: Iterable[bytes], mark: bytes) -> Iterator[bytes]:
    """Bytes without the BOM that is known to stand before them."""
    held = b""
    for piece in source:
        if mark:
            held += piece
            if len(held) < len(mark):
                continue
            piece, mark = held[len(mark) :], b""
        yield piece


Numbered = tuple[int, Piece, int]  # which one, the block, how far the file was read


def _numbered(
    source: Iterable[bytes], found: CallList, limits: Limits, read: Callable[[], int]
) -> Iterator[Numbered]:
    pieces = blocks(
        without_mark(source, found.coding.mark), found.coding, size=limits.block, longest=limits.line,
        delimiter=ord(found.delimiter),
    )
    for number, piece in enumerate(pieces):
        yield number, piece, read()


@dataclass(frozen=True, eq=False)
class _Work:
    answering: Answering
    found: CallList
    made: list[bytes] = field(default_factory=list)

    def block(self, item: Numbered) -> Done:
        """One block with its answers; in the first one stands the header, and the BOM goes before it."""
        number, piece, read = item
        found, coding = self.found, self.found.coding
        lines = lines_of(piece.data, ord(found.delimiter), quotes=not piece.too_long, known=piece.quotes)
        head = _header_of(lines, found.delimiter, found.titles) if number == 0 and found.header is not None else 0
        starts, stops = (places[head:] for places in lines.field(found.place))
        if piece.too_long:
            which = self.answering.nothing_but(TOO_LONG, len(starts))
        else:
            which = self.answering.cells(piece.native, piece.data, starts, stops, coding)
        texts = self._suffixes()
        of_lines = which
        if head:
            before = np.full(head, len(texts), np.uint32)
            before[-1] += 1
            texts += [b"", answered.suffix(found.names, found.delimiter, coding)]
            of_lines = np.concatenate((before, which))
        of_lines = self._aligned(lines, of_lines, texts, head)
        body = answered.with_answers(piece.native, lines, of_lines, texts, coding.unit)
        if not piece.half and (number or not coding.mark):
            return Done(body, which, read)
        return Done(b"".join((b"" if number else coding.mark, body, piece.half)), which, read)

    def _suffixes(self) -> list[bytes]:
        """The text of each different answer so far; there are more and more, and those that are there stay."""
        kinds, made = self.answering.scrubber.kinds, list(self.made)
        if len(made) < len(kinds):
            made += answered.suffixes(kinds[len(made) :], self.found.delimiter, self.found.coding)
            self.made[:] = made
        return made

    def _aligned(self, lines: Lines, which: Which, texts: list[bytes], head: int) -> Which:
        """Answers that stand in the same columns also behind lines with fewer cells than the others."""
        if lines.each >= self.found.width:
            return which
        missing = self.found.width - 1 - lines.delimiters_each()
        missing[: max(0, head - 1)] = 0
        short = np.flatnonzero(missing > 0)
        if not len(short):
            return which
        base = len(texts)
        kinds, place = np.unique(which[short] + missing[short].astype(np.uint64) * base, return_inverse=True)
        filler = self.found.coding.coded(self.found.delimiter)
        texts += [filler * (kind // base) + texts[kind % base] for kind in kinds.tolist()]
        aligned = which.copy()
        aligned[short] = place + base
        return aligned


def _header_of(lines: Lines, delimiter: str, titles: int) -> int:
    """How many lines there are up to the header, itself among them; only lines with something in them are titles."""
    for place, (start, stop) in enumerate(zip(lines.starts.tolist(), lines.stops.tolist()), 1):
        if lines.data[start:stop].tobytes().strip(delimiter.encode()):
            if not titles:
                return place
            titles -= 1
    return 0


# the lines of one verdict


def only(source: Iterable[bytes], found: CallList, verdict: str) -> Iterator[bytes]:
    """The header of a result, and its lines of one verdict."""
    return chosen(source, found.coding, lambda rest, last: _chosen(rest, found, verdict, last=last))


def chosen(
    source: Iterable[bytes], coding: Coding, choose: Callable[[bytes, bool], tuple[bytes, bytes]]
) -> Iterator[bytes]:
    """What `choose` takes out of a result block by block, the BOM first; it is told which block is the last, and says
    what it takes and what has to wait for the next one."""
    yield coding.mark
    rest = b""
    for piece in without_mark(source, coding.mark):
        rest += piece
        if len(rest) >= SIZE:
            taken, rest = choose(rest, False)
            yield taken
    yield choose(rest, True)[0]


def _chosen(rest: bytes, found: CallList, verdict: str, *, last: bool) -> tuple[bytes, bytes]:
    """The lines of one verdict and the header among whole lines, and the bytes of the line that is not whole yet."""
    coding = found.coding
    native = whole_units(rest, coding.unit)
    data = coding.image(native)
    if not last:
        breaks = np.flatnonzero(data == LF)
        data = data[: int(breaks[-1]) + 1 if len(breaks) else 0]
    lines = lines_of(data, ord(found.delimiter), quotes=False)
    verdicts = _verdicts(lines)
    header = found.delimiter + found.delimiter.join(found.names)
    for place in range(min(len(lines), _HEADER_WITHIN) if found.header is not None else 0):
        if lines.data[lines.starts[place] : lines.stops[place]].tobytes().endswith(header.encode()):
            verdicts[place] = _HEADER
            break
    ends = np.flatnonzero(verdicts)  # a line without an answer goes on in the next one
    if not len(ends):
        return b"", rest
    bounds = np.append(np.zeros(1, np.int64), np.append(lines.starts[1:], len(data))[ends]) * coding.unit
    records = pa.Array.from_buffers(pa.large_binary(), len(ends), [None, pa.py_buffer(bounds), pa.py_buffer(native)])
    wanted = np.isin(verdicts[ends], (_HEADER, _VERDICTS.index(verdict) + 1))
    kept = records.filter(pa.array(wanted))
    offsets = np.frombuffer(kept.buffers()[1], np.int64, len(kept) + 1) if len(kept) else np.zeros(1, np.int64)
    body = memoryview(kept.buffers()[2])[int(offsets[0]) : int(offsets[-1])] if len(kept) else b""
    return bytes(body), rest[int(bounds[-1]) :]


def _verdicts(lines: Lines) -> NDArray[np.uint8]:
    """Which verdict stands at the end of each line: its place in _VERDICTS from 1; 0: none."""
    found = np.zeros(len(lines), np.uint8)
    good = np.flatnonzero(lines.delimiters_each() >= len(answered.COLUMNS))
    at = lines.ends[good] - len(answered.COLUMNS)
    starts, stops = lines.marks[at] + 1, lines.marks[at + 1]
    for number, word in enumerate(_VERDICTS, 1):
        same = np.flatnonzero(stops - starts == len(word))
        letters = np.frombuffer(word.encode(), np.uint8)
        if len(same):
            windows = np.lib.stride_tricks.sliding_window_view(lines.data, len(word))
            same = same[(windows[starts[same]] == letters).all(axis=1)]
            found[good[same]] = number
    return found
