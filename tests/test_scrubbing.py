"""Scrubbing in real processes: a messy workbook is checked in a browser, and its receipt proves one of its answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from registry import credentials, parties, registrations
from registry.assembly import assemble
from registry.numbering import draw_numbers, load_plan
from registry.numbers import NumberError, parse_one
from registry.sealing import seal_many
from registry.times import to_micros
from tests.chromium import launched
from tests.live import Live, MovedClock, at_ten, running

DECLINED, FREE = "13800138000", "13900139000"
PASSWORD = "correct horse battery staple"
PLAN = load_plan()
NUMBERS = draw_numbers(PLAN, 6_000, 7)
MESSY: tuple[Any, ...] = (
    DECLINED, int(FREE), "+86 138 0013 8000", "138-0013-8000", 13900139000.0, "tel:13800138000",
    "１３８００１３８０００",
    "1.38001E+10", "", None, "转接前台", "13800138000/13900139000", "12345", "010-88886666 转 8", True,
)


@pytest.fixture
def page() -> Iterator[Any]:
    """A page in real Chromium."""
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en")
        page.set_default_timeout(30_000)
        yield page


def workbook(path: Path) -> list[Any]:
    """A call list as people have them; what stands in its column of numbers, in order."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "客户"
    sheet.append(["序号", "姓名", "手机", "登记日期", "余额"])
    cells = [*MESSY, *(f"0{n}"[1:] if i % 3 else int(n) for i, n in enumerate(NUMBERS.tolist()))]
    for place, cell in enumerate(cells, 1):
        sheet.append([place, f"王芳{place}", cell, "2026-05-01", 12.5 * place])
    sheet["C2"].font = openpyxl.styles.Font(bold=True, color="FF0000")
    book.save(path)
    return cells


def prepared(live: Live, clock: MovedClock) -> str:
    """Numbers that decline since an hour, a telemarketer with somebody who checks lists; the one-time sign-in."""
    registry = assemble(live.instance)
    try:
        digits = np.append(NUMBERS[::3], np.uint64(int(f"86{DECLINED}")))
        ones, store = np.full(len(digits), 0xFFFF), registry.store
        registrations.load_many(
            store, clock, sealed=seal_many(registry.keys.at_rest, digits), calls=ones, robocalls=ones, messages=ones,
            quiet=np.zeros(len(digits), np.int64), source="demo",
            at=np.full(len(digits), to_micros(clock.now() - timedelta(hours=1))),
        )
        parties.add_party(store, clock, party="loans", kind="telemarketer", name_zh="某公司", name_en="Loans Ltd")
        added = parties.add_member(
            store, clock, party="loans", email="li@loans.example", name="Li", role="scrubber"
        )
        return credentials.invite(store, clock, member=added.member)
    finally:
        registry.close()


def sign_in(live: Live, page: Any, token: str) -> None:
    page.goto(f"{live.url}/language/en?next=/")
    page.goto(f"{live.url}/sign-in/first/{token}")
    for field in page.query_selector_all("input[type=password]"):
        field.fill(PASSWORD)
    page.click("main button.btn")
    page.wait_for_url("**/party/scrubs")


def check_list(live: Live, page: Any, path: Path) -> None:
    """Send a list, look at its columns, ask, watch it being checked, and arrive at the result."""
    page.click("text=Check a list >> nth=0")
    page.set_input_files("#file", path)
    page.click("main button.big")
    page.wait_for_url("**/ask")
    assert page.eval_on_selector("#column", "each => each.selectedOptions[0].textContent") == "Column 3: 手机"
    assert DECLINED not in page.content()
    page.select_option("#category", "loan")
    page.fill("#campaign", "Autumn")
    page.click("main button.big")
    page.wait_for_selector(".going, table.reasons")
    assert page.query_selector(".going") is None or "Step 3 of 3" in page.inner_text("main")
    page.wait_for_selector("table.reasons", timeout=120_000)


def fetched(page: Any, text: str, folder: Path) -> Path:
    """What a click downloads."""
    with page.expect_download() as found:
        page.click(f"text={text}")
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def kind(cell: Any) -> str:
    """What a single check would say of the form of a cell."""
    try:
        parse_one("" if cell is None else str(int(cell)) if isinstance(cell, float) else str(cell), PLAN)
    except NumberError:
        return "invalid"
    return "number"


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.timeout(300)
def test_a_messy_workbook_is_checked_in_a_browser_and_its_receipt_proves_one_answer(tmp_path: Path, page: Any) -> None:
    cells = workbook(tmp_path / "客户名单.xlsx")
    clock = MovedClock(tmp_path / "clock", at_ten())
    with running(tmp_path / "instance", sections="[scrubs]\nevery_s = 1", clock=clock) as live:
        sign_in(live, page, prepared(live, clock))
        check_list(live, page, tmp_path / "客户名单.xlsx")
        result = page.url
        shown = page.inner_text("main")
        assert f"{len(cells):,}" in shown

        sheet = openpyxl.load_workbook(fetched(page, "All lines with their answers", tmp_path)).active
        rows = list(sheet.iter_rows(values_only=True))
        assert rows[0][:6] == ("序号", "姓名", "手机", "登记日期", "余额", "verdict")
        assert [row[0] for row in rows[1:]] == list(range(1, len(cells) + 1))
        verdicts = [row[5] for row in rows[1:]]
        assert [said == "invalid" for said in verdicts] == [kind(cell) == "invalid" for cell in cells]
        assert verdicts[:7] == ["declined", "allowed", "declined", "declined", "allowed", "declined", "declined"]
        assert verdicts[len(MESSY) :] == ["declined", "allowed", "allowed"] * 2000
        counts = Counter(verdicts)
        assert all(f"{counts[each]:,}" in shown for each in ("declined", "invalid"))
        only = openpyxl.load_workbook(fetched(page, "Only the declined", tmp_path)).active
        assert only.max_row == counts["declined"] + 1

        page.click("main >> text=Signed receipt")
        receipt = fetched(page, "Download the receipt", tmp_path)
        assert DECLINED not in receipt.read_text()
        page.fill("#number", DECLINED)
        proof = fetched(page, "Download the proof", tmp_path)
        for file, words in ((receipt, ("genuine", "Autumn")), (proof, ("genuine", f"+86{DECLINED}", "Declined"))):
            page.goto(f"{live.url}/verify")
            page.set_input_files("#file", file)
            page.click("main button.btn")
            page.wait_for_selector("#verdict")
            assert all(word in page.inner_text("main") for word in words), file
        altered = json.loads(proof.read_text())
        entry = bytearray.fromhex(altered["proof"]["entry"])
        entry[33] ^= 3  # declined becomes allowed
        altered["proof"]["entry"] = entry.hex()
        (tmp_path / "altered.json").write_text(json.dumps(altered))
        page.goto(f"{live.url}/verify")
        page.set_input_files("#file", tmp_path / "altered.json")
        page.click("main button.btn")
        page.wait_for_selector("text=This does not hold")

        page.goto(result)
        page.click("button:has-text('Check the list again')")
        page.wait_for_url(lambda url: url != result)
        page.wait_for_selector("table.reasons", timeout=120_000)
        assert "Since the check before" in page.inner_text("main")
        assert "0 counted against your allowance" in page.inner_text("main")
        assert DECLINED not in (tmp_path / "instance" / "run.log").read_text()
