"""Readers: shapes, encodings, packings and damage, each ending in rows or in a reason."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import InvalidInputError
from registry.readers import Format, Row, Rows, Unreadable, format_of, read

COLUMNS = frozenset({"id", "caller", "called", "description"})
TEXT = "贷款推销 ☎ “骚扰”"


def rows_of(content: bytes, format: Format = "ndjson") -> list[Row | Unreadable]:
    return list(read(io.BytesIO(content), format=format, columns=COLUMNS))


def fields_of(content: bytes, format: Format = "ndjson") -> list[dict[str, object]]:
    found = rows_of(content, format)
    assert all(isinstance(row, Row) for row in found), found
    return [row.fields for row in found if isinstance(row, Row)]


def reasons_of(content: bytes, format: Format = "ndjson") -> list[str]:
    return [row.reason if isinstance(row, Unreadable) else "" for row in rows_of(content, format)]


def drained(rows: Rows) -> int:
    return sum(1 for _ in rows)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_format_is_read_in_every_encoding_that_can_be_told(encoding: str, ending: str) -> None:
    wanted = [{"id": str(i), "description": f"{TEXT}{i}"} for i in range(50)]
    by_line = ending.join(json.dumps(row, ensure_ascii=False) for row in wanted) + ending
    array = json.dumps(wanted, ensure_ascii=False, indent=1).replace("\n", ending)
    table = "id,description" + ending + ending.join(f"{row['id']},{row['description']}" for row in wanted)
    assert fields_of(by_line.encode(encoding)) == wanted
    assert fields_of(array.encode(encoding), "json") == wanted
    assert fields_of(table.encode(encoding), "csv") == wanted
    assert fields_of(gzip.compress(table.encode(encoding)), "csv") == wanted


def test_an_encoding_that_shows_late_is_told_apart_then() -> None:
    plain = b'{"id":"1"}\n' * 60_000
    for encoding in ("utf-8", "gb18030"):
        rows = read(io.BytesIO(plain + json.dumps({"id": TEXT}, ensure_ascii=False).encode(encoding)), format="ndjson")
        last = list(rows)[-1]
        assert isinstance(last, Row)
        assert last.fields == {"id": TEXT}
        assert rows.progress.encoding == encoding


def test_one_row_with_wrong_bytes_costs_no_other() -> None:
    good = json.dumps({"id": TEXT}, ensure_ascii=False).encode()
    assert reasons_of(b"\n".join([good, b'{"id":"caf\xe9 cr\xe8me"}', good])) == ["", "bad_encoding", ""]
    assert reasons_of(b"[" + b",".join([good, b'{"id":"\xff"}', good]) + b"]", "json") == ["", "bad_encoding", ""]
    assert reasons_of(b"id,caller\n1,2\n\xff\xfe\xfd,4\n5,6", "csv") == ["", "bad_encoding", ""]
    chinese = [json.dumps({"id": TEXT}, ensure_ascii=False).encode("gb18030")] * 3
    assert reasons_of(b"\n".join([*chinese, b'{"id":"\xff\xff"}'])) == ["", "", "", "bad_encoding"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"id":"1"}'.encode("utf-32"), "encoding"),
        ('{"id":"1"}'.encode("utf-32-le"), "encoding"),
        ('{"id":"1"}'.encode("utf-32-be"), "encoding"),
        (b"PK\x03\x04 a workbook", "packed_otherwise"),
        (b"PAR1....", "packed_otherwise"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "packed_otherwise"),
    ],
)
def test_what_can_not_be_told_is_refused_in_words(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        rows_of(content)
    assert refused.value.code == code


def test_text_that_is_no_json_and_a_table_without_names_are_refused() -> None:
    for content, format, code in ((b"hello", "json", "not_json"), (b"1,2\n3,4\n", "csv", "csv_header"),
                                  (b"id,caller,ID\n1,2,3", "csv", "csv_header")):
        with pytest.raises(InvalidInputError) as refused:
            rows_of(content, format)  # type: ignore[arg-type]
        assert refused.value.code == code


def test_nul_bytes_are_a_reason_and_not_a_crash() -> None:
    assert reasons_of(b'{"id":"1"}\n{"id":"\x00"}\n' + b"\0" * 5000 + b'\n{"id":"2"}') == ["", "nul", "nul", ""]
    assert reasons_of(b'[{"id":"1"},{"id":"\x00"},\x00,{"id":"2"}]', "json") == ["", "nul", "nul", ""]
    assert reasons_of(b"id,caller\n1,\x00\n2,3\n", "csv") == ["nul", ""]


def test_lines_that_are_no_objects_say_why() -> None:
    lines = [b'{"id":1', b"[1,2]", b'"text"', b"12", b"null", b"not json", b'{"id":"\\ud800"}', b"[" * 100_000]
    lines.append(b'{"n":1e999}')
    wanted = ["not_json", *["not_an_object"] * 4, "not_json", "not_json", "nested_too_deep", "not_json"]
    assert reasons_of(b"\n".join(lines) + b"\n \n\n") == wanted


def test_line_numbers_are_those_of_the_file() -> None:
    assert [row.line for row in rows_of(b'\n{"id":"1"}\n\n\r\n{"id":"2"}\nbad')] == [2, 5, 6]
    assert [row.line for row in rows_of(b'\nid,caller\n1,2\n\n3,"4\n5"\n6,7', "csv")] == [3, 5, 7]
    assert [row.line for row in rows_of(b'[{"id":"1"}, 5, {"id":"2"}]', "json")] == [1, 2, 3]


class Endless(io.RawIOBase):
    """A stream that is made while it is read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    def read(self, size: int = -1) -> bytes:
        return next(self._parts, b"")


