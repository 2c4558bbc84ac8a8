"""Call lists as Parquet: a batch of rows at a time, every column with its type, the answer in five columns more.

Rules of this room:
- Other columns keep values, types, nullability and metadata; row groups are cut anew, compression stays.
- Memory is bounded by a batch and the largest page: texts stay dictionaries until a slice of them is written, so that
  one long text that repeats a million times costs no more than once.
- A number column may hold integers, texts, decimals or floats that are whole and exact; what is not is no number.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from registry.calllists import answered
from registry.calllists.answering import Answering, Which
from registry.calllists.calllist import CallList, ending_of
from registry.calllists.codings import Coding
from registry.calllists.columns import MOST_COLUMNS, Wanted, shape_of
from registry.calllists.drain import Drain
from registry.errors import InvalidInputError
from registry.readers.unpack import FREE_EXPANSION, MOST_EXPANSION

if TYPE_CHECKING:
    from registry.calllists.tally import Tally
    from registry.numbering import NumberPlan
    from registry.scrub import LineAnswer

_BATCH = 1 << 17  # rows
_SLICE = 64_000_000  # bytes of texts that are written at once
_LOOKED_AT = 200  # rows
_LONGEST_CELL = 200
_ROUNDED, _NO_NUMBER, _TOO_LONG = "1E+16", "?", "9" * 300  # what is read instead of a value
_EXACT = {16: 1 << 11, 32: 1 << 24, 64: 1 << 53}  # by bits of a float: whole numbers below are what they seem
_UTF8 = Coding()
_WORDS = pa.dictionary(pa.int32(), pa.string())
_MOMENT = pa.timestamp("ms", tz="UTC")
_COMPRESSIONS = {
    "UNCOMPRESSED": "none", "SNAPPY": "snappy", "GZIP": "gzip", "BROTLI": "brotli", "ZSTD": "zstd", "LZ4": "lz4",
    "LZ4_RAW": "lz4",
}  # fmt: skip


def inspect(source: IO[bytes], name: str, plan: NumberPlan, wanted: Wanted, *, asking: bool) -> CallList:
    """How a list is laid out. Raises InvalidInputError `packing_damaged`, `expands_too_much`, and as `shape_of`."""
    file = _opened(source)
    header = tuple(file.schema.names)
    first: pa.RecordBatch = next(file.batches(_LOOKED_AT), None)
    columns = [] if first is None else [_shown(column) for column in first.columns[:MOST_COLUMNS]]
    rows = [list(header), *(list(cells) for cells in zip(*columns))]
    shape = shape_of(rows, plan, Wanted(wanted.country, wanted.column, header=True), asking=asking)
    return CallList(
        "parquet", "", ending_of(name, "parquet"), 0, header, shape.column, len(header), shape.candidates, shape.rows,
        answered.names_beside(header),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _File:
    """A file, of which texts are read as dictionaries, and the types that its columns really have."""

    file: pq.ParquetFile
    schema: pa.Schema

    @property
    def rows(self) -> int:
        return int(self.file.metadata.num_rows)

    def batches(self, rows: int = _BATCH) -> Iterator[pa.RecordBatch]:
        with _reading():
            yield from self.file.iter_batches(batch_size=rows, use_threads=False)


def _opened(source: IO[bytes]) -> _File:
    with _reading():
        size = source.seek(0, 2)
        plain = pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False)
        groups = [plain.metadata.row_group(i) for i in range(plain.metadata.num_row_groups)]
        most = FREE_EXPANSION + size * MOST_EXPANSION
        if plain.metadata.num_rows > most or sum(group.total_byte_size for group in groups) > most:
            raise InvalidInputError("Unpacked, the file would be larger than any call list.", code="expands_too_much")
        schema = plain.schema_arrow
        texts = [name for name in schema.names if schema.names.count(name) == 1 and _is_text(schema.field(name).type)]
        return _File(pq.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False, read_dictionary=texts), schema)


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


@contextmanager
def _reading() -> Iterator[None]:
    """Says in our words what the library makes of a broken file."""
    try:
        yield
    except pa.ArrowNotImplementedError as error:
        raise InvalidInputError(
            "This Parquet file uses something that is not read here; save it without encryption, or as CSV.",
            code="packed_otherwise",
        ) from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InvalidInputError("The Parquet file is damaged or was cut off.", code="packing_damaged") from error


# scrubbing


def scrub(
    source: IO[bytes], found: CallList, answering: Answering, *, tally: Tally, keep: Callable[[], None]
) -> Iterator[bytes]:
    """The bytes of a call list with answers."""
    file = _opened(source)
    schema = file.schema
    fields = [pa.field(name, _WORDS if place < 3 else _MOMENT) for place, name in enumerate(found.names)]
    made = pa.schema([*schema, *fields], metadata=schema.metadata)

    def answer(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Which]:
        data, starts, stops = _spans(_numbers(batch.column(found.place)))
        which = answering.cells(data, data, starts, stops, _UTF8)
        columns = _answers(answering.scrubber.kinds, which)
        return pa.RecordBatch.from_arrays([*batch.columns, *columns], names=[*batch.schema.names, *found.names]), which

    def counted() -> Iterator[pa.RecordBatch]:
        for batch, which in answering.turns.in_order(file.batches(), answer):
            tally.add(which, found.size * (tally.lines + len(which)) // max(1, file.rows))
            keep()
            yield batch

    yield from _written(counted(), made, file.file)


def only(source: IO[bytes], found: CallList, verdict: str) -> Iterator[bytes]:
    """The rows of a result that have one verdict."""
    file = _opened(source)
    place = file.schema.names.index(found.names[0])
    chosen = (batch.filter(pc.equal(batch.column(place).cast(pa.string()), verdict)) for batch in file.batches())
    yield from _written(chosen, file.schema, file.file)


def _written(batches: Iterator[pa.RecordBatch], schema: pa.Schema, like: pq.ParquetFile) -> Iterator[bytes]:
    drain = Drain()
    compression = like.metadata.row_group(0).column(0).compression if like.metadata.num_row_groups else "SNAPPY"
    kinds = [like.schema.column(i) for i in range(len(like.schema))]
    old = any(kind.physical_type == "INT96" for kind in kinds) and not any(
        kind.physical_type == "INT64" and kind.logical_type.type == "TIMESTAMP" for kind in kinds
    )
    with pq.ParquetWriter(
        drain, schema, compression=_COMPRESSIONS.get(compression, "snappy"), use_deprecated_int96_timestamps=old
    ) as writer:
        for batch in batches:
            for part in _slices(batch) if batch.num_rows else ():
                columns = [column.cast(field.type) for column, field in zip(part.columns, schema)]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
                yield drain.taken()
    yield drain.taken()


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in parts that are not too large when texts are no dictionaries any more."""
    lengths = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and _is_text(column.type.value_type):
            each = pc.binary_length(column.dictionary).take(column.indices).fill_null(0)
            lengths += each.to_numpy(zero_copy_only=False).astype(np.int64)
    parts = np.cumsum(lengths) // _SLICE
    bounds = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), batch.num_rows]
    for start, stop in itertools.pairwise(bounds):
        yield batch.slice(start, stop - start)


