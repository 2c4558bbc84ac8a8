"""Pulled reports: inbox folders, with everything that goes wrong with files."""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from registry import reports
from registry.errors import ConflictError, UnavailableError
from registry.keys import KeyRing
from registry.store import Store
from sync import inbox
from sync.ingest import ingest_due
from tests.doubles import FakeClock
from tests.sync.pulling import World, ndjson, report, set_box


@pytest.fixture
def world(sqlite_store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any, tmp_path: Path) -> World:
    return World(sqlite_store, keys, clock, plan, rulebooks, tmp_path)


def test_files_of_every_kind_are_taken_in_and_put_away(world: World) -> None:
    world.put("a.ndjson", ndjson(1, 2))
    world.put("b.json.gz", gzip.compress(json.dumps([report(3), report(1)]).encode()))
    world.put("C.CSV", b"id,called,caller,at\nr4,13800138000,02066668888,2026-11-23T09:00:00+08:00\nr5,1,2,3\n")
    world.put("readme.txt", b"not for you")
    counts = world.run()
    assert counts == {"files": 3, "rows": 6, "accepted": 4, "duplicates": 1, "quarantined": 1}
    assert world.names() == ["readme.txt"]
    assert len(world.names("done")) == 3  # the results; the files would keep numbers in clear
    assert world.names(".taken") == []
    assert world.run() == {}


def test_results_lie_beside_the_file(world: World) -> None:
    world.put("a.ndjson", ndjson(1) + b"x\n")
    world.run()
    (name,) = [name for name in world.names("done") if name.endswith(".results.ndjson")]
    lines = [json.loads(line) for line in (world.inbox / "cmcc" / "done" / name).read_text().splitlines()]
    assert [line.get("result") for line in lines] == ["accepted", "quarantined", None]
    assert lines[1]["reason"] == "not_json"
    assert lines[-1]["rows"] == 2


def test_files_that_are_still_written_are_left(world: World) -> None:
    world.put("a.ndjson", ndjson(1), age=0)
    world.put("b.ndjson.part", ndjson(2))
    world.put(".c.ndjson", ndjson(3))
    (world.inbox / "cmcc" / "d.ndjson").symlink_to(world.put("real.txt", ndjson(4)))
    assert world.run() == {}
    os.utime(world.inbox / "cmcc" / "a.ndjson", (time.time() - 3,) * 2)
    assert world.run()["accepted"] == 1


def test_a_clock_that_was_set_back_strands_no_file(world: World) -> None:
    world.put("a.ndjson", ndjson(1), age=-86_400)
    assert world.run()["accepted"] == 1


def test_folders_of_strangers_and_of_who_is_not_active_are_left_alone(world: World) -> None:
    world.put("a.ndjson", ndjson(1), party="gone")
    (world.inbox / "unknown").mkdir()
    world.put("a.ndjson", ndjson(1), party="unknown")
    assert world.run() == {}
    assert world.names(party="gone") == ["a.ndjson"]


def test_a_file_that_can_not_be_read_is_put_aside_with_its_reason(world: World) -> None:
    world.put("a.json", b"hello")
    world.put("b.ndjson", ndjson(1))
    assert world.run() == {"refused": 1, "files": 1, "rows": 1, "accepted": 1, "duplicates": 0, "quarantined": 0}
    file, reason = world.names("refused")
    assert file.endswith("-a.json")
    assert (world.inbox / "cmcc" / "refused" / reason).read_text().startswith("not_json: ")


