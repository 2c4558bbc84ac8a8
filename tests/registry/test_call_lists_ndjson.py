"""Call lists as NDJSON: each object comes back byte for byte with its answer at its end."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.calllists.answered import COLUMNS
from registry.calllists.limits import Limits
from registry.errors import InvalidInputError
from registry.numbers import NumberError, parse_one
from tests.conftest import SHARED
from tests.registry.calling import DECLINED, FREE, PLAN, alone, only, scrubbed, seen

EVERYTHING = {"verdict": "declined", "reason": "everything_declined", "rule": "49(7)", "until": "2026-12-01T03:00:00Z"}


def answers(out: bytes, encoding: str = "utf-8") -> list[list[str]]:
    objects = [json.loads(line) for line in out.decode(encoding).splitlines() if line.strip()]
    return [[item["verdict"], item["reason"]] for item in objects]


def test_the_answer_stands_at_the_end_of_each_object() -> None:
    text = f'{{"id": 1, "phone":"{DECLINED}", "x": {{"y": [1,2]}} }}\r\n{{"phone":{FREE}}}\n'.encode()
    found = seen(text, name="calls.jsonl.gz")
    assert (found.format, found.ending, found.header, found.column) == ("ndjson", "jsonl", ("id", "phone", "x"), 1)
    assert found.rows == (("1", DECLINED, '{"y": ["1", "2"]}'), ("", FREE, ""))
    lines = scrubbed(text).splitlines(keepends=True)
    assert lines[0].startswith(text[: text.index(b"}\r\n")] + b',"verdict":"declined","reason":"everything_declined"')
    assert lines[0].endswith(b'"next_allowed":null}\r\n')
    assert {name: json.loads(lines[0])[name] for name in EVERYTHING} == EVERYTHING
    assert json.loads(lines[1])["verdict"] == "allowed"


WAYS = {
    f'"{FREE}"': "allowed", FREE: "allowed", f"{FREE}.0": "allowed",
    f"{DECLINED}.00": "declined", f'"+86{DECLINED}"': "declined",
    '"\\uff11\\uff13\\uff18\\uff10\\uff10\\uff11\\uff13\\uff18\\uff10\\uff10\\uff10"': "declined",
    "1.38001E+10": "rounded", "1.3800138000e10": "declined", '"1.38001E+10"': "rounded",
    "null": "empty", '""': "empty", "true": "letters",
    f"[{FREE}]": "not_a_number", f'{{"a":{FREE}}}': "not_a_number", "NaN": "letters",
}  # fmt: skip


@pytest.mark.parametrize(("value", "answer"), WAYS.items())
@pytest.mark.parametrize("other", ["1", "NaN"])
def test_a_number_is_read_as_it_is_written(value: str, answer: str, other: str) -> None:
    text = f'{{"phone":"{FREE}","x":{other}}}\n{{"phone":{value},"x":2}}\n'.encode()
    verdict, reason = answers(scrubbed(text))[1]
    assert answer == (reason if verdict == "invalid" else verdict)


def test_a_line_that_is_no_object_comes_back_inside_one() -> None:
    good = f'{{"phone":"{FREE}"}}\n'.encode() * 3
    bad = b'oops "\\\n[1]\n\n   \n{"phone":\n{"phone":"1","phone2":2}{"phone":"2"}\n{}\n{ }\n{"x":"\xff"}\n"\xe4"\xff'
    for step in (0, 5):
        out = scrubbed(good + bad, step=step, wanted="phone", limits=Limits(block=32))
        lines = [json.loads(line.decode("utf-8", "replace")) for line in out.split(b"\n") if line.strip()]
        assert [line["reason"] for line in lines[3:]] == [
            *["not_an_object"] * 4, *["empty"] * 3, "not_an_object",
        ]  # fmt: skip
        assert [line.get("line") for line in lines[3:6]] == ['oops "\\', "[1]", '{"phone":']
        assert lines[-1]["line"] == '"\\xe4"\\xff'
        assert b"\n\n   \n" in out


def test_a_line_without_end_costs_itself_alone() -> None:
    line = f'{{"phone":"{FREE}"}}\n'.encode()
    out = scrubbed(line + b'{"phone":"' + b"1" * 3_000_000 + b'"}\n' + line, step=1 << 16, limits=Limits(block=1 << 20))
    assert [reason for _, reason in answers(out)] == ["no_recorded_will", "line_too_long", "no_recorded_will"]
    assert len(out) < 1000


values = st.sampled_from([DECLINED, FREE, "x", "", f"+86{FREE}", "139-0013-9000", "１３９００１３９０００", None, 8])
words = st.text(st.sampled_from('ab 1,"\\{}\n中丂€'), max_size=6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(words, values, words), min_size=1), st.integers(16, 200), st.integers(1, 40), st.booleans(),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "gb18030"]), st.sampled_from(["\n", "\r\n", " \n"]),
    st.booleans(),
)  # fmt: skip
def test_any_objects_keep_their_bytes_and_order(
    rows: list[tuple[str, str | None, str]], size: int, step: int, ascii_only: bool, encoding: str, ending: str,
    cut: bool,
) -> None:
    objects = [{"左": left, "phone": number, "right": right} for left, number, right in rows]
    lines = [json.dumps(item, ensure_ascii=ascii_only) + ending for item in [{"phone": FREE}, *objects]]
    text = "".join(lines)[: -len(ending) if cut else None]
    content = text.encode(encoding)
    out = scrubbed(content, step=step, wanted="phone", limits=Limits(block=size)).decode(encoding)
    answered = [line for line in out.split("\n") if line]
    assert len(answered) == len(lines)
    for line, item in zip(answered[1:], objects):
        assert json.loads(line)["verdict"] == alone(str(item["phone"] or ""))
    bare = out
    for line in answered:
        bare = bare.replace(line[line.index(',"verdict":') : line.rindex("}")], "", 1)
    assert bare == text
    for verdict in ("allowed", "declined", "invalid"):
        chosen = only(content, verdict, wanted="phone").decode(encoding)
        assert [line for line in chosen.split("\n") if line] == [
            line for line in answered if json.loads(line)["verdict"] == verdict
        ]


def test_columns_are_members_and_are_refused_in_words() -> None:
    two = f'{{"home":"{FREE}","office":"{DECLINED}"}}\n'.encode()
    with pytest.raises(InvalidInputError, match=r"home \(column 1\) and office \(column 2\)"):
        seen(two)
    assert [verdict for verdict, _ in answers(scrubbed(two, wanted="office"))] == ["declined"]
    for text, code in ((b'{"a":"b"}\n', "no_number_column"), (b'[{"phone":"13800138000"}]', "not_a_list")):
        with pytest.raises(InvalidInputError) as caught:
            seen(text)
        assert caught.value.code == code


def test_members_of_an_earlier_answer_are_not_given_twice() -> None:
    twice = scrubbed(scrubbed(f'{{"phone":"{DECLINED}"}}\n'.encode()))
    assert list(json.loads(twice)) == ["phone", *COLUMNS, *(f"{name}_2" for name in COLUMNS)]


def test_a_member_may_have_any_name() -> None:
    text = json.dumps({'the "phone"\\': DECLINED}).encode()
    assert answers(scrubbed(text))[0][0] == "declined"


def reason_of(number: str) -> str:
    try:
        parse_one(number, PLAN, country="US")
    except NumberError as error:
        return error.code
    return ""


def test_the_ftc_list_comes_back_in_order_and_its_counts_agree_with_parse_one() -> None:
    path = SHARED / "data" / "ftc-reported-calls-2020-02-17.ndjson"
    if not path.exists():
        pytest.skip("the shared data are not here")
    content = path.read_bytes()
    lines = content.splitlines()
    assert seen(content, country="US", name=path.name).header == ("id", "number", "area-code")
    out = scrubbed(gzip.compress(content), country="US", limits=Limits()).splitlines()
    assert [line[: line.index(b',"verdict"')] for line in out] == [line[:-1] for line in lines]
    expected = [reason_of(json.loads(line)["number"]) for line in lines]
    found = [json.loads(line) for line in out]
    assert ["" if line["verdict"] != "invalid" else line["reason"] for line in found] == expected
    assert 100 < sum(map(bool, expected)) < len(lines)