def _answers(kinds: Sequence[LineAnswer], which: Which) -> list[pa.Array]:
    """The columns of the answers, in the order of answered.COLUMNS."""
    places = pa.array(which)
    words = [[kind.verdict for kind in kinds], [kind.reason for kind in kinds], [kind.rule or None for kind in kinds]]
    moments = [[kind.until for kind in kinds], [kind.next_allowed for kind in kinds]]
    found = [pa.array(texts, pa.string()).dictionary_encode() for texts in words]
    return [column.take(places) for column in [*found, *(pa.array(times, _MOMENT) for times in moments)]]


# cells


def _numbers(column: pa.Array) -> pa.Array:
    """The cells of a column as texts to read a number from (string or binary); nothing is read from a lossy value."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        texts = _numbers(column.dictionary)
        short = pc.less_equal(pc.binary_length(texts), 4 * _LONGEST_CELL)
        return pc.if_else(short, texts, pa.scalar(_TOO_LONG, texts.type)).take(column.indices)
    if _is_text(kind):
        return column
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return column.cast(pa.binary())
    if pa.types.is_integer(kind):
        return pc.if_else(pc.less(column, 0), pa.scalar(_NO_NUMBER), column.cast(pa.string()))
    if pa.types.is_floating(kind):
        return _of_floats(column)
    if pa.types.is_decimal(kind):
        texts = column.cast(pa.string())
        whole = pc.match_substring_regex(texts, r"^[0-9]+(\.0*)?$")
        return pc.if_else(whole, texts, pa.scalar(_NO_NUMBER))
    return pc.if_else(column.is_valid(), pa.scalar(_NO_NUMBER), pa.scalar(None, pa.string()))


def _of_floats(column: pa.Array) -> pa.Array:
    exact = _EXACT[column.type.bit_width]
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    known = ~np.isnan(values)
    whole = known & (values == np.floor(values)) & (values >= 0)
    small = whole & (values < exact)
    texts = pa.array(np.where(small, values, 0).astype(np.int64)).cast(pa.string())
    others = pa.array(np.where(whole, _ROUNDED, _NO_NUMBER))
    return pc.if_else(pa.array(small), texts, pc.if_else(pa.array(known), others, pa.scalar(None, pa.string())))


def _spans(texts: pa.Array) -> tuple[Any, Any, Any]:
    """Texts as the buffer they lie in, and where each begins and ends; a null is empty."""
    column = texts.cast(pa.large_binary())
    _, offset_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    starts, stops = offsets[:-1], offsets[1:]
    if column.null_count:
        stops = np.where(column.is_valid().to_numpy(zero_copy_only=False), stops, starts)
    return data, starts, stops


def _shown(column: pa.Array) -> list[str]:
    """Cells for looking at them; texts as bytes first, for programs write what is no UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary.take(column.indices)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    return ["" if value is None else _as_text(value)[:_LONGEST_CELL] for value in column.to_pylist()]


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT[64]:
        return str(int(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
