"""Quarantined rows: kept as they came, seen by their source alone, taken again after a fix or set aside."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from registry import audit, quarantine
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.keys import KeyRing
from registry.readers import Format, read
from registry.report_rows import FIELDS
from registry.reports import Intake, take_in
from registry.store import Store
from tests.doubles import FakeClock

GOOD = {
    "id": "r1", "called": "13800138000", "caller": "02066668888", "channel": "calls", "category": "loan",
    "at": "2026-11-23T09:00:00+08:00",
}  # fmt: skip


class Room:
    """One store with rows in quarantine."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> None:
        self.store, self.keys, self.clock = store, keys, clock
        self.tools = (store, keys, clock, plan, rulebooks)

    def take(self, content: bytes, format: Format = "ndjson", **more: Any) -> Intake:
        rows = read(io.BytesIO(content), format=format, columns=FIELDS)
        return take_in(*self.tools, source="cmcc", kind="carrier", rows=rows, **more)

    def open(self, source: str = "cmcc", **more: Any) -> tuple[quarantine.Quarantined, ...]:
        return quarantine.rows_of(self.store, self.keys, source=source, **more)

    def release(self, name: str, corrected: dict[str, Any] | None = None, source: str = "cmcc") -> Any:
        return quarantine.release(
            *self.tools, source=source, kind="carrier", name=name, corrected=corrected, actor="member:1"
        )


@pytest.fixture
def room(store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> Room:
    return Room(store, keys, clock, plan, rulebooks)


def bad(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_the_source_sees_its_rows_as_they_came(room: Room) -> None:
    content = bad(category="yachts") + b"\nnot json \xff\n" + bad(id="r2", duration=-1)
    room.take(content)
    rows = room.open()
    assert [(row.line, row.reason, row.state) for row in rows] == [
        (1, "unknown_category", "open"),
        (2, "bad_encoding", "open"),
        (3, "impossible_duration", "open"),
    ]
    assert rows[0].raw == bad(category="yachts").decode()
    assert rows[0].fields == GOOD | {"category": "yachts"}
    assert rows[1].raw == "not json \ufffd"
    assert rows[1].fields is None
    assert room.open("ctcc") == ()
    assert [row.line for row in room.open(limit=1, after=1)] == [2]
    with pytest.raises(NotFoundError):
        quarantine.row_of(room.store, room.keys, source="ctcc", name=rows[0].name)


def test_reasons_are_counted_for_one_source_and_for_all(room: Room) -> None:
    room.take(bad(category="yachts") + b"\n" + bad(category="planes") + b"\nx")
    assert quarantine.reasons(room.store, source="cmcc") == {"unknown_category": 2, "not_json": 1}
    assert quarantine.reasons(room.store) == {"unknown_category": 2, "not_json": 1}
    assert quarantine.reasons(room.store, source="ctcc") == {}


def test_a_corrected_row_becomes_a_report_and_the_original_stays(room: Room) -> None:
    room.take(bad(category="yachts"), idempotency="k")
    (held,) = room.open()
    done = room.release(held.name, held.fields | {"category": "loan"})
    assert (done.result, done.id) == ("accepted", "r1")
    assert room.open() == ()
    kept = quarantine.row_of(room.store, room.keys, source="cmcc", name=held.name)
    assert (kept.state, kept.raw, kept.note) == ("released", held.raw, "accepted")
    assert kept.resolved == room.clock.now()
    assert room.store.reports.known("cmcc", ["r1"])["r1"]["batch"] == f"release {held.name}"
    with pytest.raises(ConflictError):
        room.release(held.name)
    again = room.take(bad(category="yachts"), idempotency="k")
    assert (again.rows, again.accepted, again.quarantined) == (1, 0, 1)
    assert room.take(bad(category="yachts")).duplicates == 1


def test_a_row_that_came_too_early_is_taken_as_it_is_later(room: Room) -> None:
    room.take(bad(at="2026-11-23T12:00:00+08:00"))
    (held,) = room.open()
    with pytest.raises(InvalidInputError) as refused:
        room.release(held.name)
    assert refused.value.code == "future_time"
    assert len(room.open()) == 1
    room.clock.advance(hours=3)
    assert room.release(held.name).result == "accepted"


def test_a_row_of_a_table_is_released_by_its_fields(room: Room) -> None:
    room.take(b"id,called,caller,at,duration\nr1,13800138000,02066668888,2026-11-23T09:00:00+08:00,90000\n", "csv")
    (held,) = room.open()
    assert held.fields
    assert room.release(held.name, held.fields | {"duration": "900"}).result == "accepted"


def test_an_unreadable_row_needs_its_fields(room: Room) -> None:
    room.take(b'{"id": "r1"')
    (held,) = room.open()
    with pytest.raises(InvalidInputError) as refused:
        room.release(held.name)
    assert refused.value.code == "needs_correction"
    assert room.release(held.name, GOOD).result == "accepted"


def test_a_correction_that_is_there_already_ends_as_duplicate(room: Room) -> None:
    room.take(bad() + b"\n" + bad(id="r2", duration=-1))
    (held,) = room.open()
    assert room.release(held.name, GOOD).result == "duplicate"
    assert quarantine.row_of(room.store, room.keys, source="cmcc", name=held.name).note == "duplicate"


def test_a_row_is_set_aside_only_with_a_reason(room: Room) -> None:
    room.take(b"x\ny")
    first, second = room.open()
    mine = {"source": "cmcc", "actor": "member:1"}
    with pytest.raises(InvalidInputError):
        quarantine.discard(room.store, room.clock, **mine, name=first.name, note="  ")
    quarantine.discard(room.store, room.clock, **mine, name=first.name, note="a test line")
    assert [row.name for row in room.open()] == [second.name]
    assert [row.note for row in room.open(state="discarded")] == ["a test line"]
    with pytest.raises(ConflictError):
        quarantine.discard(room.store, room.clock, **mine, name=first.name, note="again")
    with pytest.raises(NotFoundError):
        quarantine.discard(room.store, room.clock, source="ctcc", name=second.name, actor="member:1", note="not ours")
    assert [entry.action for entry in audit.entries(room.store)] == ["quarantine.discarded"]


def test_a_whole_page_is_held_once(room: Room) -> None:
    for wanted in (True, False):
        held = quarantine.hold(
            room.store, room.keys, room.clock, source="cmcc", raw=b"<html>" * 400_000, format="outbox",
            reason="bad_page", detail="A page can't be read.",
        )  # fmt: skip
        assert held is wanted
    (row,) = room.open()
    assert row.raw.startswith("<html>")
    assert "2400000 bytes" in row.raw


def test_no_number_stands_in_quarantine_in_clear(room: Room) -> None:
    room.take(bad(category="yachts"))
    assert "138001" not in repr(room.store.engine.rows("SELECT * FROM quarantine"))
