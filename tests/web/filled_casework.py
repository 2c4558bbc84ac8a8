"""A report on a carrier's desk, a wave that is held, a bulletin that is published, and known ones of past quarters."""

from __future__ import annotations

from registry import bulletins, heldreports, reports
from registry.access import SYSTEM, Actor
from registry.assembly import Registry
from registry.bulletins import Press
from registry.quarters import Quarter
from registry.sealing import SealedNumber
from registry.times import iso, to_micros
from tests.bulletining import KNOWN
from tests.registry.gatheringup import TEXT, Pile

QUARTER = Quarter(2026, 3)
CALLER = "13500000001"


def desk_of(registry: Registry, called: str, reporter: SealedNumber) -> str:
    """The reference of a person's report about a number that China Mobile serves, which lies on its desk."""
    said = {"id": "desk1", "called": called, "caller": CALLER, "channel": "calls", "at": iso(registry.clock.now()),
            "description": "推销贷款"}  # fmt: skip
    reports.take_one(
        registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source="people",
        kind="people", fields=said, reporter=reporter,
    )
    found = registry.store.handling.of_report("people", "desk1")
    assert found is not None
    return found.reference


def wave_of(registry: Registry) -> str:
    """The reference of one of the reports that are held with another; a wave before them was released, a view kept."""
    store, clock, now = registry.store, registry.clock, to_micros(registry.clock.now())
    pile = Pile(store, registry.keys, clock, registry.plan)  # type: ignore[arg-type]
    pile.count = 700
    against = pile.enterprise("无辜公司")
    fallen = [pile.fall(2, enterprise=against, source="people", text=TEXT) for _ in range(2)]
    for cluster, held in zip(("t_before", "t_wave"), fallen):
        with store.writing():
            names = [{"source": each.source, "source_id": each.source_id, "cluster": cluster} for each in held]
            store.gathering.set_clusters(names)
            store.gathering.hold([(each.source, each.source_id) for each in held], "bombing")
            store.handling.change("people", held[0].source_id, due=now - 3 * 86_400_000_000, late=1)
    heldreports.decide(store, clock, actor=SYSTEM, held="bombing", cluster="t_before", enterprise=against,
                       decision="release", reason="核实过")  # fmt: skip
    office = next(member for member in store.parties.members("regulator") if member.role == "intake")
    with store.writing():
        store.saved_views.keep("reports", office.member, "迟到的", "late=overdue")
    return fallen[1][0].reference


def centre_pages(desk: str, wave: str, own: str) -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of the pages of the report centre."""
    return [
        *(("centre.queue", "/officer/reports", viewer) for viewer in ("intake", "auditor")),
        ("centre.queue", "/officer/reports?state=closed&category=loan&q=bcdf&desk=nobody", "officer"),
        ("centrefiles.one", f"/officer/reports/{desk}", "intake"),
        ("centrefiles.one", f"/officer/reports/{own}", "decider"),
        ("centrefiles.one", f"/officer/reports/{wave}", "intake"),
        ("centrefiles.one", f"/officer/reports/{wave}?print=1", "auditor"),
        *(("centreheld.waves", "/officer/reports/held", viewer) for viewer in ("intake", "auditor")),
        ("evidencepages.files", f"/officer/reports/{own}/evidence", "auditor"),
    ]  # fmt: skip


def publish(registry: Registry) -> None:
    """Publish the bulletin of QUARTER, and take known quarters in."""
    store, clock = registry.store, registry.clock
    bulletins.import_past(store, clock, actor=SYSTEM, quarters=KNOWN)
    bulletins.draft(Press(store, clock, registry.keys, registry.plan, "Asia/Shanghai"), actor=SYSTEM, quarter=QUARTER)
    bulletins.submit(store, clock, actor=SYSTEM, quarter=str(QUARTER), version=1)
    bulletins.publish(store, clock, actor=Actor("key", key="other"), quarter=str(QUARTER), version=1)


def casework_pages(desk: str) -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of the pages of bulletins and of a desk."""
    return [
        ("bulletins.overview", "/bulletins", ""), ("bulletins.one", f"/bulletins/{QUARTER}", ""),
        ("bulletins.one", "/bulletins/2020-Q1", ""), ("publishing.overview", "/officer/bulletins", "officer"),
        ("publishing.one", f"/officer/bulletins/{QUARTER}/1", "officer"), ("queues.overview", "/party/desk", "owner"),
        ("queues.overview", "/party/desk?state=closed&only=late", "scrubber"),
        ("queues.one", f"/party/desk/{desk}", "owner"),
    ]  # fmt: skip
