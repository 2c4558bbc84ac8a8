"""What publishing and following cost at size: a delta at 1 M and at 10 M, 42 home feeds, a follower's full and lookup.

Every measured step runs in a process of its own, whose peak memory is the answer to "how much does it take".
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from registry import registrations, sealing
from registry.keys import KeyRing, SigningKeys
from registry.numbering import load_plan
from registry.numbering.draw import draw_numbers
from registry.outside.clock import SystemClock
from registry.outside.shelf import FolderShelf
from registry.settings import Settings
from registry.store import Store
from registry.store.editions import BaseRow
from registry.store.engine import SqliteEngine
from registry.times import to_micros
from sync import rolling
from sync.base import base_rows, merge_base
from sync.publish import publish_once

CHANGES = 10_000
HOMES = 42
SPREAD = 200  # different preferences of those who do not decline everything


@dataclass
class Bench:
    """A registry on disk in a folder, as the programs have it."""

    folder: Path
    clock: SystemClock = field(default_factory=SystemClock)
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.instance = self.folder
        self.store = Store(SqliteEngine(self.folder / "registry.db"))
        self.shelf = FolderShelf(self.folder / "shelf")
        self.keys = KeyRing(masters={1: bytes(range(32))})
        self.signing = SigningKeys.from_seeds(b"r" * 32, b"o" * 32)
        self.plan = load_plan()


def preferences(count: int, random: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    """95 % decline everything, the rest one of 200 preferences."""
    kinds = random.integers(0, 0xFFFF, (SPREAD, 3))
    which = random.integers(0, SPREAD, count)
    usual = random.random(count) < 0.95
    columns = {
        name: np.where(usual, 0xFFFF, kinds[which, i] | 1) for i, name in enumerate(("calls", "robocalls", "messages"))
    }
    return {**columns, "quiet": np.where(usual, 0, which % 7)}


def make(folder: Path, rows: int, seed: int, parties: list[tuple[str, str]]) -> None:
    """A registry at edition 1 whose base holds `rows` numbers, evenly served by the parties."""
    bench = Bench(folder)
    bench.store.migrate(at=0)
    random = np.random.default_rng(seed)
    digits = draw_numbers(bench.plan, rows, seed)
    sealed = sealing.seal_many(bench.keys.at_rest, digits)
    names = [party for party, _ in parties]
    carrier = random.integers(0, len(names), rows).astype(np.int32)
    scratch = folder / "making"
    scratch.mkdir()
    made = merge_base((), base_rows(sealed, preferences(rows, random), carrier, names), scratch)
    for part in made:
        bench.shelf.put(rolling.FOLDER + part.name, scratch / part.name)
        (scratch / part.name).unlink()
    with bench.store.writing():
        for ordinal, (party, scope) in enumerate(parties, 1):
            bench.store.engine.run(
                """INSERT INTO party (party, ordinal, kind, name_zh, name_en, state, scope, licensed, created)
                   VALUES (:party, :ordinal, 'carrier', :party, :party, 'active', :scope, 1, 0)""",
                party=party, ordinal=ordinal, scope=scope,
            )
        now = to_micros(bench.clock.now())
        bench.store.editions.insert(edition=1, state="published", opened=now, published=now)
        bench.store.editions.put_base(BaseRow(1, rows, msgspec.json.encode(made).decode(), now))
    bench.store.close()


def change(folder: Path, count: int, seed: int, *, homes: int = 0) -> None:
    """Change what `count` numbers of the registry decline, half of them new ones."""
    bench = Bench(folder)
    random = np.random.default_rng(seed + 1)
    digits = draw_numbers(bench.plan, 2 * count, seed)[: count // 2]
    fresh = draw_numbers(bench.plan, count - count // 2, seed + 99)
    digits = np.unique(np.concatenate([digits, fresh]))
    registrations.load_many(
        bench.store, bench.clock, sealed=sealing.seal_many(bench.keys.at_rest, digits), source="bench",
        **preferences(len(digits), random),
    )
    if homes:
        with bench.store.writing():
            rows = bench.store.engine.rows("SELECT number FROM pending")
            bench.store.engine.run_many(
                "INSERT INTO porting (number, since, carrier) VALUES (:number, 0, :carrier)",
                [{"number": row["number"], "carrier": f"home{i % homes:02d}"} for i, row in enumerate(rows)],
            )
    bench.store.close()


def publish(folder: Path) -> dict[str, Any]:
    """One round in this process: seconds, peak memory in MB, counts."""
    bench: Any = Bench(folder)
    started = time.perf_counter()
    counts = publish_once(bench)
    seconds = time.perf_counter() - started
    bench.store.close()
    return {"seconds": seconds, "mb": peak_mb(), **counts}


def peak_mb() -> float:
    """The most memory that this process ever had; getrusage would count its parent in."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def alone(step: str, *arguments: object) -> Any:
    """Run a step of this module in a process of its own; what it answered."""
    code = f"import json, sys; from tests.bench import bench_publish as b; print(json.dumps(b.{step}(*sys.argv[1:])))"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def publish_step(folder: str) -> dict[str, Any]:
    """`publish` as a step."""
    return publish(Path(folder))


def delta_at(rows: int, seed: int, folder: Path) -> SimpleNamespace:
    """Publish 10,000 changes to one national feed of `rows` entries, a few times; the fastest and the highest peak."""
    folder.mkdir()
    make(folder, rows, seed, [("all", "national")])
    first = alone("publish_step", folder)
    rounds = []
    for attempt in range(3):
        change(folder, CHANGES, seed + attempt)
        rounds.append(alone("publish_step", folder))
    return SimpleNamespace(
        full=first, seconds=min(each["seconds"] for each in rounds), mb=max(each["mb"] for each in rounds)
    )


def measure(rows: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """The rows of the table: measure, value, bar, met."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        small = delta_at(max(rows // 10, 1), seed, Path(name) / "small")
        large = delta_at(rows, seed, Path(name) / "large")
        print(small, large)
    ratio = large.seconds / small.seconds
    return [
        (
            f"delta of {CHANGES:,} changes: {rows:,} over {rows // 10:,} registrations",
            f"{ratio:.2f} ({large.seconds:.2f} s over {small.seconds:.2f} s)", "<= 1.5", ratio <= 1.5,
        ),
        ("its peak memory", f"{large.mb:.0f} MB", "<= 300 MB", large.mb <= 300),
    ]
