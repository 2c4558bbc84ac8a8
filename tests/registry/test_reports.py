"""Reports taken in: nothing vanishes, nothing counts twice, and each is judged as of the time of the call."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry import reports
from registry.errors import ConflictError, InvalidInputError, TooManyError
from registry.keys import KeyRing
from registry.numbers import parse_one
from registry.quarantine import discard
from registry.readers import Format, Row, read
from registry.report_rows import FIELDS, Kind
from registry.reports import Intake, RowResult, stream_in, take_in, take_one
from registry.sealing import SealedNumber, seal_one
from registry.store import Store
from tests.doubles import FakeClock

SHARED = Path(__file__).parents[2] / "../shared"
NAMES = sorted(FIELDS)
FTC = SHARED / "data/ftc-reported-calls-2020-02-17.ndjson"


def report(place: int = 1, **changes: Any) -> dict[str, Any]:
    fields = {
        "id": f"r{place}", "called": "13800138000", "caller": "02066668888", "channel": "calls", "category": "loan",
        "content": "commercial", "at": "2026-11-23T09:00:00+08:00", "duration": 30, "mode": "human",
        "description": "贷款推销",
    }  # fmt: skip
    return fields | changes


def ndjson(*rows: dict[str, Any] | str) -> bytes:
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()


class Desk:
    """Everything that taking reports in needs, for one store."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> None:
        self.store, self.clock = store, clock
        self.tools = (store, keys, clock, plan, rulebooks)

    def results(self, content: bytes, *, source: str = "cmcc", format: Format = "ndjson", **more: Any) -> list[Any]:
        rows = read(io.BytesIO(content), format=format, columns=FIELDS)
        return list(stream_in(*self.tools, source=source, **{"kind": "carrier"} | more, rows=rows))

    def take(self, content: bytes, **more: Any) -> Intake:
        *_, last = self.results(content, **more)
        assert isinstance(last, Intake)
        return last

    def one(self, source: str = "cmcc", kind: Kind = "carrier", **more: Any) -> RowResult:
        return take_one(*self.tools, source=source, kind=kind, **more)

    def stored(self, source: str = "cmcc") -> int:
        row = self.store.engine.row("SELECT COUNT(*) AS n FROM report WHERE source = :source", source=source)
        assert row
        return int(row["n"])

    def held(self, source: str = "cmcc") -> int:
        return sum(self.store.reports.quarantine_reasons(source).values())


