"""Quotas under several real processes: together they stay below the limit, and a killed one takes nothing along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from registry import parties, quotas
from registry.guardsettings import Tier
from registry.keys import KeyRing
from registry.meter import Meter
from registry.outside.clock import SystemClock
from registry.outside.shelf import FolderShelf
from registry.quotas import Ledger
from registry.settings import ScrubSettings, Settings
from registry.store import Store

CHILD = """
import os, signal, sys
from pathlib import Path
import numpy as np
from registry import charging, sealing
from registry.meter import Meter
from tests.registry.test_quota_processes import ledger_of, opened
url, folder, number, kill = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
store = opened(url)
ledger = ledger_of(store, folder)
party = store.parties.party("acme")
def sealed(start, count):
    return sealing.seal_many(bytes(range(32)), np.arange(start, start + count, dtype=np.uint64) * np.uint64(7919))
answered = 0
for turn in range(8):
    answered += int(charging.charge_few(ledger, party=party, sealed=sealed(number * 100_000 + turn * 40, 60)).sum())
    with Meter(ledger, party=party, scrub=f"s{number}-{turn}", work=folder) as meter:
        meter.admit(sealed(number * 100_000 + 50_000 + turn * 500, 700))
        if kill == "kill" and turn == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        meter.close(done=True)
store.close()
"""


def opened(url: str) -> Store:
    from registry.assembly import open_store
    from registry.settings import StoreSettings

    return open_store(Settings(store=StoreSettings(url=url)), Path("/"))


def ledger_of(store: Store, folder: Path) -> Ledger:
    tiers = {"basic": Tier(day=9_000, epoch=12_000)}
    settings = Settings(scrubs=ScrubSettings(tiers=tiers))
    return Ledger(store, SystemClock(), FolderShelf(folder / "shelf"), KeyRing(masters={1: bytes(range(32))}), settings)


@pytest.mark.processes
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_processes_stay_below_the_limit_together_and_a_killed_one_takes_nothing_along(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "registry.db"
    url = f"sqlite:{path}" if engine == "sqlite" else request.getfixturevalue("migrated_url")
    store = opened(url)
    store.migrate(at=0)
    ledger = ledger_of(store, tmp_path)
    party = parties.add_party(
        store, ledger.clock, party="acme", kind="telemarketer", name_zh="某", name_en="A"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", CHILD, url, str(tmp_path), str(number), "kill" if number == 2 else ""])
        for number in range(3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, -9]
    used = quotas.balance(store, ledger.clock, ledger.settings, party).day.used
    period = ledger.period()
    known = ledger.known("acme", period.epoch)
    assert used == len(known.keys) + sum(map(len, known.runs)) <= 9_000
    assert store.quotas.held("acme", epoch=period.epoch, at=0)  # by the one that was killed, if only for nothing
    with Meter(ledger, party=party, scrub="s2-3", work=tmp_path):  # begun again
        assert not store.quotas.held("acme", epoch=period.epoch, at=0)
    assert len(list(ledger.shelf.names("quotas/"))) == 1
    store.close()
