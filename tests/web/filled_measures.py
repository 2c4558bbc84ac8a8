"""Measures against a telemarketer: one ordered of a carrier, one appealed against in a case that a person's report
speaks in; and a public entry of its credit file."""

from __future__ import annotations

from datetime import timedelta

from registry import credit, enterprises, measures
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


def measure_pages(appealed: str, measure: str) -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of officers' pages of measures."""
    return [
        ("measuredesk.overview", "/officer/measures", "decider"),
        ("measuredesk.overview", "/officer/measures?state=all", "auditor"),
        ("measuredesk.one", f"/officer/measures/{appealed}", "decider"),
        ("measuredesk.one", f"/officer/measures/{measure}", "decider"),
    ]
