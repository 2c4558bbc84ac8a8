"""Runs the site of an instance alone, as its own program, for tests and benchmarks that speak real HTTP to it."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.assembly import prepare
from tests.live import free_port

SETTINGS = """\
[site]
port = {port}
bcrypt_cost = 4
default_language = "en"

[codes]
per_address_hour = 1000000
in_all_minute = 1000000
"""


@dataclass
class Site:
    """A site that runs: its folder, port, process, and how long it took to answer."""

    folder: Path
    port: int
    child: subprocess.Popen[str]
    seconds: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Ask it to end; seconds until it had."""
        began = time.monotonic()
        self.child.send_signal(number)
        self.child.wait(15)
        return time.monotonic() - began

    def log(self) -> str:
        return (self.folder / "site.log").read_text()


@contextmanager
def serving(folder: Path, *, settings: str = SETTINGS) -> Iterator[Site]:
    """A prepared instance in a folder that does not exist yet, its site running; text messages come on its stdout."""
    port = free_port()
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text(settings.format(port=port))
    prepare(folder)
    began = time.monotonic()
    with (folder / "site.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "web.commands", "--instance", str(folder), "site"],
            stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    site = Site(folder, port, child, 0.0)
    try:
        _wait(site)
        site.seconds = time.monotonic() - began
        yield site
    finally:
        if child.poll() is None:
            site.stop()
        assert child.stdout
        child.stdout.close()


def _wait(site: Site) -> None:
    deadline = time.monotonic() + 30
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        except OSError:
            assert site.child.poll() is None, site.log()
            assert time.monotonic() < deadline, "the site did not start"
            time.sleep(0.02)
        finally:
            connection.close()
