"""What is known of a call list before it is scrubbed: its format, its packing and coding, where its numbers are.

Rules of this room: what is found once holds for the whole job, so it can be stored beside it, as JSON; the first rows
are for looking at and hold numbers in clear, so they are not stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from registry.calllists.answered import COLUMNS
from registry.calllists.codings import Coding, Encoding
from registry.logs import without_numbers

Format = Literal["text", "ndjson", "xlsx", "parquet"]
Packing = Literal["", "gzip", "zip"]

_ENDINGS: dict[Format, tuple[str, ...]] = {
    "text": ("csv", "tsv", "tab", "txt"), "ndjson": ("ndjson", "jsonl"), "xlsx": ("xlsx", "xlsm"),
    "parquet": ("parquet", "pq"),
}  # fmt: skip
_WITH_MACROS = "application/vnd.ms-excel.sheet.macroEnabled.12"
_MEDIA: dict[Format, str] = {
    "text": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook that has the column: the file of it inside, the column's place from 0, whether it has a
    header, and how many rows above that; `name` as people see it."""

    part: str
    name: str
    column: int
    headed: bool
    titles: int = 0


@dataclass(frozen=True)
class CallList:
    """One call list. `column`: where the numbers are, from 0 (None: nobody can tell, and somebody has to be asked);
    `candidates`: the columns that look like numbers; `names`: what the columns of the answer will be called; `size` in
    bytes, as it came; `ending`: of the file's name, unpacked; `rows`: the first lines behind the header, as
    text; `titles`: lines above the header."""

    format: Format
    packing: Packing
    ending: str
    size: int
    header: tuple[str, ...] | None
    column: int | None
    width: int
    candidates: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...] = ()
    names: tuple[str, ...] = COLUMNS
    encoding: Encoding = "utf-8"
    bom: bool = False
    returns: bool = False
    delimiter: str = ","
    sheets: tuple[Sheet, ...] = ()
    titles: int = 0

    @property
    def coding(self) -> Coding:
        """How its text is coded."""
        covers = self.encoding == "gb18030" and self.delimiter == "|"
        return Coding(self.encoding, self.bom, self.returns, covers)

    @property
    def place(self) -> int:
        """The column, where it is known."""
        if self.column is None:
            raise ValueError("nobody has said yet which column holds the numbers")
        return self.column

    @property
    def media_type(self) -> str:
        """The media type of the result, which has the list's own format, unpacked."""
        if self.ending == "xlsm":
            return _WITH_MACROS
        if self.format != "text":
            return _MEDIA[self.format]
        kind = "text/tab-separated-values" if self.delimiter == "\t" else _MEDIA["text"]
        return f"{kind}; charset={self.encoding.removesuffix('-le').removesuffix('-be')}"


def stored(found: CallList) -> str:
    """A call list as JSON, to be kept with its job; without what may hold a number."""
    header = found.header
    if header is not None:
        header = tuple(
            name if place == found.column else without_numbers(name) for place, name in enumerate(header)
        )
    return msgspec.json.encode(replace(found, rows=(), header=header)).decode()


def restored(text: str) -> CallList:
    """The call list that `stored` wrote."""
    return msgspec.json.decode(text, type=CallList)


def ending_of(name: str, format: Format) -> str:
    """The ending of a result's name: that of the list, where it fits the format."""
    plain = name.lower().removesuffix(".gz").removesuffix(".zip")
    ending = plain.rpartition(".")[2]
    return ending if ending in _ENDINGS[format] else _ENDINGS[format][0]
