"""Pages of fines and of credit files: from the proposal on a case's page to the payment, the party's side, the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from registry import cases, credit, enterprises, fining, measures, restrictions
from registry.assembly import Registry
from tests.doubles import FakeClock
from tests.registry.gatheringup import Pile
from tests.web.conftest import Carrier
from tests.web.filled import Visitor, member
from tests.web.filled_measures import officer


class Bench:
    """A case against an enterprise with an account, and a browser for each role."""

    def __init__(self, app: Flask, registry: Registry) -> None:
        from registry import parties

        self.registry, store, clock = registry, registry.store, registry.clock
        for party, kind in (("regulator", "regulator"), ("acme", "telemarketer")):
            parties.add_party(store, clock, party=party, kind=kind, name_zh=party, name_en=party)
        self.pile = Pile(store, registry.keys, clock, registry.plan)  # type: ignore[arg-type]
        self.enterprise = enterprises.enrol(store, clock, name="甲公司", party="acme").enterprise
        self.pile.fall(12, enterprise=self.enterprise)
        self.pile.gather()
        self.case = store.cases.of_enterprise(self.enterprise)[0].case_id
        self.people = {
            role: Visitor(app, member(registry, "acme" if role == "owner" else "regulator", role))
            for role in ("investigator", "decider", "auditor", "owner")
        }

    def propose(self, **fields: str) -> str:
        """The id of a fine that the investigator proposes on the case's page."""
        who = self.people["investigator"]
        who.get(f"/officer/cases/{self.case}")
        who.post(f"/officer/cases/{self.case}/fine", reason="证据充分", **fields)
        return who.address.rsplit("/", 1)[1]

    def do(self, role: str, fine: str, action: str, *, status: int = 200, **fields: str) -> str:
        who = self.people[role]
        who.get(f"/officer/fines/{fine}")
        return who.post(f"/officer/fines/{fine}/{action}", status=status, **fields)


@pytest.fixture
def bench(app: Flask, registry: Registry) -> Bench:
    return Bench(app, registry)


def test_a_fine_goes_from_the_case_to_the_payment_and_each_step_says_why(bench: Bench) -> None:
    page = bench.people["investigator"].get(f"/officer/cases/{bench.case}?income=9000&grave=yes")
    assert "Propose a fine from these facts" in page
    assert 'name="income" value="9000"' in page
    fine = bench.propose(income="9000", grave="yes")
    page = bench.people["auditor"].get(f"/officer/fines/{fine}")
    for text in ("3 × the illegal income of 9,000 yuan", "10,000 to 27,000 yuan", "It is the first offence", "rule 99"):
        assert text in page
    assert "Give notice" not in page, "auditors read only"
    assert "Notice given" in bench.do("investigator", fine, "notice", sum="20000")
    assert "may still ask for a hearing" in bench.people["decider"].get(f"/officer/fines/{fine}")
    assert "has to be heard" in bench.do("decider", fine, "decide", granted="yes", sum="20000", reason="x")
    assert "not ahead of now" in bench.do("investigator", fine, "hear", at="2030-01-01T00:00", reason="x")
    assert "not ahead of now" in bench.do("investigator", fine, "hear", at="soon", reason="x")
    assert "公司陈述" in bench.do("investigator", fine, "hear", reason="公司陈述")
    assert "No more can be decided" in bench.do("decider", fine, "decide", granted="yes", sum="20001", reason="x")
    assert "Decided, to be paid" in bench.do("decider", fine, "decide", granted="yes", sum="15000", reason="情节一般")
    assert "In its present state" in bench.do("investigator", fine, "hear", reason="too late")
    assert "You are fined 15,000 yuan" in bench.people["auditor"].get(f"/officer/fines/{fine}/paper/decision")
    assert "It was paid" in bench.people["investigator"].get(f"/officer/fines/{fine}")
    page = bench.do("investigator", fine, "pay", reason="凭证 7")
    assert "凭证 7" in page
    assert "Paid" in bench.people["auditor"].get("/officer/fines?state=paid&enterprise=甲")
    assert bench.registry.store.cases.was_heard(bench.case)


