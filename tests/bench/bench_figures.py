"""The officers' figures and peaks over many reports: counting them by day, and the pages that read them (SQLite)."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from pathlib import Path

import numpy as np

from registry import daycounts, deskfigures, parties
from registry.keys import KeyRing
from registry.numbering import load_plan
from registry.peaks import load_peaks
from registry.rulebook import load_rulebooks
from registry.settings import parse
from registry.store import Store
from registry.store.engine import SqliteEngine
from registry.times import to_micros
from tests.bench.bench_queue import took_ms
from tests.bulletining import fill, rows
from tests.doubles import FakeClock, MemoryShelf, MemorySms
from tests.registry.counting import year_of
from tests.web.filled import Visitor, member
from tests.web.refilled import whole
from web.application import create_app

PAGE_BAR_MS, RUN_BAR_S = 200, 60
_REPORTS, _DAYS, _ZONE = 1_000_000, 180, "Asia/Shanghai"
_STEPS = (  # action, state, how long after the report at most
    ("accept", "accepted", timedelta()), ("forward", "forwarded", timedelta(hours=30)),
    ("find_violation", "violation", timedelta(days=20)), ("feed_back", "fed_back", timedelta(days=22)),
)  # fmt: skip


def pile(store: Store, keys: KeyRing, clock: FakeClock, reports: int, seed: int) -> None:
    """Reports of half a year with four moves each, and two years of peaks as they were counted then."""
    for peak in load_peaks():
        for year in (2024, 2025):
            year_of(store, peak, year, base=4000, window=9000, **{f"e{i}": (200, 500) for i in range(17)})
    first = clock.now() - timedelta(days=_DAYS)
    fill(store, rows(load_plan(), keys, reports, seed, first=first, days=_DAYS))
    for place, (action, state, longest) in enumerate(_STEPS, 1):
        span = longest // timedelta(microseconds=1) + 1
        with store.writing():
            store.engine.run(
                """INSERT INTO handling_move (source, source_id, place, at, actor, action, state, note)
                SELECT source, source_id, :place, received + (received * 7919) % :span, 'system', :action, :state, ''
                FROM handling""",
                place=place, span=span, action=action, state=state,
            )


def touch(store: Store, clock: FakeClock, share: int) -> None:
    """Every so many reports of the last 45 days change, as in an hour of work."""
    with store.writing():
        store.engine.run(
            """UPDATE handling SET outcome = 'violation', updated = :now
            WHERE received >= :since AND received % :share = 0""",
            now=to_micros(clock.now()), since=to_micros(clock.now() - timedelta(days=45)), share=share,
        )


def measure(most: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """(measure, value, bar, passed); `most` bounds how many reports there are."""
    reports = min(most, _REPORTS)
    keys, clock, rulebooks = KeyRing({1: bytes(range(32))}), FakeClock(), load_rulebooks()
    with tempfile.TemporaryDirectory(prefix="decline-bench-") as folder:
        store = Store(SqliteEngine(Path(folder) / "registry.db"))
        store.migrate(at=0)
        pile(store, keys, clock, reports, seed)

        def run() -> float:
            began = time.perf_counter()
            daycounts.count(store, clock, rulebooks, zone=_ZONE, keep=lambda: None)
            return time.perf_counter() - began

        first = run()
        clock.advance(hours=1)
        touch(store, clock, 100)
        hourly = run()
        registry = whole(
            Path(folder), store, parse("[site]\nbcrypt_cost = 4\n"), load_plan(), rulebooks, keys=keys, clock=clock,
            sms=MemorySms(), shelf=MemoryShelf(),
        )
        parties.add_party(store, clock, party="regulator", kind="regulator", name_zh="局", name_en="Office")
        visitor = Visitor(create_app(registry), member(registry, "regulator", "auditor"))
        names = deskfigures.offered(clock.now().date())
        pages = [f"/officer/figures?period={name}" for name in names] + ["/officer/peaks"]
        took = [took_ms(visitor, page) for page in (*pages, *pages * 9)]
        store.close()
    cold, warm = max(took[1 : len(pages)]), float(np.percentile(took[len(pages) :], 95))
    return [
        (f"officers' figures and peaks over {reports:,} reports, any period, p95 ms (slowest drawn anew {cold:.0f})",
         f"{warm:.0f}", f"<= {PAGE_BAR_MS}", warm <= PAGE_BAR_MS),
        (f"counting {reports:,} reports by day, first time {first:.0f} s; an hour's run after changes on 45 days, s",
         f"{hourly:.1f}", f"<= {RUN_BAR_S}", hourly <= RUN_BAR_S),
    ]  # fmt: skip