def hundred_megabytes(before: bytes, after: bytes) -> Iterator[bytes]:
    yield before
    for _ in range(400):
        yield b"x" * 262_144
    yield after


@pytest.mark.parametrize(
    ("format", "before", "after"),
    [
        ("ndjson", b'{"id":"1"}\n{"id":"', b'"}\n{"id":"2"}\n'),
        ("json", b'[{"id":"1"},{"id":"', b'"},{"id":"2"}]'),
        ("csv", b"id,caller\n1,2\n", b",3\n2,4\n"),
    ],
)
def test_a_line_of_a_hundred_megabytes_is_skipped_in_bounded_memory(
    format: Format, before: bytes, after: bytes
) -> None:
    tracemalloc.start()
    found = list(read(Endless(hundred_megabytes(before, after)), format=format, columns=COLUMNS))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [row.fields["id"] if isinstance(row, Row) else row.reason for row in found] == ["1", "line_too_long", "2"]
    assert len(found[1].raw) < 3000
    assert peak < 12_000_000


def test_long_lines_that_differ_late_are_told_apart() -> None:
    first, second = (row.raw for row in rows_of(b"x" * 1_100_000 + b"1\n" + b"x" * 1_100_000 + b"2\n"))
    assert first != second


def test_a_truncated_gzip_gives_its_rows_and_says_that_it_was_cut() -> None:
    content = b"".join(b'{"id":"%d","caller":"%d"}\n' % (i, i * 7919) for i in range(20_000))
    packed = gzip.compress(content)
    rows = read(io.BytesIO(packed[: len(packed) // 2]), format="ndjson")
    found = list(rows)
    assert 5_000 < len(found) < 15_000
    assert rows.progress.cut == "gzip_cut"
    assert {row.reason for row in found if isinstance(row, Unreadable)} <= {"cut_off"}
    assert all(isinstance(row, Row) for row in found[:-1])


def test_the_last_line_of_a_cut_table_is_not_trusted() -> None:
    packed = gzip.compress(b"id,caller\n1,13800138000\n2,1380013", compresslevel=0)
    rows = read(io.BytesIO(packed[:-8]), format="csv", columns=COLUMNS)
    assert [row.reason if isinstance(row, Unreadable) else "" for row in rows] == ["", "cut_off"]


def test_damaged_gzip_and_what_follows_it_are_said() -> None:
    packed = gzip.compress(b'{"id":"1"}\n')
    for content, cut, count in (
        (packed[:-8] + bytes(8), "gzip_damaged", 1),
        (packed + b"rubbish", "gzip_trailing", 1),
        (packed + bytes(512), "", 1),
        (packed + bytes(512) + packed, "", 2),
        (packed[:10], "gzip_cut", 0),
    ):
        rows = read(io.BytesIO(content), format="ndjson")
        found = list(rows)
        assert rows.progress.cut == cut
        assert [type(row) for row in found] == [Row] * count


def test_a_bomb_is_stopped_while_it_unfolds() -> None:
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(pack.compress(bytes(1_048_576)) for _ in range(200)) + pack.flush()
    rows = read(io.BytesIO(bomb), format="ndjson")
    assert drained(rows) == 1  # the beginning of one endless line
    assert rows.progress.cut == "expands_too_much"


def test_pages_arrays_single_objects_and_objects_in_a_row_are_json() -> None:
    one, two = b'{"id":"1","n":{"a":[1,"]}"]}}', b'{"id":"2"}'
    for content in (
        b"[" + one + b"," + two + b"]",
        one + two,
        one + b"\n" + two,
        b'{"meta":{"x":"{"},"data":[' + one + b"," + two + b'],"links":{"self":"a[b"}}',
        b'{"data":[' + one + b'],"links":{}}\n{"data": [' + two + b"]}",
        b"[" + one + b",\n" + two + b",]",
    ):
        assert [fields["id"] for fields in fields_of(content, "json")] == ["1", "2"]
    assert fields_of(b"", "json") == []
    assert fields_of(b"[]", "json") == []
    assert fields_of(b'{"data":[]}', "json") == []
    assert fields_of(b'{"description":"\\"data\\":[","id":"1"}', "json")[0]["id"] == "1"


def test_a_broken_element_costs_no_other() -> None:
    content = b'[\n{"id":"1"},\n{"id":"2},\n{"id":"3"},\n{"id":4"},\n{"id":"5"}\n]'
    found = [row.fields["id"] if isinstance(row, Row) else "?" for row in rows_of(content, "json")]
    assert found == ["1", "?", "3", "?", "5"]
    rows = read(io.BytesIO(b'[{"id":"1"},{"id":"2","caller"'), format="json")
    assert [row.reason if isinstance(row, Unreadable) else "" for row in rows] == ["", "cut_off"]
    assert rows.progress.cut == "json_cut"


def test_tables_come_with_any_delimiter_quotes_and_lines_in_cells() -> None:
    for mark in ",;\t":
        content = f'ID{mark} Caller{mark}description\r\n1{mark}2{mark}"a{mark}b ""c""\r\nd"\r\n3{mark}{mark}x"y\r\n'
        assert fields_of(content.encode(), "csv") == [
            {"id": "1", "caller": "2", "description": f'a{mark}b "c"\nd'},
            {"id": "3", "description": 'x"y'},
        ]


def test_a_quote_that_is_never_closed_costs_one_line() -> None:
    content = b'id,caller\n1,"2\n3,4\n5,6\n7,"8\n9,10\n'
    assert reasons_of(content, "csv") == ["quote_not_closed", "", "", "quote_not_closed", ""]
    assert reasons_of(b'id,caller\n1,2,3\n4\n5,"6"7\n8,9', "csv") == ["wrong_columns", "wrong_columns", "not_csv", ""]


def test_the_ftc_shapes_come_out_in_our_words() -> None:
    lines = b'{"id":"a","number":"8053096227","area-code":"805"}\n{"id":"b","number":"","area-code":"1","more":1}\n'
    assert fields_of(lines, "ftc") == [{"id": "a", "caller": "8053096227"}, {"id": "b", "caller": "", "more": 1}]
    element = {
        "type": "dnc_complaint", "id": "c", "relationships": [], "meta": {}, "links": {"self": "x"},
        "attributes": {
            "company-phone-number": "2025550123", "created-date": "2020-02-18 00:00:00",
            "violation-date": "2020-02-17 11:00:00", "consumer-city": "X", "consumer-state": "Ohio",
            "consumer-area-code": "216", "subject": "Debt collection", "recorded-message-or-robocall": "Y",
        },
    }
    page = json.dumps({"data": [element], "meta": {"record-total": 1}}, indent=2).encode()
    wanted = {
        "id": "c", "caller": "2025550123", "at": "2020-02-17T11:00:00Z", "category": "collection",
        "description": "Debt collection", "channel": "robocalls", "mode": "recorded",
    }
    assert fields_of(page, "ftc") == [wanted]
    assert fields_of(json.dumps([element]).encode(), "ftc") == [wanted]


def test_formats_are_known_by_media_type_and_file_name() -> None:
    assert format_of("text/csv; charset=gbk") == "csv"
    assert format_of("application/x-ndjson") == "ndjson"
    assert format_of("Calls.JSON.gz") == "json"
    assert format_of("image/png") is None


pieces = st.lists(
    st.sampled_from(
        [b'{"id":"1"}', b"\n", b",", b"[", b"]", b"{", b"}", b'"', b"\\", b"\0", b"\r", b"id,caller\n", b'"data":[',
         b"\xff", TEXT.encode(), TEXT.encode("gb18030"), TEXT.encode("utf-16-le"), b"\x1f\x8b", b" ", b"1;2\n"]
    )
    | st.binary(max_size=6),
    max_size=30,
)


@given(pieces, st.sampled_from(["ndjson", "json", "csv", "ftc"]), st.booleans())
@settings(max_examples=400, deadline=None)
def test_no_input_makes_a_reader_fail_otherwise_than_by_refusing(
    parts: list[bytes], format: Format, packed: bool
) -> None:
    content = b"".join(parts)
    try:
        found = rows_of(gzip.compress(content) if packed else content, format)
    except InvalidInputError:
        return
    assert all(len(row.raw) <= 1_100_000 for row in found)


VALUES = st.text(max_size=8) | st.integers() | st.none()


@given(st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=8))
@settings(max_examples=100, deadline=None)
def test_what_json_writes_comes_back(wanted: list[dict[str, object]]) -> None:
    clean = [{k.replace("data", "x"): v for k, v in row.items()} for row in wanted]
    assert fields_of(json.dumps(clean).encode(), "json") == clean
    assert fields_of("\n".join(map(json.dumps, clean)).encode()) == clean
