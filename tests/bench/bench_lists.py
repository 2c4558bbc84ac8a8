"""Benchmarks of tags, full lists, mirrors and lookups; each against what people do today or against its bar.

The registrations: random Chinese numbers, 95 % decline everything, the rest is spread over 200 preferences that decline
all calls, differ in which categories of messages they let through, and half of them in their quiet hours.
"""

from __future__ import annotations

import hmac
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from registry.editions import EMPTY_ROOT, RECORD, Records
from registry.numbering import draw_numbers, load_plan
from registry.numbers import Number
from registry.sealing import seal_many
from registry.tags import tag_one, tags_many
from sync.base import base_rows, merge_base
from sync.build import FullList, build_full
from sync.listfiles import read_chunks
from sync.mirror import Mirror

ROOT = Path(__file__).parents[2]
AT_REST, LIST_KEY = bytes(range(32)), bytes(range(32, 64))
CARRIERS = ("cmcc", "ctcc", "cucc", "cbn")
CHANGES = 10_000
Row = tuple[str, str, str, bool]


def best(work: Callable[[], Any], times: int) -> tuple[float, Any]:
    """The shortest of several runs in seconds, and what the last one gave."""
    taken, done = [], None
    for _ in range(times):
        start = time.perf_counter()
        done = work()
        taken.append(time.perf_counter() - start)
    return min(taken), done


@dataclass(frozen=True)
class Registered:
    """Registrations: E.164 digits u64[n] in no order, and the columns calls, robocalls, messages, quiet."""

    digits: np.ndarray
    columns: dict[str, np.ndarray]


def registered(rows: int, seed: int) -> Registered:
    """As the docstring of this module says."""
    draw = np.random.default_rng(seed)
    which = np.where(draw.random(rows) < 0.95, 0, draw.integers(1, 201, rows))
    let_through = np.concatenate([[0xFFFF], draw.choice(0xFFFF, 200, replace=False)])
    hours = np.where(np.arange(201) > 100, draw.integers(1, 2**32, 201), 0)
    calls = np.full(rows, 0xFFFF, np.uint16)
    columns = {"calls": calls, "robocalls": calls, "messages": let_through[which], "quiet": hours[which]}
    return Registered(draw_numbers(load_plan(), rows, seed), columns)


def tags_against_hmac(digits: np.ndarray) -> Row:
    """Bulk tags against a loop of the standard library's HMAC."""
    texts = [b"+%d" % number for number in digits[:200_000].tolist()]
    assert int(tags_many(LIST_KEY, digits[:1])[0]) == tag_one(LIST_KEY, Number(kind=1, digits=int(digits[0])))
    ours, _ = best(lambda: tags_many(LIST_KEY, digits), 5)
    theirs, _ = best(lambda: [hmac.digest(LIST_KEY, text, "sha256") for text in texts], 3)
    rate, loop = len(digits) / ours, len(texts) / theirs
    value = f"{rate / loop:,.0f} × ({rate / 1e6:,.0f} M/s against {loop / 1e6:.2f} M/s)"
    return ("tags in bulk, against a loop of hmac.digest", value, ">= 100 ×", rate / loop >= 100)


def against_duckdb(people: Registered, folder: Path, full: FullList, took: float) -> list[Row]:
    """The same numbers as SHA-256 hex, sorted, Parquet zstd, by DuckDB on as many threads."""
    pq.write_table(pa.table({"number": people.digits, **people.columns}), folder / "numbers.parquet")
    target = folder / "duckdb.parquet"

    def write() -> None:
        with duckdb.connect(config={"threads": 2, "temp_directory": str(folder)}) as database:
            database.execute(
                f"COPY (SELECT sha256('+' || number) AS hash, calls, robocalls, messages, quiet "
                f"FROM read_parquet('{folder / 'numbers.parquet'}') ORDER BY hash) "
                f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
            )

    theirs, _ = best(write, 2)
    size = target.stat().st_size
    quicker, smaller = theirs / took, size / sum(part.bytes for part in full.parts)
    times, sizes = f"{took:.2f} s, {theirs:.2f} s", f"{size / full.entries:.1f} B an entry"
    return [
        ("full list, against DuckDB: time", f"{quicker:.1f} × faster ({times})", ">= 3 ×", quicker >= 3),
        ("full list, against DuckDB: bytes", f"1/{smaller:.1f} ({sizes})", "<= 1/5", smaller >= 5),
    ]


def full_lists(people: Registered, folder: Path) -> tuple[FullList, list[Row]]:
    """From base files to finished list files."""
    count = len(people.digits)
    rows = base_rows(seal_many(AT_REST, people.digits), people.columns, np.arange(count) % 4, CARRIERS)
    base = [folder / part.name for part in merge_base((), rows, folder)]
    del rows
    took, full = best(lambda: build_full(base, folder, at_rest=AT_REST, key=LIST_KEY), 3)
    each = sum(part.bytes for part in full.parts) / count
    found: list[Row] = [
        (f"full list of {count:,}: bytes an entry", f"{each:.2f} B", "<= 5.8 B", each <= 5.8),
        (f"full list of {count:,}: entries/s", f"{count / took / 1e6:.1f} M/s", ">= 4 M/s", count / took >= 4e6),
    ]
    return full, found + against_duckdb(people, folder, full, took)


