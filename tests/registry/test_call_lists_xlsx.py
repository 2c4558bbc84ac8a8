"""Call lists as workbooks: everything in them stays, five columns more hold answers, numbers are read exactly."""

from __future__ import annotations

import gzip
import io
import re
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill

from registry.calllists.answered import COLUMNS
from registry.calllists.limits import Limits
from registry.calllists.tally import Tally
from registry.errors import InvalidInputError
from tests.registry.calling import DECLINED, FREE, alone, only, scrubbed, seen
from tests.registry.workbooks import archive, column, sheet, unpacked, workbook

N, M = int(DECLINED), int(FREE)
ALLOWED, INVALID = ("allowed", "no_recorded_will"), "invalid"


def saved(*sheets: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for rows in sheets:
        page = made.create_sheet()
        for row in rows:
            page.append(row)
    return content_of(made)


def content_of(made: openpyxl.Workbook) -> bytes:
    held = io.BytesIO()
    made.save(held)
    return held.getvalue()


def rows_of(content: bytes, place: int = 0) -> list[list[Any]]:
    return [list(row) for row in openpyxl.load_workbook(io.BytesIO(content)).worksheets[place].values]


def reasons(content: bytes, **how: Any) -> list[str]:
    """The verdict of each row that has one, or the reason why it has none."""
    found = [
        re.findall(rb't="str"><(?:x:)?v>([^<]*)<', row)
        for row in re.split(rb"</(?:x:)?row>", unpacked(scrubbed(content, **how))["xl/worksheets/sheet1.xml"])
    ]
    answers = [row[-5:] if b"no_recorded_will" not in row else row[-4:] for row in found]
    return [
        (row[1] if row[0] == b"invalid" else row[0]).decode()
        for row in ([cell for cell in row if cell] for row in answers) if row and row[0] != b"verdict"
    ]  # fmt: skip


def messy() -> bytes:
    """A workbook as people make them."""
    made = openpyxl.Workbook()
    page = made.active
    page.title = "四月 & May"
    page.append(["姓名", "手机号", "day", "sum", "note"])
    page.append(["李", N, date(2026, 1, 1), "=D3*2", "a"])
    page.append(["王", FREE, datetime(2026, 1, 1, 3, 30), 1.5, None])
    page.append(["赵", None, None, "=1/0", "<&>\""])
    page.append([None, "=B2", None, None, None])
    page["B2"].number_format, page["A2"].font = "0", Font(bold=True)
    page["C3"].fill, page["A3"].comment = PatternFill("solid", "FFFF00"), Comment("call later", "me")
    page.merge_cells("A7:B7")
    page.column_dimensions["A"].width = 33
    page.freeze_panes, page.auto_filter.ref = "A2", "A1:E5"
    page.row_dimensions[9].height = 40
    other = made.create_sheet("notes")
    other["B2"] = "nothing to call here"
    other.sheet_state = "hidden"
    return content_of(made)


def test_a_messy_workbook_keeps_everything_and_gets_answers() -> None:
    content = messy()
    found = seen(content, name="calls.XLSX")
    assert (found.format, found.ending, found.column, found.width) == ("xlsx", "xlsx", 1, 5)
    assert [(part.name, part.column, part.headed) for part in found.sheets] == [("四月 & May", 1, True)]
    assert found.rows[0][:2] == ("李", DECLINED)
    tally = Tally()
    out = scrubbed(content, tally=tally)
    assert (tally.lines, tally.size) == (4, len(content))
    before, after = (openpyxl.load_workbook(io.BytesIO(data)) for data in (content, out))
    for sheet_before, sheet_after in zip(before.worksheets, after.worksheets):
        for row in sheet_before.iter_rows():
            for cell in row:
                other = sheet_after[cell.coordinate]
                assert (cell.value, cell.number_format) == (other.value, other.number_format)
                assert (repr(cell.font), repr(cell.fill)) == (repr(other.font), repr(other.fill))
        assert sheet_before.merged_cells.ranges == sheet_after.merged_cells.ranges
    page = after.worksheets[0]
    assert (page["A3"].comment.text, page.column_dimensions["A"].width) == ("call later", 33)
    assert (page.freeze_panes, page.auto_filter.ref, page.dimensions) == ("A2", "A1:E5", "A1:J7")
    answers = [row[5:] for row in rows_of(out)[:5]]
    assert answers[0] == list(COLUMNS)
    assert answers[1] == ["declined", "everything_declined", "49(7)", "2026-12-01T03:00:00Z", None]
    assert answers[2][:2] == list(ALLOWED)
    assert [row[:2] for row in answers[3:]] == [["invalid", "empty"], ["invalid", "formula_not_computed"]]
    assert rows_of(out, 1) == rows_of(content, 1)


def test_all_other_bytes_of_the_package_stay_as_they_are() -> None:
    content = messy()
    before, after = unpacked(content), unpacked(scrubbed(content))
    assert list(before) == list(after)
    assert [name for name in before if before[name] != after[name]] == ["xl/worksheets/sheet1.xml"]
    bare = re.sub(rb'<c r="[F-J][0-9]+" t="str"><v>[^<]*</v></c>', b"", after["xl/worksheets/sheet1.xml"])
    drop = re.compile(rb'<dimension[^>]*>| spans="[0-9:]+"')
    assert drop.sub(b"", bare) == drop.sub(b"", before["xl/worksheets/sheet1.xml"])


CELLS = {
    f"><v>{N}</v></c>": "declined", f' t="n"><v>{M}.0</v></c>': "allowed", ' s="1"><v>1.3800138E10</v></c>': "declined",
    "><v>1.3900139E+10</v></c>": "allowed", "><v>13800138000.5</v></c>": "not_a_number",
    "><v>-13800138000</v></c>": "not_a_number",
    "><v>1.38E+17</v></c>": "rounded", "><v>8613800138000</v></c>": "declined", "><v>12</v></c>": "too_short",
    ' t="s"><v>0</v></c>': "declined", ' t="s"><v>1</v></c>': "allowed", ' t="s"><v>2</v></c>': "rounded",
    ' t="s"><v>3</v></c>': "too_long", ' t="s"><v>99</v></c>': "not_a_number", ' t="s"><v></v></c>': "not_a_number",
    f' t="inlineStr"><is><t>{FREE}</t></is></c>': "allowed",
    ' t="inlineStr"><is><r><t>138</t></r><r><t>00138000</t></r><rPh><t>9</t></rPh></is></c>': "declined",
    f' t="str"><f>A1</f><v>{FREE}</v></c>': "allowed", f"><f>A1</f><v>{N}</v></c>": "declined",
    "><f>A1</f><v></v></c>": "formula_not_computed", "><f>A1</f></c>": "formula_not_computed",
    "><f/><v/></c>": "formula_not_computed",
    ' t="str"><f>A1</f><v></v></c>': "empty", ' t="e"><f>A1</f><v>#N/A</v></c>': "not_a_number",
    ' t="b"><v>1</v></c>': "not_a_number", ' t="d"><v>2026-01-01</v></c>': "not_a_number",
    ' t="str"><v>&#49;3900139000</v></c>': "allowed", "><v/></c>": "empty",
}  # fmt: skip
TEXTS = (
    f"<si><t>{DECLINED}</t></si><si><r><t>139</t></r><r><rPr/><t xml:space='preserve'> 0013 9000</t></r>"
    f"<rPh sb='0' eb='1'><t>7</t></rPh></si><si><t>1.38001E+10</t></si><si><t>{'9' * 5000}</t></si>"
)


@pytest.mark.parametrize(("cell", "expected"), CELLS.items())
def test_a_cell_is_read_exactly_or_not_at_all(cell: str, expected: str) -> None:
    content = workbook(sheet(column(f' t="str"><v>{FREE}</v></c>', cell)), texts=TEXTS)
    assert reasons(content, wanted=2) == ["allowed", expected]


def test_xml_of_any_program_is_read() -> None:
    rows = (
        f"<x:row><x:c/><x:c ><x:v>{N}</x:v></x:c></x:row><!-- </x:row> --><x:row r='5' spans='1:2'></x:row><x:row/>"
        "<x:row r='9'\n><x:c r='A9'/><x:c r='B9' t='inlineStr'><x:is><x:t><![CDATA[</x:row>]]></x:t></x:is></x:c>"
        "</x:row >"
    )
    content = workbook(sheet(rows, prefix="x:", before="<x:dimension ref='A1'/>"))
    assert reasons(content, wanted="2") == ["declined", "letters"]
    out = scrubbed(content, wanted="2")
    assert rows_of(out)[0][1:4] == [N, "declined", "everything_declined"]
    assert [cell.coordinate for cell in openpyxl.load_workbook(io.BytesIO(out)).worksheets[0][9]][-1][0] >= "D"
    chosen = rows_of(only(content, "declined", wanted="2"))
    assert [row[1:3] for row in chosen] == [[N, "declined"]]


def test_the_column_may_stand_elsewhere_on_further_sheets() -> None:
    content = saved(
        [["about this list"], ["made by us"]], [["name", "phone"], ["Li", N]], [["Phone ", "fax"], [M, N]], [[N], [M]],
        [["only", "words"], ["in", "here"]], [["name", "phone"]],
    )  # fmt: skip
    found = seen(content)
    assert [(part.name, part.column, part.headed) for part in found.sheets] == [
        ("Sheet1", 1, True), ("Sheet2", 0, True), ("Sheet3", 0, False),
    ]  # fmt: skip
    tally = Tally()
    out = scrubbed(content, tally=tally)
    assert tally.lines == 4
    assert [rows_of(out, place) == rows_of(content, place) for place in (0, 4, 5)] == [True] * 3
    assert [row[2] for row in rows_of(out, 2)] == ["verdict", "allowed"]
    assert [row[1] for row in rows_of(out, 3)] == ["declined", "allowed"]
    placed = seen(saved([["a", "b"], ["see", "below"]], [["name", "phone"], ["Li", N]], [["x", "y"], [1, 2]]), wanted=2)
    assert ([part.name for part in placed.sheets], placed.header) == (["Sheet1"], ("name", "phone"))
    named = seen(content, wanted="FAX")
    assert [(part.name, part.column) for part in named.sheets] == [("Sheet2", 1)]


def test_titles_above_a_header_are_no_lines_and_stay_where_they_are() -> None:
    content = saved([["Calls of April"], [], ["name", "fax", "phone"], ["Li", M, N], ["Wang", None, M]])
    tally = Tally()
    out = rows_of(scrubbed(content, tally=tally))
    assert (tally.lines, [row[3] for row in out]) == (2, [None, None, "verdict", "declined", "allowed"])
    assert [row[0] for row in rows_of(only(content, "declined"))] == ["Calls of April", "name", "Li"]


def test_two_columns_of_numbers_on_any_sheet_are_asked_about() -> None:
    content = saved([["phone"], [N]], [["home", "office"], [N, M]])
    with pytest.raises(InvalidInputError, match=r"home \(column 1\) and office \(column 2\)"):
        seen(content)
    found = seen(content, asking=True)
    assert (found.column, found.header, found.candidates) == (None, ("home", "office"), (0, 1))


def test_rows_that_are_only_formatted_are_no_lines() -> None:
    rows = f'<row r="1"><c r="A1"><v>{N}</v></c></row>' + "".join(
        f'<row r="{n}" ht="20"><c r="A{n}" s="1"/><c r="D{n}" s="1"/></row>' for n in range(2, 50)
    )
    content = workbook(sheet(rows))
    tally = Tally()
    out = scrubbed(content, tally=tally)
    assert tally.lines == 1
    assert b'<c r="E1" t="str"><v>declined</v></c>' in unpacked(out)["xl/worksheets/sheet1.xml"]


numbers = st.sampled_from([DECLINED, FREE, N, M, "x", None, f"+86{FREE}", float(M), 1.5, True, date(2026, 1, 1)])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.text(st.sampled_from("ab<&> 中"), min_size=1, max_size=4), numbers), min_size=1))
def test_any_rows_keep_their_order_and_the_rows_of_one_verdict_are_those_rows(rows: list[tuple[str, Any]]) -> None:
    content = saved([["left", "phone"], *([left, number] for left, number in rows)])
    before, after = rows_of(content), rows_of(scrubbed(content, wanted="phone"))
    assert [row[:2] for row in after] == before
    expected = [alone(number_text(number)) for _, number in rows]
    assert [row[2] for row in after[1:]] == expected
    for verdict in ("allowed", "declined", "invalid"):
        chosen = rows_of(only(content, verdict, wanted="phone"))
        assert [row[:2] for row in chosen] == [
            before[0], *(row for row, found in zip(before[1:], expected) if found == verdict)
        ]  # fmt: skip


