"""Conformance in real processes: a site with a sandbox feed, a follower's folder, `serve`, and a run over HTTP."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import requests

from sync.contract import MOST_BYTES
from tests.live import Live, running, until
from tests.sync.test_conformance import implementing

GOOD = {"number": "15400000001", "at": "2026-11-23T10:00:00+08:00", "channel": "calls", "category": "loan"}


@contextmanager
def served(live: Live, state: Path, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    log = folder / "serve.log"
    child = live.start("sync", "serve", str(state), "--port", "0", log=log)

    def said() -> str:
        return log.read_text().partition("\n")[0].strip()

    yield until(said, seconds=60, every=0.1, what="serve says where it is"), child


def conformance(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sync", "conformance", *arguments], capture_output=True, text=True, timeout=120
    )


def refuses_what_it_cannot_read(url: str) -> None:
    lookup: Any = url + "/lookup"
    for body in (b"", b"\xff\xfe\x00", b"[" * 5000, b'{"number": 1}', b"[]"):
        assert requests.post(lookup, data=body, timeout=30).status_code == 400
    for wrong in ({"number": "12"}, {"channel": "smoke"}, {"at": "2026-11-23T10:00:00"}, {"content": "spam"}):
        assert requests.post(lookup, json=GOOD | wrong, timeout=30).status_code == 400
    assert requests.get(lookup, timeout=30).status_code >= 400
    assert requests.put(lookup, data=b"{}", timeout=30).status_code >= 400
    assert requests.post(url + "/else", json=GOOD, timeout=30).status_code == 404
    asking = HTTPConnection(url.removeprefix("http://"), timeout=30)
    asking.request("POST", "/lookup", headers={"Content-Length": str(MOST_BYTES + 1)})
    assert asking.getresponse().status == 413
    asking.close()
    assert requests.post(lookup, data=iter([b"{}"]), timeout=30).status_code == 413
    assert requests.post(lookup, json=GOOD, timeout=30).json()["reason"] == "everything_declined"


@pytest.mark.processes
@pytest.mark.timeout(300)
def test_the_reference_client_conforms_over_a_real_feed_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    with running(tmp_path / "instance", sections="[publish]\nevery_s = 2") as live:
        live.command("party", "add", "trial", "--kind", "carrier", "--name-zh", "试", "--name-en", "Trial", "--sandbox")
        key, root, state = tmp_path / "trial.key", tmp_path / "root.json", tmp_path / "state"
        key.touch(mode=0o600)
        key.write_text(live.command("key", "issue", "trial", "--scope", "feed"))
        root.write_text(live.sync("--instance", str(live.instance), "root", "trial"))
        feed = f"{live.url}/api/v1/feeds/trial"

        def followed() -> bool:
            live.sync("follow", feed, "--state", str(state), "--root", str(root), "--key-file", str(key),
                      check=False)
            return (state / "status.json").exists() and (state / "feed.json").exists()

        until(followed, seconds=120, every=1, what="the sandbox feed is followed")
        with served(live, state, tmp_path) as (url, child):
            done = conformance(url, "--feed-url", feed, "--key-file", str(key), "--root", str(root))
            assert done.returncode == 0, done.stdout + done.stderr
            assert "editions answered by: 1" in done.stdout
            refuses_what_it_cannot_read(url)
            child.send_signal(signal.SIGINT)
            assert child.wait(30) == 0
        with implementing(lambda question: {"allow": True, "edition": 1}) as (wrong, _):
            failed = conformance(wrong)
        assert failed.returncode == 1
        assert "FAILED declines-everything [wrong_answer]" in failed.stdout
