"""What became of each row of a batch is read back whole, in pages, with numbers masked."""

from __future__ import annotations

from typing import Any

import pytest

from registry import batch_results, quarantine
from registry.batch_results import every_row, ranges_of
from registry.errors import NotFoundError
from registry.keys import KeyRing
from registry.reports import Intake
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.test_reports import Desk, ndjson, report


@pytest.fixture
def desk(store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> Desk:
    return Desk(store, keys, clock, plan, rulebooks)


def sent(desk: Desk, content: bytes, **more: Any) -> tuple[Intake, list[Any]]:
    *rows, intake = desk.results(content, **more)
    assert isinstance(intake, Intake)
    return intake, rows


MIXED = ndjson(
    report(1), report(2, category="lottery"), report(1), '{"id": "cut', report(3, caller="hidden"), "", report(3)
)


def test_every_row_is_read_back_as_it_was_answered(desk: Desk, store: Store, keys: KeyRing) -> None:
    intake, answered = sent(desk, MIXED)
    rows = list(every_row(store, keys, source="cmcc", batch=intake.batch))
    assert [(row.line, row.result) for row in rows] == [(row.line, row.result) for row in answered]
    assert [row.verdict for row in rows] == [row.verdict for row in answered]
    assert {row.called for row in rows if row.result == "accepted"} == {"138****8000"}
    assert [row.reason for row in rows if row.result == "quarantined"] == ["unknown_category", "not_json"]


def test_a_result_picks_its_rows_and_pages_go_by_line(desk: Desk, store: Store, keys: KeyRing) -> None:
    intake, _answered = sent(desk, ndjson(*(report(place % 40) for place in range(100))))
    where: dict[str, Any] = {"source": "cmcc", "batch": intake.batch}
    first = batch_results.rows_of(store, keys, **where, limit=60)
    assert [row.line for row in first] == list(range(1, 61))
    assert [row.line for row in batch_results.rows_of(store, keys, **where, after=60, limit=60)] == list(range(61, 101))
    again = batch_results.rows_of(store, keys, **where, result="duplicate", after=41, limit=10)
    assert [row.line for row in again] == list(range(42, 52))
    taken = batch_results.batch_of(store, **where)
    for result in batch_results.RESULTS:
        found = batch_results.rows_of(store, keys, **where, result=result, limit=200)
        assert len(found) == taken.count(result), result
    assert batch_results.rows_of(store, keys, source="ctcc", batch=intake.batch) == []


def test_a_file_sent_again_keeps_its_duplicates_as_one_range(desk: Desk, store: Store) -> None:
    content = ndjson(*(report(place) for place in range(50)))
    sent(desk, content)
    intake, _answered = sent(desk, content)
    assert store.batch_rows.duplicates(source="cmcc", batch=intake.batch, after=0, limit=9) == [(1, 50)]


def test_a_batch_goes_on_without_losing_what_its_rows_became(desk: Desk, store: Store, keys: KeyRing) -> None:
    """Sent again under its key, a batch is answered from what is stored, and stores nothing twice."""
    intake, _answered = sent(desk, MIXED, idempotency="one")
    before = list(every_row(store, keys, source="cmcc", batch=intake.batch))
    again, _answered = sent(desk, MIXED, idempotency="one")
    assert again.repeated
    assert list(every_row(store, keys, source="cmcc", batch=intake.batch)) == before


def test_a_released_row_shows_the_verdict_it_got_then(desk: Desk, store: Store, keys: KeyRing) -> None:
    intake, _answered = sent(desk, MIXED)
    where: dict[str, Any] = {"source": "cmcc", "batch": intake.batch, "result": "quarantined"}
    held = batch_results.rows_of(store, keys, **where)[0]
    assert (held.state, held.verdict) == ("open", "")
    quarantine.release(*desk.tools, source="cmcc", kind="carrier", name=held.quarantine, corrected=report(2))
    found = batch_results.rows_of(store, keys, **where)[0]
    assert (found.state, found.line, found.called) == ("released", held.line, "138****8000")
    assert found.verdict in batch_results.VERDICTS


def test_batches_are_listed_newest_first_and_by_what_they_hold(desk: Desk, store: Store, clock: FakeClock) -> None:
    names = []
    for content in (ndjson(report(1)), MIXED, ndjson(report(1))):
        clock.advance(minutes=1)
        names.append(sent(desk, content)[0].batch)

    def listed(**asked: Any) -> list[str]:
        return [batch.batch for batch in batch_results.batches_of(store, source="cmcc", **asked)]

    assert listed() == names[::-1]
    assert listed(limit=1) == names[2:]
    newest = batch_results.batch_of(store, source="cmcc", batch=names[2])
    assert listed(before=newest.started) == names[1::-1]
    assert listed(only="quarantined") == [names[1]]
    assert listed(only="duplicates") == [names[2], names[1]]
    assert listed(only="done") == names[::-1]
    assert listed(only="open") == []
    with pytest.raises(NotFoundError):
        batch_results.batch_of(store, source="ctcc", batch=names[0])


def test_duplicates_of_old_batches_are_forgotten(desk: Desk, store: Store, clock: FakeClock) -> None:
    sent(desk, MIXED)
    now = round(clock.now().timestamp() * 1_000_000)
    with store.writing():
        assert store.batch_rows.purge_duplicates(before=now, most=10) == 0
        assert store.batch_rows.purge_duplicates(before=now + 1, most=10) == 2


@pytest.mark.parametrize(
    ("lines", "ranges"),
    [([], []), ([7], [(7, 7)]), ([1, 2, 3], [(1, 3)]), ([1, 3, 4, 9], [(1, 1), (3, 4), (9, 9)])],
)
def test_consecutive_lines_make_one_range(lines: list[int], ranges: list[tuple[int, int]]) -> None:
    assert list(ranges_of(lines)) == ranges
