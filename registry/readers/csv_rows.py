"""Rows of CSV (RFC 4180) whose first line names the columns; comma, semicolon or tab between them.

Rules of this room: an empty cell is a field that was not given; a quote that is never closed costs the line it stands
in and no other; a value may go over several lines as long as it is closed soon.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from registry.errors import InvalidInputError
from registry.readers.lines import Line, lines
from registry.readers.rows import Progress, Row, Unreadable

DELIMITERS = ",;\t"
_MOST_LINES = 100  # lines that one value may go over
_MOST_BYTES = 65_536


class _Lines:
    """Lines with a way back."""

    def __init__(self, source: Iterator[Line]) -> None:
        self._source = source
        self._back: deque[Line] = deque()

    def next(self) -> Line | None:
        """The next line, or None at the end."""
        return self._back.popleft() if self._back else next(self._source, None)

    def put_back(self, taken: list[Line]) -> None:
        """Give lines back, to come again in the same order."""
        self._back.extendleft(reversed(taken))


def csv_rows(source: Iterator[bytes], progress: Progress, columns: frozenset[str]) -> Iterator[Row | Unreadable]:
    """One row for each record after the header; header names count without case and surrounding blanks.

    Raises InvalidInputError (csv_header) where no column of `columns` is named, or one twice.
    """
    feed = _Lines(lines(source))
    header, delimiter = _header(feed, columns)
    if not header:
        return
    last: Row | Unreadable | None = None
    while line := feed.next():
        if not line.text.strip():
            continue
        if last:
            yield last
        last = _record(line, feed, header, delimiter)
    if last:
        # where the file was cut, its last cell may be cut too and still look whole: a number with a digit less
        yield Unreadable(last.line, last.raw, "cut_off") if progress.mid_row else last


def _header(feed: _Lines, columns: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """The column names and the delimiter; no names for an empty file."""
    line = feed.next()
    while line and not line.text.strip():
        line = feed.next()
    if not line:
        return (), ","
    try:
        text = line.text.decode("utf-8")
        delimiter = max(DELIMITERS, key=lambda mark: (text.count(mark), -DELIMITERS.index(mark)))
        names = tuple(name.strip().lower() for name in next(csv.reader([text], delimiter=delimiter, strict=True)))
    except (UnicodeDecodeError, csv.Error, StopIteration):
        names, delimiter = (), ","
    if not columns.intersection(names):
        raise InvalidInputError("The first line of a CSV file must name the columns.", code="csv_header")
    named = [name for name in names if name]
    if len(set(named)) < len(named):
        raise InvalidInputError("The first line of the CSV file names a column twice.", code="csv_header")
    return names, delimiter


def _record(line: Line, feed: _Lines, header: tuple[str, ...], delimiter: str) -> Row | Unreadable:
    """The record that begins at a line."""
    if line.too_long:
        return Unreadable(line.number, line.text, "line_too_long")
    cells = _cells(line.text, delimiter)
    if cells == "open":
        return _over_lines(line, feed, header, delimiter)
    if isinstance(cells, str):
        return Unreadable(line.number, line.text, cells)
    return _row(line.number, line.text, cells, header)


def _over_lines(first: Line, feed: _Lines, header: tuple[str, ...], delimiter: str) -> Row | Unreadable:
    """A record with a quoted value that goes over several lines, or the first line alone where it is never closed."""
    taken: list[Line] = []
    text = first.text
    while len(taken) < _MOST_LINES and len(text) < _MOST_BYTES and (line := feed.next()):
        taken.append(line)
        if line.too_long:
            break
        text += b"\n" + line.text
        if b'"' not in line.text:
            continue
        cells = _cells(text, delimiter)
        if isinstance(cells, list):
            row = _row(first.number, text, cells, header)
            if isinstance(row, Row):
                return row
            break
        if cells != "open":
            break
    feed.put_back(taken)
    return Unreadable(first.number, first.text, "quote_not_closed")


def _cells(text: bytes, delimiter: str) -> list[str] | str:
    """The cells of one record, or why it has none ("open": a quote is not closed yet)."""
    if b"\0" in text:
        return "nul"
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        return "bad_encoding"
    try:
        return next(csv.reader([decoded], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "open" if "unexpected end of data" in str(error) else "not_csv"


def _row(line: int, raw: bytes, cells: list[str], header: tuple[str, ...]) -> Row | Unreadable:
    if len(cells) != len(header):
        return Unreadable(line, raw, "wrong_columns")
    fields = {name: value for name, cell in zip(header, cells) if (value := cell.strip())}
    return Row(line, raw, fields, typed=False)
