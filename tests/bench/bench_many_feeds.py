"""What many feeds cost: one minute's changes published to 42 home feeds, and a follower that catches up five weeks.

The carriers: the four networks by their ranges, and 38 resellers that share the ranges of resale.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from registry import registrations, sealing
from registry.numbering import NumberPlan, draw_numbers, load_plan
from registry.outside.clock import SystemClock
from sync.follow import follow_once
from sync.publish import publish_once
from sync.state import StateFolder
from tests.bench import bench_publish
from tests.bench.bench_publish import Bench, Near, change, make, peak_mb, preferences

NETWORKS, RESELLERS = ("cmcc", "ctcc", "cucc", "cbn"), 38
CHANGES, ROUNDS = 5000, 3
DAYS, A_DAY = 35, 20_000


def plan_of_42() -> NumberPlan:
    """The plan, with the ranges of resale shared out among the resellers."""
    plan = load_plan()
    names = tuple(f"mvno{number:02}" for number in range(1, RESELLERS + 1))
    carrier = plan.mobile_carrier.copy()
    resale = np.flatnonzero(plan.mobile_resale)
    carrier[resale] = len(plan.carriers) + np.arange(len(resale)) % RESELLERS
    return dataclasses.replace(plan, carriers=(*plan.carriers, *names), mobile_carrier=carrier)


def parties_of(plan: NumberPlan) -> list[tuple[str, str]]:
    """The 42 that follow, each with its home scope."""
    return [(party, "home") for party in plan.carriers if party in NETWORKS or party.startswith("mvno")]


def round_step(folder: str) -> dict[str, Any]:
    """One round of publishing to the 42: seconds, peak memory in MB, counts."""
    bench: Any = Bench(Path(folder))
    bench.plan = plan_of_42()
    started = time.perf_counter()
    counts = publish_once(bench)
    seconds = time.perf_counter() - started
    bench.store.close()
    return {"seconds": seconds, "mb": peak_mb(), **counts}


class Moved(SystemClock):
    """The machine's clock, some days later."""

    def __init__(self, days: int) -> None:
        self.later = timedelta(days=days)

    def now(self) -> datetime:
        """The moment, so much later."""
        return super().now() + self.later


def weeks_step(folder: str, registered: str, seed: str) -> int:
    """Five weeks of one edition a day, of 20,000 changes, half of them new numbers; how many rows their deltas had."""
    bench: Any = Bench(Path(folder), clock=Moved(0))
    rows, half = 0, A_DAY // 2
    known = draw_numbers(bench.plan, int(registered), int(seed))[: DAYS * half]  # as they were drawn for the base
    fresh = draw_numbers(bench.plan, DAYS * half, int(seed) + 99)
    for day in range(1, DAYS + 1):
        bench.clock.later = timedelta(days=day)
        today = slice((day - 1) * half, day * half)
        digits = np.concatenate([known[today], fresh[today]])
        registrations.load_many(
            bench.store, bench.clock, sealed=sealing.seal_many(bench.keys.at_rest, digits), source="bench",
            **preferences(len(digits), np.random.default_rng([int(seed), day])),
        )
        publish_once(bench)
        rows += bench.store.editions.edition(bench.store.editions.newest()).changes
    bench.store.close()
    return rows


def catch_up_step(folder: str, day: str) -> dict[str, Any]:
    """Follow the national feed on a day: seconds, bytes, peak memory in MB."""
    bench = Bench(Path(folder), clock=Moved(int(day)))
    state = StateFolder(Path(folder) / "follower")
    root = bench.shelf.get("trust/1.root.json")
    started = time.perf_counter()
    done = follow_once(Near(bench, "all"), state, bench.clock, party="all", root=root)
    seconds = time.perf_counter() - started
    bench.store.close()
    assert done.agrees
    return {"seconds": seconds, "bytes": done.size, "files": done.files, "before": done.before, "mb": peak_mb()}


def alone(step: str, *arguments: object) -> Any:
    """A step of this module in a process of its own; what it answered."""
    return bench_publish.alone(step, *arguments, module="bench_many_feeds")


def many_feeds(folder: Path, rows: int, seed: int) -> tuple[list[dict[str, Any]], float]:
    """Rounds of 5,000 changes to all 42, and what the first full lists took in seconds."""
    plan = plan_of_42()
    make(folder, rows, seed, parties_of(plan), plan=plan)
    first = alone("round_step", folder)
    rounds = []
    for turn in range(ROUNDS):
        change(folder, CHANGES, seed + turn)
        rounds.append(alone("round_step", folder))
    return rounds, first["seconds"]


def five_weeks(folder: Path, rows: int, seed: int) -> tuple[dict[str, Any], int]:
    """What catching up 35 days costs, and the bytes of a full list."""
    make(folder, rows, seed, [("all", "national")])
    bench_publish.alone("publish_step", folder)
    full = alone("catch_up_step", folder, 0)
    assert alone("weeks_step", folder, rows, seed) >= DAYS * A_DAY * 0.99
    return alone("catch_up_step", folder, DAYS), full["bytes"]


def measure(rows: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """The rows of the table: measure, value, bar, met."""
    home = Path(__file__).parents[2] / ".bench"
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="many-", dir=home) as name:
        folder = Path(name) / "feeds"
        folder.mkdir()
        rounds, first = many_feeds(folder, rows, seed)
    with tempfile.TemporaryDirectory(prefix="weeks-", dir=home) as name:
        caught, full = five_weeks(Path(name), rows, seed)
    assert all(each["feeds"] == RESELLERS + len(NETWORKS) for each in rounds)
    seconds, memory = max(each["seconds"] for each in rounds), max(each["mb"] for each in rounds)
    share, took = caught["bytes"] / full, caught["seconds"]
    return [
        (
            f"{RESELLERS + len(NETWORKS)} home feeds of {rows:,} registrations: a delta of {CHANGES:,} to all",
            f"{seconds:.2f} s (their first full lists: {first:.0f} s)", "<= 10 s", seconds <= 10,
        ),
        ("the same: peak memory", f"{memory:.0f} MB", "<= 500 MB", memory <= 500),
        (f"follower: {DAYS} days of {A_DAY:,} changes on {rows:,}", f"{took:.2f} s", "<= 15 s", took <= 15),
        ("the same: bytes over those of a full list", f"{share:.2f}", "<= 1/3", share <= 1 / 3),
    ]
