"""Call lists from bytes to bytes: every line comes back as it was, in its order, with the answer of a single check."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import sealing
from registry.calllists.answered import COLUMNS
from registry.calllists.scrubfile import Tally, scrub_text
from registry.calllists.spool import Spool
from registry.decisions import Contact
from registry.errors import InvalidInputError
from registry.numbering import load_plan
from registry.numbers import NumberError, parse_one
from registry.preferences import Category, Channel
from registry.rulebook import load_rulebooks
from registry.scrub import Lists, Scrubber
from registry.scrubindex import PREFERENCE, index_of, keys_of
from tests.conftest import SHARED

PLAN, RULEBOOKS = load_plan(), load_rulebooks()
KEY = bytes(32)
DECLINED, FREE = "13800138000", "13900139000"
MORNING = datetime(2026, 11, 24, 3, tzinfo=UTC)


def scrubber(*declined: int) -> Scrubber:
    """Answers about loans by call; whoever is named declines everything."""
    sealed = sealing.seal_many(KEY, np.array(declined or (8613800138000,), np.uint64))
    keys = np.sort(keys_of(sealed))
    preferences = np.array([(0, 0, 0, 0), (0, 0, 0, 0), (0xFFFF, 0xFFFF, 0xFFFF, 0)], PREFERENCE)
    lists = Lists((index_of(keys, np.full(len(keys), 2, np.uint16), preferences),), 1)
    contact = Contact(MORNING, Channel.CALLS, Category.LOAN, telemarketer="acme")
    return Scrubber(
        None, lists, contact, RULEBOOKS, at_rest=KEY, holidays=PLAN.holidays, valid=timedelta(days=7),  # type: ignore[arg-type]
    )  # fmt: skip


def alone(number: str, *, country: str = "CN") -> str:
    """The verdict on one number."""
    try:
        found = parse_one(number, PLAN, country=country)
    except NumberError:
        return "invalid"
    return "declined" if found.digits == int(f"86{DECLINED}") else "allowed"


def scrubbed(text: bytes, *, size: int = 64, step: int = 7, **how: Any) -> bytes:
    pieces: Iterable[bytes] = (text[i : i + step] for i in range(0, len(text), step))
    return b"".join(scrub_text(pieces, scrubber(), PLAN, country="CN", size=size, **how))


def verdicts(out: bytes, *, header: bool = True) -> list[str]:
    rows = list(csv.reader(io.StringIO(out.decode(), newline="")))
    return [row[-5] if len(row) >= 5 else "" for row in rows[header:]]


def test_every_line_comes_back_with_its_answer() -> None:
    text = f"name,phone,city\r\nLi,{DECLINED},Beijing\r\nWang,{FREE},\"Shang,hai\"\r\nZhao,none,\r\n".encode()
    out = scrubbed(text)
    rows = list(csv.reader(io.StringIO(out.decode(), newline="")))
    assert rows[0] == ["name", "phone", "city", *COLUMNS]
    answer = ["declined", "everything_declined", "49(7)", "2026-12-01T03:00:00Z", ""]
    assert rows[1] == ["Li", DECLINED, "Beijing", *answer]
    assert rows[2][:4] == ["Wang", FREE, "Shang,hai", "allowed"]
    assert rows[3][3:5] == ["invalid", "letters"]
    assert out.count(b"\r\n") == 4


def test_a_list_of_bare_numbers_has_no_header() -> None:
    assert verdicts(scrubbed(f"{FREE}\n{DECLINED}".encode()), header=False) == ["allowed", "declined"]


numbers = st.sampled_from([DECLINED, FREE, "x", "", f"+86{FREE}", "139-0013-9000"])
cells = st.text(st.sampled_from("ab 1,\"\n;中"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(cells, numbers, cells), min_size=1),
    st.integers(16, 200), st.integers(1, 40), st.sampled_from(["\n", "\r\n"]), st.booleans(),
)
def test_any_csv_keeps_its_cells_and_order(
    rows: list[tuple[str, str, str]], size: int, step: int, ending: str, all_quoted: bool
) -> None:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator=ending, quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL)
    writer.writerows([("left", "phone", "right"), *rows])
    text = made.getvalue().encode()
    out = scrubbed(text, size=size, step=step, wanted="phone")
    found = list(csv.reader(io.StringIO(out.decode(), newline="")))
    assert [tuple(row[:3]) for row in found[1:]] == rows
    for row, (_left, number, _right) in zip(found[1:], rows):
        assert row[3] == alone(number)


def test_the_ftc_list_comes_back_in_order_and_agrees_with_single_numbers() -> None:
    path = SHARED / "data" / "ftc-reported-calls-2020-02-17.ndjson"
    if not path.exists():
        pytest.skip("the shared data are not here")
    numbers = [json.loads(line)["number"] for line in path.read_text().splitlines()]
    text = "id,number\n" + "".join(f'{i},"{number}"\n' for i, number in enumerate(numbers))
    pieces = [text.encode()]
    out = b"".join(scrub_text(pieces, scrubber(), PLAN, country="US", wanted="number", size=1 << 16))
    rows = list(csv.reader(io.StringIO(out.decode())))[1:]
    assert [row[0] for row in rows] == [str(i) for i in range(len(numbers))]
    for row, number in zip(rows, numbers):
        assert row[2] == alone(number, country="US")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "empty_list"), (b"\n\n", "empty_list"), (b"name,phone\n", "header_only"),
        (b"name,city\nLi,Beijing\n", "no_number_column"), (b"a,b\n13800138000,13900139000\n", "two_number_columns"),
        (b"\x00\x01\x02\xff\xfe", "not_a_list"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_used_is_refused_in_words(text: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scrubbed(text)
    assert caught.value.code == code


def test_of_two_columns_of_numbers_the_named_one_is_taken() -> None:
    text = f"fax,手机号\n{DECLINED},{FREE}\n".encode()
    assert verdicts(scrubbed(text)) == ["allowed"]
    assert verdicts(scrubbed(text, wanted=1)) == ["declined"]


def test_a_line_without_end_costs_itself_alone() -> None:
    text = f"{FREE},x\n".encode() + b"9" * 3_000_000 + f"\n{DECLINED},y\n".encode()
    out = scrubbed(text, size=1 << 21, step=1 << 16)
    lines = out.split(b"\n")
    assert [line.split(b",")[-5] for line in lines if line] == [b"allowed", b"invalid", b"declined"]
    assert b"line_too_long" in lines[1]
    assert len(lines[1]) < 300


def test_a_quote_that_is_never_closed_costs_no_other_line() -> None:
    body = "".join(f'{FREE},{i}\n' for i in range(60))
    out = scrubbed(f'{FREE},"oops\n{body}'.encode(), size=256, step=50, longest=300)
    assert [line.split(b",")[-5] for line in out.split(b"\n") if line].count(b"allowed") >= 55
    assert out.count(b"\n") == 61


def test_distinct_numbers_are_spooled_with_their_answers(tmp_path: Path) -> None:
    tally = Tally()
    with Spool(tmp_path) as spool:
        out = scrubbed(f"{FREE}\n{DECLINED}\n{FREE}\nbad\n".encode(), spool=spool, tally=tally)
        distinct = np.concatenate(list(spool.distinct()))
    assert (len(distinct), tally.lines, tally.size) == (2, 4, len(f"{FREE}\n{DECLINED}\n{FREE}\nbad\n"))
    assert out.count(b"\n") == 4
