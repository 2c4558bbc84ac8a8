"""Open data: numbers that people reported in the last 90 days, as marks for everybody (part 10, RULES row 81).

Rules of this room:
- A mark is a signal, not a finding (rule 81), and says so wherever it stands. It says nothing of those who reported.
- Counted is what is not held and was not found to be unfounded or somebody else's; a report counts for the holder of
  its own day: what lies before a number went to another holder, or was cleared, says nothing about it any longer
  (rule 45).
- A plain number is marked only when enough different people reported it; codes and ports are enterprises'.
- Each change of a mark has a number of its own; the newest change of a number is all that is told of it, removals for
  as long as reports count. Whoever comes with a cursor from before that is told to begin again.
- Numbers are unsealed where they leave (files, the API), and never in logs or addresses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from registry.errors import ConflictError
from registry.numbers import Number
from registry.preferences import Category
from registry.sealing import unseal_one
from registry.times import from_micros, local, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.sealing import SealedNumber
    from registry.store import Store

DAYS = 90  # for so long a report counts, and a removal is told
FEWEST = 5  # different people who reported a plain number before it is marked [D]
BASIS = "signal"
MEANING = "Reported by people. A signal, not a finding: nobody has determined that anything was done wrong."
ABOUT = "open-data"
_CHUNK = 500

Removal = Literal["expired", "recycled", "cleared"]


@dataclass(frozen=True, slots=True)
class Mark:
    """What is told of a reported caller. `state`: marked or removed, with the `reason` of a removal; `categories`:
    reports by industry, or by class where it is none; `first`, `last`: local days."""

    number: Number
    change: int
    state: str
    reason: str
    reports: int
    reporters: int
    calls: int
    messages: int
    categories: Mapping[str, int]
    first: date
    last: date
    updated: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some marks in the order of their changes, where the next page begins, and whether there is one."""

    marks: tuple[Mark, ...]
    cursor: int
    more: bool


# counting


def count(store: Store, clock: Clock, keep: Callable[[], None] = lambda: None) -> dict[str, int]:
    """Count all marks anew and note what changed; how many were `marked` and `removed`."""
    now = clock.now()
    until, since = to_micros(now), to_micros(now - timedelta(days=DAYS))
    trials = tuple(party.party for party in store.parties.all() if party.sandbox)
    counts = {"marked": 0, "removed": 0}
    for found in store.open_data.counted(since=since, until=until, fewest=FEWEST, trials=trials, chunk=_CHUNK):
        numbers = [row[0] for row in found]
        with store.writing(about=ABOUT):
            kinds = _by_category(store.open_data.categories(numbers, since=since, until=until, trials=trials))
            counts["marked"] += _put(store, found, kinds, until)
        keep()
    with store.writing(about=ABOUT):
        store.open_data.forget_removed(before=since)
    while True:
        with store.writing(about=ABOUT):
            gone = store.open_data.unseen(at=until, most=_CHUNK)
            _remove(store, gone, until)
        if not gone:
            return counts
        counts["removed"] += len(gone)
        keep()


def _by_category(rows: Sequence[Mapping[str, Any]]) -> dict[bytes, dict[str, int]]:
    found: dict[bytes, dict[str, int]] = {}
    for row in rows:
        of_number = found.setdefault(row["caller"], {})
        name = Category(row["category"]).slug if 0 <= row["category"] < len(Category) else str(row["class"])
        of_number[name] = of_number.get(name, 0) + int(row["n"])
    return found


def _put(
    store: Store, found: Sequence[tuple[Any, ...]], kinds: Mapping[bytes, Mapping[str, int]], at: int
) -> int:
    """Write the marks that are new or say something else than before; how many."""
    known = store.open_data.marks_of([row[0] for row in found])
    fresh, same = [], []
    for number, kind, reports, reporters, messages, first, last in found:
        mark = {
            "number": number, "kind": kind, "state": "marked", "reason": "", "reports": int(reports),
            "reporters": int(reporters), "calls": int(reports - messages), "messages": int(messages),
            "categories": json.dumps(kinds.get(number, {}), sort_keys=True), "first": first, "last": last,
        }  # fmt: skip
        before = known.get(number)
        if before is not None and all(before[name] == value for name, value in mark.items()):
            same.append(number)
        else:
            fresh.append(mark | {"updated": at, "seen": at})
    store.open_data.saw(same, at=at)
    _number(store, fresh)
    return len(fresh)


