"""Reports of people on pages: evidence that lies, what is missing, who sees what; and reports by text message."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from registry import audit, consequences, parties
from registry.access import Actor
from registry.assembly import Registry
from registry.errors import UnavailableError
from registry.handling import move
from registry.handlingmoves import MOVES
from registry.keys import FIRST_EPOCH
from registry.outside.sms import signature
from registry.times import iso
from tests.doubles import FakeClock, MemorySms
from tests.registry.test_evidence_files import GPS, png
from tests.web.filled import MINE, OTHER, Visitor, fill, member, sealed, session_of
from tests.web.scrubvisits import body
from web.reporting import tools_of
from web.reportwords import CASE_STEPS, MEASURE_STEPS, STEPS

SAID = {"what": "human", "caller": "17100000002", "at": "2026-11-23T09:00", "category": "fraud", "province": "beijing",
        "enterprise": "某某贷款", "duration": "30", "description": "转账到安全账户", "consent": "y", "nonce": "0" * 16}


@pytest.fixture
def visitor(registry: Registry, app: Flask) -> Visitor:
    return Visitor(app, session_of(registry, MINE))


def reported(visitor: Visitor, **more: str) -> str:
    """Report; the reference."""
    visitor.get("/report")
    visitor.post("/report", **{**SAID, **more})
    assert visitor.address.startswith("/my-reports/")
    return visitor.address.rpartition("/")[2]


def send(visitor: Visitor, reference: str, content: bytes, name: str = "screen.png") -> TestResponse:
    page = f"/my-reports/{reference}"
    visitor.get(page)
    return visitor.client.post(
        f"{page}/evidence", data=body(content, name, visitor.token), content_type="multipart/form-data; boundary=x"
    )


def test_a_report_shows_its_reference_its_fields_and_its_steps(visitor: Visitor) -> None:
    reference = reported(visitor)
    for words in (reference, "Suspected fraud", "某某贷款", "Beijing", "171****0002", "Your report is complete",
                  "We find out who answers", "12300"):
        assert words in visitor.page, words
    assert re.search(r"By\s*<time", visitor.page), "what comes next has its date"
    assert reference in visitor.get("/my-reports")


def test_an_incomplete_report_says_what_is_missing_and_is_completed_on_its_page(visitor: Visitor) -> None:
    reference = reported(visitor, what="message", caller="", description="", consent="")
    for words in ("This is missing", "the number that it came from", "what was said or written", "your consent"):
        assert words in visitor.page, words
    complete = f"/my-reports/{reference}/complete"
    page = visitor.post(complete, status=422, caller="106900001234", description="", consent="y")
    assert "This is still missing." in page
    assert 'value="106900001234"' in page, "what was typed stays"
    assert "This is your own number" in visitor.post(complete, status=422, caller=MINE, description="x", consent="y")
    done = visitor.post(complete, caller="106900001234", description="借款", consent="y")
    assert "Your report is complete now." in done
    assert "This is missing" not in done


@pytest.mark.parametrize(
    ("more", "words"),
    [({"caller": MINE}, "This is your own number"), ({"at": "2026-11-25T10:00"}, "future"),
     ({"province": "atlantis"}, "Not a valid choice"), ({"category": "lottery"}, "Not a valid choice")],
)  # fmt: skip
def test_what_cannot_be_is_said_beside_its_field(visitor: Visitor, more: dict[str, str], words: str) -> None:
    visitor.get("/report")
    assert visitor.post("/report", status=422, **{**SAID, **more}).count(words) == 2


def test_the_same_text_twice_a_minute_counts_once(visitor: Visitor) -> None:
    reported(visitor)
    visitor.get("/report")
    assert "it counts once" in visitor.post("/report", status=422, **{**SAID, "nonce": "1" * 16})


def test_a_picture_goes_with_a_report_and_is_only_ever_handed_out_as_a_file(
    registry: Registry, app: Flask, visitor: Visitor
) -> None:
    reference = reported(visitor)
    assert send(visitor, reference, png(GPS), "../../etc/<b>passwd.html").status_code == 303
    page = visitor.get(f"/my-reports/{reference}")
    assert "passwd" not in page
    (link,) = re.findall(r'href="(/my-reports/\w+/evidence/\w+)"', page)
    answer = visitor.client.get(link)
    assert answer.data == png()
    handed_out_safely(answer)
    stranger = Visitor(app, session_of(registry, OTHER))
    for path in (link, f"/my-reports/{reference}"):
        assert stranger.client.get(path).status_code == 404
    assert app.test_client().get(link).status_code == 303, "who has proved no number does so first"


def handed_out_safely(answer: TestResponse) -> None:
    """A file that no browser shows or runs."""
    assert answer.mimetype == "image/png"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=evidence-")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Cache-Control"] == "no-store"


def test_officers_see_evidence_under_record_and_others_do_not(registry: Registry, app: Flask, visitor: Visitor) -> None:
    reference = reported(visitor)
    send(visitor, reference, png())
    parties.add_party(
        registry.store, registry.clock, party="regulator", kind="regulator", name_zh="局", name_en="Office"
    )
    officer = Visitor(app, member(registry, "regulator", "officer"))
    page = officer.get(f"/officer/reports/{reference}/evidence")
    assert "138" not in re.sub(r"<[^>]*>", "", page), "who reported stands nowhere"
    (link,) = re.findall(rf'href="(/officer/reports/{reference}/evidence/\w+)"', page)
    handed_out_safely(officer.client.get(link))
    entry = audit.entries(registry.store)[0]
    assert (entry.action, entry.subject) == ("evidence_seen", f"report:{reference}")
    publisher = Visitor(app, member(registry, "regulator", "publisher"))
    assert publisher.client.get(link).status_code == 403


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"MZ\x90 a program", 422, "neither a picture"), (b"<svg onload=alert(1)>", 422, "neither a picture"),
        (b"\xff\xd8\xff<script>alert(1)</script>", 422, "damaged"), (b"", 422, "empty"),
        (png() + bytes(10 * 1024 * 1024), 413, "at most 10 MB"),
    ],
    ids=["program", "svg", "no jpeg", "empty", "large"],
)  # fmt: skip
def test_evidence_that_lies_or_is_too_large_is_refused_with_its_reason(
    registry: Registry, visitor: Visitor, content: bytes, status: int, words: str
) -> None:
    reference = reported(visitor)
    answer = send(visitor, reference, content)
    assert answer.status_code == status
    assert words in answer.text
    assert not list(registry.shelf.names("evidence/"))


def test_evidence_without_the_forms_token_is_not_read(registry: Registry, visitor: Visitor) -> None:
    path = f"/my-reports/{reported(visitor)}/evidence"
    kind = "multipart/form-data; boundary=x"
    assert visitor.client.post(path, data=body(png(), "a.png", "nonsense"), content_type=kind).status_code == 400
    assert not list(registry.shelf.names("evidence/"))


def test_a_person_sees_each_step_and_may_come_back(registry: Registry, app: Flask, visitor: Visitor) -> None:
    reference = reported(visitor)
    parties.add_party(registry.store, registry.clock, party="cmcc", kind="carrier", name_zh="移动", name_en="Mobile")
    with app.test_request_context():
        for action in ("forward", "find_unfounded", "feed_back", "tell"):
            move(tools_of(), reference=reference, action=action, maker="centre", actor=Actor("system"),
                 desk="cmcc", answer="查无此事")
    page = visitor.get(f"/my-reports/{reference}")
    for words in ("without your number", "found no violation", "查无此事", "Have it looked at again"):
        assert words in page, words
    assert "That is on record." in visitor.post(f"/my-reports/{reference}/reopen", note="我有录音")
    assert "It is being looked at again." in visitor.page
    assert "could not be done" in visitor.post(f"/my-reports/{reference}/forward")


# by text message


class Gateway:
    """The text message gateway: signs what people send."""

    def __init__(self, registry: Registry, client: FlaskClient) -> None:
        self.registry, self.client, self.sent = registry, client, 0

    def text(self, text: str, *, status: int = 200, sender: str = f"+86{MINE}", late: int = 0, **more: Any) -> str:
        self.sent += 1
        now = self.registry.clock.now()
        said = json.dumps({"id": f"m{self.sent}", "from": sender, "text": text, "at": iso(now), **more}).encode()
        return self.post(said, str(int(now.timestamp()) - late), status=status)

    def post(self, said: bytes, timestamp: str, *, status: int = 200, signed: str = "") -> str:
        key = self.registry.keys.derive("log", "sms-gateway", FIRST_EPOCH)
        answer = self.client.post("/gateway/sms", data=said, content_type="application/json", headers={
            "Decline-Call-Timestamp": timestamp, "Decline-Call-Signature": signed or signature(key, timestamp, said),
        })  # fmt: skip
        assert answer.status_code == status, answer.text
        assert MINE not in answer.text
        return str(answer.get_json().get("result") or answer.get_json()["code"])


@pytest.fixture
def gateway(registry: Registry, client: FlaskClient) -> Gateway:
    return Gateway(registry, client)


def test_every_step_that_a_person_is_told_of_has_its_words() -> None:
    assert {move.action for move in MOVES} | {"late"} <= set(STEPS)
    assert set(consequences.TOLD_OF_CASES) | {"open"} == set(CASE_STEPS)
    assert set(consequences.TOLD_OF_MEASURES) == set(MEASURE_STEPS)


def test_a_text_becomes_a_report_and_is_answered_with_its_reference(
    registry: Registry, gateway: Gateway, sms: MemorySms, visitor: Visitor
) -> None:
    assert gateway.text("1069 0000 1234＊【某贷】几分钟放款，退订回T") == "taken"
    number, answer = sms.sent[-1]
    assert number.e164 == f"+86{MINE}"
    (reference,) = re.findall(r"[a-z]{12}", answer)
    assert "举报已受理" in answer
    assert "Your report is complete" in visitor.get(f"/my-reports/{reference}")
    (row,) = registry.store.reports.about(sealed(registry), limit=9)
    assert row["channel"] == 2
    assert gateway.text(reference.upper()) == "state"
    assert reference in sms.sent[-1][1]
    assert gateway.text(reference, sender=f"+86{OTHER}") == "refused"
    assert "no such report" in sms.sent[-1][1] or "没有这条举报" in sms.sent[-1][1]


@pytest.mark.parametrize(
    ("text", "result", "words"),
    [
        ("你好", "unreadable", "号码*内容"), ("hello there", "unreadable", "number*text"),
        ("", "unreadable", "号码*内容"), ("*text alone", "unreadable", "number*text"),
        ("abc*some words", "refused", "cannot be read"),
        (f"{MINE}*some words", "refused", "own number"), ("106900001234*", "returned", "缺少"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_report_is_answered_with_what_to_do_in_its_language(
    gateway: Gateway, sms: MemorySms, text: str, result: str, words: str
) -> None:
    assert gateway.text(text) == result
    assert words in sms.sent[-1][1]


def test_a_text_that_comes_twice_counts_and_is_answered_once(
    registry: Registry, gateway: Gateway, sms: MemorySms
) -> None:
    assert gateway.text("106900001234*借款", id="one") == "taken"
    assert gateway.text("106900001234*借款", id="one") == "repeated"
    assert gateway.text("106900001234*借款", id="two") == "refused", "the same text within a minute"
    assert len(registry.store.reports.about(sealed(registry), limit=9)) == 1
    assert len(sms.sent) == 2


def test_a_text_with_a_reference_is_answered_with_the_measure_that_came_of_it(
    registry: Registry, gateway: Gateway, sms: MemorySms
) -> None:
    assert gateway.text(fill(registry).report) == "state"
    assert "Measure against the caller: No new number resources, Appealed against." in sms.sent[-1][1]


def test_only_what_the_gateway_signed_just_now_is_read(registry: Registry, gateway: Gateway, sms: MemorySms) -> None:
    assert gateway.text("106900001234*借款", status=401, late=301) == "bad_signature"
    assert gateway.text("106900001234*借款", status=401, late=-301) == "bad_signature"
    now = str(int(registry.clock.now().timestamp()))
    assert gateway.post(b"{}", now, status=401, signed="sha256=" + "0" * 64) == "bad_signature"
    assert gateway.post(b"{}", "soon", status=401) == "bad_signature"
    assert gateway.post(b'{"id": "1"}', now, status=422) == "bad_body"
    assert gateway.text("106900001234*借款", status=422, sender="12321") == "short_number"
    assert not sms.sent


def test_who_sends_often_is_not_answered_without_end(gateway: Gateway, sms: MemorySms, clock: FakeClock) -> None:
    for _text in range(20):
        gateway.text("hello")
    assert gateway.text("hello", status=429) == "too_many"
    assert len(sms.sent) == 20
    assert gateway.text("hello", sender=f"+86{OTHER}") == "unreadable"
    clock.advance(timedelta(hours=1).total_seconds())
    assert gateway.text("hello") == "unreadable"


def test_an_answer_that_cannot_be_sent_loses_no_report(
    registry: Registry, gateway: Gateway, sms: MemorySms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise UnavailableError("down", code="gateway_down")

    monkeypatch.setattr(sms, "send", down)
    assert gateway.text("106900001234*借款") == "taken"
    assert len(registry.store.reports.about(sealed(registry), limit=9)) == 1
