"""The loop in real processes on PostgreSQL, without a browser: the API, the clockwork, a carrier's client."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from tests.live import Live, running, until

NUMBER = "+86 138 0013 8000"


def register(live: Live) -> None:
    """Ask for a code and choose, as a kiosk would."""
    wanted = {"number": NUMBER, "purpose": "register", "language": "en"}
    assert requests.post(f"{live.url}/api/v1/codes", json=wanted, timeout=10).status_code == 202
    _count, code = live.last_code()
    chosen = {"number": NUMBER, "code": code, "preference": "everything"}
    assert requests.post(f"{live.url}/api/v1/registrations", json=chosen, timeout=10).status_code == 201


@pytest.mark.processes
def test_a_registry_on_postgresql_publishes_to_a_carrier_that_then_blocks(tmp_path: Path, postgres_url: str) -> None:
    sections = f'[store]\nurl = "{postgres_url}"\n[publish]\nevery_s = 2'
    with running(tmp_path / "instance", sections=sections) as live:
        key, root = live.add_carrier("cmcc", tmp_path)
        register(live)
        state = tmp_path / "state"

        def blocked() -> bool:
            live.sync(
                "follow", f"{live.url}/api/v1/feeds/cmcc", "--state", str(state), "--root", str(root),
                "--key-file", str(key), check=False,
            )  # fmt: skip
            out = live.sync("lookup", str(state), NUMBER, "--category", "loan", "--json", check=False)
            return bool(out) and not json.loads(out)["allow"]

        until(blocked, seconds=60, every=1, what="the carrier blocks")
        assert "unbroken" in live.command("audit", "verify")