def _remove(store: Store, rows: Sequence[Mapping[str, Any]], at: int, reason: Removal | None = None) -> None:
    past = store.open_data.past([row["number"] for row in rows]) if reason is None else {}
    _number(store, [
        dict(row) | {
            "state": "removed", "updated": at, "seen": at,
            "reason": reason or ("recycled" if past.get(row["number"], 0) > row["last"] else "expired"),
        }
        for row in rows
    ])  # fmt: skip


def _number(store: Store, marks: list[dict[str, Any]]) -> None:
    if marks:
        first = store.open_data.next_changes(len(marks))
        store.open_data.put([mark | {"change": first + place} for place, mark in enumerate(marks)])


def clear_inside(store: Store, number: SealedNumber, *, before: datetime, at: datetime, reason: Removal) -> None:
    """Inside `writing(about=ABOUT)`: let reports from before a moment say nothing about a number, and take its mark
    away now; what lies after that moment is counted again by the next count."""
    store.open_data.clear(number, at=to_micros(before))
    row = store.open_data.marks_of([number]).get(number)
    if row is not None and row["state"] == "marked":
        _remove(store, [row], to_micros(at), reason)


# telling


def marks(store: Store, keys: KeyRing, *, cursor: int, limit: int, zone: str) -> Page:
    """The marks that stand, from a cursor on (0: from the first)."""
    return _page(store.open_data.marked(after=cursor, most=limit + 1), keys, cursor, limit, zone)


def changes(store: Store, keys: KeyRing, *, cursor: int, limit: int, zone: str) -> Page:
    """What changed since a cursor (0: all that is known), the newest of each number, removals too.

    Raises ConflictError cursor_too_old: removals since then are no longer known, begin again at 0.
    """
    with store.reading():
        if 0 < cursor < store.open_data.counter("forgotten"):
            raise ConflictError("What changed since then is no longer known. Begin again at 0.", code="cursor_too_old")
        rows = store.open_data.changes(after=cursor, most=limit + 1)
    return _page(rows, keys, cursor, limit, zone)


def mark_of(store: Store, keys: KeyRing, number: SealedNumber, *, zone: str) -> Mark | None:
    """The mark that stands on a number, or None."""
    row = store.open_data.marks_of([number]).get(number)
    return _mark(row, keys, zone) if row is not None and row["state"] == "marked" else None


def _page(rows: Sequence[Mapping[str, Any]], keys: KeyRing, cursor: int, limit: int, zone: str) -> Page:
    shown = tuple(_mark(row, keys, zone) for row in rows[:limit])
    return Page(shown, shown[-1].change if shown else cursor, len(rows) > limit)


def _mark(row: Mapping[str, Any], keys: KeyRing, zone: str) -> Mark:
    return Mark(
        unseal_one(keys.at_rest, row["number"]), row["change"], row["state"], row["reason"], row["reports"],
        row["reporters"], row["calls"], row["messages"], json.loads(row["categories"]), _day(row["first"], zone),
        _day(row["last"], zone), from_micros(row["updated"]),
    )  # fmt: skip


def rows_of(store: Store, keys: KeyRing, *, zone: str) -> Iterator[dict[str, str | int]]:
    """All marks that stand as rows for files; their order says nothing."""
    for chunk in store.open_data.all_marked(chunk=_CHUNK):
        for number, kind, reports, reporters, calls, messages, categories, first, last in chunk:
            yield {
                "number": unseal_one(keys.at_rest, number).text, "kind": kind_name(kind), "reports": reports,
                "reporters": reporters, "calls": calls, "messages": messages,
                "categories": ";".join(f"{name}:{n}" for name, n in json.loads(categories).items()),
                "first_day": _day(first, zone).isoformat(), "last_day": _day(last, zone).isoformat(), "basis": BASIS,
            }  # fmt: skip


def kind_name(kind: int) -> str:
    """What a kind of number is called in open data: number, or code (ports, short and service numbers)."""
    return "number" if kind == 1 else "code"


def _day(moment: int, zone: str) -> date:
    return local(from_micros(moment), zone).date()
