"""Pages of measures: carriers confirm, whoever a measure is against appeals, everybody reads the public lists."""

from __future__ import annotations

from flask import Flask

from registry import credit, enterprises, measures, orders
from registry.assembly import Registry
from tests.doubles import FakeClock
from tests.web.filled import Viewers, Visitor, member
from tests.web.filled_measures import officer


def test_a_seller_reads_what_a_measure_stands_on_and_appeals_once(
    app: Flask, registry: Registry, clock: FakeClock, viewers: Viewers
) -> None:
    clock.advance(minutes=1)
    assert measures.run_due(registry.store, clock) == {"started": 1, "expired": 0}
    seller = Visitor(app, viewers.tokens["seller"])
    assert "Service suspended" in seller.get("/party/measures")
    address = f"/party/measures/{viewers.measure}"
    page = seller.get(address)
    for text in ("many upheld reports", "Rules 92, 93", "In force"):
        assert text in page
    assert "Please say why." in seller.post(address, status=422, text=" ")
    page = seller.post(address, text="It was not our number.")
    assert "Your appeal was taken down." in page
    assert "Appealed against" in page
    assert measures.of(registry.store, viewers.measure).appeal == "It was not our number."
    assert "appealed against it before" in seller.post(address, text="Again.")
    seller.get("/party/measures/bcdfghjkmnpq", status=404)


def test_a_carrier_confirms_with_one_button_and_the_order_is_gone(
    app: Flask, registry: Registry, clock: FakeClock, viewers: Viewers
) -> None:
    carrier = Visitor(app, member(registry, "cmcc", "clerk"))
    assert "快贷有限公司" in carrier.get("/party/measures")
    page = carrier.post(f"/party/measures/{viewers.measure}/begin/confirm")
    assert "Confirmed: it was carried out." in page
    assert "Nothing waits for you." in page
    assert orders.orders_of(registry.store, clock, registry.keys, party="cmcc", open_only=True) == ()
    carrier.post(f"/party/measures/{viewers.measure}/end/confirm", status=404)
    reader = Visitor(app, member(registry, "cmcc", "reader"))
    reader.get("/party/measures")
    reader.get(f"/party/measures/{viewers.measure}", status=403)


def test_everybody_reads_both_lists_and_nothing_that_is_internal(
    app: Flask, registry: Registry, clock: FakeClock
) -> None:
    whom = enterprises.enrol(registry.store, clock, name="甲公司").enterprise
    for kind, text, public in (("bad_operation", "went on calling", True), ("dishonesty", "lied to us", False)):
        credit.enter(
            registry.store, clock, actor=officer("ben"), enterprise=whom, kind=kind, text=text, public=public
        )
    page = Visitor(app).get("/credit")
    assert "went on calling" in page
    assert "甲公司" in page
    assert "lied to us" not in page
    assert "经营不良名单" in Visitor(app, language="zh_CN").get("/credit")


def test_a_decider_grants_the_appeal_and_everybody_reads_of_it_what_is_theirs(
    app: Flask, registry: Registry, viewers: Viewers
) -> None:
    decider = Visitor(app, viewers.tokens["decider"])
    assert "2 measures and appeals wait for a decision" in decider.get("/officer")
    assert "快贷有限公司" in decider.get("/officer/measures")
    address = f"/officer/measures/{viewers.appealed}"
    for text in ("并非本公司号码", "Decide the appeal", "屡次违规", viewers.case):
        assert text in decider.get(address)
    assert "Please say why." in decider.post(f"{address}/appeal", granted="yes", reason=" ")
    assert "Appeal granted: lifted" in decider.post(f"{address}/appeal", granted="yes", reason="号码确属他人")
    assert "In its present state this cannot be done." in decider.post(f"{address}/lift", reason="x")
    decider.post(f"{address}/nothing", status=404, reason="x")
    seller = Visitor(app, viewers.tokens["seller"]).get(f"/party/measures/{viewers.appealed}")
    assert "号码确属他人" in seller, "whoever appealed is told why (rule 94)"
    person = Visitor(app, viewers.tokens["mine"]).get(f"/my-reports/{viewers.report}")
    for text in ("part of a case now", "A measure was decided (No new number resources)", "the measure was lifted at"):
        assert text in person
    for text in ("号码确属他人", "并非本公司号码", "屡次违规", "快贷有限公司", "Warning"):
        assert text not in person, "reasons, appeals, names and proposals are not the reporter's"
    assert "Lifted" in Visitor(app, viewers.tokens["mine"]).get("/my-reports")
    for page in (decider.get(address), seller):
        assert "138****8000" not in page, "who reported stands nowhere (rule 90)"


def test_a_measure_in_force_is_lifted_with_a_reason_by_whoever_did_not_propose_it(
    app: Flask, registry: Registry, clock: FakeClock, viewers: Viewers
) -> None:
    clock.advance(minutes=1)
    measures.run_due(registry.store, clock)
    decider, address = Visitor(app, viewers.tokens["decider"]), f"/officer/measures/{viewers.measure}"
    assert "Lift it before its time" in decider.get(address)
    assert "Lifted" in decider.post(f"{address}/lift", reason="已整改")
    auditor = Visitor(app, viewers.tokens["auditor"])
    assert "已整改" in auditor.get(address)
    assert "China Mobile" in auditor.page
    auditor.post(f"{address}/lift", status=403, reason="x")
