"""What needs somebody's eye at once: carriers whose lists were weakened, are not ours, or are late (rule 58); a
calendar that lacks a year, so that deadlines cannot be told, and cases that are overdue (rule 87); crime that the
police have not acknowledged (rule 88).

Rules of this room: an alarm is what stands in the tables now, so all processes ring the same ones, and it ends when
its cause does; only a finding that weakened a refusal stays until an officer has seen it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from registry.followers import feed_states
from registry.interfaces import Clock

if TYPE_CHECKING:
    from registry.store import Store
    from registry.store.findings import FindingRow

Kind = Literal["crime", "weakened", "drifted", "late", "calendar", "overdue"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Alarm:
    """One carrier and what is wrong: entries lost or weakened (`finding`), a root that differs at `edition`, or `lag_s`
    seconds since the first edition that it lacks. `calendar`, of nobody: `reports` and `cases` wait for a year of
    holidays; `overdue`, of nobody: so many `cases` were escalated; `crime`, of nobody: a `batch` of so many `reports`
    has no receipt yet."""

    kind: Kind
    party: str
    edition: int = 0
    lag_s: int = 0
    finding: FindingRow | None = None
    reports: int = 0
    cases: int = 0
    batch: str = ""


def alarms(store: Store, clock: Clock, *, lag_minutes: int) -> tuple[Alarm, ...]:
    """All alarms now, the gravest first; `lag_minutes` is how long a carrier may lag."""
    found = [Alarm("crime", "", reports=each.clues, batch=each.batch) for each in store.clues.unreceived("urgent")]
    found += [
        Alarm("weakened", row.recipient, edition=row.edition, finding=row) for row in store.findings.unseen()
    ]
    reports, cases = store.handling.count_undated(), store.cases.count_undated()
    if reports or cases:
        found.append(Alarm("calendar", "", reports=reports, cases=cases))
    if overdue := store.cases.count_escalated():
        found.append(Alarm("overdue", "", cases=overdue))
    feeds = feed_states(store, clock)
    found += [Alarm("drifted", feed.party, edition=feed.acknowledged or 0) for feed in feeds if feed.agrees is False]
    late = [feed for feed in feeds if feed.lag_s > lag_minutes * 60]
    return (*found, *(Alarm("late", feed.party, edition=feed.acknowledged or 0, lag_s=feed.lag_s) for feed in late))
