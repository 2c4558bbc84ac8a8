"""The rows of a sheet (XML), gone through once: where each ends, and what stands in one column or in all.

Rules of this room:
- A row counts that has a value or formula in it; one that is only formatted is none.
- A number is read exactly or not at all: whole and below 2^53; of a formula its value, as it was when it was saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from registry.calllists.workbook import KEPT, MAIN, damaged, feeding

NO_NUMBER, ROUNDED = b"?", b"1E+16"
_EXACT = 1 << 53
_DIGITS = "0123456789"
MOST_COLUMNS = 16_384
_PARTS = frozenset({"row", "c", "v", "f", "is", "t", "rPh", "sheetData"})


@dataclass(slots=True)
class Cell:
    """A cell as it is written: `kind` of its value, `text`; whether there is a formula, and a value."""

    column: int
    kind: str
    texts: list[str] = field(default_factory=list)
    formula: bool = False
    valued: bool = False

    def add(self, text: str) -> None:
        """Take more of its text in, as long as it may be a number's."""
        if len(self.texts) < KEPT:
            self.texts.append(text)

    @property
    def computed(self) -> bool:
        """Whether there is a value where there is a formula."""
        return self.valued and (bool(self.texts) or self.kind == "str") if self.formula else True

    @property
    def shared(self) -> int:
        """The place of its text among the shared ones; -1 where it has its own."""
        if self.kind != "s":
            return -1
        text = "".join(self.texts).strip()
        return int(text) if text.isdecimal() and len(text) < 10 else -1


@dataclass(slots=True)
class Row:
    """A row with something in it: its number, where its element begins and where its closing tag does (bytes), the
    cells that were asked for, the prefix of its tags ("x:")."""

    number: int
    start: int
    end: int
    cells: list[Cell]
    prefix: str


class RowReader:
    """Gives the rows of a sheet to `put` while `through` goes through it. `wanted`: the column (from 1) whose
    cells are, None: all; `most`: the last column that any cell stands in; `body`: where the first row begins;
    `begun`: where the row begins that has not ended yet, -1: there is none."""

    def __init__(self, put: Callable[[Row], None], wanted: int | None = None) -> None:
        self.most, self.body, self.begun = 0, 0, -1
        self.parser: Any = expat.ParserCreate(namespace_separator=" ")
        self.parser.namespace_prefixes, self.parser.buffer_text = True, True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self._put, self._wanted = put, wanted
        self._parts: dict[str, str] = {}
        self._columns: dict[str, int] = {}
        self._prefix, self._number, self._column, self._filled = "", 0, 0, False
        self._cells: list[Cell] = []
        self._cell: Cell | None = None
        self._hidden = 0

    def through(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Go through a sheet; each piece is given back when its rows were put. Raises InvalidInputError."""
        return feeding(self.parser, pieces)

    def _part(self, name: str) -> str:
        """What an element is, "" for nothing of ours."""
        space, _, rest = name.partition(" ")
        local, _, prefix = rest.partition(" ")
        part = local if space in MAIN and local in _PARTS else ""
        if part == "row":
            self._prefix = prefix + ":" if prefix else ""
        self._parts[name] = part
        return part

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        part = self._parts.get(name)
        if part is None:
            part = self._part(name)
        if part == "c":
            self._start_cell(attributes)
        elif part == "v" or part == "f" or part == "is":
            self._filled = True
            if self._cell is not None:
                if part == "f":
                    self._cell.formula = True
                else:
                    self._cell.valued = True
                    if part == "v":
                        self.parser.CharacterDataHandler = self._cell.add
        elif part == "row":
            self._start_row(attributes)
        elif part == "t":
            if self._cell is not None and not self._hidden:
                self.parser.CharacterDataHandler = self._cell.add
        elif part == "rPh":
            self._hidden += 1

    def _start_row(self, attributes: dict[str, str]) -> None:
        number = attributes.get("r", "")
        self._number = int(number) if number.isdecimal() and len(number) < 9 else self._number + 1
        self.begun = self.parser.CurrentByteIndex
        self.body = self.body or self.begun
        self._column, self._filled, self._cells = 0, False, []

    def _start_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        if place is None:
            column = self._column + 1
        else:
            letters = place.rstrip(_DIGITS)
            column = self._columns.get(letters) or self._column_of(letters)
        self._column = column
        if column > self.most:
            self.most = column
        if self._wanted is None or column == self._wanted:
            self._cell = Cell(column, attributes.get("t", "n"))
            self._cells.append(self._cell)

    def _column_of(self, letters: str) -> int:
        found = self._columns[letters] = _column_of(letters)
        return found

    def _end(self, name: str) -> None:
        part = self._parts[name]
        if part == "c":
            self._cell = None
        elif part == "v" or part == "t":
            self.parser.CharacterDataHandler = None
        elif part == "row":
            if self._filled:
                end = self.parser.CurrentByteIndex
                self._put(Row(self._number, self.begun, end, self._cells, self._prefix))
            self.begun = -1
        elif part == "rPh":
            self._hidden -= 1


def _column_of(letters: str) -> int:
    """The place of a column, from 1. Raises InvalidInputError where letters are none of a column."""
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - 64
    if not (letters.isascii() and letters.isalpha() and letters.isupper() and found <= MOST_COLUMNS):
        raise damaged()
    return found


def letters_of(column: int) -> str:
    """The letters of a column, from 1: A, …, Z, AA, …"""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def text_of(cell: Cell, shared: Callable[[int], bytes]) -> bytes:
    """What a cell says, to read a number from (UTF-8)."""
    text = "".join(cell.texts)
    if cell.kind == "s":
        return shared(cell.shared)
    if cell.kind == "n":
        return _whole(text.strip())
    if cell.kind in ("str", "inlineStr"):
        return text[: KEPT + 1].encode("utf-8", "replace")
    return NO_NUMBER if text else b""


def shown(cell: Cell, shared: Callable[[int], bytes]) -> str:
    """What a cell says, for looking at it."""
    if cell.kind == "n":
        text = "".join(cell.texts).strip()
        found = _whole(text)
        return text if found in (NO_NUMBER, ROUNDED) else found.decode()
    if cell.kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get("".join(cell.texts), "")
    if cell.kind in ("e", "d"):
        return "".join(cell.texts)
    return text_of(cell, shared).decode("utf-8", "replace")


def _whole(text: str) -> bytes:
    """The digits of a number as spreadsheets write it, where it is whole and exact."""
    if text.isdecimal() and len(text) < 16:
        return text.encode()
    if not text:
        return b""
    try:
        value = float(text)
    except ValueError:
        return NO_NUMBER
    if value < 0 or not value.is_integer():  # infinite and not a number are not whole either
        return NO_NUMBER
    return str(int(value)).encode() if value < _EXACT else ROUNDED
