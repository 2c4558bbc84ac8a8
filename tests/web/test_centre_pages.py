"""Pages of the report centre: the queue, one report, many at once, what is held; what each role sees and may do."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask

from registry import audit, heldreports, parties
from registry.assembly import Registry
from registry.handling import Handling
from tests.doubles import FakeClock
from tests.registry.gatheringup import TEXT, Pile
from tests.web.filled import Visitor, member
from tests.web.test_desk_api import CALLED, come

ROLES = ("intake", "officer", "investigator", "decider", "auditor", "publisher")


class Office:
    """Three reports on a carrier's desk, two at the centre, and a browser for each role."""

    def __init__(self, app: Flask, registry: Registry) -> None:
        self.registry, self.store = registry, registry.store
        for party, kind in (("regulator", "regulator"), ("cmcc", "carrier"), ("sender", "telemarketer")):
            parties.add_party(self.store, registry.clock, party=party, kind=kind, name_zh=f"{party}公司", name_en=party)
        come(registry, 3)
        self.pile = Pile(self.store, registry.keys, registry.clock, registry.plan)  # type: ignore[arg-type]
        self.here = [each.reference for each in self.pile.fall(2, text=TEXT)]
        self.forwarded = [self.of("people", f"d{place}").reference for place in range(3)]
        self.people = {role: Visitor(app, member(registry, "regulator", role)) for role in ROLES}

    def of(self, source: str, source_id: str) -> Handling:
        found = self.store.handling.of_report(source, source_id)
        assert found is not None
        return found

    def state(self, reference: str) -> str:
        found = self.store.handling.of_reference(reference)
        assert found is not None
        return found.state

    def do(self, role: str, reference: str, what: str, status: int = 200, **fields: object) -> str:
        """Make a move with the form of the report's page."""
        page = self.people[role].get(f"/officer/reports/{reference}")
        seen = re.findall(r'name="seen" (?:type="hidden" )?value="([a-z]+)"', page)
        return self.people[role].post(
            f"/officer/reports/{reference}/{what}", status=status, **{"seen": seen[0] if seen else "", **fields}
        )


@pytest.fixture
def office(app: Flask, registry: Registry) -> Office:
    return Office(app, registry)


def test_the_queue_says_deadlines_in_words_and_narrows_by_its_address(office: Office, clock: FakeClock) -> None:
    intake = office.people["intake"]
    page = intake.get("/officer/reports")
    assert "5 reports are like this." in page
    assert "days left" in page
    assert "No deadline" in page
    first = office.forwarded[0]
    for address, hit in (
        ("where=desk", True), ("where=centre", False), ("desk=cmcc", True), ("desk=cmcc%E5%85%AC%E5%8F%B8", True),
        ("desk=nobody", False), ("state=forwarded&kind=call&channel=calls&class_=commercial", True),
        ("state=closed", False), ("late=overdue", False), ("held=held", False), ("held=not_held", True),
        ("undated=yes", False), (f"q={first[:5]}", True), ("q=zzzz", False), ("carrier=cmcc", True),
        ("province=beijing", False), ("category=game", False), ("state=nonsense", True), ("state=all", True),
        ("after=nonsense", True),
    ):  # fmt: skip
        assert (first in intake.get(f"/officer/reports?{address}")) == hit, address
    clock.advance(days=30)
    visitor = Visitor(intake.client.application, member(office.registry, "cmcc", "owner"))
    visitor.get("/officer/reports", status=403)


