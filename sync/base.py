"""The base: all sealed numbers with their preferences at one edition, as Parquet files (DESIGN §4).

Rules of this room:
- Sorted by sealed number; columns `sealed` (16 bytes), `calls`, `robocalls`, `messages`, `quiet`, and `carrier`, on
  whose lists the number stood then: names with blanks between, the one that served it first.
- A part holds a range of sealed numbers that begins at its `first` and ends where the next part begins; the next base
  is merged part by part, and a part that nothing changed is taken over as it is, under the same name.
- A row whose masks and quiet hours are all 0 removes its number. The same rows in the same parts give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from registry.editions import MASKS
from registry.sealing import BLOCK
from sync.listfiles import reading, write_table

ROWS_PER_PART = 4_000_000
ROW = np.dtype([("sealed", f"S{BLOCK}"), *[(name, "u2") for name in MASKS], ("quiet", "u4"), ("carrier", "i4")])

_SCHEMA = pa.schema(
    [
        pa.field("sealed", pa.binary(BLOCK), nullable=False),
        *[pa.field(name, pa.uint16(), nullable=False) for name in MASKS],
        pa.field("quiet", pa.uint32(), nullable=False),
        pa.field("carrier", pa.dictionary(pa.int32(), pa.string()), nullable=False),
    ]
)


class BasePart(Struct, frozen=True):
    """One base file: `first` is the smallest sealed number in it (hex), `sha256` hex."""

    rows: int
    bytes: int
    sha256: str
    first: str

    @property
    def name(self) -> str:
        """The file's name in a folder or on the shelf."""
        return f"{self.sha256}.parquet"


@dataclass(frozen=True)
class BaseRows:
    """Rows of a base or changes to it: `rows` of dtype ROW, whose `carrier` counts into `carriers`."""

    rows: NDArray[np.void]
    carriers: tuple[str, ...]

    @property
    def sealed(self) -> NDArray[np.uint8]:
        """The sealed numbers, u8[n, 16], C-contiguous."""
        return np.ascontiguousarray(self.rows["sealed"]).view(np.uint8).reshape(-1, BLOCK)


def base_rows(
    sealed: NDArray[np.uint8], columns: dict[str, Any], carrier: NDArray[np.integer[Any]], carriers: Sequence[str]
) -> BaseRows:
    """Rows from sealed u8[n, 16], the columns calls, robocalls, messages, quiet, and carrier (n indexes into carriers).

    Sorted by sealed number; where a number stands several times, its last row counts.
    """
    rows = np.empty(len(sealed), ROW)
    rows["sealed"] = np.ascontiguousarray(sealed, np.uint8).view(f"S{BLOCK}")[:, 0]
    for name in (*MASKS, "quiet"):
        rows[name] = columns[name]
    rows["carrier"] = carrier
    rows = rows[_order(sealed)]
    last = np.ones(len(rows), bool)
    last[:-1] = rows["sealed"][1:] != rows["sealed"][:-1]
    return BaseRows(rows[last], tuple(carriers))


def _order(sealed: NDArray[np.uint8]) -> NDArray[np.intp]:
    """A stable order of u8[n, 16]; by the first halves alone, which are random, where no two are equal."""
    halves = np.ascontiguousarray(sealed, np.uint8).view(">u8").astype(np.uint64)
    order = np.argsort(halves[:, 0])
    first = halves[order, 0]
    return np.lexsort((halves[:, 1], halves[:, 0])) if (first[1:] == first[:-1]).any() else order


def merge_base(
    old: Sequence[BasePart], changes: BaseRows, folder: Path, *, rows_per_part: int = ROWS_PER_PART
) -> tuple[BasePart, ...]:
    """The parts of the next base. `folder` holds the old parts and gets the new ones; nothing in it is removed.

    `changes` are sorted, each number once (`base_rows` sees to it). Memory: one part and its changes.
    """
    parts: list[BasePart] = []
    starts = np.array([bytes.fromhex(part.first) for part in old], f"S{BLOCK}")
    bounds = [0, *np.searchsorted(changes.rows["sealed"], starts[1:]).tolist(), len(changes.rows)]
    for i, part in enumerate(old or [None]):
        mine = BaseRows(changes.rows[bounds[i] : bounds[i + 1]], changes.carriers)
        if part is not None and not len(mine.rows):
            parts.append(part)
        else:
            before = read_part(folder / part.name) if part else BaseRows(np.empty(0, ROW), ())
            parts += _write_parts(folder, _merged(before, mine), rows_per_part)
    return tuple(parts)


