"""Alarms about what a telemarketer asks for, for the pages: one of every signal, one that was decided about."""

from __future__ import annotations

from registry import guardalarms
from registry.assembly import Registry
from registry.signals import LANES, Found, Kind

FIGURES = {
    "numbers": 48_000, "decoys": 7, "unassigned": 900, "unassigned_share": 0.31, "sequence_share": 0.42,
    "dense_share": 0.9, "divisor": 7, "remainder_share": 0.98, "split_share": 0.77, "dispersion": 1.01,
    "dispersion_expected": 1.6, "met": 12, "met_by_chance": 31.5, "hit_share": 0.0107, "national_share": 0.0265,
    "overlap_share": 0.8, "overlap_parties": 3,
}  # fmt: skip


def ring(registry: Registry, party: str, *kinds: Kind, scrub: str = "") -> str:
    """An alarm of some signals, by default all; its id."""
    epoch = registry.quotas.period().epoch
    found = Found(kinds or tuple(LANES), FIGURES)
    known = {each.alarm for each in guardalarms.open_alarms(registry.store)}
    with registry.store.writing():
        guardalarms.ring_inside(registry.store, registry.clock, party=party, epoch=epoch, found=found, scrub=scrub)
    return next(each.alarm for each in guardalarms.open_alarms(registry.store) if each.alarm not in known)


def alarms_of(registry: Registry, party: str) -> tuple[str, str]:
    """One that waits, and one that was decided about."""
    decided = ring(registry, party, "hits_high", scrub="gone")
    guardalarms.decide(
        registry.store, registry.clock, alarm=decided, decision="let_go", note="A list of opt-outs.", actor="member:o"
    )
    waiting = ring(registry, party)
    with registry.store.writing():
        registry.store.guard.put_lane(party, lane="usual", since=0, by="test")  # its other pages are as usual
    return waiting, decided
