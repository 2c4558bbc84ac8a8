"""Pulled reports: inbox folders and HTTP outboxes, with everything that goes wrong with files and servers."""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from registry import quarantine, reports
from registry.errors import ConflictError, InvalidInputError, UnavailableError
from registry.keys import KeyRing
from registry.settings import Settings
from registry.store import Store
from sync import inbox, outbox
from sync.ingest import ingest_due
from tests.doubles import FakeClock


def report(place: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"r{place}", "called": "13800138000", "caller": "02066668888", "category": "loan",
        "at": "2026-11-23T09:00:00+08:00",
    } | changes  # fmt: skip


def ndjson(*places: int) -> bytes:
    return b"".join(json.dumps(report(place)).encode() + b"\n" for place in places)


class World:
    """A registry with two carriers that are active and one that is not."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any, folder: Path) -> None:
        self.registry: Any = SimpleNamespace(
            store=store, keys=keys, clock=clock, plan=plan, rulebooks=rulebooks, instance=folder, settings=Settings()
        )
        self.store, self.clock, self.inbox = store, clock, folder / "inbox"
        with store.writing():
            for ordinal, (party, state) in enumerate((("cmcc", "active"), ("ftc", "active"), ("gone", "suspended")), 1):
                store.engine.run(
                    """INSERT INTO party (party, ordinal, kind, name_zh, name_en, state, scope, licensed, created)
                    VALUES (:party, :ordinal, 'carrier', :party, :party, :state, 'home', 1, 0)""",
                    party=party, ordinal=ordinal, state=state,
                )  # fmt: skip
                (self.inbox / party).mkdir(parents=True)

    def put(self, name: str, content: bytes, party: str = "cmcc", age: float = 60) -> Path:
        path = self.inbox / party / name
        path.write_bytes(content)
        os.utime(path, (time.time() - age,) * 2)
        return path

    def run(self) -> dict[str, int]:
        return ingest_due(self.registry)

    def names(self, part: str = "", party: str = "cmcc") -> list[str]:
        folder = self.inbox / party / part
        return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.exists() else []

    def totals(self, party: str = "cmcc") -> tuple[int, ...]:
        return tuple(self.store.reports.totals(party).values())


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


def set_box(world: World, address: str, *, every: int = 60, source: str = "cmcc", kind: Any = "carrier") -> None:
    outbox.set_outbox(world.registry, actor="member:1", source=source, kind=kind, address=address, every=every)


class Server:
    """An outbox on loopback that answers what it is told to, by cursor."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                cursor = self.path.partition("cursor=")[2]
                etag = self.headers.get("If-None-Match", "")
                outer.asked.append((cursor, etag))
                status, headers, body = outer.pages.get(cursor, (404, {}, b""))
                if etag and headers.get("ETag") == etag:
                    status, body = 304, b""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *values: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/reports"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def page(self, cursor: str, rows: list[Any], next: str | None, **headers: str) -> None:
        self.pages[cursor] = (200, headers, json.dumps({"rows": rows, "next": next}).encode())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def pulled(world: World, server: Server) -> World:
    set_box(world, server.address)
    return world


def box(world: World) -> Any:
    return next(found for found in world.store.reports.outboxes() if found.source == "cmcc")