@pytest.fixture
def desk(store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> Desk:
    return Desk(store, keys, clock, plan, rulebooks)


@pytest.fixture
def quick(sqlite_store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> Desk:
    return Desk(sqlite_store, keys, clock, plan, rulebooks)


def counts(intake: Intake) -> tuple[int, int, int, int]:
    return intake.rows, intake.accepted, intake.duplicates, intake.quarantined


def test_each_row_is_answered_in_order_and_the_whole_last(desk: Desk) -> None:
    content = ndjson(report(1), "no json", report(2, category="yachts"), report(1), report(3, caller="12x"), report(4))
    *rows, last = desk.results(content)
    assert [(row.line, row.id, row.result, row.reason) for row in rows if row.result != "accepted"] == [
        (2, "", "quarantined", "not_json"),
        (3, "r2", "quarantined", "unknown_category"),
        (4, "r1", "duplicate", ""),
        (5, "r3", "quarantined", "caller_letters"),
    ]
    assert counts(last) == (6, 2, 1, 3)
    assert last.reasons == {"not_json": 1, "unknown_category": 1, "caller_letters": 1}
    assert sum(last.verdicts.values()) == 2
    assert (desk.stored(), desk.held()) == (2, 3)


def test_no_answer_and_no_row_shows_a_number(desk: Desk) -> None:
    content = ndjson(report(1), report(2, called="1380013800"), report(3, called="13800138000 ext 5"), report(4, x="y"))
    for row in desk.results(content):
        assert "138" not in repr(row)
    for table in ("report", "quarantine", "batch"):
        for row in desk.store.engine.rows(f"SELECT * FROM {table}"):
            assert "138001" not in repr(row)
            assert "贷款" not in repr(row)
            assert "6666" not in repr(row)


def test_numbers_in_ids_names_and_notes_are_not_kept(desk: Desk, keys: KeyRing) -> None:
    ids = ("13800138000", "20261123-138 0013 8000", "ticket 7")
    content = ndjson(*(report(id=each, telemarketer="Shop, phone 138-0013-8000") for each in ids), "13800138000")
    rows = desk.results(content)[:-1]
    assert tuple(row.id for row in rows) == (*ids, ""), "the source is told its own ids"
    assert counts(desk.take(content)) == (4, 0, 4, 0)
    discard(desk.store, desk.clock, source="cmcc", name=rows[3].quarantine, note="asked at +86 138 0013 8000")
    stored = "".join(repr(desk.store.engine.rows(f"SELECT * FROM {table}")) for table in ("report", "quarantine"))
    assert "ticket 7" in stored
    assert "asked at" in stored
    for written in ("13800138000", "138 0013 8000", "138-0013-8000"):
        assert written not in stored


def test_a_person_reports_fifty_times_a_day(desk: Desk, keys: KeyRing, plan: Any) -> None:
    own, other = (seal_one(keys.at_rest, parse_one(text, plan)) for text in ("13800138000", "13900139000"))

    def send(place: int, reporter: SealedNumber = own) -> RowResult:
        return desk.one("people", "people", fields=report(place), reporter=reporter)

    for place in range(50):
        assert send(place).result == "accepted"
    assert send(7).result == "duplicate", "what is there already costs nothing"
    with pytest.raises(TooManyError) as refused:
        send(50)
    assert refused.value.facts["limit"] == "reports-number-day"
    assert send(51, other).result == "accepted"
    desk.clock.advance(seconds=refused.value.retry_after)
    assert send(50).result == "accepted"


def test_sent_again_all_rows_are_duplicates_quarantined_ones_too(desk: Desk) -> None:
    content = ndjson(report(1), "no json", report(2, duration=-1), report(3, called="120"), report(4, id=None))
    assert counts(desk.take(content)) == (5, 1, 0, 4)
    assert counts(desk.take(content)) == (5, 0, 5, 0)
    assert (desk.stored(), desk.held()) == (1, 4)


def test_another_source_may_use_the_same_ids(desk: Desk) -> None:
    content = ndjson(report(1), "no json")
    assert counts(desk.take(content)) == (2, 1, 0, 1)
    assert counts(desk.take(content, source="ctcc")) == (2, 1, 0, 1)


def test_a_row_that_is_put_right_under_the_same_id_is_taken(desk: Desk) -> None:
    assert counts(desk.take(ndjson(report(1, mode="loud"), report(1), report(1, mode="loud")))) == (3, 1, 1, 1)


def test_the_same_key_gives_the_same_answers_and_changes_nothing(desk: Desk) -> None:
    content = ndjson(report(1), report(1), "no json", report(2, duration=-1), report(3))
    desk.take(ndjson(report(3)))
    first = desk.results(content, idempotency="k1")
    desk.clock.advance(86_400)
    again = desk.results(content, idempotency="k1")
    assert again[:-1] == first[:-1]
    assert again[-1].repeated
    assert not first[-1].repeated
    assert counts(again[-1]) == counts(first[-1]) == (5, 1, 2, 2)
    assert again[-1].batch == first[-1].batch


@pytest.mark.parametrize("change", ["more", "less", "other"])
def test_a_key_used_for_other_content_is_refused(desk: Desk, change: str) -> None:
    rows = [report(place) for place in range(5)]
    desk.take(ndjson(*rows), idempotency="k1")
    other = {"more": [*rows, report(9)], "less": rows[:3], "other": [*rows[:4], report(9)]}[change]
    with pytest.raises(ConflictError) as refused:
        desk.take(ndjson(*other), idempotency="k1")
    assert refused.value.code == "idempotency_reused"
    assert desk.stored() == 5


class CutError(Exception):
    """The connection went away."""


def cut_after(content: bytes, rows: int) -> Iterator[Any]:
    for place, row in enumerate(read(io.BytesIO(content), format="ndjson")):
        if place == rows:
            raise CutError
        yield row


def test_after_a_cut_between_chunks_the_same_key_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "CHUNK", 10)
    rows = [report(place) if place % 4 else report(place, duration=-1) for place in range(35)]
    content = ndjson(*rows, *rows[:3])
    with pytest.raises(CutError):
        take_in(*desk.tools, source="cmcc", kind="carrier", rows=cut_after(content, 27), idempotency="k")
    assert desk.store.reports.totals("cmcc") == {"rows": 20, "accepted": 15, "duplicates": 0, "quarantined": 5}
    *results, whole = desk.results(content, idempotency="k")
    assert counts(whole) == (38, 26, 3, 9)
    assert Counter(row.result for row in results) == {"accepted": 26, "quarantined": 9, "duplicate": 3}
    assert (desk.stored(), desk.held()) == (26, 9)
    assert desk.results(content, idempotency="k")[:-1] == results


def test_without_a_key_a_cut_intake_sent_again_doubles_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "CHUNK", 10)
    content = ndjson(*(report(place) for place in range(35)))
    with pytest.raises(CutError):
        take_in(*desk.tools, source="cmcc", kind="carrier", rows=cut_after(content, 27))
    assert counts(desk.take(content)) == (35, 15, 20, 0)


