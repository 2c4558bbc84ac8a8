"""Officers' pages of cases: the queue, one case with its evidence and trace, and what each role does there."""

from __future__ import annotations

import pytest
from flask import Flask

from registry import casedeadlines
from registry.assembly import Registry
from tests.registry.gatheringup import TEXT, Pile
from tests.web.filled import Visitor, member


class Desk:
    """An enterprise with a case of twelve reports, and a browser for each role."""

    def __init__(self, app: Flask, registry: Registry) -> None:
        from registry import parties

        self.registry = registry
        parties.add_party(
            registry.store, registry.clock, party="regulator", kind="regulator", name_zh="局", name_en="Office"
        )
        self.pile = Pile(registry.store, registry.keys, registry.clock, registry.plan)  # type: ignore[arg-type]
        self.enterprise = self.pile.enterprise("甲公司")
        self.pile.fall(12, enterprise=self.enterprise, text=f"{TEXT} 13912345678", source="cmcc")
        self.pile.gather()
        self.case_id = registry.store.cases.of_enterprise(self.enterprise)[0].case_id
        self.address = f"/officer/cases/{self.case_id}"
        self.people = {
            role: Visitor(app, member(registry, "regulator", role))
            for role in ("investigator", "decider", "auditor", "publisher")
        }

    def do(self, role: str, what: str, **fields: str) -> str:
        visitor = self.people[role]
        visitor.get(self.address)
        return visitor.post(f"{self.address}/do/{what}", **fields)


@pytest.fixture
def desk(app: Flask, registry: Registry) -> Desk:
    return Desk(app, registry)


def test_the_queue_filters_by_its_address_and_says_deadlines_in_words(desk: Desk) -> None:
    page = desk.people["auditor"].get("/officer/cases")
    assert "甲公司" in page
    assert "days left" in page
    for address in ("state=closed", "assigned=nobody&due=overdue", "kind=call", "category=property", "proposed=yes"):
        assert "No case is like this." in desk.people["auditor"].get(f"/officer/cases?{address}")
    for address in ("state=all&sort=-reports", "kind=message", "why=campaign", "assigned=nobody", "state=nonsense"):
        assert "甲公司" in desk.people["auditor"].get(f"/officer/cases?{address}")
    desk.pile.clock.advance(70 * 86_400)
    assert desk.registry.store.cases.overdue(at=2**60) == 1


def test_a_case_shows_masked_evidence_and_every_step_of_the_decision(desk: Desk) -> None:
    page = desk.people["auditor"].get(desk.address)
    assert "138****8000" in page
    assert "13912345678" not in page
    assert "13800138000" not in page
    assert "How the verdict came about" in page
    assert page.count("Does not hold") + page.count("Holds too") >= 20
    assert "Propose the next step" not in page, "auditors read only"
    assert "noprint" not in desk.people["auditor"].get(f"{desk.address}?print=1").split("<main")[1].split("</main")[0]


def test_an_investigator_proposes_and_a_decider_decides_and_neither_does_both(desk: Desk) -> None:
    assert "It stands in the timeline" in desk.do("investigator", "propose", action="order", reason="证据充分")
    assert "Somebody else has to decide" in desk.people["investigator"].get(desk.address)
    assert "may not do this" in desk.do("investigator", "decide", granted="yes", reason="x")
    assert "Ordered to correct" in desk.do("decider", "decide", granted="yes", reason="同意")
    assert "Please say why." in desk.do("investigator", "propose", action="warn", reason=" ")
    assert "cannot be done" in desk.do("investigator", "propose", action="reopen", reason="x")
    assert "may not do this" in desk.do("decider", "propose", action="warn", reason="x")


def test_measures_are_proposed_on_the_page_and_lead_to_where_they_are_decided_with_notice(desk: Desk) -> None:
    page = desk.do("investigator", "measure", kind="suspend_service", reason="屡次违规")
    assert "Service suspended" in page
    measure = desk.registry.store.measures.of_case(desk.case_id)[0].measure
    address = f"/officer/measures/{measure}"
    assert address in page
    assert "Somebody else has to decide" in desk.people["investigator"].get(address)
    assert "屡次违规" in desk.people["decider"].get(address)
    early = desk.people["decider"].post(f"{address}/decide", granted="yes", starts="2020-01-01T00:00", reason="x")
    assert "starts after the notice" in early
    said = {"granted": "yes", "starts": "2027-01-01T00:00", "reason": "同意"}
    assert "Notice given" in desk.people["decider"].post(f"{address}/decide", **said)
    desk.people["investigator"].get(address)
    desk.people["investigator"].post(f"{address}/decide", status=403, granted="yes", reason="x")


