"""Rows of NDJSON and of JSON: an array, objects one after the other, or pages {"data": [...]} of the JSON:API form.

Rules of this room: elements are cut out of the stream by their brackets and read one by one, so that memory is bounded
by one element and a broken element costs no other; after a broken string reading goes on at the next line that begins
an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from registry.errors import InvalidInputError
from registry.readers.lines import Line, lines
from registry.readers.rows import LINE_LIMIT, Digested, Progress, Row, Unreadable

_decode = msgspec.json.Decoder().decode
_FLAT = re.compile(rb'\{(?>[^{}\[\]"\n]++|"(?>[^"\\\n]++|\\.)*+")*+\}')  # an object without anything nested in it
_TOKEN = re.compile(rb'\\.|["{}\[\]\n]', re.DOTALL)
_GAP = re.compile(rb"[ \t\r\n,]*")
_BARE = re.compile(rb'(?>"(?>[^"\\\n]++|\\.)*+"?+|[^,\]\n"])*+')
_PAGE = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*\[')
_NEXT_OBJECT = re.compile(rb"\n[ \t\r]*,?[ \t\r]*\{")


def row_of(line: int, raw: bytes) -> Row | Unreadable:
    """One JSON object as a row; anything else with the reason why not."""
    if b"\0" in raw:
        return Unreadable(line, raw, "nul")
    try:
        fields = _decode(raw)
    except UnicodeDecodeError:
        return Unreadable(line, raw, "bad_encoding")
    except RecursionError:
        return Unreadable(line, raw, "nested_too_deep")
    except (msgspec.DecodeError, ValueError):
        return Unreadable(line, raw, "not_json" if _is_utf8(raw) else "bad_encoding")
    if not isinstance(fields, dict):
        return Unreadable(line, raw, "not_an_object")
    return Row(line, raw, fields)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def ndjson_rows(source: Iterator[bytes], progress: Progress) -> Iterator[Row | Unreadable]:
    """One row for each line that is not blank."""
    before: Line | None = None
    for line in lines(source, empty=False):
        if before:
            yield _of_line(before)
        before = line if line.text.strip() else None
    if before:
        last = _of_line(before)
        if progress.mid_row and isinstance(last, Unreadable):
            last = Unreadable(last.line, last.raw, "cut_off")
        yield last


def _of_line(line: Line) -> Row | Unreadable:
    if line.too_long:
        return Unreadable(line.number, line.text, "line_too_long")
    return row_of(line.number, line.text.strip())


class _Nesting:
    """Finds the end of a value in a buffer that grows: counts brackets outside strings."""

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self.quoted = False
        self.broken = False

    def scan(self, buffer: bytes, start: int) -> tuple[int, bool]:
        """Read on from `start`: where it stopped, and whether that is the end of the value."""
        stopped = start
        for token in _TOKEN.finditer(buffer, start):
            stopped = token.end()
            mark = token.group()
            if self.quoted:
                if mark == b'"':
                    self.quoted = False
                elif mark == b"\n":  # a string never holds a line end: it was not closed
                    self.broken = True
                    return token.start(), True
            elif mark == b'"':
                self.quoted = True
            elif mark in b"{[":
                self.depth += 1
            elif mark in b"}]":
                self.depth -= 1
                if self.depth <= 0:
                    return token.end(), True
        return (max(stopped, len(buffer) - 1) if buffer.endswith(b"\\") else len(buffer)), False


class _Buffer:
    """A window on the stream: bytes from `at` on are not yet used."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self.bytes = b""
        self.at = 0
        self.ended = False

    def more(self) -> bool:
        """Read a further piece, dropping what was used; False at the end of the stream."""
        piece = next(self._source, b"")
        self.ended = not piece
        self.bytes = self.bytes[self.at :] + piece
        self.at = 0
        return bool(piece)

    def skip_gap(self) -> bool:
        """Go to the next byte that is neither white space nor a comma; False when there is none."""
        while True:
            found = _GAP.match(self.bytes, self.at)
            assert found
            self.at = found.end()
            if self.at < len(self.bytes):
                return True
            if not self.more():
                return False

    def take(self, end: int) -> bytes:
        """The bytes up to `end`, which count as used."""
        taken = self.bytes[self.at : end]
        self.at = end
        return taken