def test_two_requests_with_one_key_at_once_never_count_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "CHUNK", 10)
    content = ndjson(*(report(place) for place in range(30)))

    def begin() -> Iterator[Any]:
        rows = read(io.BytesIO(content), format="ndjson")
        return stream_in(*desk.tools, source="cmcc", kind="carrier", rows=rows, idempotency="k")

    first, second = begin(), begin()
    next(first)
    next(second)
    list(second)
    with pytest.raises(ConflictError) as refused:
        list(first)
    assert refused.value.code == "batch_in_progress"
    assert desk.store.reports.totals("cmcc") == {"rows": 30, "accepted": 30, "duplicates": 0, "quarantined": 0}


def test_a_file_refused_as_a_whole_leaves_its_key_free(desk: Desk) -> None:
    with pytest.raises(InvalidInputError):
        desk.take(b"PK\x03\x04", idempotency="k")
    assert counts(desk.take(ndjson(report(1)), idempotency="k")) == (1, 1, 0, 0)


def test_empty_bodies_make_empty_batches(desk: Desk) -> None:
    assert counts(desk.take(b"")) == (0, 0, 0, 0)
    assert counts(desk.take(b"", idempotency="k")) == (0, 0, 0, 0)
    assert desk.take(b"", idempotency="k").repeated


def test_a_hidden_caller_is_kept_without_a_number(desk: Desk) -> None:
    assert desk.take(ndjson(report(1, caller="hidden"))).accepted == 1
    row = desk.store.engine.row("SELECT caller FROM report")
    assert row == {"caller": None}


def test_one_report_is_answered_or_refused_at_once(desk: Desk) -> None:
    done = desk.one(fields=report(1))
    assert done.result == "accepted"
    assert desk.one(fields=report(1)).result == "duplicate"
    with pytest.raises(InvalidInputError) as refused:
        desk.one(fields=report(2, called="10086"))
    assert refused.value.code == "called_short_number"
    assert desk.held() == 0


def test_the_ftc_file_goes_in_whole_and_a_second_time_not_at_all(quick: Desk) -> None:
    if not FTC.exists():
        pytest.skip("the FTC file is not beside the project")
    content = FTC.read_bytes()
    first = quick.take(content, source="ftc", kind="ftc", format="ftc", country="US")
    assert counts(first) == (10_162, first.accepted, 0, first.quarantined)
    assert first.accepted + first.quarantined == 10_162
    assert first.reasons["missing_caller"] == 518
    assert sum(first.reasons.values()) == first.quarantined
    assert first.verdicts == {"counted": first.accepted}
    second = quick.take(content, source="ftc", kind="ftc", format="ftc", country="US")
    assert counts(second) == (10_162, 0, 10_162, 0)
    assert (quick.stored("ftc"), quick.held("ftc")) == (first.accepted, first.quarantined)


dirty = st.lists(
    st.one_of(
        st.builds(report, st.integers(0, 5)),
        st.builds(lambda place, field: report(place, **{field: "?"}), st.integers(0, 5), st.sampled_from(NAMES)),
        st.sampled_from(["", "x", "{", '{"id":"r1"', '["r1"]', "\x00", '{"id":"\\u0000"}', "r1,2,3", '"', "\ufeff"]),
    ),
    max_size=25,
)


