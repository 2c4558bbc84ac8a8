"""What publishing and following cost at size: a delta at 1 M and at 10 M, a follower's full list and its decisions.

Every measured step runs in a process of its own, whose peak memory is the answer to "how much does it take".
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from registry import followers, keydelivery, registrations, sealing
from registry.keys import KeyRing, SigningKeys
from registry.numbering import NumberPlan, load_plan
from registry.numbering.draw import draw_numbers
from registry.numbers import Number
from registry.outside.clock import SystemClock
from registry.outside.shelf import FolderShelf
from registry.preferences import Category
from registry.settings import Settings
from registry.store import Store
from registry.store.editions import BaseRow
from registry.store.engine import SqliteEngine
from registry.times import to_micros
from sync import rolling
from sync.base import base_rows, merge_base
from sync.follow import follow_once
from sync.lookup import Lookup
from sync.publish import publish_once
from sync.source import ShelfSource
from sync.state import StateFolder

CHANGES = 10_000
TURNS = 4
KNOWN = "known.npy"  # some of the numbers that are registered
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


def make(
    folder: Path, rows: int, seed: int, parties: list[tuple[str, str]], *, plan: NumberPlan | None = None
) -> None:
    """A registry at edition 1 whose base holds `rows` numbers, served as a plan says or evenly by the parties."""
    bench = Bench(folder)
    bench.store.migrate(at=0)
    random = np.random.default_rng(seed)
    digits = draw_numbers(bench.plan, rows, seed)
    np.save(folder / KNOWN, digits[:100_000])
    sealed = sealing.seal_many(bench.keys.at_rest, digits)
    names = [party for party, _ in parties] if plan is None else [*plan.carriers, ""]
    carrier = random.integers(0, len(names), rows).astype(np.int32)
    if plan is not None:
        carrier = plan.carriers_of(digits).astype(np.int32) % len(names)  # -1: nobody's
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


def change(folder: Path, count: int, seed: int) -> None:
    """Change what `count` numbers of the registry decline, half of them new ones."""
    bench = Bench(folder)
    random = np.random.default_rng(seed + 1)
    known = random.choice(np.load(folder / KNOWN), count // 2, replace=False)
    fresh = draw_numbers(bench.plan, count - count // 2, seed + 99)
    digits = np.unique(np.concatenate([known, fresh]))
    registrations.load_many(
        bench.store, bench.clock, sealed=sealing.seal_many(bench.keys.at_rest, digits), source="bench",
        **preferences(len(digits), random),
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


def alone(step: str, *arguments: object, module: str = "bench_publish") -> Any:
    """Run a step of a module of this room in a process of its own; what it answered."""
    code = f"import json, sys; from tests.bench import {module} as b; print(json.dumps(b.{step}(*sys.argv[1:])))"
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


class Near(ShelfSource):
    """A feed straight from the shelf, and the use cases behind the API: what following costs without a network."""

    def __init__(self, bench: Bench, party: str) -> None:
        super().__init__(bench.shelf, party)
        self._bench, self._name = bench, party

    def call(self, method: str, path: str, body: Any = None) -> dict[str, object]:
        """As `HttpSource.call`."""
        bench: Any = self._bench
        if method == "PUT":
            keydelivery.register(bench.store, bench.clock, party=self._name, public_key=body["public_key"])
            return {}
        if path == "acknowledgements":
            return {"agrees": followers.acknowledge(bench.store, bench.clock, party=self._name, **body)}
        found = keydelivery.deliver(
            bench.store, bench.clock, bench.keys, bench.settings.keys, party=self._name
        )
        keys = [{"epoch": each.epoch, "wrapped": base64.b64encode(each.wrapped).decode()} for each in found]
        return {"epoch": keys[-1]["epoch"], "algorithm": bench.settings.publish.algorithm, "keys": keys}


def follow_step(folder: str, seed: str) -> dict[str, Any]:
    """Follow a feed from nothing and look numbers up: seconds, entries, and microseconds of one decision."""
    bench = Bench(Path(folder))
    state = StateFolder(Path(folder) / "follower")
    root = bench.shelf.get("trust/1.root.json")
    started = time.perf_counter()
    done = follow_once(Near(bench, "all"), state, bench.clock, party="all", root=root)
    seconds = time.perf_counter() - started
    lookup, at = Lookup.open(state, bench.plan), bench.clock.now()
    known = np.random.default_rng(int(seed)).choice(np.load(Path(folder) / KNOWN), 20_000, replace=False)
    numbers = [Number(1, int(digits)) for digits in known]
    blocked = 0
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        for number in numbers:
            blocked += not lookup.decide(number, at=at, category=Category.LOAN).allow
        taken.append(time.perf_counter() - started)
    assert blocked > len(numbers)
    assert done.agrees
    bench.store.close()
    return {"seconds": seconds, "entries": done.entries, "us": min(taken) / len(numbers) * 1e6, "mb": peak_mb()}


def deltas(folder: Path, rows: int, seed: int) -> tuple[dict[int, list[dict[str, Any]]], Path]:
    """Rounds of publishing 10,000 changes to a national feed, at a tenth of the size and at all of it, in turns."""
    sizes = {max(rows // 10, 1): folder / "small", rows: folder / "large"}
    rounds: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    for size, place in sizes.items():
        place.mkdir()
        make(place, size, seed, [("all", "national")])
        alone("publish_step", place)
    for turn in range(TURNS):
        for size, place in sizes.items():
            change(place, CHANGES, seed + turn)
            rounds[size].append(alone("publish_step", place))
    return rounds, sizes[rows]


def measure(rows: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """The rows of the table: measure, value, bar, met."""
    home = Path(__file__).parents[2] / ".bench"
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="publish-", dir=home) as name:
        rounds, large = deltas(Path(name), rows, seed)
        followed = alone("follow_step", large, seed)
    small_s, large_s = (min(each["seconds"] for each in found) for found in rounds.values())
    memory = max(each["mb"] for each in rounds[rows])
    ratio = large_s / small_s
    took, each, entries = followed["seconds"], followed["us"], followed["entries"]
    return [
        (
            f"delta of {CHANGES:,} changes published: time at {rows:,} over time at {max(rows // 10, 1):,}",
            f"{ratio:.2f} ({large_s:.2f} s over {small_s:.2f} s)", "<= 1.5", ratio <= 1.5,
        ),
        ("the same: peak memory", f"{memory:.0f} MB", "<= 300 MB", memory <= 300),
        (f"follower: fetch, verify and apply a feed of {entries:,}", f"{took:.2f} s", "<= 8 s", took <= 8),
        ("follower: one offline decision, warm", f"{each:.1f} µs", "<= 20 µs", each <= 20),
    ]
