"""Files that somebody deleted or altered, on the shelf and in a follower's folder; caches that answer old files; a
carrier that acknowledges what was never published."""

from __future__ import annotations

import http.client
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.faults import checks
from tests.faults.carriers import Follower
from tests.faults.scene import CARRIERS, Say, Scene, scene

REFUSALS = ("feed_older", "feed_incomplete", "feed_altered", "feed_cut")


def damage(town: Scene, path: Path) -> str:
    """Delete a file, cut it short, or change a byte of it; which."""
    content = bytearray(path.read_bytes())
    how = town.draw.choice(["deleted", "cut short", "altered"] if content else ["deleted"])
    if how == "deleted":
        path.unlink()
    elif how == "cut short":
        path.write_bytes(bytes(content[: town.draw.randrange(len(content))]))
    else:
        content[town.draw.randrange(len(content))] ^= 1 << town.draw.randrange(8)
        path.write_bytes(bytes(content))
    return how


def shelf(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """A file of the shelf is damaged: it is named, the command that is named brings it back, carriers go on."""
    with scene(folder, seed, say) as town:
        town.speak_many(800)
        for turn in range(rounds):
            town.speak_many(60)
            town.publish()
            files = sorted(path for path in (town.instance / "shelf").rglob("*") if path.is_file())
            path = town.draw.choice(files)
            if turn % 2 == 0:  # half of the time one that decides
                decisive = [each for each in files if each.parent.name != "metadata" or "time" in each.name]
                path = town.draw.choice(decisive)
            how = damage(town, path)
            cures = _cured(town)
            town.speak_many(20)
            town.publish()
            for party in CARRIERS:
                follower = Follower(town, party)
                follower.follow()
                assert checks.listed(town, follower.mirror(), party) == checks.truth(town, party)
            say(f"{path.relative_to(town.instance / 'shelf')} {how}: {', '.join(cures) or 'nobody needs it'}")
        checks.everything(town)


def _cured(town: Scene) -> list[str]:
    """Look over the shelf and run each command that it names; the commands."""
    done: list[str] = []
    for _ in range(3):
        found = _looked_over(town)
        cures = list(dict.fromkeys(line.rpartition(": ")[2] for line in found))
        if not cures:
            return done
        for cure in cures:
            if cure.startswith("decline-sync "):
                town.operator(*cure.removeprefix("decline-sync ").split())
            else:
                town.speak_many(5)
                town.publish()
            done.append(cure)
    assert not _looked_over(town), "what was named is still damaged"
    return done


def _looked_over(town: Scene) -> list[str]:
    try:
        return [line for line in town.operator("shelf", "check")[0].splitlines() if "as they should be" not in line]
    except AssertionError:
        return town.operator("shelf", "check", code=1)[0].splitlines()


def state(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """A file of a follower's folder is damaged: it comes back by itself, or says in one line what to do."""
    with scene(folder, seed, say) as town:
        town.speak_many(800)
        carrier = Follower(town, "cmcc")
        town.publish()
        carrier.follow()
        for _ in range(rounds):
            town.speak_many(60)
            files = sorted(path for path in carrier.state.folder.rglob("*") if path.is_file())
            others = [path for path in files if path.parent.name != "list" or path.name == "state.json"]
            path = town.draw.choice(others if town.draw.random() < 0.8 else files)
            how = damage(town, path)
            town.publish()
            by = _followed_with_help(carrier)
            assert checks.listed(town, carrier.mirror(), "cmcc") == checks.truth(town, "cmcc")
            say(f"{path.relative_to(carrier.state.folder)} {how}: {by}")
        checks.everything(town)


def _followed_with_help(carrier: Follower) -> str:
    try:
        return carrier.follow()
    except AssertionError as error:
        said = str(error)
    assert "--root FILE" in said or "remove recipient.key" in said, said
    (carrier.state.folder / ("root.json" if "--root" in said else "recipient.key")).unlink()
    carrier.follow()
    return f"{said}, as it was told"


# --- caches -----------------------------------------------------------------------------------------------------------


class _Proxy(BaseHTTPRequestHandler):
    """Hands everything on to the registry; of files it may give an old form, or say that there are none."""

    upstream: str
    stale: Callable[[str], bool]
    lock: threading.Lock
    kept: dict[str, list[bytes]]

    def do_GET(self) -> None:
        old = self.kept.get(self.path, [])
        if self.stale(self.path):
            if not old:
                return self.answer(404, b"{}")
            return self.answer(200, old[0])
        status, content = self.ask(b"")
        if status == 200 and "Range" not in self.headers:
            with self.lock:
                self.kept[self.path] = [*old[-3:], content]
        return self.answer(status, content)

    def do_POST(self) -> None:
        self.answer(*self.ask(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_PUT(self) -> None:
        self.do_POST()

    def ask(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        handed_on = {"Authorization", "Range", "Content-Type"}
        headers = {name: value for name, value in self.headers.items() if name in handed_on}
        connection.request(self.command, self.path, body or None, headers)
        found = connection.getresponse()
        answer = found.status, found.read()
        connection.close()
        return answer

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != 204:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def proxy(upstream: str, stale: Callable[[str], bool]) -> Iterator[str]:
    """A server in front of another that is stale when `stale` says so."""
    kind: Any = type("Proxy", (_Proxy,), {
        "upstream": upstream, "stale": staticmethod(stale), "lock": threading.Lock(), "kept": {},
    })
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def cache(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """A cache answers an old pointer, old files, or a mixture of old and new: refused, and never a wrong list."""
    with scene(folder, seed, say) as town:
        town.speak_many(500)
        town.publish()
        share = [0.0]
        with proxy(town.live.url, lambda path: "/feeds/" in path and town.draw.random() < share[0]) as url:
            carrier, reached, refused = Follower(town, "cmcc", url=url), 0, 0
            for turn in range(rounds):
                town.speak_many(40)
                town.publish()
                share[0] = [0.0, 0.15, 0.4][turn % 3]
                refused += _refused(carrier)
                mirror = carrier.mirror() if carrier.state.list.exists() else None
                assert mirror is None or mirror.edition >= reached, "the list went back"
                reached = mirror.edition if mirror is not None else 0
            share[0] = 0.0
            carrier.follow()
        checks.everything(town)
        say(f"{refused} of {rounds} rounds were refused, none took a wrong list")


def _refused(carrier: Follower) -> bool:
    """Whether a round was refused, for a reason that a cache may give."""
    done = subprocess.run(carrier.command, capture_output=True, text=True, timeout=120)
    assert not done.returncode or any(code in done.stderr for code in REFUSALS), done.stderr
    return done.returncode != 0


def acknowledgement(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """A carrier acknowledges editions that were never published to it: refused, and nothing is known of it."""
    with scene(folder, seed, say) as town:
        town.speak_many(300)
        town.publish()
        Follower(town, "cmcc").follow()
        key, newest = (folder / "cmcc.key").read_text().strip(), town.registry.store.editions.newest()
        for turn in range(rounds):
            answer = requests.post(
                f"{town.live.url}/api/v1/acknowledgements", timeout=30, headers={"Authorization": f"Bearer {key}"},
                json={"edition": newest + 1 + turn**8, "content_root": "ab" * 32, "exceptions_root": "cd" * 32},
            )
            assert answer.status_code == 422, answer.text
            assert answer.json()["code"] == "unknown_edition"
        checks.everything(town)
        say(f"{rounds} refused with 422 unknown_edition")
