"""Which column of a call list holds the numbers: by name, by position, or by looking at the first lines.

Rules of this room: nobody is asked what can be seen; where two columns look alike, the names decide, and where they do
not either, the answer names both and asks. A first line whose cell is no number, while the others are, is a header; a
title above it, one cell in a line of its own, is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from registry.errors import InvalidInputError
from registry.logs import without_numbers
from registry.numbering import NumberPlan
from registry.numbering.reading import Reason
from registry.numbers import parse_many

PREVIEW = 10  # lines
MOST_COLUMNS = 1000  # that are looked at
_MOST_TITLES = 5
_ENOUGH = 0.5  # of the cells that are not empty must be numbers
_LIKE_NUMBERS = (Reason.OK, Reason.UNASSIGNED, Reason.ROUNDED)
_NAMED = re.compile(
    r"(phone|mobile|cell|tel|telephone|msisdn|number|called|callee|to)([_ ]?(no|number|num)\.?)?|"
    r".*(手机|电话|号码|被叫|联系方式).*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Wanted:
    """Whose numbers these are and which column was asked for: `column` its name, or its place from 1 (as text, too), or
    nothing; `header`: whether there is one, None: look."""

    country: str
    column: str | int | None = None
    header: bool | None = None


@dataclass(frozen=True)
class Shape:
    """How a table is laid out: header (None: the first line is a number's), which column (from 0), how many there are.

    `column` None: nobody can tell which; `candidates` are the columns that look like numbers, `rows` the first lines,
    `titles`: how many lines stand above the header.
    """

    header: tuple[str, ...] | None
    column: int | None
    width: int
    candidates: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    titles: int = 0


def shape_of(rows: Sequence[Sequence[str]], plan: NumberPlan, wanted: Wanted, *, asking: bool = False) -> Shape:
    """The shape of a table from its first rows, the header among them; with `asking` one without a column will do.

    Raises InvalidInputError `empty_list`, `header_only`, `no_number_column`, `two_number_columns`, `no_such_column`.
    """
    if not rows:
        raise empty()
    width = min(max(len(row) for row in rows), MOST_COLUMNS)
    is_number = _are_numbers(rows, width, plan, wanted.country)
    titles = _titles(rows, is_number) if wanted.header is None else 0
    headed = not any(is_number[0]) if wanted.header is None else wanted.header
    header = tuple(cell.strip() for cell in rows[titles][:MOST_COLUMNS]) if headed else None
    above = titles + headed
    body, seen = rows[above:], is_number[above:]
    if not body:
        raise InvalidInputError("The file has a header and no lines behind it.", code="header_only")
    good = tuple(place for place in range(width) if _share(body, seen, place) >= _ENOUGH)
    column = wanted_place(wanted.column, header, width)
    if column is None:
        column = _seen(good, header, asking=asking)
    first = tuple((*row[:width], *[""] * (width - len(row))) for row in body[:PREVIEW])
    return Shape(header, column, width, good, first, titles)


def _titles(rows: Sequence[Sequence[str]], is_number: Sequence[Sequence[bool]]) -> int:
    """How many lines with one cell each stand above a header with several."""
    filled = [sum(1 for cell in row if cell.strip()) for row in rows[: _MOST_TITLES + 1]]
    titles = next((place for place, count in enumerate(filled) if count > 1), 0)
    return titles if not any(any(seen) for seen in is_number[: titles + 1]) else 0


def empty() -> InvalidInputError:
    """The refusal of a file with nothing in it."""
    return InvalidInputError("The file is empty.", code="empty_list")


def wanted_place(wanted: str | int | None, header: Sequence[str] | None, width: int) -> int | None:
    """The place (from 0) of a column asked for; None where none was. Raises InvalidInputError `no_such_column`."""
    if wanted is None or wanted == "":
        return None
    if isinstance(wanted, str):
        names = [name.strip().casefold() for name in header or ()]
        asked = wanted.strip().casefold()
        if names.count(asked) == 1:
            return names.index(asked)
        wanted = int(asked) if asked.isdecimal() and len(asked) < 6 and asked not in names else 0
    if 1 <= wanted <= width:
        return wanted - 1
    raise InvalidInputError("The file has no such column.", code="no_such_column")


def _seen(good: Sequence[int], header: tuple[str, ...] | None, *, asking: bool) -> int | None:
    """The one column of numbers, or the one of them that is named as such."""
    named = [place for place in good if header and place < len(header) and _NAMED.fullmatch(header[place])]
    if len(named) == 1 or len(good) == 1:
        return (named or good)[0]
    if asking:
        return None
    if not good:
        raise InvalidInputError(
            "No column looks like phone numbers; say which one it is, by its name or place.", code="no_number_column"
        )
    names = " and ".join(_called(place, header) for place in (named or good)[:3])
    raise InvalidInputError(f"Several columns look like phone numbers: {names}. Say which.", code="two_number_columns")


def _called(place: int, header: tuple[str, ...] | None) -> str:
    """A column for people: its name, where it has one, and its place."""
    name = without_numbers(header[place][:40]) if header and place < len(header) else ""
    return f"{name} (column {place + 1})" if name else f"column {place + 1}"


def _are_numbers(rows: Sequence[Sequence[str]], width: int, plan: NumberPlan, country: str) -> list[list[bool]]:
    """Which cells look like numbers, also where nobody has such a one; those that a row does not have do not."""
    cells = [row[place] if place < len(row) else "" for row in rows for place in range(width)]
    seen = np.isin(parse_many(cells, plan, country=country).reason, _LIKE_NUMBERS)
    found: list[list[bool]] = seen.reshape(len(rows), width).tolist()
    return found


def _share(rows: Sequence[Sequence[str]], seen: Sequence[Sequence[bool]], place: int) -> float:
    filled = sum(1 for row in rows if place < len(row) and row[place].strip())
    return sum(1 for row in seen if row[place]) / filled if filled else 0.0
