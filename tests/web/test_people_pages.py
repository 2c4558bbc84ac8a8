"""What people do on the site: prove a number, choose, see, change, withdraw, report; and what goes wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from registry import registrations
from registry.assembly import Registry
from registry.errors import UnavailableError
from registry.numbers import Number
from registry.preferences import ALL_CATEGORIES, EVERYTHING, Category, Channel
from registry.times import to_micros
from tests.doubles import FakeClock, MemorySms
from tests.web.filled import MINE, Visitor, fill, sealed, session_of
from web.application import create_app

Code = Callable[[], str]
EVERYTHING_FORM = {"choice": "everything"}


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


def prove(visitor: Visitor, code_of: Code, start: str = "/register") -> str:
    visitor.get(start)
    visitor.post(start, number="+86 138 0013 8000")
    assert visitor.address == "/code"
    return visitor.post("/code", code=code_of())


def test_three_steps_and_everything_is_declined(registry: Registry, visitor: Visitor, code_of: Code) -> None:
    assert "Step 1 of 3" in visitor.get("/register")
    assert "Step 2 of 3" in visitor.post("/register", number=MINE)
    assert "138****8000" in visitor.page
    assert "Step 3 of 3" in visitor.post("/code", code=code_of())
    done = visitor.post("/my-number/choose", **EVERYTHING_FORM)
    assert visitor.address == "/my-number/done"
    assert "All commercial calls and texts" in done
    found = registrations.current(registry.store, sealed(registry))
    assert found is not None
    assert found.preference == EVERYTHING
    assert found.source == "web"


def test_a_choice_by_industry_way_and_time_is_kept_as_it_was_made(
    registry: Registry, visitor: Visitor, code_of: Code
) -> None:
    prove(visitor, code_of)
    shown = visitor.post(
        "/my-number/choose", choice="chosen", calls=["all"], messages=["loan", "property"], from1="21", until1="8",
        from2="", until2="", weekdays=["5", "6"], holidays="y",
    )  # fmt: skip
    found = registrations.current(registry.store, sealed(registry))
    assert found is not None
    assert found.preference.calls == ALL_CATEGORIES
    assert found.preference.robocalls == 0
    assert found.preference.declines(Channel.MESSAGES, Category.PROPERTY)
    assert found.preference.quiet_at(23, 0, holiday=False)
    assert found.preference.quiet_at(12, 6, holiday=False)
    assert found.preference.quiet_at(12, 0, holiday=True)
    assert not found.preference.quiet_at(12, 0, holiday=False)
    for words in ("Calls: all industries", "Loans and wealth, Real estate", "21:00 – 08:00", "Saturday, Sunday"):
        assert words in shown, words
    again = visitor.get("/my-number/choose")
    ticked = re.findall(r'name="messages" value="(\w+)" checked', again)
    assert ticked == ["loan", "property"]
    assert re.search(r'name="calls" value="all" checked', again)
    assert re.search(r'<option selected value="21">', again)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Please fill this in."), ("abc", "digits only"), ("138", "too short"), ("1380013800013800138", "too long"),
        ("13800138000 13800138001", "one number only"), ("12321", "Short numbers"), ("16000138000", "No carrier has"),
    ],
)  # fmt: skip
def test_a_number_that_is_none_comes_back_with_the_reason_beside_it(
    visitor: Visitor, sms: MemorySms, typed: str, words: str
) -> None:
    visitor.get("/register")
    page = visitor.post("/register", status=422, number=typed)
    assert page.count(words) == 2, "on top and beside the field"
    assert 'aria-invalid="true"' in page
    assert not sms.sent


def test_a_wrong_code_says_how_many_tries_are_left_and_the_guesses_stay_spent(
    visitor: Visitor, sms: MemorySms, code_of: Code
) -> None:
    visitor.get("/register")
    visitor.post("/register", number=MINE)
    right = code_of()
    wrong = "000000" if right != "000000" else "111111"
    assert "4 more tries" in visitor.post("/code", status=422, code=wrong)
    for _again in range(4):
        visitor.post("/code", status=422, code=wrong)
    assert "wrong too often" in visitor.post("/code", status=429, code=right)


def test_old_and_used_codes_read_alike(visitor: Visitor, code_of: Code, clock: FakeClock, app: Flask) -> None:
    visitor.get("/register")
    visitor.post("/register", number=MINE)
    clock.advance(minutes=11)
    assert "not valid any more" in visitor.post("/code", status=422, code=code_of())
    visitor.post("/code/again")
    code = code_of()
    visitor.post("/code", code=code)
    clock.advance(minutes=2)
    other = Visitor(app)
    other.get("/register")
    other.post("/register", number=MINE)
    assert other.address == "/code"


def test_too_many_codes_are_refused_with_the_wait(visitor: Visitor, sms: MemorySms) -> None:
    visitor.get("/register")
    visitor.post("/register", number=MINE)
    visitor.get("/register")
    assert "wait 60 seconds" in visitor.post("/register", status=429, number=MINE)
    visitor.get("/code")
    assert "wait 60 seconds" in visitor.post("/code/again")
    assert len(sms.sent) == 1


def test_a_gateway_that_is_down_is_said_plainly(registry: Registry) -> None:
    class Down:
        name = "down"

        def send(self, number: Number, text: str) -> None:
            raise UnavailableError("The gateway does not answer.", code="gateway_down")

    visitor = Visitor(create_app(replace(registry, sms=Down())))
    visitor.get("/register")
    assert "cannot send texts" in visitor.post("/register", status=503, number=MINE)


def test_no_page_before_the_code_tells_whether_a_number_is_registered(app: Flask, registry: Registry) -> None:
    seen = []
    for number, register in ((MINE, True), ("13911112222", False)):
        if register:
            registrations.register(registry.store, registry.clock, number=sealed(registry, number),
                                   preference=EVERYTHING, source="web", language="en")
        visitor = Visitor(app)
        visitor.get("/my-number/sign-in")
        page = visitor.post("/my-number/sign-in", number=number)
        wrong = visitor.post("/code", status=422, code="000000")
        seen.append([re.sub(r'\d{3}\*{4}\d{4}|value="[^"]{20,}"', "", text) for text in (page, wrong)])
    assert seen[0] == seen[1]


def test_the_session_ends_after_its_time(registry: Registry, app: Flask, clock: FakeClock) -> None:
    visitor = Visitor(app, session_of(registry, MINE))
    visitor.get("/my-number")
    assert visitor.address == "/my-number"
    clock.advance(minutes=31)
    visitor.get("/my-number")
    assert visitor.address == "/my-number/sign-in"


def test_a_form_without_its_token_is_refused(app: Flask) -> None:
    assert app.test_client().post("/register", data={"number": MINE}).status_code == 400


def test_whoever_signs_in_comes_to_where_they_wanted_to_go(visitor: Visitor, code_of: Code) -> None:
    visitor.get("/report")
    assert visitor.address == "/my-number/sign-in"
    visitor.post("/my-number/sign-in?next=/report", number=MINE)
    visitor.post("/code", code=code_of())
    assert visitor.address == "/report"


def test_the_page_says_in_which_edition_a_choice_is_and_which_carriers_have_it(registry: Registry, app: Flask) -> None:
    viewers = fill(registry)
    visitor = Visitor(app, viewers.tokens["mine"])
    assert "In the next edition" in visitor.get("/my-number/done")
    number, now = sealed(registry), to_micros(registry.clock.now())
    with registry.store.writing(about="edition"):
        registry.store.editions.insert(edition=6, state="published", opened=now, published=now)
        registry.store.editions.mark(6)
        registry.store.editions.add_changes([
            {"number": number, "edition": 6, "calls": 1, "robocalls": 0, "messages": 0, "quiet": 0, "carrier": "cmcc",
             "left_carrier": None}
        ])  # fmt: skip
        registry.store.editions.unmark(6)
    page = visitor.get("/my-number/done")
    assert "Edition 6" in page
    assert "0 of 1 carrier has it" in page
    assert "China Mobile (your carrier)" in page
    with registry.store.writing(about="acknowledgement"):
        registry.store.feeds.acknowledge(
            recipient="cmcc", edition=6, content_root=bytes(32), exceptions_root=bytes(32), at=now, agrees=True
        )
    page = visitor.get("/my-number")
    assert "1 of 1 carrier has it" in page
    assert "Check again" not in page


def test_withdrawing_takes_one_question_and_stays_in_the_history(
    registry: Registry, app: Flask, clock: FakeClock
) -> None:
    viewers = fill(registry)
    visitor = Visitor(app, viewers.tokens["mine"])
    clock.advance(minutes=5)
    visitor.get("/my-number/withdraw")
    assert "declines nothing any more" in visitor.post("/my-number/withdraw")
    assert "is not registered" in visitor.get("/my-number")
    history = visitor.get("/my-number/history?at=2026-11-23T10:01")
    assert history.index("Withdrawn") < history.index("Registered</h2>")
    assert "At that time 138****8000 declined:" in history
    assert "declined nothing" in visitor.get("/my-number/history?at=2026-11-23T10:06")
    visitor.get("/my-number/history?at=yesterday", status=422)


def test_signing_out_closes_the_door(registry: Registry, app: Flask) -> None:
    visitor = Visitor(app, fill(registry).tokens["mine"])
    visitor.get("/my-number")
    visitor.post("/my-number/sign-out")
    visitor.get("/my-number")
    assert visitor.address == "/my-number/sign-in"


# reports


def test_a_report_is_judged_at_once_and_shown_with_its_rule(registry: Registry, app: Flask, clock: FakeClock) -> None:
    viewers = fill(registry)
    clock.advance(minutes=10)
    visitor = Visitor(app, viewers.tokens["mine"])
    page = visitor.get("/report")
    nonce = re.findall(r'name="nonce"[^>]*value="(\w+)"', page)[0]
    said = {"what": "human", "caller": "171 0000 0002", "at": "2026-11-23T10:09", "category": "loan", "duration": "30",
            "description": "贷款", "nonce": nonce}
    shown = visitor.post("/report", **said)
    assert visitor.address.startswith("/my-reports/")
    assert "This was a violation" in shown
    listed = visitor.get("/my-reports")
    assert "Violation" in listed
    assert "49(7)" in listed
    assert "171****0002" in shown
    visitor.get("/report")
    assert "We have this report already." in visitor.post("/report", **said)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("at", "2026-11-25T10:00", "future"), ("at", "", "Please fill this in."), ("category", "", "choose"),
        ("duration", "100000", "86,400"), ("caller", "letters", "letters"), ("what", "nonsense", "hoice"),
    ],
)  # fmt: skip
def test_a_report_that_cannot_be_comes_back_with_the_field_marked(
    registry: Registry, app: Flask, field: str, value: str, words: str
) -> None:
    visitor = Visitor(app, session_of(registry, MINE))
    visitor.get("/report")
    said = {"what": "human", "caller": "17100000002", "at": "2026-11-23T09:00", "category": "loan", "nonce": "n1"}
    assert words in visitor.post("/report", status=422, **{**said, field: value})


def test_nobody_reports_without_end(registry: Registry, app: Flask) -> None:
    visitor = Visitor(app, session_of(registry, MINE))
    visitor.get("/report")
    said = {"what": "human", "caller": "17100000002", "at": "2026-11-23T09:00", "category": "loan"}
    for report in range(50):
        visitor.post("/report", **said, description=str(report))
    assert "That was too often" in visitor.post("/report", status=429, **said)


def test_what_the_form_library_says_is_chinese_too(registry: Registry, app: Flask) -> None:
    visitor = Visitor(app, session_of(registry, MINE), "zh_CN")
    visitor.get("/report")
    page = visitor.post("/report", status=422, what="nonsense", at="then", category="x", duration="long")
    assert "Not a valid" not in page
    assert "不是有效的" in page


def test_quiet_hours_need_both_ends(registry: Registry, app: Flask) -> None:
    visitor = Visitor(app, session_of(registry, MINE))
    visitor.get("/my-number/choose")
    said = {"choice": "chosen", "until1": "", "from2": "", "until2": ""}
    assert "both ends" in visitor.post("/my-number/choose", status=422, from1="21", **said)
    assert "at least one thing" in visitor.post("/my-number/choose", status=422, from1="", **said)


def test_a_hidden_number_and_a_text_can_be_reported(registry: Registry, app: Flask) -> None:
    visitor = Visitor(app, session_of(registry, MINE))
    visitor.get("/report")
    shown = visitor.post("/report", what="message", at="2026-11-23T09:00", category="other", nonce="n1")
    assert "Hidden number" in shown
    assert "missing, altered or false" in shown


def test_the_next_holder_of_a_number_sees_nothing_of_the_one_before(
    registry: Registry, app: Flask, clock: FakeClock
) -> None:
    fill(registry)
    clock.advance(days=1)
    registrations.recycle(registry.store, registry.clock, number=sealed(registry))
    clock.advance(days=1)
    visitor = Visitor(app, session_of(registry, MINE))
    assert "Nothing was reported yet." in visitor.get("/my-reports")
    assert "Nothing has happened yet." in visitor.get("/my-number/history")
    assert "is not registered" in visitor.get("/my-number")