def written(rows: list[dict[str, Any] | str], format: Format) -> bytes:
    if format == "json":
        return ("[" + ",".join(r if isinstance(r, str) else json.dumps(r) for r in rows) + "]").encode()
    if format == "csv":
        table = [",".join(NAMES)] + [
            r if isinstance(r, str) else ",".join(str(r.get(name, "")) for name in NAMES) for r in rows
        ]
        return "\n".join(table).encode()
    return ndjson(*rows)


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_in_are_always_accepted_duplicate_or_quarantined(quick: Desk, data: st.DataObject) -> None:
    format = data.draw(st.sampled_from(["ndjson", "json", "csv", "ftc"]))
    content = written(data.draw(dirty), format)
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    kind: Kind = "ftc" if format == "ftc" else "carrier"
    source = f"s{data.draw(st.integers(0, 10**9))}"
    before = (quick.stored(source), quick.held(source))
    try:
        *rows, whole = quick.results(content, source=source, format=format, kind=kind)
    except InvalidInputError:
        assert (quick.stored(source), quick.held(source)) == before
        return
    results = Counter(row.result for row in rows)
    assert counts(whole) == (len(rows), results["accepted"], results["duplicate"], results["quarantined"])
    assert whole.rows == whole.accepted + whole.duplicates + whole.quarantined
    after = (quick.stored(source), quick.held(source))
    assert after == (before[0] + whole.accepted, before[1] + whole.quarantined)
    again = quick.take(content, source=source, format=format, kind=kind)
    assert counts(again) == (whole.rows, 0, whole.rows, 0)


def test_rows_may_come_from_anywhere(desk: Desk) -> None:
    taken = take_in(*desk.tools, source="x", kind="carrier", rows=[Row(1, b"a", report(1)), Row(2, b"b", {})])
    assert counts(taken) == (2, 1, 0, 1)


def test_threads_that_send_the_same_rows_at_once_store_each_once(desk: Desk) -> None:
    content = ndjson(*(report(place) for place in range(300)), "not json")
    taken: list[Intake] = []
    threads = [threading.Thread(target=lambda: taken.append(desk.take(content))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [intake.rows for intake in taken] == [301] * 4
    assert sum(intake.accepted for intake in taken) == desk.stored() == 300
    assert sum(intake.quarantined for intake in taken) == desk.held() == 1
    assert desk.store.reports.totals("cmcc")["duplicates"] == 3 * 301


CHILD = """
import io, sys
from datetime import UTC, datetime
from pathlib import Path
from registry import reports
from registry.keys import KeyRing
from registry.numbering import load_plan
from registry.readers import read
from registry.rulebook import load_rulebooks
from registry.store import Store
from registry.store.engine import SqliteEngine
from tests.doubles import FakeClock

reports.CHUNK = 50
store = Store(SqliteEngine(Path(sys.argv[1])))
rows = read(io.BytesIO(Path(sys.argv[2]).read_bytes()), format="ndjson")
tools = (store, KeyRing({1: bytes(range(32))}), FakeClock(), load_plan(), load_rulebooks())
reports.take_in(*tools, source="cmcc", kind="carrier", rows=rows, idempotency="k")
"""


def test_a_process_killed_while_it_takes_in_loses_and_doubles_nothing(quick: Desk, tmp_path: Path) -> None:
    content = ndjson(*(report(place) if place % 7 else report(place, duration=-1) for place in range(4000)))
    (tmp_path / "rows").write_bytes(content)
    command = [sys.executable, "-c", CHILD, str(tmp_path / "registry.db"), str(tmp_path / "rows")]
    for least in (50, 1500):
        child = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        while child.poll() is None and quick.store.reports.totals("cmcc")["rows"] < least:
            time.sleep(0.002)
        child.kill()
        child.wait()
        totals = quick.store.reports.totals("cmcc")
        assert least <= totals["rows"] < 4000
        assert (totals["accepted"], totals["quarantined"]) == (quick.stored(), quick.held())
    *_, whole = quick.results(content, idempotency="k")
    assert counts(whole) == (4000, quick.stored(), 0, quick.held())
    assert quick.stored() == sum(1 for place in range(4000) if place % 7)
