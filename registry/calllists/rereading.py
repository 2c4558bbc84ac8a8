"""Results read again: which number got which answer, from the file that a telemarketer kept.

Rules of this room: the answer is what stands in the last five columns; what is no answer (a header, a line that was
invalid) is passed over, for nothing was promised about it.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import pyarrow.parquet as pq

from registry.calllists.answered import COLUMNS
from registry.calllists.calllist import CallList
from registry.calllists.files import inspect
from registry.calllists.limits import Limits
from registry.calllists.sheets import Cell, Row, RowReader, text_of
from registry.calllists.workbook import opened
from registry.errors import InvalidInputError

if TYPE_CHECKING:
    from registry.numbering import NumberPlan

Said = tuple[str, str, str, int]  # the number as it was written, verdict, reason, until in seconds since 1970 (0: none)
VERDICTS = ("allowed", "declined")
AT_ONCE = 50_000
_ENDS = len(COLUMNS)


def reread(
    source: IO[bytes], name: str, plan: NumberPlan, *, country: str, wanted: str | None = None
) -> Iterator[list[Said]]:
    """The numbers of a result with their answers, in its order, AT_ONCE at a time.

    Raises InvalidInputError as `files.inspect`.
    """
    found = inspect(source, name, plan, country=country, wanted=wanted)
    source.seek(0)
    readers = {"parquet": _of_parquet, "xlsx": _of_workbook}
    said = readers.get(found.format, _of_text)(source, found)
    while some := list(islice(said, AT_ONCE)):
        yield some


def _of_text(source: IO[bytes], found: CallList) -> Iterator[Said]:
    text = codecs.getreader(found.encoding)(source, "replace")
    if found.format == "ndjson":
        yield from _of_objects(text, (found.header or ())[found.place])
        return
    csv.field_size_limit(1 << 27)
    try:
        for row in csv.reader(text, delimiter=found.delimiter):
            if len(row) > _ENDS and row[-_ENDS] in VERDICTS and found.place < len(row) - _ENDS:
                yield row[found.place], row[-_ENDS], row[1 - _ENDS], _seconds(row[3 - _ENDS])
    except csv.Error as error:
        raise InvalidInputError("The result cannot be read to its end.", code="not_a_list") from error


def _of_objects(lines: Iterable[str], member: str) -> Iterator[Said]:
    for line in lines:
        try:
            item = json.loads(line, parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            continue
        if isinstance(item, dict) and len(item) > _ENDS:
            verdict, reason, _rule, until, _later = list(item.values())[-_ENDS:]
            if verdict in VERDICTS:
                yield str(item.get(member, "")), verdict, str(reason), _seconds(until or "")


def _of_parquet(source: IO[bytes], found: CallList) -> Iterator[Said]:
    file = pq.ParquetFile(source)
    for batch in file.iter_batches(batch_size=AT_ONCE):
        numbers, (verdicts, reasons, _rules, untils, _later) = batch.column(found.place), batch.columns[-_ENDS:]
        for number, verdict, reason, until in zip(
            numbers.to_pylist(), verdicts.to_pylist(), reasons.to_pylist(), untils.to_pylist()
        ):
            if verdict in VERDICTS:
                yield _written(number), verdict, reason, int(until.timestamp()) if until is not None else 0


def _of_workbook(source: IO[bytes], found: CallList) -> Iterator[Said]:
    book = opened(source, Limits(workbook=1 << 40))  # a result is larger than the list was
    shared = book.shared()

    def text(cell: Cell | None) -> str:
        said = b"" if cell is None else text_of(cell, lambda at: shared[at] if 0 <= at < len(shared) else b"?")
        return said.decode("utf-8", "replace")

    for sheet in found.sheets:
        rows: list[Row] = []
        for _ in RowReader(rows.append).through(book.pieces(sheet.part)):
            for row in rows:
                cells = {cell.column: cell for cell in row.cells}
                at = next((each.column for each in reversed(row.cells[-_ENDS:]) if text(each) in VERDICTS), 0)
                if at and sheet.column + 1 in cells:
                    number, verdict, reason, until = (
                        text(cells.get(column)) for column in (sheet.column + 1, at, at + 1, at + 3)
                    )
                    yield number, verdict, reason, _seconds(until)
            rows.clear()


def _written(number: Any) -> str:
    return number.decode("utf-8", "replace") if isinstance(number, bytes) else str(number)


def _seconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp()) if text else 0
    except ValueError as error:
        raise InvalidInputError("A time in the result cannot be read.", code="not_a_list") from error
