"""Call lists as text: every line comes back as it was, in order, with the answer of a single check."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry.calllists import files
from registry.calllists.answered import COLUMNS
from registry.calllists.calllist import stored
from registry.calllists.limits import Limits
from registry.calllists.spool import Spool
from registry.calllists.tally import Tally
from registry.errors import InvalidInputError
from tests.conftest import SHARED
from tests.registry.calling import DECLINED, FREE, PLAN, Dribbling, alone, only, scrubbed, scrubber, seen

CODINGS = {
    "utf-8": ("utf-8", b""), "utf-8 with BOM": ("utf-8", b"\xef\xbb\xbf"), "utf-16-le": ("utf-16-le", b"\xff\xfe"),
    "utf-16-be": ("utf-16-be", b"\xfe\xff"), "gb18030": ("gb18030", b""), "utf-16-le, no BOM": ("utf-16-le", b""),
}  # fmt: skip


def rows_of(out: bytes, encoding: str = "utf-8", delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(out.decode(encoding), newline=""), delimiter=delimiter))


def verdicts(out: bytes, *, header: bool = True) -> list[str]:
    return [row[-5] if len(row) >= 5 else "" for row in rows_of(out)[header:]]


def test_every_line_comes_back_with_its_answer() -> None:
    text = f"name,phone,city\r\nLi,{DECLINED},Beijing\r\nWang,{FREE},\"Shang,hai\"\r\nZhao,none,\r\n".encode()
    out = scrubbed(text)
    rows = rows_of(out)
    assert rows[0] == ["name", "phone", "city", *COLUMNS]
    answer = ["declined", "everything_declined", "49(7)", "2026-12-01T03:00:00Z", ""]
    assert rows[1] == ["Li", DECLINED, "Beijing", *answer]
    assert rows[2][:4] == ["Wang", FREE, "Shang,hai", "allowed"]
    assert rows[3][3:5] == ["invalid", "letters"]
    assert out.count(b"\r\n") == 4


def test_a_list_of_bare_numbers_has_no_header() -> None:
    assert verdicts(scrubbed(f"{FREE}\n{DECLINED}".encode()), header=False) == ["allowed", "declined"]


numbers = st.sampled_from(
    [DECLINED, FREE, "x", "", f"+86{FREE}", "139-0013-9000", "１３９００１３９０００", f"{FREE}.0"]
)
cells = st.text(st.sampled_from("ab 1,\"\n;|\t中文丂€"), max_size=6)
lists = st.lists(st.tuples(cells, numbers, cells), min_size=1).filter(lambda rows: any(any(row) for row in rows))


@settings(max_examples=80, deadline=None)
@given(
    lists, st.integers(16, 200), st.integers(1, 40), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans(),
    st.sampled_from(sorted(CODINGS)), st.sampled_from(",;\t|"),
)  # fmt: skip
def test_any_text_keeps_its_bytes_and_order_in_any_encoding(
    rows: list[tuple[str, str, str]], size: int, step: int, ending: str, all_quoted: bool, cut: bool, coding: str,
    delimiter: str,
) -> None:
    made = io.StringIO()
    quoting = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(made, lineterminator=ending, quoting=quoting, delimiter=delimiter)
    writer.writerows([("左left", "phone", "right"), *rows])
    text = made.getvalue()[: -len(ending) if cut else None]
    encoding, mark = CODINGS[coding]
    content = mark + text.encode(encoding)
    found = seen(content, wanted="phone")
    if found.delimiter != delimiter:  # cells were full of another one
        return
    out = scrubbed(content, step=step, wanted="phone", limits=Limits(block=size))
    assert out.startswith(mark)
    answered = rows_of(out[len(mark) :], encoding, delimiter)
    assert [tuple(row[:3]) for row in answered[1:]] == rows
    for row, (_left, number, _right) in zip(answered[1:], rows):
        assert row[3] == alone(number)
    # without the answers the very bytes are left
    bare = made.getvalue()
    for row in answered:
        tail = delimiter + delimiter.join(row[3:])
        assert tail in out[len(mark) :].decode(encoding)
    stripped = out[len(mark) :].decode(encoding)
    for row in answered:
        stripped = stripped.replace(delimiter + delimiter.join(row[3:]), "", 1)
    assert stripped == text
    assert bare.startswith(stripped)


@settings(max_examples=60, deadline=None)
@given(lists, st.sampled_from(sorted(CODINGS)), st.sampled_from(["allowed", "declined", "invalid"]))
@example([("a", FREE, "b"), ("\n", DECLINED, '"')], "utf-8", "declined")
def test_the_lines_of_one_verdict_are_those_lines_and_the_header(
    rows: list[tuple[str, str, str]], coding: str, verdict: str
) -> None:
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows([("左left", "phone", "right"), *rows])
    encoding, mark = CODINGS[coding]
    content = mark + made.getvalue().encode(encoding)
    if seen(content, wanted="phone").delimiter != ",":
        return
    out = only(content, verdict, wanted="phone")
    assert out.startswith(mark)
    chosen = rows_of(out[len(mark) :], encoding)
    assert chosen[0] == ["左left", "phone", "right", *COLUMNS]
    assert [tuple(row[:3]) for row in chosen[1:]] == [row for row in rows if alone(row[1]) == verdict]


def test_the_ftc_list_as_csv_agrees_with_single_numbers() -> None:
    path = SHARED / "data" / "ftc-reported-calls-2020-02-17.ndjson"
    if not path.exists():
        pytest.skip("the shared data are not here")
    numbers = [json.loads(line)["number"] for line in path.read_text().splitlines()]
    text = "id,number\n" + "".join(f'{i},"{number}"\n' for i, number in enumerate(numbers))
    out = scrubbed(text.encode(), country="US", wanted="number", limits=Limits(block=1 << 16))
    rows = rows_of(out)[1:]
    assert [row[0] for row in rows] == [str(i) for i in range(len(numbers))]
    for row, number in zip(rows, numbers):
        assert row[2] == alone(number, country="US")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "empty_list"), (b"\n\n", "empty_list"), (b"\xef\xbb\xbf", "empty_list"), (b"name,phone\n", "header_only"),
        (b"name,city\nLi,Beijing\n", "no_number_column"), (b"a,b\n13800138000,13900139000\n", "two_number_columns"),
        (b"\x00\x01\x02\xff\xfe", "not_a_list"), (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not_a_list"),
        ("phone\n13800138000".encode("utf-32"), "encoding"), (b"%PDF-1.7\n", "packed_otherwise"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_used_is_refused_in_words(text: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scrubbed(text)
    assert caught.value.code == code


def test_two_columns_of_numbers_are_both_named_and_somebody_is_asked() -> None:
    text = f"home,office\n{DECLINED},{FREE}\n".encode()
    with pytest.raises(InvalidInputError, match=r"home \(column 1\) and office \(column 2\)"):
        seen(text)
    found = seen(text, asking=True)
    assert (found.column, found.candidates, found.header) == (None, (0, 1), ("home", "office"))
    assert found.rows == ((DECLINED, FREE),)


def test_of_two_columns_of_numbers_the_named_one_is_taken() -> None:
    text = f"fax,手机号\n{DECLINED},{FREE}\n".encode()
    assert verdicts(scrubbed(text)) == ["allowed"]
    assert verdicts(scrubbed(text, wanted=1)) == ["declined"]
    assert verdicts(scrubbed(text, wanted="1")) == ["declined"]
    assert verdicts(scrubbed(text, wanted=" FAX ")) == ["declined"]
    with pytest.raises(InvalidInputError) as caught:
        scrubbed(text, wanted="3")
    assert caught.value.code == "no_such_column"


def test_one_line_may_be_said_to_be_no_header() -> None:
    assert seen(b"unknown\n13800138000\n").header == ("unknown",)
    assert seen(b"unknown\n13800138000\n", header=False).header is None
    assert seen(f"{FREE}\n{DECLINED}\n".encode(), header=True).header == (FREE,)


def test_titles_above_a_header_are_no_lines_and_stay_where_they_are() -> None:
    text = f"Calls of April\n\n;;\nof the north;\nname;office;phone\nLi;{DECLINED};{FREE}\nno;;none\n".encode()
    found = seen(text)
    assert (found.header, found.column, found.titles) == (("name", "office", "phone"), 2, 2)
    lines = scrubbed(text).decode().splitlines()
    assert lines[:4] == text.decode().splitlines()[:4]
    assert lines[4] == "name;office;phone;" + ";".join(COLUMNS)
    assert [line.split(";")[3] for line in lines[5:]] == ["allowed", "invalid"]
    assert only(text, "allowed").decode().splitlines() == lines[:6]


def test_a_preview_shows_the_first_lines() -> None:
    text = "name;phone\n" + "".join(f'"Li; {i}";{FREE}\n' for i in range(20))
    found = seen(text.encode("gb18030"))
    assert (found.format, found.delimiter, found.column, found.width, found.size) == ("text", ";", 1, 2, len(text))
    assert found.rows == tuple((f"Li; {i}", FREE) for i in range(10))


def test_what_is_stored_with_a_job_holds_no_number() -> None:
    found = seen(f"{FREE},phone\nx,{DECLINED}\n".encode(), header=True)
    assert FREE not in stored(found)
    assert DECLINED not in stored(found)


def test_a_line_without_end_costs_itself_alone() -> None:
    text = f'{FREE},x\n9,"'.encode() + b"9" * 3_000_000 + f"\n{DECLINED},y\n".encode()
    out = scrubbed(text, step=1 << 16, limits=Limits(block=1 << 21))
    lines = out.split(b"\n")
    assert [line.split(b",")[-5] for line in lines if line] == [b"allowed", b"invalid", b"declined"]
    assert b"line_too_long" in lines[1]
    assert len(lines[1]) < 300
    assert verdicts(out, header=False) == ["allowed", "invalid", "declined"]


def test_a_quote_that_is_never_closed_costs_no_other_line() -> None:
    body = "".join(f"{FREE},{i}\n" for i in range(60))
    text = f'{FREE},"oops\n{body}{DECLINED},z\n'.encode()
    out = scrubbed(text, step=50, limits=Limits(block=256, line=300))
    assert [line.split(b",")[-5] for line in out.split(b"\n") if line].count(b"allowed") >= 55
    assert out.count(b"\n") == 62
    assert b"".join(files.only(io.BytesIO(out), seen(text), "declined")).startswith(f"{DECLINED},z,declined".encode())


def test_mixed_encodings_cost_the_cells_alone_that_are_no_text() -> None:
    good = f"李,{FREE}\n".encode() * 3
    mixed = "王".encode("gb18030") + f",{DECLINED}\n".encode() + b"Li," + "一三".encode("gb18030") + b"139\n"
    out = scrubbed(b"name,phone\n" + good + mixed)
    lines = out.splitlines()
    assert lines[4].startswith("王".encode("gb18030") + f",{DECLINED},declined,".encode())
    assert lines[5].startswith(b"Li," + "一三".encode("gb18030") + b"139,invalid,bad_encoding,")


def test_lines_that_end_with_cr_alone_are_lines() -> None:
    out = scrubbed(f"name,phone\rLi,{DECLINED}\rWang,{FREE}\r".encode())
    assert [line.split(b",")[2] for line in out.split(b"\r") if line] == [b"verdict", b"declined", b"allowed"]
    assert b"\n" not in out


def test_an_answer_stands_in_its_columns_behind_short_lines_too() -> None:
    out = scrubbed(f"\nname,phone,city\nLi,{FREE}\n\nWang,{DECLINED},X,\n".encode())
    rows = rows_of(out)
    assert rows[:2] == [[], ["name", "phone", "city", "", *COLUMNS]]
    assert [row[4] for row in rows[2:]] == ["allowed", "invalid", "declined"]


def test_numbers_written_as_floats_are_read_and_rounded_ones_are_refused() -> None:
    texts = [f"{DECLINED}.0", "1.3800138000E+10", "1.38001E+10", "1,38E+10", "1.38E+05"]
    out = scrubbed(("phone;x\n" + "".join(f"{text};\n" for text in texts)).encode())
    answers = [row[2:4] for row in rows_of(out, delimiter=";")[1:]]
    everything = ["declined", "everything_declined"]
    assert answers == [everything, everything, *[["invalid", "rounded"]] * 3]


def test_names_of_earlier_answers_are_not_given_twice() -> None:
    once = scrubbed(f"name,phone\nLi,{DECLINED}\n".encode())
    twice = rows_of(scrubbed(once))
    assert twice[0] == ["name", "phone", *COLUMNS, *(f"{name}_2" for name in COLUMNS)]
    assert b"Li" in b"".join(files.only(io.BytesIO(scrubbed(once)), seen(once), "declined"))


def test_who_is_not_admitted_gets_no_answer_and_the_others_do(tmp_path: Path) -> None:
    room = [2]

    def admit(sealed: np.ndarray) -> np.ndarray:
        given = min(room[0], len(sealed))
        room[0] -= given
        return np.arange(len(sealed)) < given

    text = f"phone\n{FREE}\nnone\n{DECLINED}\n{FREE}\n".encode()
    with Spool(tmp_path) as spool:
        out = scrubbed(text, admit=admit, spool=spool, limits=Limits())
        assert len(np.concatenate(list(spool.distinct()))) == 2
    assert [row[1:3] for row in rows_of(out)[1:]] == [
        ["allowed", "no_recorded_will"], ["invalid", "letters"], ["declined", "everything_declined"],
        ["invalid", "quota_reached"],
    ]  # fmt: skip


def test_distinct_numbers_are_spooled_with_their_answers(tmp_path: Path) -> None:
    tally = Tally()
    text = f"{FREE}\n{DECLINED}\n{FREE}\nbad\n".encode()
    with Spool(tmp_path) as spool:
        out = scrubbed(text, spool=spool, tally=tally)
        distinct = np.concatenate(list(spool.distinct()))
    assert (len(distinct), tally.lines, tally.size) == (2, 4, len(text))
    assert out.count(b"\n") == 4


def test_whoever_stops_the_work_stops_it_between_two_blocks() -> None:
    text = f"{FREE}\n".encode() * 200
    found, calls = seen(text), []

    def keep() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        source = Dribbling(text, 50)
        list(files.scrub(source, found, scrubber(), PLAN, country="CN", keep=keep, limits=Limits(block=100)))
    assert len(calls) == 3


loose = st.text(st.sampled_from('ab "'), max_size=5).map(lambda text: text.lstrip('"'))  # inches, nicknames
kept = st.text(st.sampled_from('a,\n"中'), min_size=1, max_size=5).map(lambda text: '"' + text.replace('"', '""') + '"')


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(loose | kept, numbers, loose | kept), min_size=1), st.integers(8, 120), st.integers(1, 40))
@example([('5" pipe', FREE, 'a'), ('6" pipe', DECLINED, '"a,""b"')], 100, 40)
def test_quotes_inside_cells_are_characters(rows: list[tuple[str, str, str]], size: int, step: int) -> None:
    text = "l,phone,r\n" + f"-,{FREE},-\n" * 3 + "".join(f"{left},{number},{right}\n" for left, number, right in rows)
    out = scrubbed(text.encode(), step=step, wanted="phone", limits=Limits(block=size, line=10_000))
    read = list(csv.reader(io.StringIO(text, newline="")))[4:]
    assert [row[3] for row in rows_of(out)[4:]] == [alone(row[1]) for row in read] == [alone(row[1]) for row in rows]
