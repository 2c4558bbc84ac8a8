"""Years of peaks with their surges, warnings that wait or were confirmed, and counts by day for the figures."""

from __future__ import annotations

from registry import daycounts, enterprises, peakwarnings
from registry.access import Actor
from registry.assembly import Registry
from registry.outside.peakfile import peaks_of, set_peak
from registry.parties import Member
from registry.peaks import peak_of
from tests.registry.counting import ZONE, year_of

NEXT = "year-end"  # of which warnings are given these days


def peaks_in(registry: Registry, party: str) -> None:
    """Two years of 11 November, and a peak that comes: a party and another enterprise are warned of it."""
    store, clock = registry.store, registry.clock
    every = set_peak(
        registry.instance, NEXT, name_zh="年终", name_en="End of year", month=12, day=25, before=10, after=2, base=14,
        warn=30, surge=1.5,
    )
    mine = store.enterprises.of_party(party) or enterprises.enrol(store, clock, name="快贷有限公司", party=party)
    other = enterprises.enrol(store, clock, name="无账号群发有限公司").enterprise
    for name, years in (("november-11", (2025, 2026)), (NEXT, (2025,))):
        for year in years:
            year_of(store, peak_of(every, name), year, base=900, window=2100 if year < 2026 else 1600, **{
                mine.enterprise: (20, 70), other: (0, 12),
            })  # fmt: skip
    daycounts.count(store, clock, registry.rulebooks, zone=ZONE, keep=lambda: None)
    peakwarnings.warn_due(store, clock, peaks_of(registry.instance), zone=ZONE)


def confirmed(registry: Registry, party: str) -> None:
    """The party says that it has read the warning."""
    who = Actor("member", role="owner", party=registry.store.parties.party(party), strong=True,
                member=Member("m", party, "", "M", "owner", "active", True))  # fmt: skip
    peakwarnings.confirm(registry.store, registry.clock, actor=who, peak=NEXT, year=2026)


def peak_pages() -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of the pages of peaks and of the officers' figures."""
    return [
        ("peakdesk.overview", "/officer/peaks", "officer"),
        ("ownpeaks.own", "/party/peaks", "seller"), ("ownpeaks.own", "/party/peaks", "owner"),
        ("officefigures.overview", "/officer/figures?period=2026-Q4", "auditor"),
    ]  # fmt: skip
