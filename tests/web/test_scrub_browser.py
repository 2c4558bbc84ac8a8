"""Scrubs in real Chromium: sent by keyboard and without scripts, followed without reloading, fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from registry.assembly import Registry
from registry.times import to_micros
from tests.chromium import launched
from tests.web.filled import member
from tests.web.filled_scrubs import LIST, changed, done
from tests.web.scrubvisits import PARTY, telemarketer
from tests.web.test_browser import cookies, faults, press, site, until_focus

pytestmark = pytest.mark.browser
__all__ = ["site"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found


@pytest.fixture
def token(registry: Registry) -> str:
    telemarketer(registry)
    return member(registry, PARTY, "scrubber")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(LIST)
    return path


def test_a_list_is_checked_by_keyboard_and_without_scripts(
    browser: Any, site: str, registry: Registry, token: str, file: Path
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    context.add_cookies(cookies(site, "en", token))
    page = context.new_page()
    page.goto(f"{site}/party/scrubs/new")
    until_focus(page, "Call list")
    page.set_input_files("#file", file)
    until_focus(page, "Send and go on")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ask")
    until_focus(page, "About what?")
    page.keyboard.type("Loans")
    press(page, "Campaign", "Autumn")
    page.wait_for_selector(".going")
    scrub = page.url.rsplit("/", 1)[1]
    assert "It is the next one." in page.inner_text("main")
    done(registry, scrub)
    page.wait_for_selector("table.reasons", timeout=20_000)  # the page came again by itself
    with page.expect_download() as fetched:
        page.click("text=Download those who may be contacted")
    assert fetched.value.suggested_filename == "list-allowed.csv"
    assert Path(fetched.value.path()).read_text().startswith("姓名,手机,备注,verdict")
    context.close()


def test_progress_is_followed_without_reloading_and_leads_to_the_result(
    browser: Any, site: str, registry: Registry, token: str, file: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies(cookies(site, "en", token))
    page = context.new_page()
    page.goto(f"{site}/party/scrubs/new")
    page.set_input_files("#file", file)
    page.click("main button.big")
    page.wait_for_url("**/ask")
    assert not faults(page)
    page.select_option("#category", "loan")
    page.click("main button.big")
    page.wait_for_selector(".going")
    scrub = page.url.rsplit("/", 1)[1]
    page.evaluate("window.same = true")
    now = to_micros(registry.clock.now())
    changed(registry, scrub, "waiting", state="running", started=now - 3_000_000, read=len(LIST) // 2, lines=2_000)
    page.wait_for_selector("text=2,000 lines read")
    page.wait_for_selector("text=about 3 seconds left")
    assert page.evaluate("window.same")
    assert page.evaluate("document.querySelector('progress').value") in (49, 50)
    assert not faults(page)
    changed(registry, scrub, "running", state="waiting")
    done(registry, scrub)
    page.wait_for_selector("table.reasons", timeout=20_000)
    context.close()


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
    browser: Any, site: str, app: Flask, token: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.scrubasking._most", lambda: 10)
    context = browser.new_context()
    context.add_cookies(cookies(site, "en", token))
    page = context.new_page()
    sent: list[str] = []
    page.goto(f"{site}/party/scrubs/new")
    page.on("request", lambda request: sent.append(request.method))
    page.set_input_files("#file", file)
    page.click("main button.big")
    assert "larger than we take here" in page.inner_text("[role=alert]")
    assert "POST" not in sent
    context.close()
