"""The loop in real processes: register in a browser, blocked at the carrier, reported, judged, withdrawn."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from registry.times import iso
from tests.chromium import launched
from tests.live import Live, running, until

NUMBER = "+86 138 0013 8000"
BEIJING = ZoneInfo("Asia/Shanghai")
GRACE_S = 60  # rulebook 2026: a refusal counts for telemarketers a minute after it was made
TWO_MINUTES = 120


@pytest.fixture
def page() -> Iterator[Any]:
    """A phone's page in real Chromium."""
    with launched() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 740}, locale="en")
        page.set_default_timeout(20_000)
        yield page


def prove(live: Live, page: Any, sent: int) -> int:
    """Type the code that the embedded gateway shows; how many messages there were."""
    count, code = live.last_code(after=sent)
    page.fill("input.code", code)
    page.click("button.btn.big")
    return count


def decision(live: Live, state: Path) -> dict[str, Any]:
    """What the carrier's client says, offline, about a loan call at ten in the morning of today."""
    ten = datetime.now(BEIJING).replace(hour=10, minute=0, second=0, microsecond=0)
    out = live.sync(
        "lookup", str(state), NUMBER, "--channel", "calls", "--category", "loan", "--at", ten.isoformat(), "--json",
        check=False,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(out)
    return found


def once_changed(file: Path, ask: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Asks only where a file was written since it was asked last: asking starts a program."""
    seen = 0

    def asked() -> dict[str, Any]:
        nonlocal seen
        written = file.stat().st_mtime_ns if file.exists() else 0
        if written == seen:
            return {}
        seen = written
        return ask()

    return asked


def report_call(live: Live, folder: Path, key: Path) -> None:
    """The carrier reports a call that was made a second ago."""
    row = {
        "id": "loop-1", "called": NUMBER, "caller": "+8617100000001", "channel": "calls", "category": "loan",
        "at": iso(datetime.now(BEIJING)), "duration": 12, "mode": "human",
    }  # fmt: skip
    file = folder / "calls.ndjson"
    file.write_text(json.dumps(row) + "\n")
    live.sync("report", str(file), "--url", live.url, "--key-file", str(key))


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.timeout(420)
def test_a_number_registered_in_a_browser_is_blocked_reported_judged_and_let_through_again(
    tmp_path: Path, page: Any
) -> None:
    with running(tmp_path / "instance") as live:
        key, root = live.add_carrier("cmcc", tmp_path)
        state = tmp_path / "state"
        live.start(
            "sync", "follow", f"{live.url}/api/v1/feeds/cmcc", "--state", str(state), "--root", str(root),
            "--key-file", str(key), "--every", "2", log=tmp_path / "follow.log",
        )  # fmt: skip

        page.goto(f"{live.url}/language/en?next=/")
        page.fill("input[type=tel]", NUMBER)
        page.click("button.btn.big")
        sent = prove(live, page, 0)
        page.click("text=Decline everything")
        page.wait_for_url("**/my-number/done")
        registered = time.monotonic()

        list_ = state / "list" / "state.json"
        until(list_.exists, seconds=TWO_MINUTES, what="the carrier has a list")
        asked = once_changed(list_, lambda: decision(live, state))
        blocked = until(
            lambda: (found := asked()) and not found["allow"] and found,
            seconds=TWO_MINUTES - (time.monotonic() - registered), what="the carrier blocks",
        )  # fmt: skip
        assert (blocked["reason"], blocked["rule"], blocked["rulebook"]) == ("everything_declined", "49(7)", "2026")

        time.sleep(max(0.0, registered + GRACE_S + 2 - time.monotonic()))
        report_call(live, tmp_path, key)
        page.goto(f"{live.url}/my-reports")
        shown = page.inner_text("main")
        assert "iolation" in shown
        assert "49(7)" in shown

        page.goto(f"{live.url}/my-number/done")
        assert "1 of 1" in page.inner_text("main") or "1 / 1" in page.inner_text("main")
        page.goto(f"{live.url}/my-number/withdraw")
        page.click("button.stop")
        page.wait_for_url("**/my-number/done")
        withdrawn = time.monotonic()
        allowed = until(
            lambda: (found := asked()) and found["allow"] and found,
            seconds=TWO_MINUTES - (time.monotonic() - withdrawn), what="the carrier lets calls through again",
        )  # fmt: skip
        assert allowed["reason"] == "no_recorded_will"
        assert sent == 1
        for log in (tmp_path / "follow.log", tmp_path / "instance" / "run.log"):
            assert "13800138000" not in log.read_text()
