"""What time does with cases: deadlines that the calendar could not say are set, those that ran out are counted and
escalated (rule 87).

Rules of this room: a deadline that ran out is counted once, stands in the timeline, and rings (`alarms.py`) until the
case has moved on; the calendar is taken as it stands now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from registry import cases
from registry.deadlines import AT_ONCE, until_done
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.store import Store
    from registry.workdays import Calendar


def complete(store: Store, calendar: Calendar) -> int:
    """Give cases the deadlines that the calendar could not say when they began; how many."""
    with store.writing(about="cases"):
        waiting = store.cases.undated(limit=AT_ONCE)
        dated = [cases.term(each, calendar, each.runs or each.updated) for each in waiting]
        for each in dated:
            if not each.undated:
                store.cases.put(each)
    return sum(not each.undated for each in dated)


def escalate(store: Store, clock: Clock) -> int:
    """Count the deadlines that ran out since, and escalate their cases; of how many."""
    now = to_micros(clock.now())
    with store.writing(about="cases"):
        late = store.cases.lately_due(at=now, limit=AT_ONCE)
        for each in late:
            store.cases.put(replace(each, late=each.late + 1, escalated=True))
            store.cases.note(each, at=now, actor="system", action="late", note="")
    return len(late)


def run(store: Store, clock: Clock, calendar: Calendar, keep: Callable[[], None]) -> dict[str, int]:
    """Both, until nothing is left to do; counts."""
    steps: Sequence[tuple[str, Callable[[], int]]] = (
        ("cases_dated", lambda: complete(store, calendar)), ("cases_overdue", lambda: escalate(store, clock)),
    )
    return until_done(steps, keep)
