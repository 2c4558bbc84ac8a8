"""Starts the real programs of a registry in a folder of their own, for tests that need the whole thing.

Everything binds to loopback on a free port and stops when the context ends, also when a test fails.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(found: Callable[[], Any], *, seconds: float, every: float = 0.5, what: str) -> Any:
    """The first true answer of `found`; fails the test in words when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


class MovedClock:
    """A clock that goes on from the moment it was set to; real programs tell its time too (`tests/moved_clock`)."""

    def __init__(self, file: Path, moment: datetime) -> None:
        self._file = file
        self.set(moment)

    def set(self, moment: datetime) -> None:
        """Tell this moment from here on."""
        self._ahead = moment - datetime.now(UTC)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(self._ahead / timedelta(seconds=1)))
        fresh.replace(self._file)

    def now(self) -> datetime:
        """The moment that is told."""
        return datetime.now(UTC) + self._ahead

    @property
    def environ(self) -> dict[str, str]:
        """What programs run with that tell its time."""
        paths = (str(ROOT / "tests" / "moved_clock"), str(ROOT), os.environ.get("PYTHONPATH", ""))
        return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                "DECLINE_CALL_TEST_CLOCK": str(self._file)}  # fmt: skip


def at_ten() -> datetime:
    """The last ten in the morning of Beijing: outside of rest hours (rule 63), whenever tests run."""
    now = datetime.now(UTC)
    ten = now.replace(hour=2, minute=0, second=0, microsecond=0)
    return ten if ten <= now else ten - timedelta(days=1)


@dataclass
class Live:
    """A registry that runs: where it lies, where it answers, its children; the clock that they go by, if moved."""

    instance: Path
    url: str
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    clock: MovedClock | None = None

    @property
    def _environ(self) -> dict[str, str] | None:
        return self.clock.environ if self.clock else None

    def command(self, *arguments: str) -> str:
        """Run `decline-call` on this instance; what it printed."""
        return self._run("web.commands", "--instance", str(self.instance), *arguments)

    def sync(self, *arguments: str, check: bool = True) -> str:
        """Run `decline-sync`; what it printed."""
        return self._run("sync", *arguments, check=check)

    def _run(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments], capture_output=True, text=True, timeout=120, env=self._environ
        )
        assert not check or done.returncode == 0, done.stderr or done.stdout
        return done.stdout

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start one more program that ends with this registry."""
        with log.open("ab") as out:
            child = subprocess.Popen(
                [sys.executable, "-m", *arguments], stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                env=self._environ,
            )  # fmt: skip
        self.children.append(child)
        return child

    def last_code(self, after: int = 0) -> tuple[int, str]:
        """How many messages the embedded gateway has sent, and the code in the last one beyond `after`."""

        def newest() -> tuple[int, str] | None:
            file = self.instance / "dev-messages.ndjson"
            lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
            if len(lines) <= after:
                return None
            text = json.loads(lines[-1])["text"]
            return len(lines), next(word for word in _digits(text) if len(word) == 6)

        found: tuple[int, str] = until(newest, seconds=20, every=0.1, what="a text message with a code")
        return found

    def add_carrier(self, party: str, folder: Path, *, scope: str = "home") -> tuple[Path, Path]:
        """Add a carrier with a key and its trusted root; the two files."""
        self.command(
            "party", "add", party, "--kind", "carrier", "--name-zh", party, "--name-en", party, "--scope", scope
        )
        key, root = folder / f"{party}.key", folder / f"{party}.root.json"
        key.touch(mode=0o600)
        key.write_text(self.command("key", "issue", party, "--scope", "feed", "--scope", "reports"))
        root.write_text(self.sync("--instance", str(self.instance), "root", party))
        return key, root


def _digits(text: str) -> Sequence[str]:
    return "".join(c if c.isascii() and c.isdigit() else " " for c in text).split()


@contextmanager
def running(
    instance: Path, *, settings: str = "", sections: str = "", clock: MovedClock | None = None
) -> Iterator[Live]:
    """A prepared registry whose site and clockwork run; `settings` go into [site], `sections` after it."""
    port = free_port()
    instance.mkdir(parents=True)
    (instance / "settings.toml").write_text(f"[site]\nport = {port}\nbcrypt_cost = 4\n{settings}\n{sections}\n")
    live = Live(instance, f"http://127.0.0.1:{port}", clock=clock)
    log = instance / "run.log"
    try:
        program = live.start("web.commands", "--instance", str(instance), "run", log=log)

        def up() -> bool:
            assert program.poll() is None, log.read_text()
            try:
                return requests.get(f"{live.url}/healthz", timeout=5).status_code == 200
            except requests.ConnectionError:
                return False

        until(up, seconds=40, every=0.2, what="the site answers")
        yield live
    finally:
        for child in reversed(live.children):
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
        for child in live.children:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