def test_pages_are_fetched_one_after_the_other_and_the_cursor_stays_at_the_end(pulled: World, server: Server) -> None:
    server.page("", [report(1), report(2, category="yachts")], "a")
    server.page("a", [report(3), report(1)], "b")
    server.page("b", [], "b", ETag='"e1"')
    counts = pulled.run()
    assert (counts["pages"], counts["rows"], counts["accepted"]) == (3, 4, 2)
    assert (counts["duplicates"], counts["quarantined"]) == (1, 1)
    assert (box(pulled).position, box(pulled).etag, box(pulled).failures) == ("b", '"e1"', 0)
    assert pulled.run() == {}
    pulled.clock.advance(61)
    assert pulled.run() == {}
    assert server.asked == [("", ""), ("a", ""), ("b", ""), ("b", '"e1"')]
    server.page("b", [report(4)], "c", ETag='"e2"')
    server.page("c", [], None)
    pulled.clock.advance(61)
    assert pulled.run()["accepted"] == 1
    assert box(pulled).position == "c"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"rows": {}}', b'{"next": "x"}', b'{"rows": [], "next": []}', b'{"rows": [1'] * 1
)
def test_a_bad_page_is_quarantined_whole_once_and_the_cursor_stays(pulled: World, server: Server, body: bytes) -> None:
    server.page("", [report(1)], "a")
    server.pages["a"] = (200, {}, body)
    assert pulled.run()["failed"] == 1
    assert (box(pulled).position, box(pulled).failure, box(pulled).failures) == ("a", "bad_page", 1)
    pulled.clock.advance(86_400)
    assert pulled.run()["failed"] == 1
    (held,) = quarantine.rows_of(pulled.store, pulled.registry.keys, source="cmcc")
    assert (held.reason, held.raw) == ("bad_page", body.decode() or " ")
    server.page("a", [report(2)], "b")
    server.page("b", [], "b")
    pulled.clock.advance(86_400)
    assert pulled.run()["accepted"] == 1
    assert (box(pulled).position, box(pulled).failures) == ("b", 0)


def test_bad_rows_of_a_good_page_are_quarantined_one_by_one(pulled: World, server: Server) -> None:
    server.page("", [report(1), 5, None, report(2, at="never")], None)
    counts = pulled.run()
    assert (counts["rows"], counts["accepted"], counts["quarantined"]) == (4, 1, 3)


def test_every_failure_waits_longer_and_a_server_may_ask_for_more(pulled: World, server: Server) -> None:
    waits = []
    for _ in range(9):
        assert pulled.run()["failed"] == 1
        now = pulled.clock.now().timestamp()
        waits.append(round(box(pulled).next / 1e6 - now))
        pulled.clock.advance(waits[-1])
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert box(pulled).failure == "http_404"
    server.pages[""] = (503, {"Retry-After": "7200"}, b"")
    pulled.run()
    assert round(box(pulled).next / 1e6 - pulled.clock.now().timestamp()) == 7200


def test_redirects_are_not_followed(pulled: World, server: Server) -> None:
    server.pages[""] = (302, {"Location": "http://127.0.0.1:9/"}, b"")
    assert pulled.run()["failed"] == 1
    assert box(pulled).failure == "redirected"


def test_a_page_that_is_cut_short_or_endless_is_a_failure(
    pulled: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pages[""] = (200, {"Content-Encoding": "gzip"}, gzip.compress(ndjson(1))[:-12])
    assert pulled.run()["failed"] == 1
    pulled.clock.advance(86_400)
    monkeypatch.setattr(outbox, "MOST_BYTES", 1000)
    server.page("", [report(place) for place in range(50)], None)
    assert pulled.run()["failed"] == 1
    assert box(pulled).failure == "too_big"
    assert pulled.totals() == (0, 0, 0, 0)


def test_a_server_that_is_away_is_asked_again_later(world: World) -> None:
    set_box(world, "http://127.0.0.1:9/x")
    assert world.run() == {"failed": 1}
    assert box(world).failure == "no_answer"


def test_a_crash_before_the_cursor_moved_counts_no_row_twice(
    pulled: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.page("", [report(1), report(2)], "a")
    server.page("a", [], "a")
    with monkeypatch.context() as patch:
        patch.setattr(pulled.store.reports, "move_outbox", lambda _box: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pulled.run()
    pulled.run()
    assert pulled.totals() == (2, 2, 0, 0)
    assert box(pulled).position == "a"


def test_an_address_that_an_officer_changes_starts_from_its_beginning(pulled: World, server: Server) -> None:
    server.page("", [report(1)], "a")
    server.page("a", [], "a")
    pulled.run()
    set_box(pulled, server.address, every=120)
    assert box(pulled).position == "a"
    set_box(pulled, server.address + "2", every=120)
    assert box(pulled).position == ""


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://x/", "gopher://x", "https://u:p@x/", "http://", "x", "http://a b/", "http://["]
)
def test_only_plain_http_addresses_are_taken(world: World, address: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        set_box(world, address)
    assert refused.value.code == "bad_address"


def test_a_pace_that_makes_no_sense_is_refused(world: World) -> None:
    for every in (0, 9, 86_401):
        with pytest.raises(InvalidInputError):
            set_box(world, "", every=every)


def test_an_inbox_that_is_not_there_is_no_trouble(world: World) -> None:
    assert list(inbox.party_folders(world.inbox / "nowhere")) == []
