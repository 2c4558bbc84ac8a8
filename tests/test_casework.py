"""Casework in real processes: a report with a picture, a late answer, a measure, an appeal that is right, and what each
sees of it. Their clock is moved on between the days of the story."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyotp
import pytest

from registry import credentials, enterprises, jobs, parties
from registry.assembly import Registry, assemble
from registry.numbers import parse_one
from registry.resources import Resource
from registry.sealing import seal_one
from sync.upkeep import JOBS
from tests.chromium import launched
from tests.live import Live, MovedClock, running, until

NUMBER, DIGITS = "+86 138 0013 8000", "13800138000"
CALLER = "17100000001"
COMPANY = "某某贷款信息服务有限公司"
PASSWORD = "correct horse battery staple"
BEIJING = ZoneInfo("Asia/Shanghai")
REPORTED = datetime(2026, 9, 1, 10, tzinfo=BEIJING)  # 15 working days later is the 22nd
ANSWERED = datetime(2026, 9, 28, 10, tzinfo=BEIJING)
STARTS = datetime(2026, 9, 30, 9, tzinfo=BEIJING)
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


@pytest.fixture
def browser() -> Iterator[Any]:
    """Real Chromium; each who takes part has a window of their own."""
    with launched() as found:
        yield found


class Story:
    """A running registry whose clock is moved, a provider who answers for CALLER, an office, and their windows."""

    def __init__(self, live: Live, browser: Any, clock: MovedClock, registry: Registry) -> None:
        self.live, self.browser, self.clock, self.registry = live, browser, clock, registry
        self.secrets: dict[str, str] = {}
        self.members: dict[str, str] = {}
        self.pages: dict[str, Any] = {}
        self._messages = 0
        store, at = registry.store, clock.now()
        parties.add_party(store, clock, party="loans", kind="telemarketer", name_zh=COMPANY, name_en="Loans Ltd")
        own = enterprises.enrol(store, clock, name=COMPANY, party="loans").enterprise
        number = seal_one(registry.keys.at_rest, parse_one(CALLER, registry.plan))
        with store.writing(about="enterprises"):
            store.enterprises.put_resources([Resource(
                "r_loans", "plain", "", number, "", own, "", "marketing", "", "", at - timedelta(days=90), None, "", at,
            )])  # fmt: skip
        for role, party in (("owner", "loans"), ("investigator", "regulator"), ("decider", "regulator")):
            added = parties.add_member(
                store, clock, party=party, email=f"{role}@{party}.example", name=role.title(), role=role
            )
            self.members[role] = added.member

    def window(self, who: str, width: int = 1280) -> Any:
        """Somebody's window; each has cookies of its own."""
        if who not in self.pages:
            context = self.browser.new_context(viewport={"width": width, "height": 800}, locale="en")
            self.pages[who] = context.new_page()
            self.pages[who].set_default_timeout(20_000)
            self.pages[who].goto(f"{self.live.url}/language/en?next=/verify")
        return self.pages[who]

    def enter(self, role: str, path: str) -> Any:
        """A member signs in with password and second factor, set up the first time; their window, at a page."""
        page = self.window(role)
        if role in self.secrets:
            page.goto(f"{self.live.url}/sign-in?next={path}")
            page.fill("#email", f"{role}@{'loans' if role == 'owner' else 'regulator'}.example")
            page.fill("#password", PASSWORD)
        else:
            token = credentials.invite(self.registry.store, self.clock, member=self.members[role])
            page.goto(f"{self.live.url}/sign-in/first/{token}")
            for field in page.query_selector_all("input[type=password]"):
                field.fill(PASSWORD)
        page.click("main button.btn")
        page.wait_for_url("**/sign-in/second**")
        if role not in self.secrets:
            self.secrets[role] = page.inner_text(".secret")
        page.fill("#code", pyotp.TOTP(self.secrets[role]).at(self.clock.now()))
        page.click("main button.btn")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        page.goto(self.live.url + path)
        return page

    def look(self, path: str) -> str:
        """What the person sees on a page; their number is proved anew where the session is over."""
        page = self.window("person", 360)
        page.goto(self.live.url + path)
        if "/sign-in" in page.url:
            page.fill("input[type=tel]", NUMBER)
            page.click("button.btn.big")
            self._messages, code = self.live.last_code(after=self._messages)
            page.fill("input.code", code)
            page.click("button.btn.big")
            page.wait_for_url(f"**{path}")
        return str(page.inner_text("main"))

    def work(self, *names: str) -> None:
        """Do jobs of the clockwork now, as a second clockwork beside the running one would."""
        for name in names:
            _outcome, error = until(
                lambda name=name: jobs.run(
                    self.registry.store, self.clock, job=name, holder=f"story-{name}", seconds=60,
                    work=lambda hold: JOBS[name].work(self.registry, hold.keep),
                ),
                seconds=30, every=0.2, what=f"the other clockwork is done with {name}",
            )  # fmt: skip
            assert error is None, error

    def messages(self) -> list[str]:
        """All text messages that were sent."""
        lines = (self.live.instance / "dev-messages.ndjson").read_text("utf-8").splitlines()
        self._messages = len(lines)
        return [json.loads(line)["text"] for line in lines]


