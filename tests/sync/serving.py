"""The carriers' part of the API on a real HTTP server, over a town's shelf and the real use cases; one carrier."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from registry import editions, findings, followers, keydelivery, repairs, roots
from registry.errors import ConflictError, NotFoundError, RegistryError
from registry.outside.shelf import FolderShelf
from registry.preferences import Preference
from sync import feed
from sync.follow import Followed, follow_once
from sync.mirror import Mirror
from sync.publish import publish_once
from sync.source import HttpSource
from sync.state import StateFolder
from tests.sync.town import Town

KEY = "dc_test_key"
PLACES = 24
TEN = datetime.fromisoformat("2026-11-23T10:00:00+08:00")


class Handler(BaseHTTPRequestHandler):
    """The carriers' part of the API, as thin as it can be, over the real use cases."""

    town: Town
    broken: dict[str, int]  # path -> how many more times the connection breaks in the middle
    asked: list[tuple[str, str]]  # path and Range
    withheld: set[int]  # key epochs whose list keys are not delivered

    def do_GET(self) -> None:
        path = self.path.removeprefix("/api/v1/")
        self.asked.append((path, self.headers.get("Range", "")))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self.answer(401, b"{}")
        if path == "keys":
            found = keydelivery.deliver(
                self.town.store, self.town.clock, self.town.keys, self.town.settings.keys, party="cmcc"
            )
            told = [key for key in found if key.epoch not in self.withheld]
            keys = [{"epoch": key.epoch, "wrapped": _base64(key.wrapped)} for key in told]
            algorithm = self.town.settings.publish.algorithm
            return self.answer(200, _json({"epoch": keys[-1]["epoch"], "algorithm": algorithm, "keys": keys}))
        if path.startswith("repair/"):
            return self.repair(path, None)
        try:
            content = self.town.shelf.get(path)
        except NotFoundError:
            return self.answer(404, b"{}")
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        return self.part(content, start)

    def part(self, content: bytes, start: int) -> None:
        """The content from a place on; tests let the server do it wrong."""
        said = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        self.answer(206 if start else 200, content[start:], said)

    def do_PUT(self) -> None:
        keydelivery.register(self.town.store, self.town.clock, party="cmcc", public_key=self.body()["public_key"])
        self.answer(204, b"")

    def do_POST(self) -> None:
        path = self.path.removeprefix("/api/v1/")
        self.asked.append((path, ""))
        if path.startswith("repair/"):
            return self.repair(path, self.body())
        said = self.body()
        found = said.pop("found", None)
        try:
            agrees = followers.acknowledge(self.town.store, self.town.clock, party="cmcc", **said)
            if found is not None:
                findings.note(
                    self.town.store, self.town.clock, party="cmcc", edition=said["edition"], epoch=1,
                    found=findings.Findings(**found),
                )
        except RegistryError:
            return self.answer(422, b"{}")
        return self.answer(200, _json({"agrees": agrees}))

    def repair(self, path: str, body: Any) -> None:
        """`web.api.repairs`, as thin as it can be."""
        epoch, what, *root = [*path.removeprefix("repair/").split("/"), ""][:3]
        where = {"copies": FolderShelf(self.town.instance / "mirrors"), "party": "cmcc", "epoch": int(epoch)}
        try:
            if what == "digests":
                content = repairs.digests(**where, buckets=body["buckets"])
            elif what == "pieces":
                content = repairs.records(**where, wanted=body["pieces"])
            elif what == "exceptions":
                content = where["copies"].get(repairs.exceptions_file(**where, root=root[0])[0])
            else:
                content = msgspec.json.encode(repairs.copy_of(**where))
        except NotFoundError:
            return self.answer(404, b"{}")
        except ConflictError:
            return self.answer(409, b"{}")
        return self.answer(200, self.altered(what, content))

    def altered(self, what: str, content: bytes) -> bytes:
        """What a registry answers about a repair; tests let it lie."""
        return content

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for header, value in (headers or {}).items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        name = self.path.rpartition("/")[2]
        if self.broken.get(name, 0) > 0:
            self.broken[name] -= 1
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def _json(said: object) -> bytes:
    return json.dumps(said).encode()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


class World:
    """A town, the server of its feeds, and one carrier's folder."""

    def __init__(self, town: Town, folder: Path, url: str, handler: type[Handler]) -> None:
        self.town, self.state, self.url, self.handler = town, StateFolder(folder), url, handler
        self.served = [place for place in range(PLACES) if town.carrier(place) == "cmcc"]

    def follow(self, *, verify: bool = False, key: str = KEY, root: bytes | None = None) -> Followed:
        source = HttpSource(f"{self.url}/api/v1/feeds/cmcc", key)
        try:
            given = root or (self.root() if self.state.raw("root.json") is None else None)
            return follow_once(source, self.state, self.town.clock, party="cmcc", root=given, verify=verify)
        finally:
            source.close()

    def root(self) -> bytes:
        return self.town.shelf.get("trust/1.root.json")

    def refusal(self, **how: Any) -> str:
        with pytest.raises(RegistryError) as caught:
            self.follow(**how)
        return caught.value.code

    def publish(self, *changes: tuple[int, Preference]) -> None:
        self.town.clock.advance(61)
        for place, preference in changes:
            self.town.decline(place, preference)
        publish_once(self.town)

    def mirror(self) -> Mirror:
        return Mirror.open(self.state.list)

    def place(self, which: int = 0) -> int:
        """A number that the carrier serves."""
        return self.served[which]


@contextmanager
def serving(town: Town) -> Iterator[tuple[str, type[Handler]]]:
    handler = type("TownHandler", (Handler,), {"town": town, "broken": {}, "asked": [], "withheld": set()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def index_of(town: Town) -> editions.FeedIndex:
    head = feed.read_head(town.shelf, "cmcc", roots.newest_root(town.shelf))
    assert head is not None
    return head.index