def test_pages_of_the_queue_follow_each_other_and_who_only_reads_gets_no_forms(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.centre.PAGE", 2)
    auditor, seen = office.people["auditor"], set[str]()
    page = auditor.get("/officer/reports")
    while True:
        assert 'name="do"' not in page
        seen |= set(re.findall(r'href="/officer/reports/([a-z]{12})"', page))
        link = re.search(r'href="(/officer/reports\?after=[^"]+)">Next', page)
        if link is None:
            break
        page = auditor.get(html.unescape(link[1]))
    assert seen == {*office.here, *office.forwarded}
    assert "Move the report" not in auditor.get(f"/officer/reports/{office.here[0]}")
    auditor.post("/officer/reports/bulk", status=403, reference=office.here[0], do="close")
    auditor.post(f"/officer/reports/{office.here[0]}/do/close", status=403)
    auditor.post(f"/officer/reports/{office.here[0]}/answer", status=403)
    auditor.post("/officer/reports/held", status=403)
    office.people["investigator"].get("/officer/reports")
    office.people["investigator"].post(f"/officer/reports/{office.here[0]}/do/close", status=403)
    office.people["publisher"].get("/officer/reports", status=403)


def test_a_view_is_a_members_own_is_kept_and_forgotten(office: Office) -> None:
    intake, other = office.people["intake"], office.people["officer"]
    intake.get("/officer/reports?state=forwarded")
    kept = intake.post("/officer/reports/views", name="在承办", query="state=forwarded&evil=%0d%0aSet-Cookie")
    assert 'href="/officer/reports?state=forwarded' in kept
    assert "在承办" not in other.get("/officer/reports")
    assert "在承办" not in intake.get("/officer/cases")
    intake.get("/officer/reports")
    assert "A view needs a name." in intake.post("/officer/reports/views", name=" ", query="state=closed")
    gone = intake.post("/officer/reports/views", name="在承办", query="", forget="yes")
    assert "The view is forgotten." in gone
    assert "在承办" not in gone
    assert "No view has this name." in intake.post("/officer/reports/views", name="在承办", forget="yes")


def test_a_report_shows_how_it_was_judged_who_answers_and_never_who_reported(office: Office) -> None:
    for reference in (office.forwarded[0], office.here[0]):
        page = office.people["auditor"].get(f"/officer/reports/{reference}")
        assert page.count("Does not hold") + page.count("Holds too") >= 20
        assert "Access (carrier)" in page
        assert "Passed on to a desk" in page or reference in office.here
        assert CALLED not in page
        assert "13500000001" not in page
        assert "13800138000" not in page
    assert "Another with nearly the same text" not in page
    office.pile.gather(later=1)
    assert office.here[1] in office.people["auditor"].get(f"/officer/reports/{office.here[0]}")
    printed = office.people["intake"].get(f"/officer/reports/{office.here[0]}?print=1").split("<main")[1]
    assert "noprint" not in printed.split("</main")[0]
    office.people["intake"].get("/officer/reports/bbbbbbbbbbbb", status=404)
    office.people["intake"].post("/officer/reports/bbbbbbbbbbbb/do/close", status=404)


def test_intake_sends_back_passes_on_closes_and_answers_on_the_page(office: Office) -> None:
    one, two = office.here
    assert "Say what is missing" in office.do("intake", one, "do/return", note=" ")
    assert "Say whose desk it goes to" in office.do("intake", one, "do/forward", desk="无账号公司")
    assert "cannot be done" in office.do("intake", one, "do/reopen")
    assert "Choose what to do." in office.do("intake", one, "do/dismiss")
    moved = office.do("intake", one, "do/forward", desk="sender公司", note="请核实")
    assert "It stands in the timeline" in moved
    assert "请核实" in moved
    assert office.state(one) == "forwarded"
    wrong = office.do("intake", two, "answer", status=422, finding="violation", text="已处理")
    assert "which measure was taken" in wrong
    done = office.do("intake", two, "answer", finding="violation", measure="stopped", text="已停止该号码呼出")
    assert "The report is answered." in done
    assert "已停止该号码呼出" in done
    assert "stopped" in done
    assert "Person told" in office.do("intake", two, "do/tell", note="电话告知")
    assert "Closed" in office.do("intake", two, "do/close")
    assert audit.verify(office.store)


def test_of_two_officers_on_one_report_the_second_is_told_on_the_page(office: Office, clock: FakeClock) -> None:
    one, late = office.here[0], office.people["intake"]
    page = late.get(f"/officer/reports/{one}")
    seen = re.findall(r'name="seen" value="([a-z]+)"', page)[0]
    clock.advance(seconds=5)
    assert "timeline" in office.do("intake", one, "do/forward", desk="sender")
    for what, fields, status in (("do/close", {}, 200), ("answer", {"finding": "unfounded", "text": "没有"}, 422)):
        told = late.post(f"/officer/reports/{one}/{what}", status=status, seen=seen, **fields)
        assert "Somebody else has moved this report meanwhile" in told
    assert office.state(one) == "forwarded"


def test_ticked_reports_are_moved_each_by_itself_and_told_plainly(office: Office) -> None:
    intake = office.people["intake"]
    intake.get("/officer/reports")
    ticked = [office.here[0], office.forwarded[0], "bbbbbbbbbbbb"]
    told = intake.post("/officer/reports/bulk", reference=ticked, do="forward", desk="sender", query="state=all")
    assert "1 report was moved." in told
    assert told.count("Not done") == 2
    assert "There is no such report." in told
    assert 'href="/officer/reports?state=all"' in told
    assert office.state(office.here[0]) == "forwarded"
    back = intake.post("/officer/reports/bulk", reference=[office.here[1]], do="return")
    assert "Say what is missing" in back
    closed = intake.post("/officer/reports/bulk", reference=[office.here[1]], do="close")
    assert "1 report was moved." in closed
    for fields in ({"do": "close"}, {"reference": office.here, "do": "answer"}):
        assert "Tick reports, and choose" in intake.post("/officer/reports/bulk", **fields)


def test_a_held_wave_is_seen_released_or_closed_with_a_reason(office: Office) -> None:
    innocent = office.pile.enterprise("无辜公司")
    office.pile.fall(30, enterprise=innocent, source="people", text="此公司骚扰我，请大家一起举报这家坏公司，谢谢各位")
    office.pile.gather(later=1)
    seen, officer = office.people["auditor"].get("/officer/reports/held"), office.people["officer"]
    assert "无辜公司" in seen
    assert "30 reports" in seen
    assert "30 people" in seen
    assert 'name="decision"' not in seen
    officer.get("/officer/reports/held")
    (wave,) = heldreports.waves(office.store)
    which = {"held": wave.held, "cluster": wave.cluster, "enterprise": wave.enterprise}
    assert "Please say why." in officer.post("/officer/reports/held", decision="release", reason=" ", **which)
    done = officer.post("/officer/reports/held", decision="dismiss", reason="同行恶意举报", **which)
    assert "30 reports are closed and never count." in done
    assert "同行恶意举报" in done
    assert "no such wave" in officer.post("/officer/reports/held", decision="release", reason="x", **which)

