"""Tests of open data: who is marked, for whom a mark ends, what is told of a change, and the files of a day."""

from __future__ import annotations

import csv
import dataclasses
import io
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry import opendata, openfiles, registrations
from registry.errors import ConflictError, NotFoundError
from registry.handling import Handling
from registry.keys import KeyRing
from registry.numbers import parse_caller
from registry.preferences import Category
from registry.sealing import SealedNumber, seal_one
from registry.store import Store
from registry.times import to_micros
from tests.doubles import FakeClock, MemoryShelf

ZONE = "Asia/Shanghai"
CALLER, OTHER, PORT = "13900000001", "13900000002", "1069012345"


class Reported:
    """A store that reports come into, and short ways to count."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> None:
        self.store, self.keys, self.clock, self.plan = store, keys, clock, plan
        self.placed = 0

    def seal(self, text: str) -> SealedNumber:
        return seal_one(self.keys.at_rest, parse_caller(text, self.plan))

    def come(self, caller: str, *, people: int = 5, **changes: Any) -> None:
        """Reports about a caller, each from somebody else."""
        with self.store.writing():
            self.store.handling.add([self._one(caller, changes) for _ in range(people)])

    def _one(self, caller: str, changes: dict[str, Any]) -> Handling:
        self.placed += 1
        sealed, now = self.seal(caller), self.clock.now()
        made = Handling(
            "people", f"r{self.placed}", f"R{self.placed}", "forwarded", "", now, now, "commercial", "call", 0,
            Category.LOAN, "", sealed, 1 if caller.startswith("1390") else 2, "", "", "", "", "", "2026", "violation",
            "", None, now,
        )  # fmt: skip
        return dataclasses.replace(made, **changes)

    def count(self) -> dict[str, int]:
        return opendata.count(self.store, self.clock)

    def marked(self) -> dict[str, opendata.Mark]:
        page = opendata.marks(self.store, self.keys, cursor=0, limit=100, zone=ZONE)
        return {mark.number.text: mark for mark in page.marks}

    def changed(self, cursor: int = 0) -> list[tuple[str, str, str]]:
        page = opendata.changes(self.store, self.keys, cursor=cursor, limit=100, zone=ZONE)
        return [(mark.number.text, mark.state, mark.reason) for mark in page.marks]


@pytest.fixture
def reported(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Reported:
    return Reported(store, keys, clock, plan)


def test_a_plain_number_is_marked_by_enough_people_and_a_port_by_one_report(reported: Reported) -> None:
    reported.come(CALLER, people=3)
    reported.come(CALLER, people=2, category=-1, class_="unlawful", kind="message")
    reported.come(OTHER, people=4)
    reported.come(PORT, people=1, kind="message")
    assert reported.count() == {"marked": 2, "removed": 0}
    found = reported.marked()
    assert set(found) == {"+8613900000001", PORT}
    mark = found["+8613900000001"]
    assert (mark.reports, mark.reporters, mark.calls, mark.messages) == (5, 5, 3, 2)
    assert mark.categories == {"loan": 3, "unlawful": 2}
    assert (mark.first, mark.last) == (date(2026, 11, 23), date(2026, 11, 23))


def test_one_person_who_reports_often_is_one_reporter(reported: Reported) -> None:
    reported.come(CALLER, people=9)
    with reported.store.writing():
        reported.store.reports.add([
            {
                "source": "people", "source_id": f"r{place}", "batch": "b", "line": place,
                "reporter": reported.seal("13800138000"), "called": None, "caller": reported.seal(CALLER),
                "channel": 0, "category": 0, "content": 0, "at": 0, "duration": None, "mode": None,
                "telemarketer": None, "description": None, "received": 0, "verdict": "violation", "reason": "",
                "rule": "", "rulebook": "2026",
            }
            for place in range(1, 7)
        ])  # fmt: skip
    reported.count()
    assert reported.marked() == {}
    reported.come(CALLER, people=1)
    reported.count()
    assert [(mark.reports, mark.reporters) for mark in reported.marked().values()] == [(10, 5)]


@pytest.mark.parametrize(
    "changes", [{"held": "bombing"}, {"outcome": "unfounded"}, {"outcome": "not_ours"}, {"state": "returned"}]
)
def test_what_is_held_returned_or_unfounded_marks_nobody(reported: Reported, changes: dict[str, str]) -> None:
    reported.come(CALLER, people=20, **changes)
    assert reported.count() == {"marked": 0, "removed": 0}


def test_a_mark_ends_when_its_reports_are_older_than_ninety_days(reported: Reported) -> None:
    reported.come(CALLER)
    reported.count()
    cursor = max(mark.change for mark in reported.marked().values())
    reported.clock.advance(days=89)
    assert reported.count() == {"marked": 0, "removed": 0}
    assert reported.changed(cursor) == []
    reported.clock.advance(days=2)
    assert reported.count() == {"marked": 0, "removed": 1}
    assert reported.marked() == {}
    assert reported.changed(cursor) == [("+8613900000001", "removed", "expired")]


def test_a_recycled_number_loses_its_mark_and_its_next_holder_is_counted_anew(reported: Reported) -> None:
    reported.come(CALLER)
    reported.count()
    reported.clock.advance(hours=1)
    with reported.store.writing():
        registrations.recycle_inside(
            reported.store, reported.clock, number=reported.seal(CALLER), source="cmcc", at=reported.clock.now()
        )
        reported.store.engine.run_many(
            """INSERT INTO number_event (source, source_id, event, batch, line, number, kind, at, giver, taker,
                received, state, reason, other, settled, actor, note)
            VALUES ('cmcc', 'e', 'e', 'b', 1, :number, 'reassigned', :at, '', '', :at, 'done', '', '', :at, '', '')""",
            [{"number": reported.seal(CALLER), "at": to_micros(reported.clock.now())}],
        )
    assert reported.count() == {"marked": 0, "removed": 1}
    assert reported.changed() == [("+8613900000001", "removed", "recycled")]
    reported.clock.advance(hours=1)
    reported.come(CALLER, people=6)
    reported.count()
    assert [mark.reports for mark in reported.marked().values()] == [6]


def test_a_mark_that_is_cleared_is_gone_at_once_and_stays_gone(reported: Reported) -> None:
    reported.come(CALLER)
    reported.count()
    reported.clock.advance(minutes=1)
    now = reported.clock.now()
    with reported.store.writing(about=opendata.ABOUT):
        opendata.clear_inside(reported.store, reported.seal(CALLER), before=now, at=now, reason="cleared")
    assert reported.changed() == [("+8613900000001", "removed", "cleared")]
    assert reported.count() == {"marked": 0, "removed": 0}
    assert opendata.mark_of(reported.store, reported.keys, reported.seal(CALLER), zone=ZONE) is None


def test_a_cursor_from_before_what_is_still_known_is_told_to_begin_again(reported: Reported) -> None:
    reported.come(CALLER)
    reported.count()
    reported.clock.advance(days=91)
    reported.count()
    reported.come(PORT, people=1)
    reported.clock.advance(days=91)
    reported.count()
    assert reported.changed() == []
    with pytest.raises(ConflictError) as caught:
        reported.changed(1)
    assert caught.value.code == "cursor_too_old"


def test_pages_of_marks_go_on_where_the_last_one_ended(reported: Reported) -> None:
    for place in range(5):
        reported.come(f"10690{place}12345", people=1)
    reported.count()
    seen, cursor, more = [], 0, True
    while more:
        page = opendata.marks(reported.store, reported.keys, cursor=cursor, limit=2, zone=ZONE)
        seen += [mark.number.text for mark in page.marks]
        cursor, more = page.cursor, page.more
    assert sorted(seen) == [f"10690{place}12345" for place in range(5)]


def test_a_day_has_a_csv_and_a_sqlite_file_with_the_same_rows(
    reported: Reported, shelf: MemoryShelf, tmp_path: Path
) -> None:
    reported.come(CALLER)
    reported.come(PORT, people=2)
    reported.count()

    def publish() -> openfiles.OpenDay | None:
        return openfiles.publish(
            reported.store, reported.clock, reported.keys, shelf, work=tmp_path / "work", zone=ZONE
        )

    made = publish()
    assert made is not None
    assert publish() is None
    assert (made.day, made.rows, list((tmp_path / "work").iterdir())) == (date(2026, 11, 23), 2, [])
    text = shelf.get("open/2026-11-23/callers.csv").decode()
    rows = {row["number"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert rows["+8613900000001"] == {
        "number": "+8613900000001", "kind": "number", "reports": "5", "reporters": "5", "calls": "5", "messages": "0",
        "categories": "loan:5", "first_day": "2026-11-23", "last_day": "2026-11-23", "basis": "signal",
    }  # fmt: skip
    place = tmp_path / "callers.db"
    place.write_bytes(shelf.get("open/2026-11-23/callers.db"))
    with closing(sqlite3.connect(place)) as database:
        assert database.execute("SELECT number, reports, basis FROM callers ORDER BY number").fetchall() == [
            ("+8613900000001", 5, "signal"), (PORT, 2, "signal"),
        ]  # fmt: skip
        assert "not a finding" in database.execute("SELECT text FROM about WHERE name = 'meaning'").fetchone()[0]
    reported.clock.moment += timedelta(days=7)
    assert publish() is not None
    assert openfiles.days(shelf) == [date(2026, 11, 30)]
    with pytest.raises(NotFoundError):
        openfiles.place_of(shelf, date(2026, 11, 23), "callers.csv")