def number_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else "" if value is None else str(value) if type(value) is int else "?"


def test_the_rows_of_one_verdict_hold_values_without_gaps_and_refer_to_nothing() -> None:
    chain = '<calcChain xmlns="x"><c r="A1"/></calcChain>'
    rows = "".join(
        f'<row r="{n}" spans="1:2"><c r="A{n}" s="{n % 2}"><f t="shared" ref="A1:A9" si="0">B{n}&gt;1</f><v>{n}</v></c>'
        f'<c r="B{n}"><v>{number}</v></c></row>'
        for n, number in ((3, N), (4, M), (7, N), (9, 5))
    )
    content = workbook(
        sheet(rows, before='<dimension ref="A3:B9"/><cols><col min="1" max="1" width="9"/></cols>',
              after='<mergeCells count="1"><mergeCell ref="A3:A4"/></mergeCells><tableParts count="1"/>'),
        others={"xl/calcChain.xml": chain, "xl/worksheets/_rels/sheet1.xml.rels": "<Relationships/>"},
    )  # fmt: skip
    files = unpacked(only(content, "declined"))
    made = files["xl/worksheets/sheet1.xml"].decode()
    assert not {"xl/calcChain.xml", "xl/worksheets/_rels/sheet1.xml.rels"} & set(files)
    assert "<f" not in made
    assert "dimension" not in made
    assert made.endswith("</row></sheetData></worksheet>")
    assert re.findall(r'<row r="(\d+)"', made) == ["1", "2"]
    assert re.findall(r'<c r="(A\d+)" s="(\d)"><v>(\d)</v>', made) == [("A1", "1", "3"), ("A2", "1", "7")]
    assert '<cols><col min="1"' in made


