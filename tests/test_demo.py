"""The demo as an operator starts it: filled once, carriers follow over HTTP, reports arrive, Ctrl-C ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.live import free_port, until


def start(instance: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "web.commands", "--instance", str(instance), "demo", "--registrations", "3000"],
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def figures(program: subprocess.Popen[bytes], instance: Path, port: int) -> str:
    """The site's figures; nothing while it does not answer yet."""
    assert program.poll() is None, "\n".join(log.read_text()[-2000:] for log in (instance / "demo").glob("*.log"))
    try:
        return requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
    except requests.ConnectionError:
        return ""


def watch(program: subprocess.Popen[bytes], instance: Path, port: int) -> None:
    """Return when both carriers have the list and reports have come in."""
    for carrier in ("cmcc", "ctcc"):
        line = f'decline_call_carrier_edition{{carrier="{carrier}"}} 1.0'
        until(lambda line=line: line in figures(program, instance, port), seconds=60, what=f"{carrier} has the list")
        assert (instance / "demo" / carrier / "list" / "state.json").exists()
    assert (instance / "demo" / "call-list.csv").read_text("utf-8-sig").count("\n") == 20_001
    none = 'rows_total{outcome="accepted"} 0.0'
    until(lambda: none not in figures(program, instance, port), seconds=30, what="reports arrive")


@pytest.mark.processes
def test_the_demo_fills_itself_once_and_its_carriers_follow_and_report(tmp_path: Path) -> None:
    instance, log, port = tmp_path / "instance", tmp_path / "demo.log", free_port()
    instance.mkdir()
    (instance / "settings.toml").write_text(f"[site]\nport = {port}\nbcrypt_cost = 4\n")
    for _again in range(2):
        program = start(instance, log)
        try:
            watch(program, instance, port)
        finally:
            program.send_signal(signal.SIGINT)
            assert program.wait(20) == 0
        assert "/sign-in  as scrubber@demo.example, password " in log.read_text()
        assert log.read_text().count("3,000 registrations loaded") == 1