def test_nobody_decides_an_own_proposal_and_each_role_does_its_own_part(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = bench.propose()
    bench.do("auditor", fine, "notice", status=403)
    bench.do("decider", fine, "notice", status=403)
    bench.do("investigator", fine, "decide", status=403, granted="yes", sum="10000", reason="x")
    bench.do("investigator", fine, "nothing", status=404)
    from registry import access

    both = {**access.ROLES, "investigator": access.ROLES["investigator"] | {"decide"}}
    monkeypatch.setattr(access, "ROLES", both)
    assert "Somebody else has to decide" in bench.do("investigator", fine, "decide", granted="no", reason="x")
    assert fining.of(bench.registry.store, fine).state == "proposed"


def test_a_merchant_goes_to_its_department_and_the_page_says_which(bench: Bench) -> None:
    page = bench.people["investigator"].get(f"/officer/cases/{bench.case}?role=merchant")
    assert "Refer the merchant to its department" in page
    fine = bench.propose(role="merchant", department="samr")
    page = bench.people["auditor"].get(f"/officer/fines/{fine}")
    assert "State Administration for Market Regulation" in page
    assert "not ours to impose" in page
    assert "State Administration" in bench.people["auditor"].get(f"/officer/cases/{bench.case}")
    bench.people["auditor"].get(f"/officer/fines/{fine}/paper/notice", status=404)
    with bench.registry.store.writing():
        bench.registry.store.engine.run("UPDATE case_file SET category = -1")
    unknown = bench.propose(role="merchant")
    assert "No department is known for its industry." in bench.people["auditor"].get(f"/officer/fines/{unknown}")
    page = bench.do("investigator", unknown, "refer", department="mct", reason="旅行社")
    assert "Ministry of Culture and Tourism" in page
    assert "Referred to its department" in page


def test_the_queue_of_fines_filters_by_deadline_and_says_it_in_words(
    bench: Bench, clock: FakeClock, app: Flask
) -> None:
    fine = bench.propose()
    bench.do("investigator", fine, "notice")
    auditor = bench.people["auditor"]
    assert "No fine is like this." in auditor.get("/officer/fines?due=overdue")
    assert "days left" in auditor.get("/officer/fines?due=soon")
    assert "No fine is like this." in auditor.get("/officer/fines?enterprise=nobody")
    clock.advance(days=9)
    intake = Visitor(app, member(bench.registry, "regulator", "intake"))
    assert "Overdue by" in intake.get("/officer/fines?due=overdue")


def test_the_party_reads_the_notice_asks_to_be_heard_writes_and_sees_the_decision(bench: Bench) -> None:
    fine, owner = bench.propose(), bench.people["owner"]
    assert "There is no fine against you." in owner.get("/party/fines")
    owner.get(f"/party/fines/{fine}", status=404)
    bench.do("investigator", fine, "notice")
    assert "Notice given" in owner.get("/party/fines")
    assert "We intend to fine you 10,000 yuan" in owner.get(f"/party/fines/{fine}/paper/notice")
    owner.get(f"/party/fines/{fine}")
    assert "You asked to be heard." in owner.post(f"/party/fines/{fine}/hearing")
    assert "并非本公司" in owner.post(f"/party/fines/{fine}/statement", text="并非本公司，请核实。")
    assert "Please say why." in owner.post(f"/party/fines/{fine}/statement", text=" ")
    assert "A hearing was asked for: it has to be held first" in bench.people["decider"].get(f"/officer/fines/{fine}")
    bench.do("investigator", fine, "hear", reason="已听证")
    bench.do("decider", fine, "decide", granted="yes", sum="10000", reason="证据充分")
    assert "证据充分" in owner.get(f"/party/fines/{fine}")
    assert "In its present state" in owner.post(f"/party/fines/{fine}/statement", text="再说一句")
    page = owner.get("/party/credit")
    assert "Penalty" in page
    reader = Visitor(owner.client.application, member(bench.registry, "acme", "reader"))
    assert "What you can do" not in reader.get(f"/party/fines/{fine}")


def test_figures_that_changed_after_the_notice_are_said_and_noticed_again(bench: Bench, clock: FakeClock) -> None:
    fine = bench.propose(income="20000")
    bench.do("investigator", fine, "notice")
    bench.do("investigator", fine, "hear", reason="公司陈述")
    assert "1 fine waits for hearing or decision" in bench.people["decider"].get("/officer")
    credit.enter(bench.registry.store, clock, actor=officer("ben"), enterprise=bench.enterprise, kind="violation",
                 text="此前违规", public=False, since=clock.now() - timedelta(days=9))  # fmt: skip
    page = bench.do("decider", fine, "decide", granted="yes", sum="10000", reason="x")
    assert page.count("The figures have changed since the notice: give notice again.") == 2, "said, and it stands there"
    assert "1 earlier offence stands in the credit file" in bench.do("investigator", fine, "notice")
    assert "Notice of these figures was given already." in bench.do("investigator", fine, "notice")
    assert "has to be heard" in bench.do("decider", fine, "decide", granted="yes", sum="10000", reason="x")


def test_nothing_is_decided_on_a_lifted_measure_and_the_page_says_so(bench: Bench, clock: FakeClock) -> None:
    made = measures.propose(bench.registry.store, clock, actor=officer("anna"), enterprise=bench.enterprise,
                            kind="suspend_service", facts="屡次违规")  # fmt: skip
    address, decider = f"/officer/measures/{made.measure}", bench.people["decider"]
    decider.get(address)
    decider.post(f"{address}/decide", granted="yes", starts="2027-01-01T00:00", reason="同意")
    assert "Lifted" in decider.post(f"{address}/lift", reason="已整改")
    for action in ("decide", "appeal", "lift"):
        page = decider.post(f"{address}/{action}", granted="yes", starts="2027-01-01T00:00", reason="x")
        assert "In its present state this cannot be done." in page


def test_a_file_has_two_parts_and_a_decider_changes_it_with_reasons(bench: Bench) -> None:
    decider, address = bench.people["decider"], f"/officer/credit/{bench.enterprise}"
    decider.get(address)
    page = decider.post(f"{address}/enter", kind="bad_operation", text="拒不整改", public="", reason="查实")
    assert "Restricted everywhere" in page
    assert "Please say why." in decider.post(f"{address}/enter", kind="talk", text="约谈", reason=" ")
    assert "an end after its beginning" in decider.post(
        f"{address}/enter", kind="talk", text="约谈", since="2026-01-02", until="2026-01-01", reason="x"
    )
    assert "an end after its beginning" in decider.post(f"{address}/enter", kind="nonsense", text="x", reason="x")
    store = bench.registry.store
    (entry,) = store.credit.of_enterprise(bench.enterprise)
    assert "拒不整改" not in Visitor(decider.client.application).get("/credit")
    decider.get(address)
    decider.post(f"{address}/publish", entry=entry.entry, reason="依法公开")
    assert "拒不整改" in Visitor(decider.client.application).get("/credit")
    assert "sees this entry already" in decider.post(f"{address}/publish", entry=entry.entry, reason="x")
    page = decider.post(f"{address}/correct", entry=entry.entry, kind="talk", text="已整改，仅约谈", reason="核实有误")
    assert "Was wrong" in page
    assert "核实有误" in page
    assert "Restricted everywhere" not in page
    assert restrictions.of_enterprises(store, [bench.enterprise], at=bench.registry.clock.now()) == ()
    assert "counts no more" in decider.post(f"{address}/end", entry=entry.entry, reason="x")
    assert "拒不整改" not in Visitor(decider.client.application).get("/credit")
    fresh = next(each for each in store.credit.of_enterprise(bench.enterprise) if not each.instead)
    assert "Over" in decider.post(f"{address}/end", entry=fresh.entry, reason="到期")
    decider.post(f"{address}/end", status=404, entry="c_nothing", reason="x")
    investigator = bench.people["investigator"]
    assert "Enter something" not in investigator.get(address)
    investigator.post(f"{address}/end", status=403, entry=fresh.entry, reason="x")
    assert "已整改" in bench.people["owner"].get("/party/credit")


def test_the_list_of_credit_files_filters_by_kind_time_and_who_sees_it(bench: Bench, clock: FakeClock) -> None:
    store, auditor = bench.registry.store, bench.people["auditor"]
    for kind, public, days in (("dishonesty", True, None), ("talk", False, 1)):
        credit.enter(
            store, clock, actor=officer("ben"), enterprise=bench.enterprise, kind=kind, text=f"text of {kind}",
            public=public, since=clock.now() - timedelta(days=2),
            until=None if days is None else clock.now() - timedelta(days=days),
        )  # fmt: skip
    for query, seen in (
        ("", {"dishonesty"}), ("counts=all", {"dishonesty", "talk"}), ("kind=restricting", {"dishonesty"}),
        ("counts=all&public=no", {"talk"}), ("enterprise=nobody", set()), ("enterprise=甲公司", {"dishonesty"}),
        ("kind=talk", set()),
    ):
        page = auditor.get(f"/officer/credit?{query}")
        assert {kind for kind in ("dishonesty", "talk") if f"text of {kind}" in page} == seen, query


def test_a_restriction_ends_by_itself_at_its_time(registry: Registry, clock: FakeClock) -> None:
    whom = enterprises.enrol(registry.store, clock, name="甲公司").enterprise
    ends = clock.now() + timedelta(days=30)
    credit.enter(registry.store, clock, actor=officer("ben"), enterprise=whom, kind="dishonesty", text="x", public=True,
                 until=ends)  # fmt: skip
    assert credit.restricted(registry.store, whom, at=ends - timedelta(microseconds=1))
    assert not credit.restricted(registry.store, whom, at=ends)


def test_fines_over_the_api_are_ones_own_and_answered_in_time(
    client: FlaskClient, registry: Registry, clock: FakeClock, carrier: Carrier
) -> None:
    acme, other = carrier("acme", "measures", kind="telemarketer"), carrier("other", "measures", kind="telemarketer")
    whom = enterprises.enrol(registry.store, clock, name="甲公司", party="acme").enterprise
    made = fining.propose(registry.fines, actor=officer("anna"), enterprise=whom, role="provider",
                          at=clock.now() - timedelta(days=1))  # fmt: skip
    url = f"/api/v1/fines/{made.penalty}"
    assert client.get("/api/v1/fines", headers=acme).get_json() == {"fines": []}
    assert client.post(f"{url}/hearing", headers=acme).status_code == 404
    fining.notice(registry.fines, actor=officer("anna"), penalty=made.penalty)
    (found,) = client.get("/api/v1/fines", headers=acme).get_json()["fines"]
    assert (found["state"], found["sum"], found["why"][0]) == (
        "noticed", 10_000, {"reason": "span_of_rulebook", "rule": "95"}
    )
    for headers, status in ((other, 404), (acme, 200), (acme, 200)):
        assert client.post(f"{url}/hearing", headers=headers).status_code == status
    said = client.post(f"{url}/statement", headers=acme, json={"text": "not us"}).get_json()
    assert (said["statement"], said["asked"] is not None) == ("not us", True)
    late = fining.propose(registry.fines, actor=officer("anna"), enterprise=whom, role="provider",
                          at=clock.now() - timedelta(days=1))  # fmt: skip
    fining.notice(registry.fines, actor=officer("anna"), penalty=late.penalty)
    clock.advance(days=9)
    refused = client.post(f"/api/v1/fines/{late.penalty}/hearing", headers=acme)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "too_late")
    assert cases.DAYS > fining.HEAR_DAYS