def test_a_packed_workbook_is_unpacked() -> None:
    content = saved([["phone"], [N], [M]])
    for packed in (gzip.compress(content), archive({"list.xlsx": content})):
        assert [row[1] for row in rows_of(scrubbed(packed))] == ["verdict", "declined", "allowed"]


def doctored(name: str, old: bytes, new: bytes) -> bytes:
    files = unpacked(workbook(sheet(column(f"><v>{N}</v></c>"))))
    assert old in files[name]
    return archive({**files, name: files[name].replace(old, new)})


BOOK, SHEET = "xl/workbook.xml", "xl/worksheets/sheet1.xml"
LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><worksheet xmlns'
REFUSED = {
    "no rows": (saved([]), "empty_list"), "no sheets": (doctored(BOOK, b'r:id="s1"', b'r:id="s2"'), "not_a_list"),
    "a letter": (archive({"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"}), "not_a_list"),
    "header only": (saved([["name", "phone"]]), "header_only"),
    "no numbers": (saved([["a"], ["b"]]), "no_number_column"),
    "two columns": (saved([["a", "b"], [N, M]]), "two_number_columns"),
    "binary": (doctored("_rels/.rels", b"workbook.xml", b"workbook.bin"), "not_a_list"),
    "entities": (doctored(SHEET, b"<worksheet xmlns", LAUGHS), "packing_damaged"),
    "UTF-16": (doctored(SHEET, b"<?xml", b"\xff\xfe<?xml"), "packed_otherwise"),
    "open tag": (doctored(SHEET, b"</sheetData>", b""), "packing_damaged"),
    "no such place": (doctored(SHEET, b'r="B1"', b'r="1B"'), "packing_damaged"),
    "no room": (doctored(SHEET, b"</c></row>", b'</c><c r="XFD1" s="1"/></row>'), "workbook_too_large"),
    "bomb": (archive({**unpacked(saved([["phone"], [N]])), "xl/media/a.bin": bytes(60_000_000)}), "workbook_too_large"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED)
def test_a_workbook_that_cannot_be_used_is_refused_in_words(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        scrubbed(content)
    assert caught.value.code == code


def test_a_large_workbook_is_refused_with_the_way_around_it() -> None:
    with pytest.raises(InvalidInputError, match="CSV") as caught:
        seen(messy(), limits=Limits(workbook=2_000))
    assert caught.value.code == "workbook_too_large"


GOOD = saved([["phone"], [N], [FREE], ["=1+1"]])


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3), st.booleans())
def test_damage_anywhere_gives_the_list_or_a_refusal(at: int, other: bytes, cut: bool) -> None:
    bad = GOOD[:at] if cut else GOOD[:at] + other + GOOD[at + len(other) :]
    try:
        scrubbed(bad)
    except InvalidInputError:
        return

