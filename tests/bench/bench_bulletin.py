"""A quarter's bulletin over many reports: from the table of handlings to the frozen figures, SQLite, one core."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path

from registry.bulletins import Press, compute
from registry.keys import KeyRing
from registry.numbering import load_plan
from registry.quarters import Quarter
from registry.store import Store
from registry.store.engine import SqliteEngine
from tests.bulletining import fill, rows
from tests.doubles import FakeClock

BAR_S = 10.0
_REPORTS = 1_000_000
_ZONE, _QUARTER = "Asia/Shanghai", Quarter(2026, 3)


def measure(most: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """(measure, value, bar, passed); `most` bounds how many reports there are."""
    plan, keys, clock, reports = load_plan(), KeyRing({1: bytes(range(32))}), FakeClock(), min(most, _REPORTS)
    first, after = _QUARTER.bounds(_ZONE)
    with tempfile.TemporaryDirectory(prefix="decline-bench-") as folder:
        store = Store(SqliteEngine(Path(folder) / "registry.db"))
        store.migrate(at=0)
        fill(store, rows(plan, keys, reports, seed, first=first, days=91))
        began = time.perf_counter()
        compute(Press(store, clock, keys, plan, _ZONE), _QUARTER, after + timedelta(days=10))
        took = time.perf_counter() - began
        store.close()
    return [(f"a bulletin over {reports:,} reports, s", f"{took:.1f}", f"<= {BAR_S:.0f}", took <= BAR_S)]
