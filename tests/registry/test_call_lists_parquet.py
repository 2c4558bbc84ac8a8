"""Call lists as Parquet: every column comes back with its values, type and metadata, and the answers beside it."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.calllists import parquet
from registry.calllists.answered import COLUMNS
from registry.calllists.limits import Limits
from registry.errors import InvalidInputError
from tests.registry.calling import DECLINED, FREE, alone, only, scrubbed, seen

N, M = int(DECLINED), int(FREE)


def written(table: pa.Table, **how: Any) -> bytes:
    held = io.BytesIO()
    pq.write_table(table, held, **how)
    return held.getvalue()


def read(content: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(content))


def reasons(phones: pa.Array) -> list[str]:
    """The verdict on each cell of a column, or the reason why it is none."""
    rows = read(scrubbed(written(pa.table({"phone": phones})), wanted="phone")).to_pylist()
    return [row["reason"] if row["verdict"] == "invalid" else row["verdict"] for row in rows]


def test_every_column_keeps_type_values_and_metadata() -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2, None], pa.uint32()),
            "phone": pa.array([N, M, None], pa.int64()),
            "name": pa.array(["李", None, "Li"], pa.string()),
            "big": pa.array(["a", "b", None], pa.large_string()),
            "raw": pa.array([b"\xff", None, b""], pa.binary()),
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
            "at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("ns", "Asia/Shanghai")),
            "day": pa.array([date(2026, 1, 1)] * 3),
            "sum": pa.array([Decimal("1.20")] * 3, pa.decimal128(12, 2)),
            "list": pa.array([[1], [], None]),
            "sub": pa.array([{"a": "x"}, None, {"a": None}]),
        }
    ).replace_schema_metadata({"made": "by us"})
    table = table.cast(table.schema.set(0, pa.field("id", pa.uint32(), metadata={"of": "customers"})))
    content = written(table, compression="zstd")
    found = seen(content)
    assert (found.format, found.ending, found.column) == ("parquet", "parquet", 1)
    assert found.header == tuple(table.column_names)
    out = scrubbed(content)
    result = read(out)
    assert result.column_names == [*table.column_names, *COLUMNS]
    assert result.select(table.column_names).equals(table)
    assert result.schema.metadata[b"made"] == b"by us"
    assert result.schema.field("id").metadata[b"of"] == b"customers"
    assert all(result.schema.field(i).type == table.schema.field(i).type for i in range(table.num_columns))
    assert pq.ParquetFile(io.BytesIO(out)).metadata.row_group(0).column(0).compression == "ZSTD"
    assert [result[name].to_pylist()[0] for name in COLUMNS] == [
        "declined", "everything_declined", "49(7)", datetime(2026, 12, 1, 3, tzinfo=UTC), None,
    ]  # fmt: skip
    assert pa.types.is_dictionary(result.schema.field("verdict").type)
    assert result["reason"].to_pylist()[2] == "empty"


COLUMNS_OF_NUMBERS = {
    "integers": (pa.array([N, M, -M, None], pa.int64()), ["declined", "allowed", "not_a_number", "empty"]),
    "unsigned": (pa.array([8600000000000 + N], pa.uint64()), ["declined"]),
    "texts": (pa.array([DECLINED, f"+86 {FREE}", "x", "1.38001E+10"]), ["declined", "allowed", "letters", "rounded"]),
    "bytes": (pa.array([FREE.encode(), b"\xe4" + FREE.encode()], pa.binary()), ["allowed", "bad_encoding"]),
    "dictionary": (pa.array([FREE, None, "9" * 900]).dictionary_encode(), ["allowed", "empty", "too_long"]),
    "views": (pa.array([FREE, "x"], pa.string_view()), ["allowed", "letters"]),
    "floats": (
        pa.array([float(N), 13800138000.5, 1.38e17, None, float("nan"), float("inf"), -1.0]),
        ["declined", "not_a_number", "rounded", "empty", "empty", "rounded", "not_a_number"],
    ),
    "short floats": (pa.array([float(N)], pa.float32()), ["rounded"]),
    "decimals": (pa.array([Decimal(N), Decimal("1380013800.05")], pa.decimal128(15, 2)), ["declined", "not_a_number"]),
    "booleans": (pa.array([True, None]), ["not_a_number", "empty"]),
    "days": (pa.array([date(2026, 1, 1)]), ["not_a_number"]),
    "lists": (pa.array([[N]]), ["not_a_number"]),
}


@pytest.mark.parametrize(("phones", "expected"), COLUMNS_OF_NUMBERS.values(), ids=COLUMNS_OF_NUMBERS)
def test_a_number_is_read_from_whatever_type_holds_it_whole(phones: pa.Array, expected: list[str]) -> None:
    assert reasons(phones) == expected


def test_texts_that_are_no_utf8_come_back_as_they_are() -> None:
    names = pa.array(["王".encode("gb18030"), b"Li", None], pa.binary())
    wrong = pa.StringArray.from_buffers(3, *names.buffers()[1:], names.buffers()[0])
    content = written(pa.table({"name": wrong, "phone": [N, M, M]}))
    assert seen(content).rows[0] == ("\ufffd\ufffd", DECLINED)
    result = read(scrubbed(content))
    assert result["name"].combine_chunks().cast(pa.binary()).equals(names)
    assert result["verdict"].to_pylist() == ["declined", "allowed", "allowed"]


numbers = st.sampled_from([DECLINED, FREE, "x", "", None, f"+86{FREE}"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=4), numbers), min_size=1), st.integers(1, 8))
def test_any_rows_keep_their_order_and_the_rows_of_one_verdict_are_those_rows(
    rows: list[tuple[str, str | None]], group: int
) -> None:
    table = pa.table({"left": [left for left, _ in rows], "phone": pa.array([cell for _, cell in rows], pa.string())})
    content = written(table, row_group_size=group)
    assert read(scrubbed(content, wanted="phone")).select(["left", "phone"]).equals(table)
    for verdict in ("allowed", "declined", "invalid"):
        chosen = read(only(content, verdict, wanted="phone"))
        kept = [(left, cell) for left, cell in rows if alone(cell or "") == verdict]
        assert list(zip(chosen["left"].to_pylist(), chosen["phone"].to_pylist())) == kept
        assert set(chosen["verdict"].to_pylist()) <= {verdict}


def test_a_text_that_repeats_is_never_written_out_as_often_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_SLICE", 10_000)
    table = pa.table({"phone": [FREE] * 1000, "note": ["x" * 1000] * 1000})
    out = scrubbed(written(table))
    assert read(out).select(["phone", "note"]).equals(table)
    assert pq.ParquetFile(io.BytesIO(out)).metadata.num_row_groups >= 90


def test_a_packed_parquet_file_is_unpacked_within_a_limit() -> None:
    content = written(pa.table({"phone": [N, M]}))
    assert read(scrubbed(gzip.compress(content)))["verdict"].to_pylist() == ["declined", "allowed"]
    with pytest.raises(InvalidInputError) as caught:
        scrubbed(gzip.compress(content), limits=Limits(held=100))
    assert caught.value.code == "too_large"


GOOD = written(pa.table({"phone": [N, M] * 50}))
REFUSED = {
    "cut": (GOOD[:-30], "packing_damaged"), "head alone": (b"PAR1", "packing_damaged"),
    "nonsense": (b"PAR1" + bytes(50) + b"PAR1", "packing_damaged"),
    "no rows": (written(pa.table({"phone": pa.array([], pa.int64())})), "header_only"),
    "no columns": (written(pa.table({})), "header_only"),
    "no numbers": (written(pa.table({"a": ["b"]})), "no_number_column"),
    "two": (written(pa.table({"a": [N], "b": [M]})), "two_number_columns"),
    "rows without end": (written(pa.table({"a": pa.nulls(60_000_000)}), compression="zstd"), "expands_too_much"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_cannot_be_used_is_refused_in_words(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scrubbed(content)
    assert caught.value.code == code


@settings(max_examples=60, deadline=None)
@given(st.integers(4, len(GOOD) - 1), st.binary(min_size=1, max_size=2))
def test_damage_anywhere_gives_the_list_or_a_refusal(at: int, other: bytes) -> None:
    bad = GOOD[:at] + other + GOOD[at + len(other) :]
    try:
        scrubbed(bad)
    except InvalidInputError:
        return
