"""A report on a carrier's desk, a bulletin that is published, and known ones of past quarters."""

from __future__ import annotations

from registry import bulletins, reports
from registry.access import SYSTEM, Actor
from registry.assembly import Registry
from registry.bulletins import Press
from registry.quarters import Quarter
from registry.sealing import SealedNumber
from registry.times import iso
from tests.bulletining import KNOWN

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
