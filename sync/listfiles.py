"""List files: Parquet of a list and of its exceptions, written and read (DESIGN §4).

Rules of this room:
- `tag` is UINT_64, sorted, DELTA_BINARY_PACKED, uncompressed (it is random: nothing else helps); all other columns are
  dictionary-encoded and zstd. No column may be null. The same rows give the same bytes.
- A file lies in its folder under its own digest (`FeedPart.name`), complete or not at all.
- Reading checks names, types, order and uniqueness; anything else is FeedError `bad_list_file`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from registry.editions import EXCEPTION, MASKS, RECORD, FeedPart, Records, is_sorted
from registry.errors import FeedError
from registry.naming import new_id

ROW_GROUP = 1 << 20  # rows that a reader needs in memory at once

_MASK_FIELDS = [pa.field(name, pa.uint16(), nullable=False) for name in MASKS]
LIST = pa.schema(
    [pa.field("tag", pa.uint64(), nullable=False), *_MASK_FIELDS, pa.field("quiet", pa.uint32(), nullable=False)]
)
EXCEPTIONS = pa.schema(
    [
        pa.field("tag", pa.uint64(), nullable=False),
        pa.field("party", pa.uint32(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        *_MASK_FIELDS,
        pa.field("until", pa.uint32(), nullable=False),
    ]
)
_SCHEMAS = {RECORD: LIST, EXCEPTION: EXCEPTIONS}


def write_list(folder: Path, records: Records) -> FeedPart:
    """Write sorted RECORD[n] as one list file into a folder; it lies there as `FeedPart.name`."""
    return write_columns(folder, LIST, {name: records[name] for name in LIST.names})


def write_exceptions(folder: Path, records: Records) -> FeedPart:
    """Write sorted EXCEPTION[n] as one file into a folder; it lies there as `FeedPart.name`."""
    return write_columns(folder, EXCEPTIONS, {name: records[name] for name in EXCEPTIONS.names})


def read_list(path: Path) -> Records:
    """The RECORD[n] of a list file, sorted. Raises FeedError (`bad_list_file`)."""
    return _joined(read_chunks(path, RECORD), RECORD)


def read_exceptions(path: Path) -> Records:
    """The EXCEPTION[n] of an exceptions file, sorted. Raises FeedError (`bad_list_file`)."""
    return _joined(read_chunks(path, EXCEPTION), EXCEPTION)


def write_columns(folder: Path, schema: pa.Schema, columns: Mapping[str, NDArray[Any]]) -> FeedPart:
    """Write columns that are sorted by key already, as LIST or EXCEPTIONS."""
    arrays = [pa.array(np.asarray(columns[field.name], field.type.to_pandas_dtype())) for field in schema]
    return write_table(folder, pa.table(arrays, schema=schema), packed="tag")


def write_table(folder: Path, table: pa.Table, packed: str) -> FeedPart:
    """Write a table into a folder under its own digest: column `packed` as it is, all others dictionary and zstd."""
    others = [name for name in table.column_names if name != packed]
    draft = folder / f".draft-{new_id()}"
    try:
        pq.write_table(
            table, draft, row_group_size=ROW_GROUP, use_dictionary=others, store_schema=False, write_statistics=False,
            compression={packed: "NONE", **dict.fromkeys(others, "ZSTD")},
            column_encoding={packed: "DELTA_BINARY_PACKED"} if table.schema.field(packed).type == pa.uint64() else None,
        )
        part = FeedPart(rows=len(table), bytes=draft.stat().st_size, sha256=digest(draft))
        draft.rename(folder / part.name)
    finally:
        draft.unlink(missing_ok=True)
    return part


def digest(path: Path) -> str:
    """The SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_chunks(path: Path, dtype: np.dtype[Any]) -> Iterator[Records]:
    """The records of a file (dtype RECORD or EXCEPTION), sorted, in chunks of at most 2^20. Raises `bad_list_file`."""
    schema, before = _SCHEMAS[dtype], np.empty(0, dtype)
    for table in _row_groups(path, schema):
        records = np.empty(len(table), dtype)
        for name in schema.names:
            if table[name].null_count:
                raise _bad(path)
            records[name] = table[name].combine_chunks().to_numpy(zero_copy_only=True)
        if not is_sorted(records) or (len(before) and len(records) and not is_sorted(_seam(before, records))):
            raise _bad(path)
        yield records
        before = records if len(records) else before


def _row_groups(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    with reading(path) as file:
        if file.schema_arrow.names != schema.names or file.schema_arrow.types != schema.types:
            raise _bad(path)
        for i in range(file.num_row_groups):
            if file.metadata.row_group(i).num_rows > ROW_GROUP:
                raise _bad(path)
            yield file.read_row_group(i, use_threads=False)


@contextmanager
def reading(path: Path, **how: Any) -> Iterator[pq.ParquetFile]:
    """An open Parquet file. Raises FeedError (`bad_list_file`) where it is none or cannot be read whole."""
    try:
        with pq.ParquetFile(path, **how) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise _bad(path) from error


def _seam(before: Records, after: Records) -> Records:
    return np.frombuffer(before[-1:].tobytes() + after[:1].tobytes(), before.dtype)


def _joined(chunks: Iterator[Records], dtype: np.dtype[Any]) -> Records:
    found = list(chunks)
    return found[0] if len(found) == 1 else np.frombuffer(b"".join(chunk.tobytes() for chunk in found), dtype)


def _bad(path: Path) -> FeedError:
    return FeedError(f"{path.name} is not a list file that can be taken.", code="bad_list_file")
