"""Call lists as workbooks: the sheets that have the column get five more, and everything else stays as it is.

Rules of this room:
- A sheet's own XML is kept, and cells are put in before the end of each row: styles, dates, formulas and whatever we do
  not know come back untouched. Formulas are not computed: their saved values count.
- A sheet is gone through twice: first numbers are read and answered, then the answers are put in. In between, 16 bytes
  a row are kept; nothing is on disk.
- A workbook with the rows of one verdict holds values only, without gaps: what refers to places in a sheet is left out.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry.calllists import answered
from registry.calllists.answering import Answering, Which
from registry.calllists.calllist import CallList, Sheet, ending_of
from registry.calllists.codings import Coding
from registry.calllists.columns import MOST_COLUMNS, Shape, Wanted, empty, shape_of, wanted_place
from registry.calllists.limits import Limits
from registry.calllists.sheets import MOST_COLUMNS as WIDEST
from registry.calllists.sheets import Cell, Row, RowReader, letters_of, shown, text_of
from registry.calllists.workbook import Part, SharedTexts, Workbook, opened
from registry.errors import InvalidInputError
from registry.scrub import LineAnswer

if TYPE_CHECKING:
    from registry.calllists.tally import Tally
    from registry.numbering import NumberPlan

NOT_COMPUTED = LineAnswer("invalid", "formula_not_computed")
_BATCH = 50_000  # rows
_LOOKED_AT = 200
_FIRST_PASS = 0.5  # of the work
_LONG = 8 << 20  # bytes of a row
_LONGEST_ROW = 350  # bytes that the cells of one answer take at most
_UTF8 = Coding()
_SPANS = re.compile(rb'(<(?:[\w.-]+:)?row(?: [\w:.-]+="[^"<>]*")*?) spans="[^"<>]*"')
_DIMENSION = re.compile(rb'(<(?:[\w.-]+:)?dimension [^<>]*?ref=")[A-Z]+([0-9]+)(?::([A-Z]+)([0-9]+))?"')


# looking


def inspect(
    source: IO[bytes], name: str, plan: NumberPlan, wanted: Wanted, *, asking: bool, limits: Limits
) -> CallList:
    """How a workbook is laid out, and which sheets have the column. Raises InvalidInputError as `workbook.opened` and
    `shape_of`."""
    book = opened(source, limits)
    looked = _first_rows(book)
    if not looked:
        raise empty()
    shapes: list[tuple[Part, Shape]] = []
    problems: list[tuple[InvalidInputError, list[list[str]]]] = []
    for part, rows in looked:
        try:
            shapes.append((part, shape_of(rows, plan, _like(shapes[0][1] if shapes else None, rows, wanted))))
        except InvalidInputError as error:
            problems.append((error, rows))
    unclear = [found for found in problems if found[0].code == "two_number_columns"]
    if unclear or not shapes:
        problem, rows = (unclear or problems)[0]
        if not asking:
            raise problem
        shapes = [(Part("", ""), shape_of(rows, plan, wanted, asking=True))]
    first, sheets = _alike(shapes)
    return CallList(
        "xlsx", "", ending_of(name, "xlsx"), 0, first.header, first.column, first.width, first.candidates, first.rows,
        answered.names_beside(first.header or ()), sheets=tuple(sheets) if first.column is not None else (),
    )  # fmt: skip


def _alike(shapes: Sequence[tuple[Part, Shape]]) -> tuple[Shape, list[Sheet]]:
    """The first sheet whose column looks like numbers, or else the first; and with it those whose column does, too, or
    has the same name. (A column asked for by its place is on other sheets something else.)"""
    first = next((shape for _, shape in shapes if shape.column in shape.candidates), shapes[0][1])
    alike = [
        Sheet(part.path, part.name, shape.column or 0, shape.header is not None, shape.titles)
        for part, shape in shapes
        if shape is first or shape.column in shape.candidates or (_name(shape) and _name(shape) == _name(first))
    ]
    return first, alike


def _name(shape: Shape) -> str:
    """What the column of numbers is called, "" for nothing."""
    if shape.header is None or shape.column is None or shape.column >= len(shape.header):
        return ""
    return shape.header[shape.column].casefold()


def _like(first: Shape | None, rows: Sequence[Sequence[str]], wanted: Wanted) -> Wanted:
    """What is wanted of a further sheet: the column that is called as in the first one that has it."""
    if first is None or wanted.column not in (None, ""):
        return wanted
    try:
        place = wanted_place(_name(first), rows[0], len(rows[0]))
    except InvalidInputError:
        return wanted
    return wanted if place is None else Wanted(wanted.country, place + 1, wanted.header)


def _first_rows(book: Workbook) -> list[tuple[Part, list[list[str]]]]:
    """The first rows of each sheet that has any."""
    looked = [(part, _taken(book, part)) for part in book.sheets]
    most = max((cell.shared for _, rows in looked for row in rows for cell in row.cells), default=-1)
    shared = book.shared(most + 1)
    return [(part, [_shown_row(row, shared) for row in rows]) for part, rows in looked if rows]


def _taken(book: Workbook, part: Part) -> list[Row]:
    rows: list[Row] = []
    for _ in RowReader(rows.append).through(book.pieces(part.path)):
        if len(rows) >= _LOOKED_AT:
            break
    return rows[:_LOOKED_AT]


def _shown_row(row: Row, shared: SharedTexts) -> list[str]:
    cells = {cell.column: shown(cell, _text(shared)) for cell in row.cells if cell.column <= MOST_COLUMNS}
    return [cells.get(column, "") for column in range(1, max(cells, default=0) + 1)]


def _text(shared: SharedTexts) -> Callable[[int], bytes]:
    return lambda place: shared[place] if 0 <= place < len(shared) else b"?"


# scrubbing


@dataclass(eq=False)
class _Answers:
    """The rows of a sheet and their answers: where each ends (bytes), its number, and the answer's place. `header`:
    the number of the header's row."""

    sheet: Sheet
    ends: array[int]
    numbers: array[int]
    which: list[Which]
    most: int = 0
    header: int = 0
    prefix: str = ""


