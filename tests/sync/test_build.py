"""List files, the base, and full lists made from it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.editions import EXCEPTION, MASKS, RECORD, Records, arranged, content_root, record_array
from registry.errors import ConflictError, FeedError, InvalidInputError
from registry.numbers import Number
from registry.sealing import seal_many, seal_one, unseal_many
from registry.tags import tag_one, tags_many
from sync.base import BasePart, BaseRows, base_rows, merge_base, read_part
from sync.build import build_full
from sync.listfiles import digest, read_chunks, read_exceptions, read_list, write_exceptions, write_list

AT_REST, LIST_KEY = bytes(range(32)), bytes(range(32, 64))
CARRIERS = ("cmcc", "ctcc", "cucc")
FIRST = 8613800000000


def some_records(count: int, seed: int = 1) -> Records:
    draw = np.random.default_rng(seed)
    tags = np.unique(draw.integers(0, 2**64, count, dtype=np.uint64))
    masks = [draw.choice([0xFFFF, 3, 0], len(tags)) for _ in range(3)]
    return record_array(tags, *masks, draw.choice([0, 7, 2**32 - 1], len(tags)))


def some_rows(count: int, seed: int = 1, spread: int = 200) -> BaseRows:
    draw = np.random.default_rng(seed)
    digits = np.arange(count, dtype=np.uint64) + np.uint64(FIRST)
    mixed = draw.random(count) < 0.05
    columns = {name: np.where(mixed, draw.integers(1, spread, count), 0xFFFF) for name in MASKS}
    columns["quiet"] = np.where(mixed, draw.integers(0, spread, count), 0)
    return base_rows(seal_many(AT_REST, digits), columns, draw.integers(0, 3, count), CARRIERS)


def made(parts: tuple[BasePart, ...], folder: Path) -> list[Path]:
    return [folder / part.name for part in parts]


# --- list files -------------------------------------------------------------------------------------------------------


def test_a_list_file_comes_back_and_lies_under_its_digest(tmp_path: Path) -> None:
    records = some_records(3000)
    part = write_list(tmp_path, records)
    assert read_list(tmp_path / part.name).tobytes() == records.tobytes()
    assert (part.rows, part.bytes) == (len(records), (tmp_path / part.name).stat().st_size)
    assert part.sha256 == digest(tmp_path / part.name)
    assert [path.name for path in tmp_path.iterdir()] == [part.name]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    assert write_list(tmp_path, some_records(500)) == write_list(tmp_path, some_records(500))


def test_an_exceptions_file_comes_back(tmp_path: Path) -> None:
    rows = [(9, 2, 1, 1, 2, 3, 0), (9, 1, 3, 4, 5, 6, 20_000), (2**64 - 1, 1, 2, 7, 8, 9, 1)]
    records = arranged(np.array(rows, EXCEPTION))
    part = write_exceptions(tmp_path, records)
    assert read_exceptions(tmp_path / part.name).tobytes() == records.tobytes()


def test_lists_of_nothing_are_files_too(tmp_path: Path) -> None:
    assert len(read_list(tmp_path / write_list(tmp_path, np.empty(0, RECORD)).name)) == 0
    assert len(read_exceptions(tmp_path / write_exceptions(tmp_path, np.empty(0, EXCEPTION)).name)) == 0


def test_list_files_are_encoded_as_the_design_says(tmp_path: Path) -> None:
    part = write_list(tmp_path, some_records(3000))
    group = pq.ParquetFile(tmp_path / part.name).metadata.row_group(0)
    tag, *others = [group.column(i) for i in range(5)]
    assert (tag.path_in_schema, tag.compression) == ("tag", "UNCOMPRESSED")
    assert "DELTA_BINARY_PACKED" in tag.encodings
    for column in others:
        assert column.compression == "ZSTD"
        assert "RLE_DICTIONARY" in column.encodings
    types = pq.read_schema(tmp_path / part.name)
    assert [(field.name, str(field.type)) for field in types] == [
        ("tag", "uint64"), ("calls", "uint16"), ("robocalls", "uint16"), ("messages", "uint16"), ("quiet", "uint32"),
    ]


def test_files_of_several_row_groups_are_read_in_chunks(tmp_path: Path) -> None:
    records = record_array(np.arange(2_100_000, dtype=np.uint64), *[np.full(2_100_000, 1)] * 4)
    part = write_list(tmp_path, records)
    chunks = list(read_chunks(tmp_path / part.name, RECORD))
    assert [len(chunk) for chunk in chunks] == [1 << 20, 1 << 20, 2_100_000 - (2 << 20)]
    assert b"".join(chunk.tobytes() for chunk in chunks) == records.tobytes()


def damaged_files(folder: Path) -> dict[str, Path]:
    """Files that a follower must not take, whatever their digest says."""
    records = some_records(50)
    good = folder / write_list(folder, records).name
    columns = {name: pa.array(records[name].astype(records[name].dtype.newbyteorder("="))) for name in RECORD.names}
    backwards = pa.table({name: column.take(pa.array(range(49, -1, -1))) for name, column in columns.items()})
    twice = pa.table({name: column.take(pa.array([0, 1, 1, 2])) for name, column in columns.items()})
    with_null = pa.table({**columns, "quiet": pa.array([None] * 50, pa.uint32())})
    tables = {
        "unsorted": backwards, "twice": twice, "null": with_null,
        "column missing": pa.table({name: columns[name] for name in list(columns)[:4]}),
        "wrong type": pa.table({**columns, "calls": columns["calls"].cast(pa.uint32())}),
    }
    found = {}
    for name, table in tables.items():
        found[name] = folder / name
        pq.write_table(table, found[name])
    for name, content in {"cut": good.read_bytes()[:-20], "empty": b"", "text": b"tag,calls\n1,2\n"}.items():
        found[name] = folder / name
        found[name].write_bytes(content)
    found["missing"] = folder / "nowhere"
    return found


@pytest.mark.parametrize(
    "which", ["unsorted", "twice", "null", "column missing", "wrong type", "cut", "empty", "text", "missing"]
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, which: str) -> None:
    with pytest.raises(FeedError) as refused:
        read_list(damaged_files(tmp_path)[which])
    assert refused.value.code == "bad_list_file"


def test_an_order_that_breaks_between_row_groups_is_found(tmp_path: Path) -> None:
    first, second = some_records(20), some_records(20)
    halves = np.frombuffer(first[10:].tobytes() + second[:10].tobytes(), RECORD)
    table = pa.table({name: halves[name].astype(halves[name].dtype.newbyteorder("=")) for name in RECORD.names})
    pq.write_table(table, tmp_path / "broken", row_group_size=10)
    with pytest.raises(FeedError):
        read_list(tmp_path / "broken")


# --- the base ---------------------------------------------------------------------------------------------------------

Change = tuple[int, int, int, int, int]
calls, messages, quiet = st.sampled_from([0, 1, 0xFFFF]), st.sampled_from([0, 5]), st.sampled_from([0, 9])
change = st.tuples(st.integers(0, 30), calls, messages, quiet, st.integers(0, 2))
histories = st.lists(st.lists(change, max_size=25), min_size=1, max_size=6)


def rows_of(change: list[Change]) -> BaseRows:
    """Changes as they come from the tables: several of one number, the last counts."""
    digits, calls, messages, quiet, carrier = np.array(change or np.empty((0, 5)), np.int64).reshape(-1, 5).T
    columns = {"calls": calls, "robocalls": calls, "messages": messages, "quiet": quiet}
    return base_rows(seal_many(AT_REST, digits.astype(np.uint64)), columns, carrier, CARRIERS)


@settings(max_examples=30, deadline=None)
@given(histories)
def test_a_base_and_its_changes_make_the_next_base_for_any_history(history: list[list[Change]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, parts, truth = Path(name), (), {}
        for change in history:
            parts = merge_base(parts, rows_of(change), folder, rows_per_part=7)
            for digits, *row in change:
                truth[seal_one(AT_REST, Number(kind=1, digits=digits))] = row
            truth = {number: row for number, row in truth.items() if any(row[:3])}
            found = [(row, read_part(path).carriers) for path in made(parts, folder) for row in read_part(path).rows]
            assert [row["sealed"].ljust(16, b"\0") for row, _ in found] == sorted(truth)
            for row, carriers in found:
                *declined, carrier = truth[row["sealed"].ljust(16, b"\0")]
                assert [row["calls"], row["messages"], row["quiet"]] == declined
                assert row["robocalls"] == row["calls"]
                assert carriers[row["carrier"]] == CARRIERS[carrier]
            assert all(part.rows <= 7 for part in parts)
            assert [part.first for part in parts] == sorted(part.first for part in parts)


def test_parts_that_nothing_changed_are_taken_over_as_they_are(tmp_path: Path) -> None:
    rows = some_rows(5000)
    parts = merge_base((), rows, tmp_path, rows_per_part=1000)
    assert [part.rows for part in parts] == [1000] * 5
    one = BaseRows(rows.rows[2500:2501].copy(), rows.carriers)
    one.rows["calls"] = 1
    after = merge_base(parts, one, tmp_path, rows_per_part=1000)
    assert [old == new for old, new in zip(parts, after)] == [True, True, False, True, True]
    assert merge_base(after, BaseRows(rows.rows[:0], ()), tmp_path) == after


def test_the_same_base_has_the_same_bytes_whatever_way_it_came_about(tmp_path: Path) -> None:
    rows = some_rows(400)
    renamed = BaseRows(rows.rows.copy(), ("nobody", *CARRIERS))
    renamed.rows["carrier"] += 1
    assert merge_base((), rows, tmp_path) == merge_base((), renamed, tmp_path)


def test_a_base_holds_the_columns_of_the_design_and_the_carrier(tmp_path: Path) -> None:
    (part,) = merge_base((), some_rows(100), tmp_path)
    found = pq.read_schema(tmp_path / part.name)
    assert found.names == ["sealed", "calls", "robocalls", "messages", "quiet", "carrier"]
    assert str(found.field("sealed").type) == "fixed_size_binary[16]"


# --- full lists -------------------------------------------------------------------------------------------------------


def full_of(rows: BaseRows, carriers: frozenset[str] | None, algorithm: str = "aes-cmac-64") -> Records:
    """The list that the base means, made the slow way."""
    if carriers is not None:
        served = np.isin(np.array(rows.carriers)[rows.rows["carrier"]], list(carriers))
        rows = BaseRows(rows.rows[served], rows.carriers)
    digits, kinds = unseal_many(AT_REST, rows.sealed)
    tags = tags_many(LIST_KEY, digits, kinds, algorithm)
    return record_array(tags, *[rows.rows[name] for name in ("calls", "robocalls", "messages", "quiet")])


@pytest.mark.parametrize("algorithm", ["aes-cmac-64", "sm4-cmac-64"])
@pytest.mark.parametrize("carriers", [None, frozenset({"cmcc"}), frozenset({"cmcc", "cucc"}), frozenset({"nobody"})])
def test_a_full_list_holds_what_the_base_holds_for_those_it_is_for(
    tmp_path: Path, carriers: frozenset[str] | None, algorithm: str
) -> None:
    rows = some_rows(6000)
    base = made(merge_base((), rows, tmp_path, rows_per_part=2500), tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    how = {"at_rest": AT_REST, "key": LIST_KEY, "algorithm": algorithm, "carriers": carriers}
    full = build_full(base, out, **how, rows_per_part=1000)
    wanted = full_of(rows, carriers, algorithm)
    found = b"".join(read_list(out / part.name).tobytes() for part in full.parts)
    assert found == wanted.tobytes()
    assert full.entries == len(wanted) == sum(part.rows for part in full.parts)
    assert full.content_root == content_root(wanted)
    assert sorted(path.name for path in out.iterdir()) == sorted(part.name for part in full.parts)


def test_a_full_list_is_split_by_the_top_bits_of_the_tag(tmp_path: Path) -> None:
    base = made(merge_base((), some_rows(6000), tmp_path), tmp_path)
    full = build_full(base, tmp_path, at_rest=AT_REST, key=LIST_KEY, rows_per_part=2000)
    assert len(full.parts) == 4
    for i, part in enumerate(full.parts):
        assert set((read_list(tmp_path / part.name)["tag"].astype(np.uint64) >> np.uint64(62)).tolist()) == {i}


def test_full_lists_have_the_same_bytes_each_time(tmp_path: Path) -> None:
    base = made(merge_base((), some_rows(3000, spread=3000), tmp_path, rows_per_part=500), tmp_path)
    once, again = (build_full(base, tmp_path, at_rest=AT_REST, key=LIST_KEY, rows_per_part=1000) for _ in range(2))
    assert once == again


def test_a_full_list_of_an_empty_base_is_empty(tmp_path: Path) -> None:
    full = build_full([], tmp_path, at_rest=AT_REST, key=LIST_KEY)
    assert (full.parts, full.entries, full.content_root) == ((), 0, content_root(np.empty(0, RECORD)))


def test_a_row_of_a_list_is_found_by_the_tag_of_its_number(tmp_path: Path) -> None:
    base = made(merge_base((), some_rows(100), tmp_path), tmp_path)
    full = build_full(base, tmp_path, at_rest=AT_REST, key=LIST_KEY)
    tags = read_list(tmp_path / full.parts[0].name)["tag"]
    assert tag_one(LIST_KEY, Number(kind=1, digits=FIRST + 42)) in tags


def test_two_entries_with_one_tag_are_said_and_leave_no_files(tmp_path: Path) -> None:
    rows = some_rows(100)
    twice = BaseRows(np.repeat(rows.rows, 2), rows.carriers)
    base = made(merge_base((), twice, tmp_path), tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ConflictError) as refused:
        build_full(base, out, at_rest=AT_REST, key=LIST_KEY)
    assert refused.value.code == "tag_twice"
    assert not list(out.iterdir())


def test_a_base_that_is_damaged_or_sealed_by_another_key_is_refused(tmp_path: Path) -> None:
    base = made(merge_base((), some_rows(100), tmp_path), tmp_path)
    with pytest.raises(InvalidInputError) as foreign:
        build_full(base, tmp_path, at_rest=LIST_KEY, key=LIST_KEY)
    assert foreign.value.code == "not_sealed"
    base[0].write_bytes(base[0].read_bytes()[:100])
    with pytest.raises(FeedError) as cut:
        build_full(base, tmp_path, at_rest=AT_REST, key=LIST_KEY)
    assert cut.value.code == "bad_list_file"
