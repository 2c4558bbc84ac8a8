"""Starts the programs of one registry as child processes and stops them together.

Rules of this room: children live in their own process groups, so that Ctrl-C reaches them once and in order; whatever
happens here, no child outlives its parent's `stop()`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import requests

from registry.errors import UnavailableError
from registry.settings import Settings

STOP_SECONDS = 10.0


class Programs:
    """The running children by name."""

    def __init__(self) -> None:
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = False

    def start(self, name: str, arguments: Sequence[str], *, log: Path | None = None) -> None:
        """Start one program under a name; its output goes to `log`, or to the terminal."""
        out = log.open("ab") if log else None
        try:
            self._children[name] = subprocess.Popen(  # noqa: S603 - our own programs only
                [sys.executable, "-m", *arguments],
                stdout=out,
                stderr=subprocess.STDOUT if out else None,
                start_new_session=True,
            )
        finally:
            if out:
                out.close()

    def ended(self) -> str | None:
        """The name of a child that ended by itself, or None while all run."""
        return next((name for name, child in self._children.items() if child.poll() is not None), None)

    def stop(self) -> None:
        """End all children: politely first, then for certain."""
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def catch_signals(self) -> None:
        """From now on SIGINT and SIGTERM ask for an orderly stop, also while the programs are still starting."""

        def ask(_number: int, _frame: object) -> None:
            self.stopping = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask)

    def wait(self) -> int:
        """Stay until a signal comes (0) or a child ends by itself (1); then stop the others."""
        try:
            while not self.stopping:
                if self.ended():
                    return 1
                time.sleep(0.2)
            return 0
        finally:
            self.stop()


def wait_until_up(url: str, programs: Programs, *, seconds: float = 30.0) -> None:
    """Return when a site answers, or when a stop is asked for.

    Raises UnavailableError when it does not answer in time, or its program ended.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not programs.stopping:
        if ended := programs.ended():
            raise UnavailableError(
                f"The {ended} ended before it was up; its last words stand above.", code="did_not_start"
            )
        try:
            requests.get(url, timeout=2)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
    if programs.stopping:
        return
    raise UnavailableError(f"The site did not answer within {seconds:.0f} s.", code="did_not_start")


def start_programs(programs: Programs, instance: Path, *, logs: Path | None = None) -> None:
    """Start the site and the clockwork of one instance; their output goes to the terminal, or to files in `logs`."""
    for name, module, command in (("site", "web.commands", "site"), ("clockwork", "sync", "run")):
        log = logs / f"{name}.log" if logs else None
        programs.start(name, [module, "--instance", str(instance), command], log=log)


def welcome(instance: Path, settings: Settings, token: str | None) -> None:
    """Tell whoever started the programs where everything is."""
    url = settings.site.public_url.rstrip("/") or settings.site.local_url
    click.echo(f"\nDecline Call is up:   {url}")
    if token:
        click.echo(f"First officer, once:  {url}/sign-in/first/{token}")
    if settings.sms.gateway == "console":
        click.echo(f"Text messages:        {url}/dev/messages  (also in {instance / 'dev-messages.ndjson'})")
    click.echo("Stop with Ctrl-C.")