def scrub(
    source: IO[bytes], found: CallList, answering: Answering, *, tally: Tally, keep: Callable[[], None], limits: Limits
) -> Iterator[bytes]:
    """The bytes of a workbook with answers. Raises InvalidInputError also where only now something is seen broken."""
    book = opened(source, limits)
    progress = _Progress(found.size, sum(book.size(sheet.part) for sheet in found.sheets), book.unpacked)
    shared = _text(book.shared())
    sheets = [_answered(book, sheet, shared, answering, tally, keep, progress) for sheet in found.sheets]
    kinds = [answered.cells(kind) for kind in answering.scrubber.kinds]
    changed = {
        answers.sheet.part: lambda answers=answers: _with_answers(book, answers, kinds, found.names)
        for answers in sheets
    }
    sizes = {
        answers.sheet.part: book.size(answers.sheet.part) + _LONGEST_ROW * (len(answers.ends) + 1) for answers in sheets
    }

    def kept(size: int) -> None:
        tally.size = max(tally.size, progress.writing(size))
        keep()

    yield from book.copied(changed, sizes, keep=kept)


class _Progress:
    """How far the work is, in bytes of the list as it came."""

    def __init__(self, size: int, reading: int, writing: int) -> None:
        self._size, self._reading, self._writing = size, max(1, reading), max(1, writing)
        self._read = self._written = 0

    def reading(self, size: int) -> int:
        self._read += size
        return int(self._size * _FIRST_PASS * min(1.0, self._read / self._reading))

    def writing(self, size: int) -> int:
        self._written += size
        return int(self._size * (_FIRST_PASS + (1 - _FIRST_PASS) * min(1.0, self._written / self._writing)))


