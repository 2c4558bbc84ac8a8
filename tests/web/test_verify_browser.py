"""A receipt and a proof of it taken to `/verify` in real Chromium: fetched by their owner, checked by somebody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from registry import parties
from registry.assembly import Registry
from tests.web.filled import member
from tests.web.receipting import FIRST, with_receipt
from tests.web.test_browser import browser, cookies, faults, site

pytestmark = pytest.mark.browser
_FIXTURES = (browser, site)


@pytest.mark.parametrize(("language", "width", "scheme"), [("zh_CN", 360, "dark"), ("en", 1280, "light")])
def test_an_owner_fetches_receipt_and_proof_and_a_stranger_checks_both_without_scripts(
    browser: Any, site: str, registry: Registry, tmp_path: Path, language: str, width: int, scheme: str
) -> None:
    parties.add_party(
        registry.store, registry.clock, party="loans", kind="telemarketer", name_zh="首易贷款", name_en="Loans Ltd"
    )
    scrub, _receipt = with_receipt(registry, "loans")
    look: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    owner = browser.new_context(**look, accept_downloads=True, java_script_enabled=False)
    owner.add_cookies(cookies(site, language, member(registry, "loans", "reader")))
    page = owner.new_page()
    page.goto(f"{site}/party/scrubs/{scrub}/receipt")
    files = []
    for act in (lambda: page.click("a[href$='receipt.json']"), lambda: _prove(page)):
        with page.expect_download() as download:
            act()
        files.append(tmp_path / download.value.suggested_filename)
        download.value.save_as(files[-1])
    page.fill("#number", "139")
    page.click("form.card button.btn")
    assert page.locator(".wrong-text").count() == 1
    owner.close()
    altered = tmp_path / "altered.json"
    whole = json.loads(files[1].read_text())
    altered.write_text(json.dumps(whole | {"proof": whole["proof"] | {"place": whole["proof"]["place"] ^ 1}}))
    stranger = browser.new_context(**look)
    stranger.add_cookies(cookies(site, language))
    page = stranger.new_page()
    wrong = []
    for file, there in ((files[0], ".panel"), (files[1], ".panel"), (altered, ".error")):
        page.goto(f"{site}/verify")
        page.set_input_files("#file", file)
        page.click("form.card button.btn")
        assert page.locator(there).count() == 1, file
        assert (str(FIRST + 1) in page.content()) == (file == files[1])
        wrong += [f"{file.name}: {each}" for each in faults(page)]
    stranger.close()
    assert not wrong


def _prove(page: Any) -> None:
    page.fill("#number", str(FIRST + 1)[2:])
    page.click("form.card button.btn")