def report(story: Story, folder: Path) -> str:
    """The person reports a call and adds a picture; the reference."""
    story.look("/report")
    page = story.window("person")
    page.check("input[name=what][value=human]")
    page.fill("#caller", CALLER)
    page.select_option("#category", "loan")
    page.fill("#description", "自称银行，推销低息贷款，已明确拒绝仍反复来电")
    page.check("#consent")
    page.click("main button.big")
    page.wait_for_url("**/my-reports/*")
    (folder / "screen.png").write_bytes(PICTURE)
    page.set_input_files("#file", folder / "screen.png")
    page.click("text=Send the file")
    page.wait_for_selector("text=Picture 1")
    return str(page.url.rsplit("/", 1)[1].partition("#")[0])


def answer_late(story: Story, reference: str) -> str:
    """The provider finds the report late on its desk, and answers it; what it saw."""
    page = story.enter("owner", "/party/desk")
    seen = page.inner_text("main")
    page.click(f"text={reference}")
    seen += page.inner_text("main")
    page.check("input[name=finding][value=violation]")
    page.select_option("#measure", "stopped")
    page.fill("#text", "经核实，已停止该号码外呼。")
    page.click("main button.btn")
    page.wait_for_url("**/party/desk")
    return str(seen)


def decide_measure(story: Story, reference: str) -> str:
    """An investigator opens a case, looks at the picture and proposes; a decider decides. The measure's address."""
    page = story.enter("investigator", "/officer/cases")
    page.click("summary:has-text('Open a case by hand')")
    page.fill("#enterprise", COMPANY)
    page.fill("#open-reason", "多次营销来电")
    page.click("text=Open the case")
    page.wait_for_url("**/officer/cases/*")
    case = page.url
    assert reference in page.inner_text("main")
    page.click("text=1 picture or recording")
    with page.expect_download() as found:
        page.click("main >> text=Picture 1")
    assert Path(found.value.path()).read_bytes() == PICTURE
    page.goto(case)
    page.click("summary:has-text('Propose a measure')")
    page.select_option("#kind", "suspend_service")
    page.fill("#facts", "经核实的违规来电")
    page.click("form[action$='/do/measure'] button")
    page.wait_for_selector("text=Service suspended")

    page = story.enter("decider", "/officer/measures")
    page.click(f"text={COMPANY}")
    page.fill("#starts", STARTS.strftime("%Y-%m-%dT%H:%M"))
    page.fill("#reason", "证据充分")
    page.click("button:has-text('Grant')")
    page.wait_for_selector("text=Notice given")
    return str(page.url)


