"""Pages of scrubs: a file comes sealed, its columns are seen, it is asked for, followed, cancelled, found again."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

import registry as registry_package
from registry import parties, registrations
from registry.assembly import Registry
from registry.decisions import REASONS as STEPS
from registry.numbering.reading import Reason
from registry.preferences import EVERYTHING
from registry.scrubjobs import ScrubJob
from registry.store import Store
from registry.times import to_micros
from tests.doubles import FakeClock, MemoryShelf
from tests.web.filled import Visitor, member, sealed
from tests.web.filled_scrubs import LIST, changed, done, submitted
from tests.web.scrubvisits import NEW, PARTY, asked, body, post, send, sent, visitor
from web import scrubwords
from web.scrubproblems import PROBLEMS


@pytest.fixture
def who(app: Flask, registry: Registry) -> Visitor:
    return visitor(app, registry)


def table(page: str, label: str, kind: str = "") -> list[list[str]]:
    """The cells of a table's body, by the label of the box around it."""
    start = f'<table class="{kind}">' if kind else "<table>"
    found = re.search(rf'aria-label="{label}">{start}(.*?)</table>', page, re.DOTALL)
    assert found, label
    rows = re.findall(r"<tr>(.*?)</tr>", found[1].split("<tbody>")[1], re.DOTALL)
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[unescape(" ".join(re.sub(r"<[^>]+>", " ", cell).split())) for cell in row] for row in cells]


def only_job(store: Store) -> ScrubJob:
    (job,) = store.scrub_jobs.of_party(PARTY, before=1 << 62, limit=10)
    return job


def test_a_list_is_sent_seen_and_asked_for_in_three_steps(
    who: Visitor, registry: Registry, shelf: MemoryShelf
) -> None:
    scrub = sent(who)
    assert "Step 2 of 3" in who.page
    assert "138****8000" in who.page
    assert "13800138000" not in who.page
    assert re.search(r'<option selected value="2">Column 2: 手机', who.page)
    assert not any(b"13800138000" in content for content in shelf.files.values())
    page = asked(who, scrub)
    assert "Step 3 of 3" in page
    assert "It is the next one." in page
    job = only_job(registry.store)
    assert (job.state, job.ask.campaign, job.ask.wanted, job.size) == ("waiting", "Autumn", "2", len(LIST))


def test_nothing_of_an_upload_lies_anywhere_in_clear_while_it_comes(
    who: Visitor, registry: Registry, shelf: MemoryShelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))  # a clear temporary file could not be made
    content = b"phone\n" + b"".join(b"%d\n" % number for number in range(13800138000, 13800338000))
    assert send(who, content).status_code == 303
    job = only_job(registry.store)
    assert [part.size for part in registry.store.scrub_jobs.parts(job.scrub)] == [len(content)]
    assert not list((registry.instance / "work").iterdir())


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "list.csv", "The file is empty."),
        (b"phone\n", "list.csv", "a header and no lines"),
        (b"\x7fELF" + bytes(range(256)) * 40, "list.csv", "not a list that we can read"),
    ],
)
def test_a_file_that_is_no_list_is_answered_with_what_to_do(
    who: Visitor, registry: Registry, content: bytes, name: str, words: str
) -> None:
    answer = send(who, content, name)
    if answer.status_code == 303:
        page = who.get(answer.headers["Location"], status=422)
    else:
        assert answer.status_code == 422
        page = answer.get_data(as_text=True)
    assert words in page
    assert "Which list shall we check?" in page
    assert only_job(registry.store).state == "cancelled"


def test_two_columns_of_numbers_are_asked_about_and_the_file_stays(who: Visitor, registry: Registry) -> None:
    scrub = sent(who, b"a,b\n13800138000,13900139000\n13800138001,13900139001\n")
    assert "Say which to check" in who.page
    assert "Please check this" in asked(who, scrub, column="", status=422)
    assert only_job(registry.store).state == "uploading"
    assert "Step 3" in asked(who, scrub, column="2")
    assert only_job(registry.store).ask.wanted == "2"


def test_no_column_of_numbers_is_said_and_one_may_be_chosen_all_the_same(who: Visitor, registry: Registry) -> None:
    scrub = sent(who, b"name,note\nWang,first\nLi,second\n")
    assert "No column looks like phone numbers" in who.page
    assert "Step 3" in asked(who, scrub, column="1")