def _answered(
    book: Workbook, sheet: Sheet, shared: Callable[[int], bytes], answering: Answering, tally: Tally,
    keep: Callable[[], None], progress: _Progress,
) -> _Answers:
    """First pass: the answers to the rows of a sheet."""
    answers = _Answers(sheet, array("q"), array("i"), [])
    rows: list[Row] = []

    def settle() -> None:
        if sheet.headed and not answers.header and len(rows) > sheet.titles:
            header = rows[sheet.titles]
            answers.header = header.number
            answers.ends.append(header.end)
            answers.numbers.append(header.number)
            del rows[: sheet.titles + 1]
        answers.ends.extend(row.end for row in rows)
        answers.numbers.extend(row.number for row in rows)
        answers.prefix = rows[0].prefix if rows else answers.prefix
        which = _of_rows(rows, shared, answering)
        answers.which.append(which)
        tally.add(which, progress.reading(read))
        rows.clear()
        keep()

    read = 0
    reader = RowReader(rows.append, sheet.column + 1)
    for piece in reader.through(book.pieces(sheet.part)):
        read += len(piece)
        if len(rows) >= _BATCH:
            settle()
            read = 0
    settle()
    answers.most = reader.most
    if reader.most + len(answered.COLUMNS) > WIDEST:
        raise InvalidInputError(
            "A sheet has no room for more columns: delete empty ones, or save it as CSV.", code="workbook_too_large"
        )
    return answers


def _of_rows(rows: Sequence[Row], shared: Callable[[int], bytes], answering: Answering) -> Which:
    cells: list[Cell | None] = [row.cells[-1] if row.cells else None for row in rows]
    texts = [text_of(cell, shared) if cell is not None else b"" for cell in cells]
    stops = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    starts: NDArray[np.int64] = np.append(np.zeros(1, np.int64), stops)[: len(stops)]
    data = np.frombuffer(b"".join(texts), np.uint8)
    others = {
        place: NOT_COMPUTED for place, cell in enumerate(cells) if cell is not None and not cell.computed
    }
    return answering.cells(data, data, starts, stops, _UTF8, others)


def _with_answers(
    book: Workbook, answers: _Answers, kinds: Sequence[tuple[str, ...]], names: Sequence[str]
) -> Iterator[bytes]:
    """Second pass: the XML of a sheet with the answers in its rows."""
    columns = [letters_of(answers.most + 1 + place) for place in range(len(names))]
    texts = [_Cells(answers.prefix, columns, kind) for kind in kinds]
    which = np.concatenate(answers.which).tolist() if answers.which else []
    if answers.header:
        which.insert(0, len(texts))
        texts.append(_Cells(answers.prefix, columns, names))
    puts = zip(answers.ends, answers.numbers, which)
    put = next(puts, None)
    at, held, first = 0, b"", True  # at: where `held` begins
    for piece in book.pieces(answers.sheet.part):
        held += piece
        parts, done = [], 0
        while put is not None and put[0] <= at + len(held):
            end, number, kind = put
            parts += [held[done : end - at], texts[kind].of_row(number)]
            done = end - at
            put = next(puts, None)
        held, at = held[done:], at + done
        made = b"".join(parts)
        if first and made:
            made, first = _DIMENSION.sub(_widened(columns[-1]), made, count=1), False
        yield _SPANS.sub(rb"\1", made)
        if put is None or len(held) > _LONG:
            yield held
            held, at = b"", at + len(held)
    yield held


def _widened(last: str) -> Callable[[re.Match[bytes]], bytes]:
    """What a sheet says of its size, with more columns."""
    return lambda found: found[0][: found.end(1) - found.start()] + b"A1:%b%b\"" % (last.encode(), found[4] or found[2])


class _Cells:
    """The cells of one answer, for any row."""

    def __init__(self, prefix: str, columns: Sequence[str], texts: Sequence[str]) -> None:
        cells = (
            f'<{prefix}c r="{column}\0" t="str"><{prefix}v>{text}</{prefix}v></{prefix}c>'
            for column, text in zip(columns, texts) if text
        )  # fmt: skip
        self._pieces = "".join(cells).encode().split(b"\0")

    def of_row(self, number: int) -> bytes:
        """The cells in a row."""
        return str(number).encode().join(self._pieces)
