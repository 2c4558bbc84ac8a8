"""Measures against a telemarketer: one ordered of a carrier, one appealed against in a case that a person's report
speaks in; and a public entry of its credit file."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from registry import credit, creditchanges, enterprises, finedefence, fining, measures
from registry.access import Actor
from registry.assembly import Registry
from registry.parties import Member
from registry.times import to_micros


def officer(name: str) -> Actor:
    """A decider, by a short name."""
    return Actor("member", role="decider", member=Member(name, "regulator", "", name, "decider", "active", True))


def measure_of(registry: Registry, party: str, *, carrier: str) -> str:
    """The id of a measure against a party, whose beginning a carrier is ordered to carry out."""
    store, clock = registry.store, registry.clock
    own = store.enterprises.of_party(party) or enterprises.enrol(store, clock, name="快贷有限公司", party=party)
    made = measures.propose(
        store, clock, actor=officer("anna"), enterprise=own.enterprise, kind="suspend_service",
        facts="many upheld reports",
    )
    measures.decide(
        store, clock, actor=officer("ben"), measure=made.measure, starts=clock.now() + timedelta(minutes=1)
    )
    with store.writing():
        store.measures.order(made.measure, [carrier], "begin", at=to_micros(clock.now()))
    credit.enter(store, clock, actor=officer("ben"), enterprise=own.enterprise, kind="talk", text="talked", public=True)
    return made.measure


def appealed_in(registry: Registry, party: str, *, case: str, reference: str) -> str:
    """The id of a measure of a case that began and was appealed against; a person's report now speaks in that case."""
    store, clock = registry.store, registry.clock
    own, found = store.enterprises.of_party(party), store.handling.of_reference(reference)
    assert own is not None
    assert found is not None
    with store.writing():
        store.cases.move_reports([(found.source, found.source_id)], case)
    made = measures.propose(
        store, clock, actor=officer("anna"), enterprise=own.enterprise, kind="limit_new_resources", case_id=case,
        facts="屡次违规",
    ).measure
    measures.decide(store, clock, actor=officer("ben"), measure=made, starts=clock.now() + timedelta(days=1))
    by = Actor("member", party=store.parties.party(party), role="owner")
    measures.appeal(store, clock, actor=by, measure=made, text="并非本公司号码，请核实。")
    return made


def fines_of(registry: Registry, party: str, case: str) -> tuple[str, str, str, str]:
    """Ids of fines in a case: one that a party was given notice of and wrote about, one that was decided, one that is
    proposed, and a merchant's that is another department's; and entries of its credit file, one of them corrected."""
    store, clock, office, by = registry.store, registry.clock, registry.fines, officer("ben")
    own = store.enterprises.of_party(party)
    assert own is not None
    credit.enter(store, clock, actor=by, enterprise=own.enterprise, kind="violation", text="群发推销信息", public=False,
                 since=clock.now() - timedelta(days=90))  # fmt: skip
    wrong = credit.enter(store, clock, actor=by, enterprise=own.enterprise, kind="talk", text="约谈", public=False)
    creditchanges.correct(store, clock, actor=replace(by, strong=True), entry=wrong.entry, text="约谈法定代表人",
                          kind="talk", until=None, reason="写错了")  # fmt: skip

    def proposed(**more: Any) -> str:
        values = {"role": "provider", "at": clock.now() - timedelta(days=30), "income": 50_000} | more
        return fining.propose(office, actor=officer("anna"), enterprise=own.enterprise, case_id=case, **values).penalty

    noticed, decided = (fining.notice(office, actor=officer("anna"), penalty=proposed()).penalty for _ in range(2))
    asks = Actor("member", role="owner", party=store.parties.party(party))
    finedefence.state(office, actor=asks, penalty=noticed, text="号码被他人冒用，恳请从轻。")
    fining.hear(office, actor=officer("anna"), penalty=decided, text="公司表示将整改。")
    fining.decide(office, actor=by, penalty=decided, sum=12_000, reason="证据充分，情节一般。")
    return noticed, decided, proposed(at=clock.now() - timedelta(days=1)), proposed(role="merchant", department="samr")


def fine_pages(fines: tuple[str, ...], enterprise: str) -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of pages of fines and credit files."""
    noticed, decided = fines[:2]
    return [
        ("finedesk.queue", "/officer/fines?state=all", "auditor"),
        *(("finedesk.one", f"/officer/fines/{each}", "investigator") for each in fines),
        ("finedesk.one", f"/officer/fines/{noticed}", "decider"),
        ("finedesk.paper", f"/officer/fines/{noticed}/paper/notice", "auditor"),
        ("finedesk.paper", f"/officer/fines/{decided}/paper/decision", "auditor"),
        ("fines.overview", "/party/fines", "seller"), ("fines.overview", "/party/fines", "owner"),
        ("fines.one", f"/party/fines/{noticed}", "seller"),
        ("fines.paper", f"/party/fines/{noticed}/paper/notice", "seller"),
        ("creditdesk.lists", "/officer/credit?counts=all", "auditor"),
        ("creditdesk.one", f"/officer/credit/{enterprise}", "decider"),
        ("owncredit.own", "/party/credit", "seller"),
    ]


def measure_pages(appealed: str, measure: str) -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of officers' pages of measures."""
    return [
        ("measuredesk.overview", "/officer/measures", "decider"),
        ("measuredesk.overview", "/officer/measures?state=all", "auditor"),
        ("measuredesk.one", f"/officer/measures/{appealed}", "decider"),
        ("measuredesk.one", f"/officer/measures/{measure}", "decider"),
    ]
