"""A measure against a telemarketer, ordered of a carrier, and a public entry of its credit file."""

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