class _Elements:
    """The state of reading one JSON file: where in it we are, and how many elements came."""

    def __init__(self, source: Iterator[bytes], progress: Progress) -> None:
        self.buffer = _Buffer(source)
        self.progress = progress
        self.count = 0
        self._begun = False

    def top(self) -> Iterator[Row | Unreadable]:
        """All elements of all values at the top of the file."""
        buffer = self.buffer
        while buffer.skip_gap():
            first = buffer.bytes[buffer.at : buffer.at + 1]
            if first == b"[":
                buffer.at += 1
                yield from self.array()
            elif first == b"{":
                if self._is_page():
                    yield from self.array()
                    self._leave_page()
                else:
                    yield self._value()
            elif not self._begun:
                raise InvalidInputError("This is not JSON: it begins with neither [ nor {.", code="not_json")
            elif first in b"]}":
                buffer.at += 1
            else:
                yield self._bare()
            self._begun = True

    def array(self) -> Iterator[Row | Unreadable]:
        """The elements of an array whose bracket has been passed."""
        buffer = self.buffer
        while buffer.skip_gap():
            first = buffer.bytes[buffer.at : buffer.at + 1]
            if first == b"]":
                buffer.at += 1
                return
            if first in b"{[":
                yield self._value()
            elif first == b"}":
                buffer.at += 1
            else:
                yield self._bare()
        self.progress.cut = self.progress.cut or "json_cut"

    def _is_page(self) -> bool:
        """Whether the object here holds an array named data; if so, reading goes on inside that array."""
        buffer, nesting, scanned = self.buffer, _Nesting(), 0
        while True:
            stopped, done = nesting.scan(buffer.bytes, buffer.at + scanned)
            scanned = stopped - buffer.at
            found = _PAGE.search(buffer.bytes, buffer.at, stopped)
            if found:
                buffer.at = found.end()
                return True
            if done or scanned > LINE_LIMIT or not buffer.more():
                return False

    def _leave_page(self) -> None:
        """Pass over the rest of a page (meta, links)."""
        buffer, nesting = self.buffer, _Nesting(depth=1)
        while True:
            buffer.at, done = nesting.scan(buffer.bytes, buffer.at)
            if done or not buffer.more():
                return

    def _value(self) -> Row | Unreadable:
        """The object or array here as one element."""
        self.count += 1
        buffer = self.buffer
        flat = _FLAT.match(buffer.bytes, buffer.at)
        if flat and flat.end() - buffer.at <= LINE_LIMIT:
            return row_of(self.count, buffer.take(flat.end()))
        nesting, scanned = _Nesting(), 0
        while True:
            stopped, done = nesting.scan(buffer.bytes, buffer.at + scanned)
            scanned = stopped - buffer.at
            if scanned > LINE_LIMIT:
                return self._too_long(nesting, done, stopped)
            if done:
                break
            if not buffer.more():
                self.progress.cut = self.progress.cut or "json_cut"
                return Unreadable(self.count, buffer.take(len(buffer.bytes)), "cut_off")
        raw = buffer.take(stopped)
        if nesting.broken:
            self._find_next_object()
            return Unreadable(self.count, raw.rstrip(), "not_json" if _is_utf8(raw) else "bad_encoding")
        return row_of(self.count, raw)

    def _too_long(self, nesting: _Nesting, done: bool, stopped: int) -> Unreadable:
        """Pass over an element that is longer than we keep."""
        buffer = self.buffer
        kept = Digested(buffer.take(stopped))
        while not done:
            if not buffer.more():
                self.progress.cut = self.progress.cut or "json_cut"
                break
            stopped, done = nesting.scan(buffer.bytes, buffer.at)
            kept.add(buffer.take(stopped))
        if nesting.broken:
            self._find_next_object()
        return Unreadable(self.count, kept.raw(), "line_too_long")

    def _find_next_object(self) -> None:
        """Go on at the next line that begins an object."""
        buffer = self.buffer
        while True:
            found = _NEXT_OBJECT.search(buffer.bytes, buffer.at)
            if found:
                buffer.at = found.end() - 1
                return
            # a line end and blanks may stand at the very end of the buffer: keep them for the next look
            buffer.at = max(buffer.at, buffer.bytes.rfind(b"\n"), len(buffer.bytes) - 1024)
            if not buffer.more():
                buffer.at = len(buffer.bytes)
                return

    def _bare(self) -> Unreadable:
        """Something here that is neither object nor array: a string, a number, a word, a piece of a broken element."""
        self.count += 1
        buffer = self.buffer
        while True:
            found = _BARE.match(buffer.bytes, buffer.at)
            assert found
            end = max(found.end(), buffer.at + 1)
            if found.end() < len(buffer.bytes) or found.end() - buffer.at > LINE_LIMIT or not buffer.more():
                break
        raw = buffer.take(end).strip()
        if len(raw) > LINE_LIMIT:
            return Unreadable(self.count, Digested(raw).raw(), "line_too_long")
        return Unreadable(self.count, raw, "nul" if b"\0" in raw else "not_an_object")


def json_rows(source: Iterator[bytes], progress: Progress) -> Iterator[Row | Unreadable]:
    """One row for each element. Raises InvalidInputError (not_json) where the file begins with anything but [ or {."""
    return _Elements(source, progress).top()
