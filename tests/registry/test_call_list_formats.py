"""One call list in every format, encoding and packing gets the same answers; memory does not grow with what comes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from registry.calllists import files
from registry.calllists.limits import Limits
from registry.calllists.spool import Spool
from registry.calllists.tally import Tally
from tests.registry.calling import DECLINED, FREE, PLAN, scrubbed, scrubber, seen
from tests.registry.workbooks import archive

NUMBERS = [FREE, "none", DECLINED, None, f"+86 {FREE}", "1.38001E+10", "13700137000", FREE, "12", "13600136000"]
REASONS = [
    "no_recorded_will", "letters", "everything_declined", "empty", "no_recorded_will", "rounded", "no_recorded_will",
    "no_recorded_will", "too_short", "quota_reached",
]  # fmt: skip
Made = tuple[bytes, Callable[[bytes], list[str]]]  # a list, and how the reasons are read from its result


def text(encoding: str, delimiter: str) -> Made:
    made = io.StringIO()
    rows = [["姓名", "phone"], *(["李", number or ""] for number in NUMBERS)]
    csv.writer(made, delimiter=delimiter).writerows(rows)

    def reasons(out: bytes) -> list[str]:
        return [row[3] for row in csv.reader(io.StringIO(out.decode(encoding)), delimiter=delimiter)][1:]

    return made.getvalue().encode(encoding), reasons


def ndjson() -> Made:
    content = "".join(json.dumps({"姓名": "李", "phone": number}) + "\n" for number in NUMBERS).encode()
    return content, lambda out: [json.loads(line)["reason"] for line in out.splitlines()]


def parquet() -> Made:
    held = io.BytesIO()
    pq.write_table(pa.table({"姓名": ["李"] * len(NUMBERS), "phone": NUMBERS}), held, row_group_size=3)
    return held.getvalue(), lambda out: pq.read_table(io.BytesIO(out))["reason"].to_pylist()


def workbook() -> Made:
    made, held = openpyxl.Workbook(), io.BytesIO()
    for row in [["姓名", "phone"], *(["李", number] for number in NUMBERS)]:
        made.active.append(row)
    made.save(held)
    return held.getvalue(), lambda out: [
        row[3] for row in openpyxl.load_workbook(io.BytesIO(out)).active.iter_rows(min_row=2, values_only=True)
    ]


FORMATS = {
    "UTF-8, commas": text("utf-8", ","), "UTF-8 with BOM, tabs": text("utf-8-sig", "\t"),
    "UTF-16, semicolons": text("utf-16", ";"), "GB18030, bars": text("gb18030", "|"), "NDJSON": ndjson(),
    "Parquet": parquet(), "workbook": workbook(),
}  # fmt: skip
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content, "gzip": gzip.compress, "zip": lambda content: archive({"a list": content}),
}  # fmt: skip


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("made", FORMATS.values(), ids=FORMATS)
def test_a_list_gets_the_same_answers_whatever_its_format(made: Made, packing: str, tmp_path: Path) -> None:
    (plain, reasons), calls, distinct = made, list[int](), set[bytes]()

    def admit(sealed: np.ndarray) -> np.ndarray:
        """Three distinct numbers."""
        calls.append(len(sealed))
        for number in sealed:
            if len(distinct) < 3:
                distinct.add(number.tobytes())
        return np.array([number.tobytes() in distinct for number in sealed])

    content, tally = PACKINGS[packing](plain), Tally()
    with Spool(tmp_path) as spool:
        out = scrubbed(content, admit=admit, spool=spool, tally=tally, limits=Limits())
        kept = np.concatenate(list(spool.distinct()))
    assert reasons(out) == REASONS
    assert (len(kept), sum(calls), tally.lines, tally.size) == (3, 6, len(NUMBERS), len(content))
    found = seen(content)
    assert (found.packing, found.column, found.header) == (packing, 1, ("姓名", "phone"))
    assert found.rows[0] == ("李", FREE)
    assert reasons(b"".join(files.only(io.BytesIO(out), found, "declined"))) == ["everything_declined"]


class Endless(io.RawIOBase):
    """A number, a line of `size` characters, another number; made while it is read."""

    def __init__(self, size: int) -> None:
        self.size, self.at = size, 0
        self.first, self.last = f"{FREE}\n".encode(), f"\n{DECLINED}".encode()
        self.length = len(self.first) + size + len(self.last)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + {0: 0, 1: self.at, 2: self.length}[whence]
        return self.at

    def read(self, size: int = -1) -> bytes:
        begin, end = len(self.first), len(self.first) + self.size
        if self.at < begin:
            piece = self.first[self.at :][:size]
        elif self.at < end:
            piece = b"8" * min(size, end - self.at)
        else:
            piece = self.last[self.at - end :][:size]
        self.at += len(piece)
        return piece


def test_memory_stays_bounded_when_a_line_has_no_end() -> None:
    source: Any = Endless(300_000_000)
    found = files.inspect(source, "list.csv", PLAN, country="CN")
    asked = scrubber()
    tracemalloc.start()
    try:
        out = b"".join(files.scrub(source, found, asked, PLAN, country="CN"))
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert [line.split(b",")[2] for line in out.splitlines()] == [
        b"no_recorded_will", b"line_too_long", b"everything_declined",
    ]  # fmt: skip