def follower(folder: Path, full: FullList, draw: np.random.Generator) -> list[Row]:
    """Taking a full list, and looking numbers up in it."""
    def take() -> Mirror:
        shutil.rmtree(folder / "mirror", ignore_errors=True)
        mirror = Mirror.open(folder / "mirror")
        chunks = (chunk for part in full.parts for chunk in read_chunks(folder / part.name, RECORD))
        mirror.replace(chunks, edition=1, epoch=1, algorithm="aes-cmac-64", roots=(full.content_root, EMPTY_ROOT))
        return mirror

    took, mirror = best(take, 2)
    known = np.concatenate([chunk["tag"] for part in full.parts for chunk in read_chunks(folder / part.name, RECORD)])
    known = draw.choice(known.astype(np.uint64), 500_000)
    asked = draw.permutation(np.concatenate([known, draw.integers(0, 2**64, 500_000, np.uint64)]))
    some = asked[:20_000].tolist()
    one, _ = best(lambda: [mirror.find(tag) for tag in some], 3)
    many, (found, _) = best(lambda: mirror.find_many(asked), 3)
    assert found.sum() >= 500_000
    each = one / len(some) * 1e6
    return [
        (f"follower: apply a full list of {full.entries:,}", f"{took:.2f} s", "<= 8 s", took <= 8),
        ("follower: one offline lookup, warm", f"{each:.1f} µs", "<= 20 µs", each <= 20),
        ("follower: lookups in one batch of 1,000,000", f"{1 / many:.1f} M/s", ">= 4 M/s", many <= 0.25),
    ]


def mirror_changes(folder: Path, rows: int, draw: np.random.Generator) -> Row:
    """What of publishing a delta grows with the list: hashing and writing the mirror anew, in a fresh process."""
    small, _ = changed_in_fresh_process(folder / "small", max(rows // 10, 1), int(draw.integers(1 << 30)))
    large, memory = changed_in_fresh_process(folder / "large", rows, int(draw.integers(1 << 30)))
    value = f"{large:.2f} s, {memory} MB at {rows:,}; {small:.2f} s at {max(rows // 10, 1):,}"
    return (f"delta of {CHANGES:,}: the mirror's part (memory bar only)", value, "<= 300 MB", memory <= 300)


def changed_in_fresh_process(folder: Path, rows: int, seed: int) -> tuple[float, int]:
    """Seconds and peak megabytes of changing a mirror of so many rows."""
    with_mirror(folder, rows, seed)
    program = f"from tests.bench.bench_lists import change_mirror; print(*change_mirror({str(folder)!r}, {seed}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()
    shutil.rmtree(folder)
    return float(seconds), int(memory)


def with_mirror(folder: Path, rows: int, seed: int) -> None:
    """A mirror of random tags in a folder."""
    draw = np.random.default_rng(seed)

    def chunks() -> Any:
        for top in range(64):
            tags = draw.integers(top << 58, (top + 1) << 58, -(-rows // 64), dtype=np.uint64)
            yield records_of(np.unique(tags), 0xFFFF)

    Mirror.open(folder).replace(chunks(), edition=1, epoch=1, algorithm="aes-cmac-64")


def records_of(tags: np.ndarray, calls: int) -> Records:
    """Rows for sorted tags."""
    records = np.zeros(len(tags), RECORD)
    records["tag"], records["calls"] = tags, calls
    return records


def change_mirror(folder: str, seed: int) -> tuple[float, int]:
    """Seconds of preparing and committing 10,000 changes (best of 3), and the peak memory of this process in MB."""
    draw, mirror = np.random.default_rng(seed), Mirror.open(Path(folder))

    def change() -> None:
        delta = records_of(np.unique(draw.integers(0, 2**64, CHANGES, dtype=np.uint64)), 3)
        mirror.commit(mirror.prepare(delta), edition=mirror.edition + 1)

    seconds, _ = best(change, 3)
    return seconds, peak_memory()


def peak_memory() -> int:
    """The most resident memory this process ever had, in MB (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def measure(rows: int, seed: int) -> list[Row]:
    """All rows of this benchmark at a size: measure, value, bar, met."""
    draw = np.random.default_rng(seed)
    folder = ROOT / ".bench" / f"lists-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        people = registered(rows, seed)
        found = [tags_against_hmac(people.digits[:2_000_000])]
        full, made = full_lists(people, folder)
        found += made
        found += follower(folder, full, draw)
        found.append(mirror_changes(folder, rows, draw))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found
