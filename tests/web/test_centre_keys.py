"""Keys on the report centre's pages, in real Chromium: they move, choose, open and go back, outside of fields only."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.filled import Viewers
from tests.web.test_browser import browser, cookies, site  # noqa: F401 - fixtures

pytestmark = pytest.mark.browser


def test_keys_move_choose_open_and_go_back_and_leave_fields_alone(
    browser: Any, site: str, viewers: Viewers  # noqa: F811 - fixtures
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies(cookies(site, "en", viewers.tokens["intake"]))
    page = context.new_page()
    page.goto(f"{site}/officer/reports")
    ticks = page.locator("tr[data-row] input[type=checkbox]")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert ticks.nth(0).is_checked()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("x")
    assert not ticks.nth(0).is_checked()
    page.locator("#q").press_sequentially("jx")
    assert page.locator("#q").input_value() == "jx"
    assert not ticks.nth(0).is_checked()
    page.goto(f"{site}/officer/reports/{viewers.wave}")
    page.locator("#text").press_sequentially("u1p")
    assert page.url.endswith(viewers.wave)
    page.locator("h1").click()
    page.keyboard.press("1")
    assert page.locator("details[open] > summary[data-key='1']").count() == 1
    page.locator("h1").click()
    page.keyboard.press("u")
    page.wait_for_url("**/officer/reports")
    context.close()