def test_a_fine_is_proposed_with_its_reasons_and_waits_for_the_hearing(desk: Desk) -> None:
    page = desk.people["decider"].get(desk.address)
    assert "first offence" in page
    assert "has to be heard" in page
    desk.do("investigator", "hear", reason="公司陈述意见")
    assert "has to be heard" not in desk.people["decider"].get(f"{desk.address}?income=9000&grave=yes&role=carrier")
    assert "No fine may be imposed here." in desk.people["decider"].get(f"{desk.address}?role=merchant")


def test_views_are_kept_and_several_cases_are_worked_on_at_once(desk: Desk) -> None:
    investigator = desk.people["investigator"]
    investigator.get("/officer/cases?kind=message")
    assert "我的视图" in investigator.post("/officer/cases/views", name="我的视图", query="kind=message")
    investigator.get("/officer/cases")
    assert "Done for 1 case." in investigator.post(
        "/officer/cases/bulk", case=desk.case_id, do="order", reason="证据充分"
    )
    investigator.get("/officer/cases")
    assert "Choose some cases first." in investigator.post("/officer/cases/bulk", do="assign", value="")
    investigator.get("/officer/cases")
    assert "The case is open." in investigator.post("/officer/cases/open", enterprise="甲公司", reason="线索")
    investigator.get("/officer/cases")
    assert "no such enterprise" in investigator.post("/officer/cases/open", enterprise="无此公司", reason="x")


def test_many_cases_are_assigned_closed_and_decided_at_once_by_whoever_may(desk: Desk) -> None:
    investigator, decider, store = desk.people["investigator"], desk.people["decider"], desk.registry.store
    for name in ("乙公司", "丙公司"):
        desk.pile.enterprise(name)
        investigator.get("/officer/cases")
        investigator.post("/officer/cases/open", enterprise=name, reason="线索")
    found = store.cases.queue(states=("open",), sort="due", descending=False, limit=9, after=0)
    every = [case.case_id for case in found]
    own = next(each for each in store.parties.members("regulator") if each.role == "investigator").member
    investigator.get("/officer/cases")
    assert "Done for 3 cases." in investigator.post("/officer/cases/bulk", case=every, do="assign", value=own)
    assert "Done for 3 cases." in investigator.post("/officer/cases/bulk", case=every, do="close", reason="轻微")
    assert "may not do this" in investigator.post("/officer/cases/bulk", case=every, do="grant", reason="x")
    page = decider.get("/officer/cases?proposed=yes&assigned=" + own)
    assert "Grant what is proposed" in page
    assert "Merge into the first" not in page
    assert "Please say why." in decider.post("/officer/cases/bulk", case=every, do="grant")
    assert "Done for 3 cases." in decider.post("/officer/cases/bulk", case=every, do="grant", reason="同意")
    assert store.cases.counts() == {"closed": 3}


def test_who_evades_the_threshold_is_found_by_one_filter_and_late_cases_say_so(app: Flask, desk: Desk) -> None:
    whom = desk.pile.enterprise("躲避公司")
    assert "No case is like this." in desk.people["auditor"].get("/officer/cases?why=evasion")
    for place in range(2):
        desk.pile.fall(9, enterprise=whom, caller=f"1380013900{place}")
    desk.pile.gather()
    desk.pile.clock.advance(days=70)
    casedeadlines.escalate(desk.registry.store, desk.pile.clock)
    intake = Visitor(app, member(desk.registry, "regulator", "intake"))
    page = intake.get("/officer/cases?why=evasion&due=overdue")
    assert "躲避公司" in page
    assert page.count("Numbers just under the threshold") == 2, "an option and a row"
    assert "甲公司" not in page
    assert "2 cases are overdue." in intake.get("/officer/alarms")
    page = intake.get(desk.address)
    for text in ("Overdue by", "1 deadline ran out so far", "The deadline ran out"):
        assert text in page


def test_a_case_over_a_year_that_the_calendar_lacks_is_kept_and_says_so(app: Flask, registry: Registry) -> None:
    registry.clock.advance(days=25)  # type: ignore[attr-defined]
    desk = Desk(app, registry)
    assert "No deadline: the calendar lacks the year" in desk.people["auditor"].get(desk.address)
    assert "1 case has no deadline, because the calendar does not know the year" in desk.people["decider"].get(
        "/officer/alarms"
    )


def test_reports_are_split_off_and_merged_back_on_the_page(desk: Desk) -> None:
    reference = desk.registry.store.cases.reports(desk.case_id, limit=1)[0]["reference"]
    assert "Split from another case" in desk.do("investigator", "split", report=reference, reason="另案")
    other = next(case.case_id for case in desk.registry.store.cases.of_enterprise(desk.enterprise)
                 if case.case_id != desk.case_id)  # fmt: skip
    assert "Took another case in" in desk.do("investigator", "merge", into=other, reason="同案")
    assert "There is no such case." in desk.do("investigator", "merge", into="nothing", reason="x")
