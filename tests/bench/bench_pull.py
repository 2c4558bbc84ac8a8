"""Reports pulled from one outbox over HTTP, judged and stored, per second: gzip pages from another process, SQLite."""

from __future__ import annotations

import gzip
import multiprocessing
import tempfile
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from registry import outboxes, parties
from registry.keys import KeyRing
from registry.numbering import load_plan
from registry.outside.shelf import FolderShelf
from registry.rulebook import load_rulebooks
from registry.settings import OutboxSettings, Settings
from sync.ingest import ingest_due
from tests.bench.bench_reports import prepared, written
from tests.doubles import FakeClock

BAR = 5_000
_REPORTS = 60_000
_PAGE = 2_000


def serve(pages: list[bytes], tell: Connection) -> None:
    """An outbox of gzip pages by their place, until it is told to end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            place = int(self.path.partition("cursor=")[2] or 0)
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(pages[place])))
            self.end_headers()
            self.wfile.write(pages[place])

        def log_message(self, format: str, *values: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tell.send(server.server_port)
    server.serve_forever()


def pages_of(content: bytes) -> list[bytes]:
    """The rows of an NDJSON upload as packed pages of an outbox."""
    lines = content.split(b"\n")
    starts = range(0, len(lines), _PAGE)
    return [
        gzip.compress(b'{"rows":[' + b",".join(lines[start : start + _PAGE]) + b'],"next":%d}' % (place + 1), 1)
        for place, start in enumerate(starts)
    ] + [gzip.compress(b'{"rows":[],"next":%d}' % len(starts))]


def measure(rows: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """(measure, value, bar, passed); `rows` bounds how many reports are pulled."""
    plan, keys, clock = load_plan(), KeyRing({1: bytes(range(32))}), FakeClock(datetime(2026, 11, 23, tzinfo=UTC))
    reports = min(rows, _REPORTS)
    pages = pages_of(written(plan, reports, seed))
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(pages, theirs), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory(prefix="decline-bench-") as folder:
        store = prepared(Path(folder), plan, keys, clock, seed)
        registry: Any = SimpleNamespace(
            store=store, keys=keys, clock=clock, plan=plan, rulebooks=load_rulebooks(), instance=Path(folder),
            shelf=FolderShelf(Path(folder) / "shelf"), settings=Settings(outboxes=OutboxSettings(allow_private=True)),
        )
        parties.add_party(store, clock, party="bench", kind="carrier", name_zh="运营商", name_en="Bench")
        outboxes.set_outbox(
            store, keys, clock, registry.settings.outboxes, actor="system", source="bench", kind="carrier",
            address=f"http://127.0.0.1:{ours.recv()}/reports", every=60,
        )  # fmt: skip
        began = time.perf_counter()
        counts = ingest_due(registry)
        speed = reports / (time.perf_counter() - began)
        store.close()
    server.terminate()
    server.join()
    assert counts["rows"] == counts["accepted"] + counts["duplicates"] + counts["quarantined"] == reports
    name = f"reports pulled from one outbox, judged, stored, per second ({counts['pages']} pages)"
    return [(name, f"{speed:,.0f}", f">= {BAR:,}", speed >= BAR)]
