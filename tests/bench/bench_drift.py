"""What being behind, drifting and holding a large list cost a follower: bytes fetched, bytes of a repair, memory.

Weeks pass by a clock that is set, with a round of publishing twice a day; every follower is a folder of its own.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from registry import registrations, repairs, sealing
from registry.editions import BUCKETS, RECORD, FeedFile, FeedPart, Records
from registry.numbering.draw import draw_numbers
from registry.outside.shelf import FolderShelf
from sync import bring
from sync.follow import follow_once
from sync.listfiles import write_list
from sync.mirror import Mirror
from sync.publish import publish_once
from sync.state import StateFolder
from tests.bench.bench_publish import KNOWN, Bench, Near, alone, make, preferences
from tests.doubles import FakeClock

HERE = "bench_drift"
A_DAY = 20_000  # changes
DAYS = 37
DAMAGED = 100
HELD, ASKED = 50_000_000, 1_000_000
ROWS_PER_PART = 4_000_000
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
BEHIND = {"five weeks": DAYS - 35, "a day": DAYS - 1}  # the day on which a follower was last heard of
AWAY = ("a minute", "a day", "five weeks", "a year")
Row = tuple[str, str, str, bool]


class Mending(Near):
    """A feed whose registry mends lists, straight from its copies."""

    def call(self, method: str, path: str, body: Any = None) -> dict[str, object]:
        """As `HttpSource.call`; what was found is not kept."""
        kept = {name: value for name, value in body.items() if name != "found"} if body else body
        return super().call(method, path, kept)

    def ask(self, path: str, body: Any = None, *, most: int) -> bytes:
        """As `HttpSource.ask`."""
        _, epoch, what, *root = [*path.split("/"), ""]
        where: Any = {"copies": FolderShelf(self._bench.instance / "mirrors"), "party": self._name, "epoch": int(epoch)}
        if what == "digests":
            return repairs.digests(**where, buckets=body["buckets"])
        if what == "pieces":
            return repairs.records(**where, wanted=body["pieces"])
        if what == "exceptions":
            return bytes(where["copies"].get(repairs.exceptions_file(**where, root=root[0])[0]))
        state = repairs.copy_of(**where)
        return json.dumps({"edition": state.edition, "leaves": state.leaves}).encode()


def follow(bench: Any, name: str, *, verify: bool = False) -> dict[str, Any]:
    """One round of a follower: seconds, bytes, entries, what was found."""
    root = bench.shelf.get("trust/1.root.json")
    state = StateFolder(bench.folder / name)
    started = time.perf_counter()
    done = follow_once(Mending(bench, "all"), state, bench.clock, party="all", root=root, verify=verify)
    seconds = time.perf_counter() - started
    assert done.agrees
    return {"seconds": seconds, "bytes": done.size, "entries": done.entries, "found": done.found}


def change(bench: Any, count: int, random: np.random.Generator) -> None:
    """Change what `count` numbers decline, half of them new ones."""
    known = random.choice(np.load(bench.folder / KNOWN), count // 2, replace=False)
    fresh = draw_numbers(bench.plan, count - count // 2, int(random.integers(2**31)))
    digits = np.unique(np.concatenate([known, fresh]))
    registrations.load_many(
        bench.store, bench.clock, sealed=sealing.seal_many(bench.keys.at_rest, digits), source="bench",
        **preferences(len(digits), random),
    )


def weeks_step(folder: str, seed: str) -> dict[str, Any]:
    """Weeks of publishing, then what each follower fetches who was away for a while."""
    clock, random = FakeClock(START), np.random.default_rng(int(seed))
    bench: Any = Bench(Path(folder), clock=clock)  # type: ignore[arg-type]
    publish_once(bench)
    follow(bench, "a year")
    clock.advance(days=365 - DAYS)  # nothing changed meanwhile, but every roll-up from then is gone
    for day in range(DAYS):
        for name, last in BEHIND.items():
            if day == last:
                follow(bench, name)
        for _ in range(2):
            clock.advance(hours=12)
            change(bench, A_DAY // 2, random)
            publish_once(bench)
    follow(bench, "a minute")
    clock.advance(seconds=60)
    change(bench, A_DAY // 1440, random)
    publish_once(bench)
    found = {name: follow(bench, name) for name in AWAY}
    found["full"] = follow(bench, "full")
    roots = {Mirror.open(bench.folder / name / "list").content_root for name in found}
    assert len(roots) == 1
    found["mended"] = _mended(bench, random)
    bench.store.close()
    return {name: {key: value for key, value in each.items() if key != "found"} for name, each in found.items()}


def _mended(bench: Any, random: np.random.Generator) -> dict[str, Any]:
    """Damage entries at random places in the files of a follower's list; what it costs to mend them."""
    mirror = Mirror.open(bench.folder / "full" / "list")
    starts = np.cumsum([0, *mirror.state.counts])
    for place in random.choice(mirror.entries, DAMAGED, replace=False).tolist():
        bucket = int(np.searchsorted(starts, place, side="right")) - 1
        path = mirror.folder / str(mirror.state.bucket_name(bucket))
        content = bytearray(path.read_bytes())
        at = (place - int(starts[bucket])) * RECORD.itemsize + int(random.integers(2, RECORD.itemsize))
        content[at] ^= 1 << int(random.integers(8))
        path.write_bytes(bytes(content))
    done = follow(bench, "full", verify=True)
    assert done["found"] is not None
    assert not done["found"].anew
    Mirror.open(mirror.folder).verify()
    return done


