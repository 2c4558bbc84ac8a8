"""What came in on each day, counted by day so that it outlives the reports: figures of desks and of peaks.

Rules of this room:
- Counted as in bulletins: by the day of receipt in local time, without what is held or of a sandbox; a report that was
  found unfounded or somebody else's does not count against an enterprise.
- A day is counted anew, whole, while its reports still change; once reports of a day are due to be erased (rule 106)
  its counts stay as they are. They hold no numbers and no people, so they are kept.
- Whatever a run does may be done again: a day's counts replace those that were there.
- How long a step took is its deadline's time, from the move that began it to the one that ended it, in hours; late is
  what `deadlines` counted (rule 87).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from registry.handlingmoves import begun_by, ends_all
from registry.preferences import Category
from registry.times import from_micros, local, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.rulebook import Rulebooks
    from registry.store import Store

PARTS = ("all", "kind", "class", "category", "province", "carrier", "enterprise", "state")
STEPS = ("accept", "forward", "handle", "tell_user")  # deadlines of the state table, in their order
OPEN = (
    "submitted", "accepted", "forwarded", "violation", "unfounded", "not_ours", "measured", "fed_back", "reopened",
    "appealed",
)  # fmt: skip
LATELY = 3  # days that every whole run counts anew: what is held or released of them moves no mark
WHOLE_S = 3600  # how often older days that changed are counted anew
_OVERLAP = timedelta(minutes=5)  # transactions that were still open when the last run looked
_QUARTER = 900_000_000  # Micros: every time zone begins its days at a quarter of an hour
_HOURS, _DAY = 72, 24  # steps longer than that are told in whole days
_NO_PARTY = ("unfounded", "not_ours")
_Cells = dict[tuple[str, str], Counter[str]]


def count(
    store: Store, clock: Clock, rulebooks: Rulebooks, *, zone: str, keep: Callable[[], None]
) -> int:
    """Count the days that changed; of how many. Today and yesterday each time, older ones once an hour."""
    now = clock.now()
    today, oldest = local(now, zone).date(), _oldest(now, rulebooks, zone)
    whole, recent = store.day_counts.marks()
    is_whole = not now - timedelta(seconds=WHOLE_S) < from_micros(whole) <= now
    mark = min(from_micros(whole if is_whole else recent), now) - _OVERLAP
    days = _changed(store, mark, zone) | {today - timedelta(days=i) for i in range(LATELY if is_whole else 0)}
    chosen = sorted(day for day in days if oldest <= day <= today and (is_whole or day >= today - timedelta(days=1)))
    counted = sum(_counted(store, day, zone, keep) for day in chosen)
    desks = store.day_counts.open_by_desk(OPEN, at=to_micros(now))
    with store.writing(about="day counts"):
        store.day_counts.set_marks(whole=to_micros(now) if is_whole else whole, recent=to_micros(now))
        store.day_counts.put_desks(desks)
    return counted


def _oldest(now: datetime, rulebooks: Rulebooks, zone: str) -> date:
    """The first day of which no report is due to be erased."""
    kept = rulebooks.at(now).retention.reports
    return local(now - timedelta(days=kept), zone).date() + timedelta(days=1)


def _changed(store: Store, since: datetime, zone: str) -> set[date]:
    quarters = store.day_counts.changed(since=max(0, to_micros(since)), width=_QUARTER)
    return {local(from_micros(each * _QUARTER), zone).date() for each in quarters}


def bounds(day: date, zone: str) -> tuple[int, int]:
    """The first moment of a local day and that of the next (Micros)."""
    first, after = (datetime(each.year, each.month, each.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
                    for each in (day, day + timedelta(days=1)))  # fmt: skip
    return to_micros(first), to_micros(after)


def _counted(store: Store, day: date, zone: str, keep: Callable[[], None]) -> bool:
    """Count one day anew; whether anything came on it."""
    keep()
    first, after = bounds(day, zone)
    with store.reading():  # what changes from here on is counted by the next run
        cells = _cells(store.day_counts.grouped(first=first, after=after))
        steps = _steps(store.day_counts.moved(first=first, after=after))
    with store.writing(about="day counts"):
        there = store.day_counts.put(day, cells, steps)
    return bool(cells) or there


def _cells(rows: Iterable[dict[str, Any]]) -> _Cells:
    """By part and name: reports, upheld, unfounded."""
    cells: _Cells = {}
    for row in rows:
        found = {"reports": row["reports"], row["outcome"]: row["reports"]}
        names = {
            "all": "", "kind": row["kind"], "class": row["class"], "province": row["province"] or "unknown",
            "category": Category(row["category"]).slug if row["category"] >= 0 else "unknown",
            "carrier": row["carrier"] or "unknown", "state": row["state"],
        }  # fmt: skip
        if row["enterprise"] and row["outcome"] not in _NO_PARTY:
            names["enterprise"] = row["enterprise"]
        for key in names.items():
            cells.setdefault(key, Counter()).update(found)
    return cells


def _steps(moves: Iterable[tuple[Any, ...]]) -> dict[tuple[str, int], list[int]]:
    """By step and hours (rounded up; beyond 72 to whole days): how many ended so, and how many of them late."""
    found: dict[tuple[str, int], list[int]] = {}
    for _report, each in groupby(moves, key=itemgetter(0, 1)):
        for step, took, late in _ended((at, action) for _source, _id, at, action in each):
            hours = -(-took // 3_600_000_000)
            hours = hours if hours <= _HOURS else -(-hours // _DAY) * _DAY
            tally = found.setdefault((step, hours), [0, 0])
            tally[0] += 1
            tally[1] += late
    return found


def _ended(moves: Iterable[tuple[int, str]]) -> Iterator[tuple[str, int, bool]]:
    """The steps that one report's moves ended: which, how long each took (Micros), whether its deadline ran out."""
    step, began, late = "", 0, False
    for at, action in moves:
        if action == "late":
            late = True
        elif begun_by(action) or ends_all(action):
            if step in STEPS:
                yield step, max(0, at - began), late
            step, began, late = begun_by(action), at, False
