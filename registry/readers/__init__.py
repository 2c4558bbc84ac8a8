"""Turns a stream of bytes of any size into rows: NDJSON, JSON, CSV and the FTC's reported calls.

A reader knows shapes and encodings and nothing of reports: it hands out dictionaries, and says of every other line or
element why it is none. `read` is the way in.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import IO, Literal, get_args

from registry.errors import InvalidInputError
from registry.readers.csv_rows import csv_rows
from registry.readers.encoding import utf8
from registry.readers.ftc import wire_fields
from registry.readers.json_rows import json_rows, ndjson_rows, row_of
from registry.readers.rows import LINE_LIMIT, Progress, Row, Unreadable
from registry.readers.unpack import unpacked

Format = Literal["ndjson", "json", "csv", "ftc"]

_MEDIA: dict[str, Format] = {
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/json": "json",
    "application/vnd.api+json": "json",
    "text/csv": "csv",
}
_ENDINGS: dict[str, Format] = {".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json", ".csv": "csv"}


class Rows:
    """The rows of one stream, to go through once; `progress` tells afterwards what became known on the way."""

    def __init__(self, found: Iterator[Row | Unreadable], progress: Progress) -> None:
        self._found = found
        self.progress = progress

    def __iter__(self) -> Iterator[Row | Unreadable]:
        return self._found


def read(stream: IO[bytes], *, format: Format, columns: frozenset[str] = frozenset()) -> Rows:
    """The rows of a stream, plain or gzipped, in any encoding that can be told (DESIGN §6, issue "The loop" part 11).

    `columns` are the names of which a CSV header must hold one. Errors come while going through the rows:
    InvalidInputError (packed_otherwise, encoding, not_json, csv_header) where the whole stream can't be read;
    whatever the stream itself raises.
    """
    if format not in get_args(Format):
        raise InvalidInputError("The format must be ndjson, json, csv or ftc.", code="unknown_format")
    progress = Progress(format)
    text = utf8(unpacked(stream, progress), progress)
    if format == "csv":
        found = csv_rows(text, progress, columns)
    elif format == "json":
        found = json_rows(text, progress)
    elif format == "ndjson":
        found = ndjson_rows(text, progress)
    else:
        found = _ftc_rows(text, progress)
    return Rows(found, progress)


def format_of(name: str) -> Format | None:
    """The format that a media type ("text/csv; charset=…") or a file name ("calls.ndjson.gz") stands for, or None."""
    plain = name.split(";", maxsplit=1)[0].strip().lower()
    if plain in _MEDIA:
        return _MEDIA[plain]
    plain = plain.removesuffix(".gz")
    return next((known for ending, known in _ENDINGS.items() if plain.endswith(ending)), None)


def _ftc_rows(text: Iterator[bytes], progress: Progress) -> Iterator[Row | Unreadable]:
    """Pages of the FTC's API or one object a line, told apart by the first line."""
    head = b""
    while b"\n" not in head.lstrip() and len(head) < LINE_LIMIT and (piece := next(text, b"")):
        head += piece
    first = row_of(1, head.strip().split(b"\n", 1)[0].strip())
    by_line = isinstance(first, Row) and not isinstance(first.fields.get("data"), list)
    reader = ndjson_rows if by_line else json_rows
    for row in reader(itertools.chain([head], text), progress):
        yield Row(row.line, row.raw, wire_fields(row.fields), row.typed) if isinstance(row, Row) else row
