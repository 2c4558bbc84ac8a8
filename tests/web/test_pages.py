"""Every page: one heading, titles, labels, forms, no foreign or inline things, no number, a guard, both languages."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from flask import Flask
from markupsafe import escape

from registry import sandbox
from registry.assembly import Registry
from tests.web.filled import MINE, Viewers, Visitor, pages
from web.guard import guard_of

LANGUAGES = {"zh_CN": "zh-CN", "en": "en"}
SHOWN: dict[tuple[str, str], dict[str, str]] = {}
NOT_PAGES = {  # answers without a page of their own
    "reportstates.own_evidence", "evidencepages.open_file",
    "static", "public.language", "people.code", "members.first", "members.second", "members.start", "officers.issue",
    "officers.invite", "batches.download", "moving.add_block", "scrubs.download", "scrubs.progress",
    "receipts.download", "opendata.download", "marksdesk.decide", "opendata.willing_csv",
    "bulletins.as_json", "bulletins.as_csv", "bulletins.as_pdf", "bulletins.schema", "queues.download",
    "officefigures.as_csv", "peakdesk.as_csv", "ledgers.download",
}  # fmt: skip


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.labelled: set[str] = set()
        self.forms: list[tuple[dict[str, str], list[dict[str, str]]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        if tag == "label" and found.get("for"):
            self.labelled.add(found["for"])
        if tag == "form":
            self.forms.append((found, []))
        if tag in {"input", "select", "textarea", "button"}:
            found["_in_label"] = "yes" if "label" in self._open else ""
            if "form" in self._open:
                self.forms[-1][1].append(found | {"_tag": tag})
        if tag not in {"input", "meta", "link", "br", "img"}:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def texts_of(app: Flask, viewers: Viewers, language: str) -> dict[str, str]:
    """Every page as it comes, by address and viewer; looked at once for the same viewers."""
    seen = language, repr(viewers)
    if seen in SHOWN:
        return SHOWN[seen]
    found = {}
    for endpoint, address, viewer in pages(viewers):
        visitor = Visitor(app, viewers.tokens.get(viewer, ""), language)
        status = 200 if endpoint else 403 if viewer else 404
        found[f"{address} as {viewer or 'anybody'}"] = visitor.get(address, status=status)
    SHOWN[seen] = found
    return found


def test_every_page_has_one_heading_and_a_title_that_starts_with_it(
    app: Flask, viewers: Viewers, language: str
) -> None:
    for name, text in texts_of(app, viewers, language).items():
        page = Page(text)
        assert len(page.texts["h1"]) == 1, name
        heading = " ".join(page.texts["h1"][0].split())
        assert heading, name
        assert page.texts["title"][0].startswith(f"{heading} · "), name
        assert page.tags[0] == ("html", {"lang": LANGUAGES[language]}), name


def test_every_field_has_a_label_and_every_form_says_where_it_goes(app: Flask, viewers: Viewers) -> None:
    for name, text in texts_of(app, viewers, "en").items():
        page = Page(text)
        for form, fields in page.forms:
            assert form.get("action", "").startswith("/"), name
            if form.get("method", "get").lower() == "post":
                assert any(field.get("name") == "csrf_token" and field["value"] for field in fields), name
            for field in fields:
                if field["_tag"] == "button" or field.get("type") == "hidden":
                    continue
                assert field.get("id") in page.labelled or field["_in_label"] or field.get("aria-label"), (name, field)


def test_ids_are_given_once_on_a_page(app: Flask, viewers: Viewers) -> None:
    for name, text in texts_of(app, viewers, "en").items():
        ids = [attributes["id"] for _tag, attributes in Page(text).tags if "id" in attributes]
        assert len(ids) == len(set(ids)), (name, ids)


def test_no_page_has_anything_inline_or_foreign(app: Flask, viewers: Viewers, language: str) -> None:
    for name, text in texts_of(app, viewers, language).items():
        for tag, attributes in Page(text).tags:
            assert tag != "style", name
            assert not any(each == "style" or each.startswith("on") for each in attributes), (name, tag, attributes)
            if tag == "script":
                assert attributes["src"].startswith("/static/"), name
            for each in ("src", "href", "action"):
                assert attributes.get(each, "/").startswith(("/", "#")), (name, attributes)


def test_no_page_shows_a_number_or_has_one_in_an_address(app: Flask, viewers: Viewers) -> None:
    shown = texts_of(app, viewers, "en")
    for name, text in shown.items():
        if "/party/quarantine/" in name:  # the source's own row as it came, which only the source sees
            continue
        assert MINE not in text, name
        assert not re.search(r'(href|action)="[^"]*(?<![0-9a-f])\d{7,}(?![0-9a-f])', text), name
    assert "138****8000" in shown["/my-number as mine"]


def test_every_page_of_the_site_is_looked_at_here(app: Flask, viewers: Viewers) -> None:
    looked = {endpoint for endpoint, _address, _viewer in pages(viewers)} | NOT_PAGES
    known = {
        rule.endpoint for rule in app.url_map.iter_rules()
        if rule.methods and "GET" in rule.methods and not rule.rule.startswith(("/api", "/healthz", "/metrics"))
    }  # fmt: skip
    assert known - looked == set()


def test_every_route_has_a_guard(app: Flask) -> None:
    assert [name for name, view in app.view_functions.items() if guard_of(view) is None] == []


def test_pages_that_are_somebodys_ask_others_to_sign_in_and_come_back(app: Flask, viewers: Viewers) -> None:
    for endpoint, address, viewer in pages(viewers):
        if viewer and endpoint:
            answer = app.test_client().get(address)
            assert answer.status_code == 303, address
            assert "/sign-in?next=" in answer.headers["Location"], address


def test_the_language_switch_stays_on_the_page_and_on_the_site(app: Flask) -> None:
    visitor = Visitor(app, language="en")
    page = visitor.get("/rules")
    link = re.findall(r'href="(/language/zh_CN[^"]*)"', page)[0]
    assert 'lang="zh-CN"' in visitor.get(link.replace("&amp;", "&"))
    assert visitor.address == "/rules"
    for foreign in ("https://example.com/", "//example.com", "/\\example.com", "javascript:alert(1)"):
        answer = app.test_client().get("/language/en", query_string={"next": foreign})
        assert answer.headers["Location"] == "/"
    assert app.test_client().get("/language/fr").status_code == 404


def test_the_pages_speak_chinese_by_default(registry: Registry, app: Flask) -> None:
    page = Visitor(app, language="zh_CN").get("/")
    assert "不想再接推销电话？" in page
    assert "No more" not in page


def test_times_are_local_with_the_utc_beside_them(app: Flask, viewers: Viewers) -> None:
    page = Visitor(app, viewers.tokens["mine"]).get("/my-number")
    assert '<time datetime="2026-11-23T02:00:00Z" title="2026-11-23 02:00:00 UTC">23 Nov 2026, 10:00:00</time>' in page


def test_the_embedded_gateways_page_is_for_this_machine_only(app: Flask) -> None:
    assert app.test_client().get("/dev/messages").status_code == 200
    away = app.test_client().get("/dev/messages", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert away.status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_magic_numbers_stand_on_their_page_with_every_answer(app: Flask, language: str) -> None:
    page = Visitor(app, language=language).get("/sandbox")
    assert page.count("<h1") == 1
    cases = sandbox.load().cases
    assert len(cases) >= 21
    for case in cases:
        assert f">{str(case.number.digits)[2:]}</h3>" in page
        assert str(escape(case.zh if language == "zh_CN" else case.en)) in page
    assert page.count('<tr><th scope="row">') == len(sandbox.load().checks) + len(sandbox.load().invalid)
    assert page.count("<tr><td>") == sum(len(case.answers) for case in cases)
    assert ("测试贷款公司" in page) == (language == "zh_CN")


def test_the_magic_numbers_are_found_from_the_api_page_and_by_a_carriers_members(
    app: Flask, viewers: Viewers
) -> None:
    link = 'href="/sandbox"'
    assert link in Visitor(app, language="en").get("/api")
    assert link in Visitor(app, viewers.tokens["owner"]).get("/party")
    assert link in Visitor(app, viewers.tokens["seller"]).get("/party/company")
