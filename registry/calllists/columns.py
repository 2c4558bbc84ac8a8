"""Which column of a call list holds the numbers: by name, by position, or by looking at the first lines.

Rules of this room: nobody is asked what can be seen; where two columns look alike, the names decide, and where they do
not either, the answer names both and asks. A first line whose cell is no number, while the others are, is a header.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from registry.calllists.lines import lines_of
from registry.errors import InvalidInputError
from registry.numbering import NumberPlan
from registry.numbering.reading import Reason, read

DELIMITERS = ",\t;|"
SAMPLE_LINES = 200
_ENOUGH = 0.5  # of the cells that are not empty must be numbers
_NAMED = re.compile(
    r"(phone|mobile|cell|tel|telephone|msisdn|number|called|callee|to)(_?(no|number|num))?|"
    r".*(手机|电话|号码|被叫|联系方式).*",
    re.IGNORECASE,
)
_MOST_COLUMNS = 1000


@dataclass(frozen=True)
class Shape:
    """How a call list is laid out: delimiter, header (None: the first line is a number's), which column (from 0)."""

    delimiter: str
    header: tuple[str, ...] | None
    column: int
    columns: int


def look(sample: bytes, plan: NumberPlan, *, country: str, wanted: str | int | None = None) -> Shape:
    """The shape of delimited text, from its first lines (UTF-8). `wanted`: the column's name, or its place from 1.

    Raises InvalidInputError `empty_list`, `not_a_list`, `header_only`, `no_number_column`, `two_number_columns`,
    `no_such_column`.
    """
    if not sample.strip():
        raise InvalidInputError("The file is empty.", code="empty_list")
    if b"\0" in sample:
        raise InvalidInputError("This is not a call list: it is neither text nor a spreadsheet.", code="not_a_list")
    delimiter = _delimiter(sample)
    return shape_of(first_rows(sample, delimiter), plan, country=country, wanted=wanted, delimiter=delimiter)


def first_rows(sample: bytes, delimiter: str) -> list[list[str]]:
    """The cells of the first lines that are not empty, for looking at them."""
    lines = lines_of(np.frombuffer(sample, np.uint8), ord(delimiter))
    rows = []
    for start, stop in zip(lines.starts[:SAMPLE_LINES].tolist(), lines.stops.tolist()):
        inside = lines.delimiters[np.searchsorted(lines.delimiters, start) : np.searchsorted(lines.delimiters, stop)]
        bounds = [start - 1, *inside[:_MOST_COLUMNS].tolist(), stop]
        cells = [sample[a + 1 : b].decode("utf-8", "replace") for a, b in itertools.pairwise(bounds)]
        if any(cells):
            rows.append([_bare(cell) for cell in cells])
    return rows


def _bare(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def shape_of(
    rows: Sequence[Sequence[str]], plan: NumberPlan, *, country: str, wanted: str | int | None = None,
    delimiter: str = ",",
) -> Shape:
    """The shape of a table from its first rows. Raises as `look`."""
    if not rows:
        raise InvalidInputError("The file is empty.", code="empty_list")
    width = min(max(len(row) for row in rows), _MOST_COLUMNS)
    is_number = [[_is_number(row, place, plan, country) for place in range(width)] for row in rows]
    header = tuple(cell.strip() for cell in rows[0]) if not any(is_number[0]) else None
    body, seen = (rows[1:], is_number[1:]) if header is not None else (rows, is_number)
    if wanted is not None:
        return Shape(delimiter, header, _wanted(wanted, header, width), width)
    if not body:
        raise InvalidInputError("The file has a header and no lines behind it.", code="header_only")
    shares = [_share(body, seen, place) for place in range(width)]
    good = [place for place, share in enumerate(shares) if share >= _ENOUGH]
    if not good:
        raise InvalidInputError(
            "No column looks like phone numbers; say which one it is, by its name or place.", code="no_number_column"
        )
    named = [place for place in good if header and place < len(header) and _NAMED.fullmatch(header[place])]
    if len(named) == 1 or len(good) == 1:
        return Shape(delimiter, header, (named or good)[0], width)
    names = " and ".join(_called(place, header) for place in (named or good)[:3])
    raise InvalidInputError(f"Several columns look like phone numbers: {names}. Say which.", code="two_number_columns")


def _called(place: int, header: tuple[str, ...] | None) -> str:
    """A column for people: its name where it has one that is no number, and its place."""
    name = header[place][:40] if header and place < len(header) else ""
    return f"{name} (column {place + 1})" if name else f"column {place + 1}"


def _wanted(wanted: str | int, header: tuple[str, ...] | None, width: int) -> int:
    if isinstance(wanted, str):
        names = [name.casefold() for name in header or ()]
        if names.count(wanted.strip().casefold()) == 1:
            return names.index(wanted.strip().casefold())
    elif 1 <= wanted <= width:
        return wanted - 1
    raise InvalidInputError("The file has no such column.", code="no_such_column")


def _is_number(row: Sequence[str], place: int, plan: NumberPlan, country: str) -> bool:
    if place >= len(row):
        return False
    found = read(row[place], plan, country, callers=False)[0]
    return found in {Reason.OK, Reason.UNASSIGNED}


def _share(rows: Sequence[Sequence[str]], seen: Sequence[Sequence[bool]], place: int) -> float:
    filled = sum(1 for row in rows if place < len(row) and row[place].strip())
    return sum(1 for row in seen if row[place]) / filled if filled else 0.0


def _delimiter(sample: bytes) -> str:
    """The delimiter of the first line that most other lines have as often, outside quotes."""
    best, most = ",", 0
    for delimiter in DELIMITERS:
        lines = lines_of(np.frombuffer(sample, np.uint8), ord(delimiter))
        filled = np.flatnonzero(lines.stops > lines.starts)[:SAMPLE_LINES]
        inside = np.searchsorted(lines.delimiters, lines.stops) - np.searchsorted(lines.delimiters, lines.starts)
        counts = inside[filled]
        score = int((counts == counts[0]).sum()) if len(counts) and counts[0] else 0
        if score > most:
            best, most = delimiter, score
    return best