def test_a_truncated_file_counts_for_what_it_holds(world: World) -> None:
    packed = gzip.compress(ndjson(*range(2000)), compresslevel=1)
    world.put("a.ndjson.gz", packed[: len(packed) // 2])
    counts = world.run()
    assert 500 < counts["accepted"] < 1900
    assert counts["rows"] == counts["accepted"] + counts["quarantined"]
    (results,) = [name for name in world.names("done") if name.endswith(".results.ndjson")]
    last = (world.inbox / "cmcc" / "done" / results).read_text().splitlines()[-1]
    assert json.loads(last)["cut"] == "gzip_cut"


def test_a_job_that_died_goes_on_with_what_it_had_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "CHUNK", 10)
    world.put("a.ndjson", ndjson(*range(35)))
    real, calls = world.store.reports.advance_batch, []

    def dies(**values: Any) -> bool:
        calls.append(values)
        if len(calls) == 3:
            raise UnavailableError("The disk of the database is full.", code="disk_full")
        return real(**values)

    monkeypatch.setattr(world.store.reports, "advance_batch", dies)
    with pytest.raises(UnavailableError):
        world.run()
    assert world.totals() == (20, 20, 0, 0)
    assert len(world.names(".taken")) == 1
    assert world.run()["accepted"] == 35
    assert world.totals() == (35, 35, 0, 0)
    assert world.names(".taken") == []


def test_a_job_that_loses_its_lease_stops_and_the_next_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "CHUNK", 10)
    monkeypatch.setattr(reports, "CHUNK", 10)
    world.put("a.ndjson", ndjson(*range(35)))
    left = iter([None, None])

    def keep() -> None:
        if next(left, "lost") == "lost":
            raise ConflictError("The lease to ingest went to another process.", code="lease_lost")

    with pytest.raises(ConflictError):
        ingest_due(world.registry, keep)
    assert world.totals() == (30, 30, 0, 0)
    assert world.run()["accepted"] == 35


def test_two_jobs_at_once_take_every_row_once(world: World) -> None:
    for place in range(8):
        world.put(f"{place}.ndjson", ndjson(*range(place * 50, place * 50 + 50)))
    outcomes: list[dict[str, int]] = []
    threads = [threading.Thread(target=lambda: outcomes.append(world.run())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.totals() == (400, 400, 0, 0)
    assert len(outcomes) == 3
    assert len(world.names("done")) == 8


def test_what_was_put_away_is_deleted_after_a_week(world: World) -> None:
    world.put("a.ndjson", ndjson(1))
    world.run()
    for name in world.names("done"):
        os.utime(world.inbox / "cmcc" / "done" / name, (time.time() - 8 * 86_400,) * 2)
    world.run()
    assert world.names("done") == []


def test_the_ftc_folder_is_read_as_american(world: World) -> None:
    set_box(world, "", every=60, source="ftc", kind="ftc")
    world.put("day.json", b'{"data":[{"type":"x","id":"1","attributes":{"company-phone-number":"8053096227"}}]}', "ftc")
    assert world.run()["accepted"] == 1
    row = world.store.engine.row("SELECT verdict, reason, called FROM report")
    assert row == {"verdict": "counted", "reason": "no_called_number", "called": None}


def test_an_inbox_that_is_not_there_is_no_trouble(world: World) -> None:
    assert list(inbox.party_folders(world.inbox / "nowhere")) == []


def test_files_whose_names_say_number_events_hold_those(world: World) -> None:
    world.put("a.ndjson", ndjson(1))
    at = "2026-11-23T09:00:00+08:00"
    world.put("number-events-1.csv", f"id,number,kind,at\nm1,13800138000,deactivated,{at}\nm2,1,x,y\n".encode())
    event = {"id": "m1", "number": "13800138000", "kind": "recycled", "at": at}
    world.put("Number-Events.ndjson", json.dumps(event).encode() + b"\n")
    counts = world.run()
    assert counts == {"files": 3, "rows": 4, "accepted": 2, "duplicates": 1, "quarantined": 1}
    rows = world.store.engine.rows("SELECT source, source_id, kind, state FROM number_event")
    assert rows == [{"source": "cmcc", "source_id": "m1", "kind": "recycled", "state": "waiting"}]


def test_a_ledger_in_the_inbox_is_taken_in_once_by_the_day_of_its_name(world: World) -> None:
    rows = b"kind,prefix,provider\nport,10690001,Alpha\nport,955,Alpha\n"
    world.put("resources-2026-11-23.csv", rows)
    counts = world.run()
    assert counts == {"files": 1, "rows": 2, "accepted": 1, "duplicates": 0, "quarantined": 1}
    (name,) = world.names("done")
    lines = [json.loads(line) for line in (world.inbox / "cmcc" / "done" / name).read_text().splitlines()]
    assert [line.get("result") for line in lines] == ["added", "refused", None]
    assert [each.prefix for each in world.store.enterprises.of_carrier("cmcc", at=1 << 60)] == ["10690001"]
    for wrong in ("resources-2026-11-22.csv", "resources.csv"):
        world.put(wrong, rows)
    assert world.run() == {"refused": 2}
    said = {(world.inbox / "cmcc" / "refused" / name).read_text().partition(":")[0] for name in world.names("refused")}
    assert {"older_ledger", "bad_day"} < said
