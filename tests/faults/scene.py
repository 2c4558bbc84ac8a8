"""The scene of a fault: a prepared registry whose programs run, people who register without end, carriers that follow.

What is read to check is read from the same files and tables that the programs use; nothing of ours is replaced.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import requests

from registry import registrations, sealing
from registry.assembly import Registry, assemble
from registry.errors import UnavailableError
from registry.numbering import draw_numbers, load_plan
from registry.preferences import EVERYTHING, NOTHING, Preference
from registry.sealing import SealedNumber
from registry.times import iso
from tests.live import Live, free_port, until

CARRIERS = {"cmcc": "home", "ctcc": "home", "watch": "national"}
POOL = 2000
SETTINGS = """\
[site]
port = {port}
bcrypt_cost = 4

[publish]
every_s = 1

[jobs]
ingest_s = 1
lease_s = {lease}
"""
Say = Callable[[str], None]


@dataclass
class Scene:
    """A registry on disk with its programs, and what people said to it."""

    folder: Path
    draw: random.Random
    say: Say
    live: Live
    registry: Registry
    digits: list[int] = field(default_factory=list)
    said: dict[int, Preference] = field(default_factory=dict)  # place in `digits` -> what was said last
    sent: set[str] = field(default_factory=set)  # ids of reports that were handed over
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def instance(self) -> Path:
        """The registry's folder."""
        return self.live.instance

    # --- people -------------------------------------------------------------------------------------------------------

    def number(self, place: int) -> SealedNumber:
        """The sealed form of a number of the pool."""
        found = sealing.seal_many(self.registry.keys.at_rest, np.array([self.digits[place]], np.uint64))
        return SealedNumber(found.tobytes())

    def speak(self, place: int) -> None:
        """One person registers, changes or withdraws; it is noted when the registry has said yes."""
        store, clock, number = self.registry.store, self.registry.clock, self.number(place)
        wanted = self.draw.choice([NOTHING, EVERYTHING, Preference(self.draw.randint(1, 0xFFFF), 0, 3, 0)])
        try:
            if wanted != NOTHING:
                registrations.register(
                    store, clock, number=number, preference=wanted, source="web", language="en"
                )
            elif self.said.get(place, NOTHING) != NOTHING:
                registrations.withdraw(store, clock, number=number, source="web")
        except UnavailableError:
            return  # the page would say: please try again
        self.said[place] = wanted

    def speak_many(self, count: int) -> None:
        """So many people, at random."""
        for _ in range(count):
            self.speak(self.draw.randrange(POOL))

    @contextmanager
    def stream(self, *, pause: float = 0.02) -> Iterator[None]:
        """People who register without end while the context lasts."""
        stop, failed = threading.Event(), []

        def go() -> None:
            try:
                while not stop.wait(pause):
                    self.speak_many(1)
            except Exception as error:  # noqa: BLE001 - said by whoever waits for us
                failed.append(error)

        thread = threading.Thread(target=go)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            assert not failed, failed

    def hand_over_reports(self, name: str, ids: range) -> None:
        """A file of reports in a carrier's inbox folder, settled already."""
        inbox = self.instance / "inbox" / "cmcc"
        inbox.mkdir(parents=True, exist_ok=True)
        rows = [
            {
                "id": f"r{each}", "called": f"+{self.digits[each % POOL]}", "caller": "+8617100000001",
                "channel": "calls", "category": "loan", "at": iso(self.registry.clock.now()), "duration": 9,
                "mode": "human",
            }
            for each in ids
        ]
        self.sent |= {row["id"] for row in rows}  # type: ignore[misc]
        passing = inbox / f"{name}.part"
        passing.write_text("".join(json.dumps(row) + "\n" for row in rows))
        os.utime(passing, (time.time() - 9, time.time() - 9))
        passing.rename(inbox / f"{name}.ndjson")

    # --- programs -----------------------------------------------------------------------------------------------------

    def clockwork(self, *before: str) -> subprocess.Popen[bytes]:
        """Start the clockwork, and wait until it works; `before` are words before its own on the command line."""
        module, log = before or ("sync",), self.folder / f"clockwork-{len(self.live.children)}.log"
        program = self.live.start(*module, "--instance", str(self.instance), "run", log=log)

        def works() -> bool:
            assert program.poll() is None, log.read_text()[-3000:]
            return '"started"' in log.read_text()

        until(works, seconds=60, every=0.02, what="the clockwork works")
        return program

    def operator(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """`decline-sync` as an operator types it; what it printed, and on standard error."""
        done = subprocess.run(
            [sys.executable, "-m", "sync", "--instance", str(self.instance), *arguments],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == code, done.stderr or done.stdout
        return done.stdout, done.stderr

    def publish(self) -> None:
        """Rounds of publishing until nothing is pending."""
        for _ in range(20):
            self.operator("publish")
            if self.is_settled():
                return
        raise AssertionError("publishing comes to no end")

    def is_settled(self) -> bool:
        """Whether everything that was said is published."""
        editions = self.registry.store.editions
        return not editions.anything_pending() and editions.open_edition() is None

    def settle(self, clockwork: subprocess.Popen[bytes]) -> None:
        """Wait until a clockwork has published everything and taken in all reports, then stop it."""

        def done() -> bool:
            assert clockwork.poll() is None, "the clockwork ended by itself"
            inbox = self.instance / "inbox"
            waiting = [path for path in inbox.rglob("*.ndjson") if path.parent.name in {"cmcc", ".taken"}]
            return self.is_settled() and not waiting

        until(done, seconds=120, what="everything is published")
        end(clockwork)


def kill(program: subprocess.Popen[bytes]) -> None:
    """kill -9, at once."""
    program.send_signal(signal.SIGKILL)
    program.wait()


def end(program: subprocess.Popen[bytes]) -> None:
    """An orderly stop."""
    if program.poll() is None:
        program.send_signal(signal.SIGINT)
        program.wait(30)


@contextmanager
def scene(folder: Path, seed: int, say: Say, *, lease: int = 120) -> Iterator[Scene]:
    """A registry with three carriers and a site that runs; its clockwork does not, yet."""
    instance, port = folder / "instance", free_port()
    instance.mkdir(parents=True)
    (instance / "settings.toml").write_text(SETTINGS.format(port=port, lease=lease))
    live = Live(instance, f"http://127.0.0.1:{port}")
    live.command("prepare")
    registry = assemble(instance)
    found = Scene(folder, random.Random(seed), say, live, registry)
    found.digits = [int(each) for each in draw_numbers(load_plan(), POOL, seed)]
    try:
        live.start("web.commands", "--instance", str(instance), "site", log=folder / "site.log")
        for party, scope in CARRIERS.items():
            live.add_carrier(party, folder, scope=scope)
        until(lambda: _answers(live.url), seconds=40, every=0.2, what="the site answers")
        yield found
    finally:
        for child in live.children:
            end(child)
        registry.close()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).status_code in {200, 503}
    except requests.ConnectionError:
        return False