# --- memory -----------------------------------------------------------------------------------------------------------


def some_records(count: int, seed: int) -> Iterator[Records]:
    """Random records bucket by bucket, ascending."""
    random = np.random.default_rng(seed)
    for bucket in range(BUCKETS):
        tags = np.unique(random.integers(0, 2**56, count // BUCKETS, np.uint64)) | np.uint64(bucket << 56)
        records = np.zeros(len(tags), RECORD)
        records["tag"] = tags
        for name in ("calls", "robocalls", "messages"):
            records[name] = 0xFFFF
        yield records


def write_step(folder: str, count: str, seed: str) -> list[Any]:
    """Write the files of a full list of random entries."""
    parts, held = [], []
    for records in some_records(int(count), int(seed)):
        held.append(records.tobytes())
        if sum(map(len, held)) >= ROWS_PER_PART * RECORD.itemsize:
            parts.append(write_list(Path(folder), np.frombuffer(b"".join(held), RECORD)))
            held = []
    if held:
        parts.append(write_list(Path(folder), np.frombuffer(b"".join(held), RECORD)))
    return [[part.rows, part.bytes, part.sha256] for part in parts]


def take_step(folder: str, parts: str) -> dict[str, float]:
    """Take a full list: seconds, and the most memory that it ever had above what the process began with, in MB."""
    before, started = _memory("VmRSS"), time.perf_counter()
    full = FeedFile("full", 0, 1, 1, tuple(FeedPart(*part) for part in json.loads(parts)))
    mirror = Mirror.open(Path(folder) / "list")
    mirror.replace(bring.full_records(full, Path(folder)), None, edition=1, epoch=1, algorithm="aes-cmac-64")
    return {"seconds": time.perf_counter() - started, "mb": _memory("VmHWM") - before, "entries": mirror.entries}


def look_step(folder: str, seed: str) -> dict[str, float]:
    """Open a list and look numbers up: resident memory, mapped pages included, above what the process began with."""
    tags = np.random.default_rng(int(seed)).integers(0, 2**64, ASKED, np.uint64)
    before = _memory("VmRSS")
    mirror = Mirror.open(Path(folder) / "list")
    mirror.find_many(tags)
    return {"mb": _memory("VmRSS") - before, "peak": _memory("VmHWM") - before, "entries": mirror.entries}


def _memory(name: str) -> float:
    """A figure of this process in MB."""
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0]) / 1024


def memory(folder: Path, held: int, seed: int) -> list[Row]:
    """What a list of so many entries takes in memory."""
    parts = alone("write_step", folder, held, seed, module=HERE)
    taken = alone("take_step", folder, json.dumps(parts), module=HERE)
    looked = alone("look_step", folder, seed, module=HERE)
    each, peak = (looked[name] * 2**20 / looked["entries"] for name in ("mb", "peak"))
    return [
        (
            f"follower memory with {int(looked['entries']):,} entries, {ASKED:,} looked up, mapped pages included",
            f"{each:.1f} bytes an entry (peak {peak:.1f}; taking the full list: {taken['mb']:.0f} MB in "
            f"{taken['seconds']:.0f} s)", "<= 20 bytes an entry", each <= 20,
        ),
    ]


def measure(rows: int, seed: int) -> list[Row]:
    """The rows of the table: measure, value, bar, met."""
    home = Path(__file__).parents[2] / ".bench"
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="weeks-", dir=home) as name:
        make(Path(name), rows, seed, [("all", "national")])
        found = alone("weeks_step", name, seed, module=HERE)
    with tempfile.TemporaryDirectory(prefix="memory-", dir=home) as name:
        held = memory(Path(name), HELD * rows // 10_000_000, seed)
    full, mended = found["full"]["bytes"], found["mended"]["bytes"]
    bytes_of = ", ".join(f"{name} {found[name]['bytes'] / 1e6:.3f} MB" for name in AWAY)
    return [
        (
            f"bytes fetched by a follower that was away ({rows:,} entries, {A_DAY:,} changes a day)",
            f"{bytes_of} (a full list: {full / 1e6:.2f} MB)", "all end on one root", True,
        ),
        (
            f"content-root repair after {DAMAGED} damaged entries in {found['full']['entries']:,}",
            f"{mended / 1e6:.2f} MB, {mended / full:.2%} of a full, {found['mended']['seconds']:.1f} s",
            "bytes <= 2 % of a full", mended <= full * 0.02,
        ),
        *held,
    ]  # fmt: skip
