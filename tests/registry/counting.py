"""Reports on past days, and counts by day as if there had been reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from registry import daycounts
from registry.handling import Handling
from registry.peaks import Peak
from registry.store import Store
from registry.times import to_micros
from tests.doubles import FakeClock

ZONE = "Asia/Shanghai"


def counts(store: Store, day: date, **names: Mapping[str, int] | int) -> None:
    """Write the counts of a day: `all=` reports in all, `enterprise={id: reports}` and other parts."""
    cells = {
        (part, name): {"reports": reports}
        for part, said in names.items()
        for name, reports in ({"": said} if isinstance(said, int) else said).items()
    }
    with store.writing():
        store.day_counts.put(day, cells, {})


def year_of(
    store: Store, peak: Peak, year: int, *, base: int, window: int, until: date | None = None,
    **enterprise: tuple[int, int],
) -> None:
    """A year of a peak: so many reports on each day of the base and of the window, of enterprises too."""
    for day in peak.days(year):
        if until is None or day < until:
            inside = day >= peak.first(year)
            counts(store, day, all=window if inside else base, enterprise={
                name: said[inside] for name, said in enterprise.items() if said[inside]
            })  # fmt: skip


def report(name: str, at: datetime, **other: Any) -> Handling:
    """The handling of a report received at a moment."""
    made = Handling(
        "people", name, name.ljust(12, "b"), "forwarded", "cmcc", at, at, "commercial", "message", 2, 0, "",
        None, 1, "beijing", "cmcc", "", "", "", "2026", "violation", "x", None, at,
    )  # fmt: skip
    return replace(made, **other)


def fall(store: Store, *found: Handling) -> None:
    with store.writing():
        store.handling.add(found)


def moves(store: Store, found: Handling, *said: tuple[str, float]) -> None:
    """Note moves so many hours after the report was received."""
    with store.writing():
        for action, hours in said:
            at = to_micros(found.received + timedelta(hours=hours))
            store.handling.note(found, at=at, actor="system", action=action, state="", note="")


def count(store: Store, clock: FakeClock, rulebooks: Any) -> int:
    return daycounts.count(store, clock, rulebooks, zone=ZONE, keep=lambda: None)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(4), UTC)
