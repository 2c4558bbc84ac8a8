"""A workbook with the rows of one verdict, made from a result.

Rules of this room:
- Rows move up, so that there are no gaps; they hold values only, and what refers to places in a sheet (formulas, merged
  cells, tables, filters, drawings) is left out. Styles and column widths stay, and so do sheets without answers.
- A row's verdict is read from the cells that we put at its end.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import IO

from registry.calllists.calllist import CallList, Sheet
from registry.calllists.limits import Limits
from registry.calllists.sheets import Row, RowReader
from registry.calllists.workbook import Workbook, opened

_OURS = Limits(workbook=1 << 40)  # a result is larger than the list was
_TAG = rb"<(?:[\w.-]+:)?"
_VERDICT = re.compile(_TAG + rb'c r="[A-Z]+[0-9]+" t="str">' + _TAG + rb"v>(allowed|declined|invalid)<")
_PLACE = re.compile(rb"(" + _TAG + rb"(?:row|c)\b[^<>]*?\sr=[\"'][A-Z]*)[0-9]+")
_FORMULA = re.compile(_TAG + rb"f\b[^<>]*/>|" + _TAG + rb"f\b[^<>]*>[^<]*</(?:[\w.-]+:)?f\s*>")
_DIMENSION = re.compile(_TAG + rb"dimension\b[^<>]*/>")
_CHAIN = re.compile(_TAG + rb"(?:Override|Relationship)\b[^<>]*calcChain[^<>]*/>")
_BODY = re.compile(rb"<(?P<prefix>(?:[\w.-]+:)?)sheetData\b")


def only(source: IO[bytes], found: CallList, verdict: str) -> Iterator[bytes]:
    """The bytes of a workbook in which the sheets with answers have their header and the rows of one verdict."""
    book = opened(source, _OURS)
    changed: dict[str, Callable[[], Iterator[bytes]]] = {}
    for sheet in found.sheets:
        changed[sheet.part] = lambda sheet=sheet: _chosen(book, sheet, verdict.encode())  # type: ignore[misc]
        folder, name = posixpath.split(sheet.part)
        changed[posixpath.join(folder, "_rels", name + ".rels")] = lambda: iter(())
    for path in book.names():
        if path.endswith("calcChain.xml"):
            changed[path] = lambda: iter(())
        elif path == "[Content_Types].xml" or path.endswith("workbook.xml.rels"):
            changed[path] = lambda path=path: iter((_CHAIN.sub(b"", b"".join(book.pieces(path))),))  # type: ignore[misc]
    yield from book.copied(changed, {})


def _chosen(book: Workbook, sheet: Sheet, verdict: bytes) -> Iterator[bytes]:
    """The XML of a sheet with some of its rows."""
    rows: list[Row] = []
    reader = RowReader(rows.append, sheet.column + 1)
    at, held, number, opening = 0, b"", 0, b""  # at: where `held` begins
    for piece in reader.through(book.pieces(sheet.part)):
        held += piece
        parts = []
        if not opening and reader.body:
            opening = held[: reader.body]
            parts.append(_DIMENSION.sub(b"", opening))
        for row in rows:
            end = held.index(b">", row.end - at) + 1
            raw = held[row.start - at : end]
            if (sheet.headed and number <= sheet.titles) or _verdict(raw) == verdict:
                number += 1
                parts.append(_moved(raw, number))
        rows.clear()
        yield b"".join(parts)
        if opening:  # what stands between rows is not needed
            begun = reader.begun if reader.begun >= 0 else at + len(held)
            held, at = held[begun - at :], begun
    body = _BODY.search(opening)
    prefix = body["prefix"] if body else b""
    yield b"</%bsheetData></%bworksheet>" % (prefix, prefix)


def _verdict(row: bytes) -> bytes:
    found = _VERDICT.findall(row)
    return found[-1] if found else b""


def _moved(row: bytes, number: int) -> bytes:
    """A row at another place, with values only."""
    parts, place = _PLACE.split(row), str(number).encode()
    parts[1::2] = [part + place for part in parts[1::2]]
    moved = b"".join(parts)
    return _FORMULA.sub(b"", moved) if b"<f" in moved or b":f" in moved else moved
