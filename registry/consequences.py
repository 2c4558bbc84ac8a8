"""What came of a report beyond its answer, as its sender may know it: the case it speaks in, and the measures.

Rules of this room:
- Who reported is told what came of it (rule 87): that the report speaks in a case, each step that was decided there,
  each measure from the notice on (rule 93), whether there was an appeal, and how it ended (rule 94).
- Nothing of what was only proposed or turned down, of facts, reasons and what was said in an appeal, of who works on
  the case, or of anybody else who reported (rule 90).
- What ended before the report came is none of its consequences; a report that counts no more has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from registry.times import from_micros

if TYPE_CHECKING:
    from registry.handling import Handling
    from registry.measures import Measure
    from registry.store import Store

TOLD_OF_CASES = ("order", "warn", "fine", "publish", "file_credit", "close", "reopen")  # of casemoves, once decided
TOLD_OF_MEASURES = ("decide", "enter", "appeal", "grant", "reject", "lift", "expire")
_HIDDEN = frozenset({"proposed", "refused"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `action` as in case_move or measure_move (or "open": the report speaks in a case), when, and of which
    measure (None: of the case)."""

    action: str
    at: datetime
    measure: Measure | None = None


@dataclass(frozen=True, slots=True)
class Consequences:
    """Steps as they came, and the measures as they stand, the oldest first."""

    steps: tuple[Step, ...] = ()
    measures: tuple[Measure, ...] = ()


def of_report(store: Store, found: Handling) -> Consequences:
    """What came of a report."""
    case = store.cases.case(found.case_id) if found.case_id else None
    if case is None:
        return Consequences()
    decided = [
        Step(row["action"], at) for row in store.cases.moves(case.case_id)
        if row["action"] in TOLD_OF_CASES and (at := from_micros(row["at"])) >= found.received
    ]
    measures = _told(store.measures.of_case(case.case_id), found.received)
    taken = [
        Step(row["action"], from_micros(row["at"]), measure) for measure in measures
        for row in store.measures.moves(measure.measure) if row["action"] in TOLD_OF_MEASURES
    ]
    opened = Step("open", max(case.opened, found.received))
    return Consequences((opened, *sorted([*decided, *taken], key=lambda step: step.at)), measures)


def newest_of(store: Store, reports: Iterable[Handling]) -> Mapping[str, Measure]:
    """The newest measure that came of some reports, by their reference; those without any are left out."""
    listed = [report for report in reports if report.case_id]
    of_case = {case_id: store.measures.of_case(case_id) for case_id in {report.case_id for report in listed}}
    told = {report.reference: _told(of_case[report.case_id], report.received) for report in listed}
    return {reference: measures[-1] for reference, measures in told.items() if measures}


def _told(measures: Iterable[Measure], received: datetime) -> tuple[Measure, ...]:
    return tuple(
        each for each in measures if each.state not in _HIDDEN and (each.ended is None or each.ended >= received)
    )