def appeal(story: Story) -> None:
    """The provider reads what the measure stands on and appeals."""
    page = story.enter("owner", "/party/measures")
    page.click("main >> text=Service suspended")
    for text in ("In force", "经核实的违规来电", "Rules 92, 93"):
        assert text in page.inner_text("main")
    page.fill("#text", "该号码为他人冒用，附证明。")
    page.click("text=Send the appeal")
    page.wait_for_selector("text=Appealed against")


def grant(story: Story) -> None:
    """The decider finds the appeal waiting and grants it."""
    page = story.enter("decider", "/officer/measures")
    page.click(f"text={COMPANY}")
    assert "该号码为他人冒用" in page.inner_text("main")
    page.fill("#reason", "证明属实")
    page.click("text=Grant: lift the measure")
    page.wait_for_selector("text=Appeal granted: lifted")


def in_order(text: str, *wanted: str) -> bool:
    """Whether all of some texts stand in another, one after the other."""
    place = 0
    for each in wanted:
        place = text.find(each, place)
        assert place >= 0, f"{each!r} does not stand where it should in:\n{text}"
    return True


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.timeout(300)
def test_a_report_with_a_picture_ends_in_a_measure_that_an_appeal_lifts_and_the_person_sees_each_step(
    tmp_path: Path, browser: Any
) -> None:
    clock = MovedClock(tmp_path / "clock", REPORTED)
    with running(tmp_path / "instance", clock=clock) as live, closing(assemble(live.instance)) as registry:
        story = Story(live, browser, clock, replace(registry, clock=clock))
        reference = report(story, tmp_path)
        mine = f"/my-reports/{reference}"
        received = ("was accepted", "went to whoever answers for the caller")
        assert in_order(story.look(mine), *received, "What comes next", "looks into it and answers us")

        clock.set(ANSWERED)
        story.work("deadlines")
        assert in_order(story.look(mine), *received, "The time for this step ran out", "It is late")
        desk = answer_late(story, reference)
        assert "Late" in desk
        assert CALLER in desk
        story.work("deadlines")
        (told,) = [text for text in story.messages() if reference in text]
        assert COMPANY not in told
        answered = (*received, "ran out", "it was a violation", "Something was done", "They answered", "You were told")
        assert in_order(story.look(mine), *answered, "经核实，已停止该号码外呼。")

        clock.set(ANSWERED + timedelta(hours=2))
        story.work("gather")
        measure = decide_measure(story, reference)
        decided = (*answered, "part of a case now", "A measure was decided (Service suspended)")
        assert in_order(story.look(mine), *decided, "Notice given")

        clock.set(STARTS + timedelta(minutes=5))
        story.work("measures")
        appeal(story)
        begun = (*decided, "The measure began", "Whoever the measure is against appealed")
        assert in_order(story.look(mine), *begun, "Appealed against")
        grant(story)

        shown = story.look(mine)
        assert in_order(shown, *begun, "the measure was lifted at once", "Measures against the caller", "Lifted")
        assert not [text for text in ("证明属实", "该号码为他人冒用", "经核实的违规来电", COMPANY) if text in shown]
        assert in_order(story.look("/my-reports"), "Service suspended", "Lifted")
        provider = story.window("owner")
        provider.reload()
        assert in_order(provider.inner_text("main"), "Service suspended", "Lifted")
        provider.click("main >> text=Service suspended")
        assert "证明属实" in provider.inner_text("main"), "whoever appealed is told why (rule 94)"
        for page in (provider.content(), desk):
            assert not [text for text in (DIGITS, "138****8000") if text in page], "who reported is unknown (rule 90)"
        assert measure.rsplit("/", 1)[1] in story.window("decider").url
        person = story.window("person")
        person.goto(f"{live.url}/language/zh_CN?next={mine}")
        assert in_order(person.inner_text("main"), "已超过", "属于违规", "申诉", "解除")
        assert DIGITS not in (live.instance / "run.log").read_text()
