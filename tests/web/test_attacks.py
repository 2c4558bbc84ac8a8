"""What somebody who means harm does with the site: each way in is tried, and stays shut."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

from registry import credentials, parties, registrations
from registry.assembly import Registry
from registry.numbers import parse_one
from registry.preferences import EVERYTHING
from registry.sealing import seal_one
from registry.settings import SiteSettings
from tests.doubles import FakeClock, MemorySms
from tests.web.conftest import Carrier
from tests.web.visiting import Visitor, host_of
from web.application import SMALL_BODY, create_app
from web.people import local_path

NUMBER, OTHER = "13800138000", "13900139000"
ELSEWHERE = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
    "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "/\r\n/evil.example", "/\r\nX-Evil: 1",
    " //evil.example", "\t//evil.example", "/\x00/evil.example", "/a\\..\\..\\evil", "evil.example", "//",
)  # fmt: skip
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def visitor(client: FlaskClient, code_of: Callable[[], str]) -> Visitor:
    return Visitor(client, code_of)


# the way back


@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_way_back_that_leads_elsewhere_is_not_taken(visitor: Visitor, clock: FakeClock, address: str) -> None:
    assert local_path(address) == ""
    answer = visitor.get("/language/en", query_string={"next": address})
    assert (answer.status_code, host_of(answer)) == (303, "")
    assert "X-Evil" not in answer.headers
    for page in ("/sign-in", "/my-number/sign-in"):
        actions = re.findall(r'action="([^"]*)"', visitor.get(page, query_string={"next": address}).text)
        assert actions
        assert not [action for action in actions if "evil" in action]


def test_proving_a_number_leads_to_the_page_that_asked_for_it_and_nowhere_else(
    visitor: Visitor, clock: FakeClock
) -> None:
    for start, end in (
        ("/my-number/sign-in?next=/my-number/history", "/my-number/history"),
        ("/my-number/sign-in?next=%2F%09%2Fevil.example", "/my-number"),
    ):
        assert visitor.prove(NUMBER, start=start).headers["Location"] == end
        clock.advance(3600)


def test_no_redirect_believes_the_host_header(visitor: Visitor) -> None:
    for path in ("/my-number", "/officer", "/party", "/language/en", "/code"):
        answer = visitor.get(path, headers={"Host": "evil.example"})
        assert (answer.status_code, host_of(answer)) == (303, ""), path


# who is at the screen


def test_a_session_that_was_planted_before_the_sign_in_opens_nothing_after_it(visitor: Visitor) -> None:
    visitor.client.set_cookie("dc_session", "planted-by-somebody-else")
    visitor.prove(NUMBER)
    own = visitor.client.get_cookie("dc_session")
    assert own is not None
    assert own.value != "planted-by-somebody-else"
    assert visitor.get("/my-number").status_code == 200
    visitor.client.set_cookie("dc_session", "planted-by-somebody-else")
    assert visitor.get("/my-number").status_code == 303


def test_a_session_is_over_for_everybody_who_copied_it(visitor: Visitor) -> None:
    visitor.prove(NUMBER)
    copied = visitor.client.get_cookie("dc_session")
    assert copied is not None
    visitor.submit("/my-number/sign-out", page="/my-number")
    visitor.client.set_cookie("dc_session", copied.value)
    assert visitor.get("/my-number").status_code == 303


def test_the_next_one_at_the_screen_cannot_go_on_with_the_number_before(visitor: Visitor) -> None:
    visitor.prove(NUMBER)
    visitor.submit("/my-number/sign-out", page="/my-number")
    assert visitor.get("/code").headers["Location"] == "/"


@pytest.mark.parametrize("name", ["dc_forms", "dc_session", "dc_language"])
@pytest.mark.parametrize("value", ["x", "e30.e30.e30", "." * 200, "é", "0" * 3500, "eyJwcm92aW5nIjp7fX0.aaaaaa.x"])
def test_cookies_that_somebody_made_up_are_nobodys(visitor: Visitor, name: str, value: str) -> None:
    visitor.client.set_cookie(name, value)
    for path, status in (("/", 200), ("/register", 200), ("/code", 303), ("/my-number", 303), ("/party", 303)):
        assert visitor.get(path).status_code == status


def test_no_form_is_taken_without_its_token(app: Flask, registry: Registry, carrier: Carrier) -> None:
    carrier("regulator", "read", kind="regulator")
    sent = 0
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.rule.startswith("/api/"):
            continue
        path = re.sub(r"<int:\w+>", "1", re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule))
        path = re.sub(r"<\w+>", "x", path)
        for data in ({}, {"csrf_token": "made-up"}):
            visitor = Visitor(app.test_client(), str)
            visitor.become(registry, "officer", party="regulator")
            answer = visitor.client.post(path, data=data, headers={"Origin": "https://evil.example"})
            # who may is asked before a large body is read; the gateway signs what it sends and has no form
            early = {"/party/scrubs/new": 403, "/my-reports/x/evidence": 303, "/gateway/sms": 401,
                     "/officer/clues/x/file": 403, "/party/resources": 403}  # fmt: skip
            assert answer.status_code == early.get(path, 400), path
            assert answer.status_code != 303 or "/sign-in" in answer.headers["Location"]
            sent += 1
    assert sent >= 30


def test_a_token_of_one_browser_is_worth_nothing_in_another(app: Flask, code_of: Callable[[], str]) -> None:
    page = app.test_client().get("/register").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    victim = app.test_client()
    victim.get("/register")
    assert victim.post("/register", data={"csrf_token": token, "number": NUMBER}).status_code == 400


# who has registered, who is a member


def asked(visitor: Visitor, number: str) -> list[tuple[int, str]]:
    """Everything that is said about a number to somebody who does not have it."""
    answers: list[TestResponse] = []
    for start in ("/register", "/my-number/sign-in"):
        answers += [visitor.submit(start, number=number), visitor.get("/code"), visitor.submit("/code", code="000000")]
        answers.append(visitor.submit("/code/again", page="/code"))
    for purpose in ("register", "sign-in"):
        answers.append(visitor.client.post("/api/v1/codes", json={"number": number, "purpose": purpose}))
    body = {"number": number, "code": "000000", "preference": "everything"}
    answers += [visitor.client.post("/api/v1/registrations", json=body) for _ in range(7)]
    return [(answer.status_code, plain(answer.text)) for answer in answers]


def plain(text: str) -> str:
    """A text without what is new in each answer: tokens, ids, the masked number."""
    lines = [line for line in text.splitlines() if "csrf_token" not in line]
    said = re.sub(r"13[89]([*]{4}|0013)[89]000", "*", "\n".join(lines))
    return re.sub(r'"urn:request:[^"]*"', "", said)


def test_nothing_tells_whether_a_number_is_registered(
    registry: Registry, app: Flask, clock: FakeClock, code_of: Callable[[], str], sms: MemorySms
) -> None:
    known = seal_one(registry.keys.at_rest, parse_one(NUMBER, registry.plan))
    registrations.register(
        registry.store, clock, number=known, preference=EVERYTHING, source="web", language="en"
    )
    first = asked(Visitor(app.test_client(), code_of), NUMBER)
    texts = len(sms.sent)
    assert asked(Visitor(app.test_client(), code_of), OTHER) == first
    assert len(sms.sent) == 2 * texts
    with registry.store.writing():
        registry.store.engine.script(["DROP TABLE registration"])  # so nothing looks there, and no time can tell either
    clock.advance(86_400)
    assert asked(Visitor(app.test_client(), code_of), NUMBER) == first


def test_nothing_tells_whether_an_address_is_a_members(
    registry: Registry, app: Flask, carrier: Carrier, code_of: Callable[[], str]
) -> None:
    carrier("cmcc")
    member = parties.add_member(
        registry.store, registry.clock, party="cmcc", email="li@cmcc.example", name="Li", role="clerk"
    )
    token = credentials.invite(registry.store, registry.clock, member=member.member)
    credentials.accept_invitation(
        registry.store, registry.clock, SiteSettings(bcrypt_cost=4), token=token, password="correct horse 电池"
    )
    said = []
    for email in ("li@cmcc.example", "no@cmcc.example"):
        visitor = Visitor(app.test_client(), code_of)
        answers = [visitor.submit("/sign-in", email=email, password="wrong password") for _ in range(7)]
        said.append([(answer.status_code, plain(answer.text).replace(email, "")) for answer in answers])
    assert said[0] == said[1]
    assert [status for status, _page in said[0]] == [422] * 5 + [429] * 2


# texts to phones that did not ask


def test_forged_proxy_headers_and_other_numbers_buy_no_more_texts(client: FlaskClient, sms: MemorySms) -> None:
    statuses = [
        client.post(
            "/api/v1/codes", json={"number": f"138001380{i:02d}"},
            headers={"X-Forwarded-For": f"198.51.100.{i}", "X-Real-Ip": f"198.51.100.{i}", "Forwarded": f"for={i}"},
        ).status_code
        for i in range(40)
    ]
    assert statuses == [202] * 30 + [429] * 10
    assert len(sms.sent) == 30


def test_what_stands_before_the_trusted_proxy_is_not_believed(registry: Registry, sms: MemorySms) -> None:
    settings = replace_site(registry, trusted_proxies=1)
    client = create_app(settings).test_client()
    for i in range(40):
        client.post(
            "/api/v1/codes", json={"number": f"138001380{i:02d}"},
            headers={"X-Forwarded-For": f"203.0.113.{i}, 198.51.100.7"},
        )
    assert len(sms.sent) == 30


def test_an_ipv6_subscriber_counts_once_whatever_address_is_taken(client: FlaskClient, sms: MemorySms) -> None:
    for i in range(40):
        client.post(
            "/api/v1/codes", json={"number": f"138001380{i:02d}"},
            environ_base={"REMOTE_ADDR": f"2001:db8:7:7:{i:x}::1"},
        )
    assert len(sms.sent) == 30


def replace_site(registry: Registry, **values: object) -> Registry:
    site = msgspec.structs.replace(registry.settings.site, **values)
    return replace(registry, settings=msgspec.structs.replace(registry.settings, site=site))


# bodies and addresses that are made to hurt


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/api/v1/codes", "/api/v1/registrations", "/register", "/sign-in", "/code"])
def test_a_body_beyond_the_small_size_is_refused(app: Flask, path: str, chunked: bool) -> None:
    body = b'{"number": "' + b"1" * SMALL_BODY + b'"}'
    kind = "application/json" if path.startswith("/api") else "application/x-www-form-urlencoded"
    environ = create_environ(path, method="POST", data=body, content_type=kind)
    if chunked:  # as gunicorn hands it on
        del environ["CONTENT_LENGTH"]
        environ.update({"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"})
    status = int(run_wsgi_app(app, environ)[1][:3])
    assert status in ({400, 413} if chunked else {413})  # what comes in chunks is cut off and makes no sense


def test_a_form_of_very_many_parts_is_refused(client: FlaskClient) -> None:
    parts = {f"f{i}": (io.BytesIO(b"x"), f"{i}.txt") for i in range(600)}
    assert client.post("/register", data=parts, content_type="multipart/form-data").status_code == 413


@pytest.mark.parametrize("body", ["[" * 20_000, '{"number":' * 5000, '{"number": 1e999}', "\ufeff{}", '"\\ud800"'])
def test_json_that_is_made_to_hurt_is_refused(client: FlaskClient, body: str) -> None:
    answer = client.post("/api/v1/codes", data=body.encode(), content_type="application/json")
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("path", [
    "/static/../application.py", "/static/%2e%2e/application.py", "/static/..%2fapplication.py",
    "/static/%2e%2e%2f%2e%2e%2fregistry/keys.py", "/static//etc/passwd", "/static/style.css/../../guard.py",
    "/static/..\\guard.py", "/static/style.css%00.py", "/language/..%2f..%2fetc", "/sign-in/first/..%2f..%2f",
])
def test_no_address_leads_out_of_its_folder(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {308, 400, 404}
    assert "/static/etc/passwd" in answer.headers.get("Location", "/static/etc/passwd")
    assert "def " not in answer.text


@pytest.mark.parametrize("text", ["", "x", "-1", "9" * 40, "NaN", "\x00", "' OR 1=1 --", "２", SCRIPT, "../..", "1e9"])
def test_no_query_makes_a_page_fail(
    app: Flask, registry: Registry, visitor: Visitor, carrier: Carrier, text: str
) -> None:
    carrier("cmcc")
    carrier("regulator", "read", kind="regulator")
    names = ("at", "after", "page", "sort", "order", "by", "days", "state", "action", "actor", "job", "next", "kind")
    query = dict.fromkeys(names, text)
    pages = [
        rule.rule for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and not rule.rule.startswith("/api/")
    ]
    assert len(pages) >= 20
    visitor.prove(NUMBER)
    for become in (None, ("officer", "regulator"), ("auditor", "regulator"), ("owner", "cmcc")):
        if become:
            visitor.become(registry, become[0], party=become[1])
        for page in pages:
            answer = visitor.get(page, query_string=query)
            assert answer.status_code < 500 or page == "/healthz", page
            assert SCRIPT not in answer.text, page


# what others have sent


def test_what_others_wrote_is_shown_as_text(registry: Registry, visitor: Visitor, carrier: Carrier) -> None:
    headers = carrier("cmcc")
    carrier("regulator", "read", kind="regulator")
    parties.add_party(
        registry.store, registry.clock, party="ctcc", kind="carrier", name_zh=SCRIPT, name_en=SCRIPT, scope="home"
    )
    parties.issue_key(registry.store, registry.clock, party="cmcc", scopes=("feed",), label=SCRIPT)
    rows = [json.dumps({"id": SCRIPT, "caller": SCRIPT, "description": SCRIPT}), SCRIPT, json.dumps({SCRIPT: SCRIPT})]
    sent = visitor.client.post(
        "/api/v1/reports", data="\n".join(rows), content_type="application/x-ndjson", headers=headers
    )
    assert sent.get_json()["quarantined"] == 3
    seen = ""
    for role, party, pages in (
        ("owner", "cmcc", ("/party", "/party/quarantine", "/party/keys", "/party/reports")),
        ("officer", "regulator", ("/officer", "/officer/parties", "/officer/parties/ctcc", "/officer/parties/cmcc")),
    ):
        visitor.become(registry, role, party=party)
        for page in pages:
            answer = visitor.get(page)
            assert answer.status_code == 200, page
            assert SCRIPT not in answer.text, page
            seen += answer.text
    assert seen.count("&lt;script&gt;") >= 4


def test_a_member_reaches_nothing_of_another_party(registry: Registry, visitor: Visitor, carrier: Carrier) -> None:
    carrier("cmcc")
    theirs = carrier("ctcc")
    answer = visitor.client.post(
        "/api/v1/reports", data="no json", headers={**theirs, "Accept": "application/x-ndjson"},
        content_type="application/x-ndjson",
    )
    row = json.loads(answer.text.splitlines()[0])["quarantine"]
    key = parties.keys_of(registry.store, "ctcc")[0].key
    visitor.become(registry, "owner", party="cmcc")
    assert visitor.get(f"/party/quarantine/{row}").status_code == 404
    for path in (f"/party/quarantine/{row}", f"/party/quarantine/{row}/discard", f"/party/keys/{key}/revoke"):
        answer = visitor.submit(path, page="/party/keys", note="mine now")
        assert answer.status_code in {404, 303}, path
    assert parties.keys_of(registry.store, "ctcc")[0].revoked is None
    assert registry.store.reports.quarantine_reasons("ctcc") == {"not_json": 1}
    for page in ("/officer", "/officer/parties", "/officer/jobs", "/officer/audit"):
        assert visitor.get(page).status_code == 403, page


def test_an_officer_who_owes_the_second_factor_sees_nothing_yet(
    app: Flask, registry: Registry, visitor: Visitor, carrier: Carrier
) -> None:
    carrier("regulator", "read", kind="regulator")
    visitor.become(registry, "officer", party="regulator", strong=False)
    for page in ("/officer", "/officer/parties", "/officer/jobs"):
        answer = visitor.get(page)
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in/second")


def test_messages_of_the_embedded_gateway_are_gone_with_it(registry: Registry) -> None:
    client = create_app(registry).test_client()
    assert client.get("/dev/messages").status_code == 200
    for more in ({"X-Forwarded-For": "127.0.0.1"}, {"Host": "evil.example"}):
        assert client.get("/dev/messages", headers=more).status_code == 404
    sms = msgspec.structs.replace(registry.settings.sms, gateway="http", url="https://sms.example/")
    real = replace(registry, settings=msgspec.structs.replace(registry.settings, sms=sms))
    assert create_app(real).test_client().get("/dev/messages").status_code == 404
