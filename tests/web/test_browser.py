"""The site in real Chromium: axe finds nothing, nothing is wider than a phone, all goes by keyboard without scripts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from registry import credentials, parties, registrations
from registry.assembly import Registry
from registry.preferences import EVERYTHING
from registry.times import to_micros
from tests.chromium import launched
from tests.web.filled import Viewers, pages, sealed

pytestmark = pytest.mark.browser

LOOKS = (("zh_CN", 360, "light"), ("en", 360, "dark"), ("en", 1280, "light"), ("zh_CN", 1280, "dark"))

TOO_WIDE = """() => [...document.querySelectorAll("main table, main svg.marks")].flatMap(each => {
    const card = each.closest(".scroll, .card") || each.parentElement;
    if (each.tagName === "TABLE" && getComputedStyle(card).overflowX === "auto") return [];
    const before = Math.round(card.getBoundingClientRect().left - each.getBoundingClientRect().left);
    if (each.matches("svg.bars") && before > 0) return [`${before} px of bars before their card`];
    const inner = getComputedStyle(card), right = card.getBoundingClientRect().right - parseFloat(inner.paddingRight);
    const beyond = Math.round(each.getBoundingClientRect().right - right);
    return beyond > 0 ? [`${beyond} px of a ${each.tagName} out of its card: ${each.textContent.slice(0, 40)}`] : [];
})"""  # tables that scroll may be wider than their cards; nothing else may, charts least of all


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The site on a loopback port; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def cookies(site: str, language: str, token: str = "") -> list[dict[str, str]]:
    found = [{"name": "dc_language", "value": language, "url": site}]
    return [*found, {"name": "dc_session", "value": token, "url": site}] if token else found


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
def test_axe_finds_nothing_and_no_page_is_wider_than_its_window(
    browser: Any, site: str, viewers: Viewers, language: str, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    wrong = []
    for endpoint, address, viewer in pages(viewers):
        context.clear_cookies()
        context.add_cookies(cookies(site, language, viewers.tokens.get(viewer, "")))
        page.goto(site + address)
        wrong += [f"{address}: {each}" for each in faults(page)]
        wrong += [f"{address}: {text}" for text in said if endpoint]  # 403 and 404 are errors to a console
        said.clear()
    context.close()
    assert not wrong


@pytest.mark.parametrize(("language", "width", "scheme"), [LOOKS[0], LOOKS[2]])
def test_axe_finds_nothing_in_the_middle_of_things(
    browser: Any, site: str, registry: Registry, viewers: Viewers, language: str, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.add_cookies(cookies(site, language))
    page = context.new_page()
    wrong = []

    def step(name: str) -> None:
        wrong.extend(f"{name}: {each}" for each in faults(page))

    page.goto(f"{site}/register")
    page.click("button.btn.big")
    step("no number")
    page.fill("input[type=tel]", "13800138000")
    page.click("button.btn.big")
    step("code")
    page.fill("input.code", "000000")
    page.click("button.btn.big")
    step("wrong code")
    added = parties.add_member(
        registry.store, registry.clock, party="regulator", email="li@example.cn", name="李雷", role="officer"
    )
    page.goto(f"{site}/sign-in/first/{credentials.invite(registry.store, registry.clock, member=added.member)}")
    step("first sign-in")
    for field in page.query_selector_all("input[type=password]"):
        field.fill("correct horse battery")
    page.click("button.btn.big")
    step("second factor")
    assert page.query_selector(".qr svg")
    page.fill("input.code", "0")
    page.click("button.btn.big")
    step("wrong second factor")
    context.clear_cookies()
    context.add_cookies(cookies(site, language))
    page.goto(f"{site}/join")
    page.click("button.btn.big")
    step("nothing filled in")
    page.goto(f"{site}/join/state")
    for field in page.query_selector_all("main input[type=text]"):
        field.fill("bcdf-ghjk-mnpq")
    page.click("button.btn.big")
    step("no such application")
    context.close()
    assert not wrong


def faults(page: Any) -> list[str]:
    """What axe finds on a page with everything opened, and whether it is wider than its window."""
    from axe_playwright_python.sync_playwright import Axe

    for closed in page.query_selector_all("details:not([open]) > summary"):
        closed.click()
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    wrong = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found.response["violations"]]
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wrong + ([f"{beyond} px too wide"] if beyond > 0 else []) + page.evaluate(TOO_WIDE)


def test_registering_goes_by_keyboard_and_without_scripts(
    browser: Any, site: str, registry: Registry, code_of: Callable[[], str]
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto(site)
    press(page, "Your phone number", "+86 138 0013 8000")
    page.wait_for_url("**/code")
    press(page, "Code", code_of())
    page.wait_for_url("**/my-number/choose")
    until_focus(page, "Decline everything")
    page.keyboard.press("Enter")
    page.wait_for_url("**/my-number/done")
    assert "All commercial calls and texts" in page.inner_text("main")
    found = registrations.current(registry.store, sealed(registry))
    assert found is not None
    assert found.preference == EVERYTHING
    page.click("text=Check again")
    assert page.url.endswith("/my-number/done")
    context.close()


def test_choosing_by_industry_goes_by_keyboard_and_without_scripts(
    browser: Any, site: str, registry: Registry, viewers: Viewers
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    context.add_cookies(cookies(site, "en", viewers.tokens["other"]))
    page = context.new_page()
    page.goto(f"{site}/my-number/choose")
    until_focus(page, "Choose by industry, way and time")
    page.keyboard.press("Enter")
    until_focus(page, "Real estate, Calls")
    page.keyboard.press("Space")
    until_focus(page, "Save my choice")
    page.keyboard.press("Enter")
    page.wait_for_url("**/my-number/done")
    assert "Calls: Real estate" in page.inner_text("main")
    context.close()


def test_the_page_looks_again_by_itself_until_the_carriers_have_it(
    browser: Any, site: str, registry: Registry, viewers: Viewers
) -> None:
    context = browser.new_context()
    context.add_cookies(cookies(site, "en", viewers.tokens["mine"]))
    page = context.new_page()
    page.goto(f"{site}/my-number/done")
    assert "In the next edition" in page.inner_text("#delivery")
    now, store = to_micros(registry.clock.now()), registry.store
    with store.writing(about="edition"):
        store.editions.insert(edition=6, state="published", opened=now, published=now)
        store.editions.mark(6)
        store.editions.add_changes([
            {"number": sealed(registry), "edition": 6, "calls": 1, "robocalls": 0, "messages": 0, "quiet": 0,
             "carrier": "cmcc", "left_carrier": None}
        ])  # fmt: skip
        store.editions.unmark(6)
        store.feeds.acknowledge(
            recipient="cmcc", edition=6, content_root=bytes(32), exceptions_root=bytes(32), at=now, agrees=True
        )
    page.wait_for_selector("#delivery >> text=Edition 6", timeout=15_000)
    page.wait_for_selector("#delivery >> text=In force")
    context.close()


# what a hand on a keyboard does


def until_focus(page: Any, name: str) -> None:
    """Press Tab until the thing of a name has the focus."""
    labelled = page.get_by_label(name, exact=True)
    wanted = (labelled if labelled.count() else page.get_by_text(name, exact=True)).first
    for _step in range(120):
        page.keyboard.press("Tab")
        here, there = page.locator(":focus").bounding_box(), wanted.bounding_box()
        if here and there and _inside(here, there):
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


def _inside(here: dict[str, float], there: dict[str, float]) -> bool:
    """Whether the middle of one box lies in another."""
    x, y = here["x"] + here["width"] / 2, here["y"] + here["height"] / 2
    return there["x"] <= x <= there["x"] + there["width"] and there["y"] <= y <= there["y"] + there["height"]


def press(page: Any, label: str, text: str) -> None:
    """Tab to a field, type, press Enter."""
    until_focus(page, label)
    page.keyboard.type(text)
    page.keyboard.press("Enter")
