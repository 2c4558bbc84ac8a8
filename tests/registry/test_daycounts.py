"""Counts by day: whole, anew while reports change, kept when reports are erased, by local days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from registry import deskfigures, parties, reports
from registry.store import Store
from registry.times import to_micros
from tests.doubles import FakeClock
from tests.registry.counting import ZONE, count, fall, moves, noon, report

TODAY = date(2026, 11, 23)


def summed(store: Store, part: str, first: date = TODAY, last: date = TODAY) -> dict[str, tuple[int, int, int]]:
    rows = store.day_counts.summed(part, first=first, last=last, limit=50)
    return {row["name"]: (row["reports"], row["upheld"], row["unfounded"]) for row in rows}


def test_a_day_is_counted_by_everything_it_is_asked_by(store: Store, clock: FakeClock, rulebooks: Any) -> None:
    parties.add_party(store, clock, party="toy", kind="carrier", name_zh="玩", name_en="Toy", sandbox=True)
    at = clock.now()
    fall(store, report("a", at, provider="e_a", outcome="violation"),
         report("b", at, content="e_a", outcome="unfounded", province="", category=-1),
         report("c", at, kind="call", class_="malicious", carrier="", state="closed"),
         report("d", at, held="bombing"), report("e", at, source="toy"))  # fmt: skip
    assert count(store, clock, rulebooks) == 1
    assert summed(store, "all") == {"": (3, 1, 1)}
    assert summed(store, "enterprise") == {"e_a": (1, 1, 0)}
    assert summed(store, "province") == {"beijing": (2, 1, 0), "unknown": (1, 0, 1)}
    assert summed(store, "category") == {"loan": (2, 1, 0), "unknown": (1, 0, 1)}
    assert summed(store, "class") == {"commercial": (2, 1, 1), "malicious": (1, 0, 0)}
    assert summed(store, "kind") == {"message": (2, 1, 1), "call": (1, 0, 0)}
    assert summed(store, "state") == {"forwarded": (2, 1, 1), "closed": (1, 0, 0)}
    assert summed(store, "carrier")["unknown"] == (1, 0, 0)


def test_days_are_local_ones_and_begin_at_local_midnight(store: Store, clock: FakeClock, rulebooks: Any) -> None:
    midnight = datetime(2026, 11, 22, 16, tzinfo=UTC)  # in Shanghai
    fall(store, report("a", midnight - timedelta(microseconds=1)), report("b", midnight))
    count(store, clock, rulebooks)
    assert store.day_counts.line("all", "", first=date(2026, 11, 1), last=TODAY) == {date(2026, 11, 22): 1, TODAY: 1}


def test_older_days_that_change_are_counted_anew_within_the_hour(
    store: Store, clock: FakeClock, rulebooks: Any
) -> None:
    old = report("a", noon(TODAY - timedelta(days=20)))
    fall(store, old)
    count(store, clock, rulebooks)
    clock.advance(60)
    with store.writing():
        store.handling.change("people", "a", outcome="violation", updated=to_micros(clock.now()))
    clock.advance(60)
    count(store, clock, rulebooks)
    span = {"first": TODAY - timedelta(days=20), "last": TODAY}
    assert summed(store, "all", **span) == {"": (1, 0, 0)}
    clock.advance(3600)
    count(store, clock, rulebooks)
    assert summed(store, "all", **span) == {"": (1, 1, 0)}
    count(store, clock, rulebooks)
    assert summed(store, "all", **span) == {"": (1, 1, 0)}


def test_what_is_held_or_released_lately_is_counted_anew_without_a_mark(
    store: Store, clock: FakeClock, rulebooks: Any
) -> None:
    fall(store, report("a", clock.now() - timedelta(days=1)), report("b", clock.now() - timedelta(days=1)))
    count(store, clock, rulebooks)
    clock.advance(2 * 3600)
    with store.writing():
        store.gathering.hold([("people", "a")], "bombing")
    count(store, clock, rulebooks)
    assert summed(store, "all", TODAY - timedelta(days=1)) == {"": (1, 0, 0)}


def test_counts_stay_when_the_reports_they_came_from_are_erased(
    store: Store, clock: FakeClock, rulebooks: Any
) -> None:
    day = TODAY - timedelta(days=2)
    fall(store, report("a", noon(day)), report("b", noon(day) + timedelta(hours=6)))
    count(store, clock, rulebooks)
    clock.advance(days=182, hours=4)  # the first of both is erased, the other one still changes
    assert reports.purge(store, clock, rulebooks)["handlings"] == 1
    with store.writing():
        store.handling.change("people", "b", updated=to_micros(clock.now()))
    count(store, clock, rulebooks)
    clock.advance(days=2)
    reports.purge(store, clock, rulebooks)
    count(store, clock, rulebooks)
    assert store.day_counts.line("all", "", first=day, last=day) == {day: 2}


def test_a_clock_that_was_a_day_ahead_leaves_no_day_uncounted(store: Store, clock: FakeClock, rulebooks: Any) -> None:
    clock.advance(days=1)
    fall(store, report("a", clock.now()))
    count(store, clock, rulebooks)
    clock.advance(days=-1)
    fall(store, report("b", clock.now()))
    count(store, clock, rulebooks)
    clock.advance(days=1)
    count(store, clock, rulebooks)
    assert store.day_counts.line("all", "", first=TODAY, last=TODAY + timedelta(days=1)) == {
        TODAY: 1, TODAY + timedelta(days=1): 1
    }  # fmt: skip


def test_steps_take_from_the_move_that_began_their_deadline_to_the_one_that_ended_it(
    store: Store, clock: FakeClock, rulebooks: Any
) -> None:
    at = noon(TODAY - timedelta(days=30))
    found = [report(name, at) for name in "abcd"]
    fall(store, *found)
    moves(store, found[0], ("accept", 0), ("forward", 0), ("find_violation", 5), ("measure", 6), ("feed_back", 6.5),
          ("tell", 8))  # fmt: skip
    moves(store, found[1], ("accept", 0), ("forward", 30), ("late", 100), ("disown", 200), ("forward", 201))
    moves(store, found[2], ("return", 0), ("complete", 40), ("accept", 41), ("forward", 41))
    moves(store, found[3], ("accept", 0))
    count(store, clock, rulebooks)
    period = deskfigures.period_named("2026", TODAY)
    limits = rulebooks.at(clock.now()).deadlines
    made = deskfigures.figures(store, clock, period, limits=limits, zone=ZONE)
    said = {each.step: (each.ended, each.late, each.median, each.p95, each.deadline) for each in made.steps}
    assert said == {
        "accept": (1, 0, 1, 1, 1), "forward": (4, 0, 0, 30, 3), "handle": (2, 1, 7, 192, limits.handle),
        "tell_user": (1, 0, 2, 2, limits.tell_user),
    }  # fmt: skip


def test_what_lies_on_desks_is_counted_as_it_stands_with_what_is_late(
    store: Store, clock: FakeClock, rulebooks: Any
) -> None:
    at = clock.now()
    fall(store, report("a", at, due=at + timedelta(hours=1)), report("b", at, due=at + timedelta(days=1)),
         report("c", at, desk="", state="accepted"), report("d", at, state="closed"))  # fmt: skip
    count(store, clock, rulebooks)
    assert store.day_counts.desks() == [
        {"desk": "cmcc", "open": 2, "overdue": 0}, {"desk": "", "open": 1, "overdue": 0}
    ]
    clock.advance(hours=2)
    count(store, clock, rulebooks)
    assert store.day_counts.desks()[0] == {"desk": "cmcc", "open": 2, "overdue": 1}


def test_periods_are_days_quarters_and_years_and_nothing_else() -> None:
    import pytest

    from registry.errors import InvalidInputError

    spans = {name: deskfigures.period_named(name, TODAY) for name in deskfigures.offered(TODAY)}
    assert (spans["days"].first, spans["days"].last) == (date(2026, 10, 25), TODAY)
    assert (spans["2026-Q4"].first, spans["2026-Q4"].last) == (date(2026, 10, 1), TODAY)
    assert (spans["2025"].first, spans["2025"].last) == (date(2025, 1, 1), date(2025, 12, 31))
    for wrong in ("2027", "2026-Q5", "always", "", "99999", "1999", "²026"):
        with pytest.raises(InvalidInputError, match="period"):
            deskfigures.period_named(wrong, TODAY)
