"""A registry whose carriers hand in reports by folders and outboxes, and an outbox on loopback."""

from __future__ import annotations

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from registry import outboxes
from registry.keys import KeyRing
from registry.settings import JobSettings, OutboxSettings, Settings
from registry.store import Store
from sync.ingest import ingest_due
from tests.doubles import FakeClock, MemoryShelf


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
            store=store, keys=keys, clock=clock, plan=plan, rulebooks=rulebooks, instance=folder,
            shelf=MemoryShelf(),
            settings=Settings(outboxes=OutboxSettings(allow_private=True), jobs=JobSettings(ingest_s=1)),
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


def set_box(
    world: World, address: str, *, every: int = 60, source: str = "cmcc", kind: Any = "carrier",
    token: str | None = None,
) -> None:
    outboxes.set_outbox(
        world.store, world.registry.keys, world.clock, world.registry.settings.outboxes, actor="member:1",
        source=source, kind=kind, address=address, every=every, token=token,
    )  # fmt: skip


def box(world: World) -> Any:
    return next(found for found in world.store.reports.outboxes() if found.source == "cmcc")


class Server:
    """An outbox on loopback that answers what it is told to, by cursor."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str]] = []
        self.credentials: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                cursor = self.path.partition("cursor=")[2]
                etag = self.headers.get("If-None-Match", "")
                outer.asked.append((cursor, etag))
                if "Authorization" in self.headers:
                    outer.credentials.append(self.headers["Authorization"])
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
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def page(self, cursor: str, rows: list[Any], next: str | None, **headers: str) -> None:
        self.pages[cursor] = (200, headers, json.dumps({"rows": rows, "next": next}).encode())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