def read_part(path: Path) -> BaseRows:
    """All rows of one base part. Raises FeedError (`bad_list_file`) where it cannot be read."""
    carriers: dict[str, int] = {}
    found = [_as_rows(table, carriers) for table in row_groups(path)]
    return BaseRows(np.concatenate(found) if found else np.empty(0, ROW), tuple(carriers))


def row_groups(path: Path) -> Iterator[pa.Table]:
    """The rows of one base part, a row group at a time. Raises FeedError (`bad_list_file`)."""
    with reading(path, read_dictionary=["carrier"]) as file:
        for i in range(file.num_row_groups):
            yield file.read_row_group(i, use_threads=False)


def _as_rows(table: pa.Table, carriers: dict[str, int]) -> NDArray[np.void]:
    rows = np.empty(len(table), ROW)
    rows["sealed"] = sealed_of(table).view(f"S{BLOCK}")[:, 0]
    for name in (*MASKS, "quiet"):
        rows[name] = table[name].combine_chunks().to_numpy()
    rows["carrier"] = carrier_of(table, carriers)
    return rows


def sealed_of(table: pa.Table) -> NDArray[np.uint8]:
    """The sealed numbers of a table read from a base part, u8[n, 16], without copying."""
    column = table["sealed"].combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    found = np.frombuffer(column.buffers()[1], np.uint8)
    return found[column.offset * BLOCK : (column.offset + len(column)) * BLOCK].reshape(-1, BLOCK)


def carrier_of(table: pa.Table, carriers: dict[str, int]) -> NDArray[np.int32]:
    """The carriers of a table read from a base part, as i32[n] into `carriers`, which grows by those that are new."""
    column = table["carrier"].combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    index = np.array([carriers.setdefault(name, len(carriers)) for name in column.dictionary.to_pylist()], np.int32)
    codes: NDArray[np.int32] = index[column.indices.to_numpy()]
    return codes


def _merged(before: BaseRows, changes: BaseRows) -> BaseRows:
    names = {name: i for i, name in enumerate(before.carriers)}
    renamed = np.array([names.setdefault(name, len(names)) for name in changes.carriers] or [0], np.int32)
    coming, old = changes.rows.copy(), before.rows
    coming["carrier"] = renamed[coming["carrier"]]
    places = np.searchsorted(old["sealed"], coming["sealed"])
    known = np.zeros(len(coming), bool)
    if len(old):
        known = old["sealed"][np.minimum(places, len(old) - 1)] == coming["sealed"]
    stays = np.ones(len(old), bool)
    stays[places[known]] = False
    upserts = np.zeros(len(coming), bool)
    for name in (*MASKS, "quiet"):
        upserts |= coming[name] != 0
    replaced_before = np.cumsum(known) - known
    merged = np.insert(old[stays], (places - replaced_before)[upserts], coming[upserts])
    return BaseRows(merged, tuple(names))


def _write_parts(folder: Path, merged: BaseRows, rows_per_part: int) -> Iterator[BasePart]:
    """Write rows as one part, or as several of equal size where they are too many for one."""
    count = -(-len(merged.rows) // rows_per_part)
    for rows in np.array_split(merged.rows, count) if count else []:
        part = write_table(folder, _as_table(rows, merged.carriers), packed="sealed")
        first = rows["sealed"][0].ljust(BLOCK, b"\0").hex()  # numpy drops zeros at the end
        yield BasePart(rows=part.rows, bytes=part.bytes, sha256=part.sha256, first=first)


def _as_table(rows: NDArray[np.void], carriers: tuple[str, ...]) -> pa.Table:
    used = np.flatnonzero(np.bincount(rows["carrier"], minlength=len(carriers)))
    ordered = sorted(used.tolist(), key=lambda i: carriers[i])  # so that bytes do not depend on how we came here
    rank = np.zeros(len(carriers), np.int32)
    rank[ordered] = np.arange(len(ordered), dtype=np.int32)
    sealed = pa.py_buffer(np.ascontiguousarray(rows["sealed"]))
    columns = [pa.FixedSizeBinaryArray.from_buffers(pa.binary(BLOCK), len(rows), [None, sealed])]
    columns += [pa.array(np.ascontiguousarray(rows[name])) for name in (*MASKS, "quiet")]
    names = pa.array([carriers[i] for i in ordered], pa.string())
    columns.append(pa.DictionaryArray.from_arrays(pa.array(rank[rows["carrier"]]), names))
    return pa.table(columns, schema=_SCHEMA)