def test_a_header_may_be_denied_and_the_lines_are_shown_anew(who: Visitor) -> None:
    scrub = sent(who, b"13800138000,x\n13800138001,y\n")
    assert re.search(r'checked[^>]*value="no"', who.page)
    page = who.post(f"/party/scrubs/{scrub}/ask", look="yes", headed="yes", column="1", country="CN")
    assert '<th scope="col" class="chosen">138****8000</th>' in page
    assert "Please check this" not in page


def test_an_upload_that_broke_off_leaves_nothing_and_says_so(
    who: Visitor, registry: Registry, shelf: MemoryShelf
) -> None:
    who.get(NEW)
    for content, said in (
        (body(b"13800138000\n138", "a.csv", who.token, b""), None), (body(LIST, "a.csv", who.token), "10000"),
        (body(LIST, "a.csv", who.token, b"\r\n--x\r\n"), None),
    ):  # fmt: skip
        answer = post(who, content, environ_overrides={"CONTENT_LENGTH": said} if said else {})
        assert answer.status_code == 422
        assert "broke off before its end" in answer.get_data(as_text=True)
    assert {job.state for job in registry.store.scrub_jobs.of_party(PARTY, before=1 << 62, limit=9)} == {"cancelled"}
    assert not [name for name in shelf.files if name.startswith("scrubs/")]


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(
    who: Visitor, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.scrubasking._most", lambda: 1000)
    answer = send(who, b"13800138000\n" * 10_000)
    assert answer.status_code == 413
    assert "larger than we take here" in answer.get_data(as_text=True)


def test_an_upload_without_the_token_of_its_form_is_refused_before_its_file(who: Visitor, registry: Registry) -> None:
    who.get(NEW)
    for token in ("", "wrong"):
        assert post(who, body(LIST, "a.csv", token)).status_code == 400
    assert not registry.store.scrub_jobs.of_party(PARTY, before=1 << 62, limit=9)
    assert who.client.post(NEW, data=b"", content_type="text/plain").status_code == 422


def test_a_scrub_of_another_party_is_as_one_that_does_not_exist(app: Flask, registry: Registry, who: Visitor) -> None:
    scrub = sent(who)
    other = visitor(app, registry, party="rival")
    for path in ("", "/ask", "/progress", "/result"):
        found, unknown = (
            other.client.get(f"/party/scrubs/{name}{path}") for name in (scrub, "b" * 24)
        )
        assert (found.status_code, unknown.status_code) == (404, 404)


def test_a_reader_sees_scrubs_and_begins_and_stops_none(app: Flask, registry: Registry, who: Visitor) -> None:
    scrub = sent(who)
    asked(who, scrub)
    reader = visitor(app, registry, "reader")
    page = reader.get(f"/party/scrubs/{scrub}")
    assert "Stop the check" not in page
    assert "Check a list" not in reader.get("/party/scrubs").split("<main")[0]
    reader.get(NEW, status=403)
    reader.post(f"/party/scrubs/{scrub}/cancel", status=403)


def test_carriers_have_no_pages_of_scrubs(app: Flask, registry: Registry) -> None:
    parties.add_party(registry.store, registry.clock, party="cmcc", kind="carrier", name_zh="移动", name_en="Mobile")
    carrier = Visitor(app, member(registry, "cmcc", "owner"))
    assert "/party/scrubs" not in carrier.get("/party").split("<main")[0]
    carrier.get("/party/scrubs", status=403)


def test_progress_is_told_to_the_script_and_in_the_page(who: Visitor, registry: Registry, clock: FakeClock) -> None:
    scrub = sent(who)
    asked(who, scrub)
    now = to_micros(clock.now())
    with registry.store.writing():
        registry.store.scrub_jobs.change(
            scrub, states=("waiting",), state="running", started=now - 4_000_000, read=len(LIST) // 4, lines=1234,
        )
    said = who.client.get(f"/party/scrubs/{scrub}/progress").get_json()
    assert said["percent"] in (24, 25)
    assert said["lines"] == "1,234 lines read"
    assert "left" in said["left"]
    assert not said["ended"]
    page = who.get(f"/party/scrubs/{scrub}")
    assert 'http-equiv="refresh"' in page
    assert "1,234 lines read" in page
    assert "1,234 lines read" in who.get("/party/scrubs")
    assert "It is being stopped." in who.post(f"/party/scrubs/{scrub}/cancel")


def test_lanes_are_said_in_plain_words(who: Visitor, registry: Registry) -> None:
    scrub = sent(who)
    asked(who, scrub)
    for lane, words in (("slow", "slow lane"), ("held", "An officer looks at this list first")):
        with registry.store.writing():
            registry.store.scrub_jobs.change(scrub, states=("waiting",), lane=lane)
        assert words in who.get(f"/party/scrubs/{scrub}")
    who.post(f"/party/scrubs/{scrub}/cancel")
    assert "The check was stopped" in who.page


def test_history_is_narrowed_by_its_address(who: Visitor, registry: Registry) -> None:
    for campaign in ("Spring", "Autumn"):
        asked(who, sent(who), campaign=campaign)
    sent(who)
    page = who.get("/party/scrubs/history")
    assert page.count('<tr><th scope="row">') == 3
    assert who.get("/party/scrubs/history?campaign=Spring").count('<tr><th scope="row">') == 1
    assert who.get("/party/scrubs/history?state=uploading").count('<tr><th scope="row">') == 1
    assert "No check is like this" in who.get("/party/scrubs/history?state=failed&campaign=Spring")
    assert "Not sent off yet" in who.get("/party/scrubs")


def test_a_failed_scrub_says_what_to_do(who: Visitor, registry: Registry) -> None:
    scrub = sent(who)
    asked(who, scrub)
    with registry.store.writing():
        registry.store.scrub_jobs.change(scrub, states=("waiting",), state="failed", problem="packing_damaged")
    assert "Pack it anew and send it again" in who.get(f"/party/scrubs/{scrub}")


# results


@pytest.fixture
def result(who: Visitor, registry: Registry, clock: FakeClock) -> str:
    registrations.register(
        registry.store, registry.clock, number=sealed(registry, "13800138000"), source="web", preference=EVERYTHING,
        language="en",
    )
    clock.advance(minutes=10)
    scrub = submitted(registry, PARTY)
    done(registry, scrub)
    return scrub


def test_a_result_shows_counts_reasons_rules_and_how_long_it_holds(who: Visitor, result: str) -> None:
    page = who.get(f"/party/scrubs/{result}")
    assert "Checked: 1 line may be contacted" in page
    rows = table(page, "Reasons", kind="reasons")
    assert rows == [
        ["Nothing recorded against it", "1", "25 %", "May be contacted", "34"],
        ["All commercial contacts of this kind declined", "2", "50 %", "Declined", "49(7)"],
        ["Letters instead of digits", "1", "25 %", "Invalid", "–"],
    ]
    assert "The most frequent reason against a contact: All commercial contacts" in page
    assert "30 Nov 2026" in page
    assert "after a download within" in page


def test_downloads_are_whole_or_of_one_answer_have_safe_names_and_are_not_kept_on_the_way(
    who: Visitor, registry: Registry, result: str
) -> None:
    address = f"/party/scrubs/{result}/result"
    for only, lines in (("", 5), ("allowed", 2), ("declined", 3)):
        answer = who.client.get(address, query_string={"only": only})
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Content-Disposition"] == f"attachment; filename=list-{only or 'checked'}.csv"
        text = answer.get_data().decode()
        assert text.startswith("姓名,手机,备注,verdict")
        assert text.count("\n") == lines
    job = registry.store.scrub_jobs.job(result)
    assert job is not None
    assert job.picked_up is not None
    assert "after a download within" not in who.get(f"/party/scrubs/{result}")


def test_a_result_asked_for_too_early_leads_to_its_page_and_a_deleted_one_says_so(
    who: Visitor, registry: Registry, result: str
) -> None:
    waiting = submitted(registry, PARTY)
    assert "not done yet" in who.get(f"/party/scrubs/{waiting}/result")
    page = who.post(f"/party/scrubs/{result}/delete")
    assert "The files were deleted" in page
    assert "figures and the receipt stay" in page
    assert "25 %" in page
    assert "result was deleted" in who.get(f"/party/scrubs/{result}/result", status=404)


def test_a_scrub_is_made_again_with_one_click(who: Visitor, registry: Registry, result: str) -> None:
    page = who.get(f"/party/scrubs/{result}")
    assert "It is the next one." in who.post(f"/party/scrubs/{result}/again")
    (made,) = registry.store.scrub_jobs.of_party(PARTY, before=1 << 62, limit=9, state="waiting")
    assert (made.again, made.ask.campaign) == (result, "Autumn")
    assert "Check the list again" in page


def test_a_failed_scrub_whose_column_nobody_knew_goes_on_with_the_file_that_is_there(
    who: Visitor, registry: Registry
) -> None:
    scrub = submitted(registry, PARTY)
    changed(registry, scrub, "waiting", state="failed", problem="two_number_columns")
    assert "Choose the column" in who.get(f"/party/scrubs/{scrub}")
    assert "Step 2 of 3" in who.post(f"/party/scrubs/{scrub}/again", ask="yes")
    assert "Step 3 of 3" in asked(who, who.address.split("/")[3])


def test_answers_that_end_soon_are_told_of_until_the_list_is_checked_again(
    app: Flask, registry: Registry, clock: FakeClock, who: Visitor, result: str
) -> None:
    assert "Ends soon" not in who.get("/party/scrubs")
    clock.advance(days=4, hours=2)
    assert "Your answers for Autumn end in 3 days." in visitor(app, registry, "reader").get("/party/scrubs")
    clock.advance(days=4)
    who = visitor(app, registry, "owner")
    assert "Your answers for Autumn have ended" in who.get("/party/scrubs")
    scrub = submitted(registry, PARTY)
    done(registry, scrub)
    assert "Ends soon" not in who.get("/party/scrubs")


# the quick check


def test_a_few_numbers_are_answered_on_the_page_with_reason_rule_and_next_hour(
    who: Visitor, registry: Registry, result: str
) -> None:
    who.get("/party/check")
    numbers = "13800138000\n139 0013 9000，12345"
    page = who.post("/party/check", numbers=numbers, channel="calls", category="loan", when="now", on_behalf="")
    rows = table(page, "Answers")
    assert [row[:3] for row in rows] == [
        ["13800138000", "Declined All commercial contacts of this kind declined", "49(7)"],
        ["139 0013 9000", "May be contacted Nothing recorded against it", "34"],
        ["12345", "Invalid A short or service number", "–"],
    ]
    night = {"when": "later", "at": "2026-11-24T23:30"}
    page = who.post("/party/check", numbers="13900139000", channel="calls", category="loan", on_behalf="", **night)
    assert table(page, "Answers")[0][1] == "Declined Everybody's hours of rest"
    assert table(page, "Answers")[0][4] != "–"


def test_a_quick_check_says_what_is_wrong_with_what_was_typed(who: Visitor) -> None:
    who.get("/party/check")
    usual = {"channel": "calls", "category": "loan", "when": "now", "on_behalf": ""}
    for more, words in (
        ({"numbers": ""}, "Please fill this in"), ({"numbers": "1\n" * 11}, "At most 10 numbers"),
        ({"numbers": "1", "category": ""}, "Please choose one"),
        ({"numbers": "1", "when": "later"}, "Please fill this in"),
        ({"numbers": "1", "when": "later", "at": "2020-01-01T10:00"}, "The time must lie ahead"),
    ):
        assert words in who.post("/party/check", status=422, **{**usual, **more})


# the balance


def test_the_balance_says_what_is_left_and_what_a_lane_means(who: Visitor, registry: Registry, result: str) -> None:
    who.get("/party/check")
    who.post("/party/check", numbers="13800138000", channel="calls", category="loan", when="now", on_behalf="")
    tier = registry.settings.scrubs.tiers[parties.TIER]
    page = who.get("/party/balance")
    assert f"1 of {tier.day:,} used" in page
    assert f"<b>{tier.epoch - 1:,}</b>" in page
    assert "numbers left today" in who.get("/party/scrubs")


# words


def test_every_code_that_ends_a_scrub_or_a_check_says_what_to_do_in_both_languages(app: Flask) -> None:
    core = Path(registry_package.__file__).parent
    rooms = [*core.glob("calllists/*.py"), *core.glob("scrub*.py"), core / "checks.py", core / "meter.py"]
    found = {code for room in rooms for code in re.findall(r'(?:code|problem)="([a-z_]+)"', room.read_text())}
    inner = {"lease_lost", "hold_lost", "bad_index", "result_format"}  # no page says these
    assert found - inner - set(PROBLEMS) == set()
    with app.test_request_context(headers={"Cookie": "dc_language=zh_CN"}):
        for code, sentence in PROBLEMS.items():
            said = scrubwords.scrub_problem(code)
            assert said != sentence, code
            assert re.search("[\u4e00-\u9fff]", said), code


def test_every_reason_of_a_line_has_a_short_sentence(app: Flask) -> None:
    reasons = {*STEPS, *(reason.slug for reason in Reason if reason)}
    core = Path(registry_package.__file__).parent
    for room in core.glob("calllists/*.py"):
        reasons |= set(re.findall(r'LineAnswer\("invalid", "([a-z_]+)"', room.read_text()))
    with app.test_request_context():
        assert [reason for reason in reasons if scrubwords.scrub_reason(reason) == reason] == []
