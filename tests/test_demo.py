"""The demo as an operator starts it: it fills itself once, carriers follow over HTTP, reports arrive, Ctrl-C ends it."""

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


@pytest.mark.processes
def test_the_demo_fills_itself_once_and_its_carriers_follow_and_report(tmp_path: Path) -> None:
    instance, log, port = tmp_path / "instance", tmp_path / "demo.log", free_port()
    instance.mkdir()
    (instance / "settings.toml").write_text(f"[site]\nport = {port}\nbcrypt_cost = 4\n")
    for loaded in (1, 1):  # a second start finds everything there
        program = start(instance, log)
        try:

            def figures() -> str:
                assert program.poll() is None, log.read_text()
                try:
                    return requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
                except requests.ConnectionError:
                    return ""

            for carrier in ("cmcc", "ctcc"):
                wanted = f'decline_call_carrier_edition{{carrier="{carrier}"}} 1.0'
                until(lambda wanted=wanted: wanted in figures(), seconds=60, what=f"{carrier} has the list")
                until((instance / "demo" / carrier / "list" / "state.json").exists, seconds=5, what="its state")
            until(lambda: 'rows_total{outcome="accepted"} 0.0' not in figures(), seconds=30, what="reports arrive")
        finally:
            program.send_signal(signal.SIGINT)
            assert program.wait(20) == 0
        assert log.read_text().count("3,000 registrations loaded") == loaded
