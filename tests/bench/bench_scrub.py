"""Scrubbing from file to file: a CSV comes in, the same CSV with answers goes out; beside DuckDB and home-made ways.

What others hold is ready before the clock starts, as our index is: DuckDB's table is loaded, sqlite3's is indexed and
analysed, the Python set is filled. They answer one word and read numbers as they stand, while ours reads whatever
people write and says reason, rule and times. Runs take turns in one process, and the best of each counts.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from registry.calllists.files import inspect, scrub
from registry.calllists.tally import Tally
from registry.decisions import Contact
from registry.numbering import NumberPlan, load_plan
from registry.preferences import Category, Channel
from registry.rulebook import load_rulebooks
from registry.scrub import Lists, Scrubber
from registry.scrubindex import ScrubIndex, open_index
from tests.bench.bench_drift import _memory
from tests.bench.bench_publish import alone
from tests.bench.scrub_data import PLAIN, CallList, Mix, Mobiles, make_index

HERE = "bench_scrub"
TURNS = 5
KEY = bytes(range(32))
WHEN = datetime(2026, 11, 24, 3, tzinfo=UTC)
ASKED = 1_000_000  # keys that are looked up where memory is measured
CHUNK = 1 << 20
Row = tuple[str, str, str, bool]


class Room:
    """The files of one run in a folder, and our way through them."""

    def __init__(self, folder: str, seed: int, registrations: int) -> None:
        self.folder, self.seed, self.registrations = Path(folder), seed, registrations
        self.plan: NumberPlan = load_plan()
        self.rulebooks = load_rulebooks()
        self.index_path = self.folder / f"index-{registrations}"

    def prepare(self, lines: dict[str, tuple[int, Mix]]) -> None:
        """Make the index unless it is there, and call lists by name."""
        if not self.index_path.exists():
            make_index(self.index_path, self.plan, self.registrations, self.seed, key=KEY)
        for name, (count, mix) in lines.items():
            CallList(self.plan, count, self.registrations, self.seed, mix).write(self.listed(name))

    def listed(self, name: str) -> Path:
        """Where a call list lies."""
        return self.folder / f"{name}-{self.registrations}.csv"

    @property
    def out(self) -> Path:
        """Where results are written; never over another one, which costs time of its own."""
        path = self.folder / "out.csv"
        path.unlink(missing_ok=True)
        return path

    def index(self) -> ScrubIndex:
        """The index, read once, so that what is measured is not the disk."""
        with self.index_path.open("rb") as file:
            while file.read(CHUNK):
                pass
        return open_index(self.index_path)

    def ours(self, index: ScrubIndex, name: str) -> dict[str, int]:
        """A call list scrubbed from file to file; how many lines got each verdict."""
        contact = Contact(WHEN, Channel.CALLS, Category.LOAN, telemarketer="acme")
        scrubber = Scrubber(
            None, Lists((index,), 1), contact, self.rulebooks, at_rest=KEY, holidays=self.plan.holidays,  # type: ignore[arg-type]
            valid=timedelta(days=7),
        )  # fmt: skip
        tally = Tally()
        with self.listed(name).open("rb") as source, self.out.open("wb", buffering=0) as result:
            found = inspect(source, "list.csv", self.plan, country="CN")
            for block in scrub(source, found, scrubber, self.plan, country="CN", tally=tally):
                result.write(block)
        counts: dict[str, int] = {}
        for kind, count in zip(scrubber.kinds, tally.counts.tolist()):
            counts[kind.verdict] = counts.get(kind.verdict, 0) + count
        return counts


def in_turn(*works: Callable[[], Any], turns: int = TURNS) -> list[float]:
    """The shortest time of each of some works that take turns, in seconds; each once before, to warm up."""
    taken: list[list[float]] = [[] for _ in works]
    for turn in range(turns + 1):
        for place, work in enumerate(works):
            start = time.perf_counter()
            work()
            if turn:
                taken[place].append(time.perf_counter() - start)
    return [min(each) for each in taken]


# beside DuckDB

DUCKDB = """COPY (
    SELECT l.*, CASE WHEN r.number IS NULL THEN 'allowed' ELSE 'declined' END AS verdict
    FROM read_csv('{source}', header = true, columns = {{'id': 'BIGINT', 'name': 'VARCHAR', 'phone': '{type}',
                  'city': 'VARCHAR', 'last_order': 'VARCHAR'}}) l
    LEFT JOIN registered r ON r.number = {number}
{order}) TO '{out}' (HEADER)"""


def duckdb_step(folder: str, seed: str, registrations: str) -> dict[str, Any]:
    """Ours and DuckDB, for numbers that are written plainly and as people write them: seconds of each."""
    room = Room(folder, int(seed), int(registrations))
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    index = room.index()
    with duckdb.connect(config={"threads": 2}) as database:
        numbers = pa.table({"number": Mobiles(room.plan, room.seed).at(np.arange(room.registrations)).astype(np.int64)})
        database.execute("CREATE TABLE registered AS SELECT number FROM numbers")
        del numbers
        theirs = partial(with_duckdb, room, database)
        for name in ("plain", "mixed"):
            found[name] = in_turn(
                partial(room.ours, index, name), partial(theirs, name), partial(theirs, name, "ORDER BY l.id")
            )
    return found


def with_duckdb(room: Room, database: duckdb.DuckDBPyConnection, name: str, order: str = "") -> None:
    """A call list joined by DuckDB, where it is not plain what can be taken for a number; its lines come in no order
    unless one is asked for."""
    kind, number = ("BIGINT", "l.phone") if name == "plain" else ("VARCHAR", "TRY_CAST(l.phone AS BIGINT)")
    database.execute(DUCKDB.format(source=room.listed(name), type=kind, number=number, order=order, out=room.out))


# home-made ways


def rows_of(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV without its header."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        next(reader)
        yield from reader


def with_set(room: Room, known: set[str]) -> None:
    """The list against a Python set of strings."""
    with room.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows(
            [*row, "declined" if row[2] in known else "allowed"] for row in rows_of(room.listed("plain"))
        )


def one_by_one(room: Room, database: sqlite3.Connection) -> None:
    """The list against sqlite3, a query for each line."""
    ask = database.cursor()
    with room.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for row in rows_of(room.listed("plain")):
            there = ask.execute("SELECT 1 FROM registered WHERE number = ?", (int(row[2]),)).fetchone()
            writer.writerow([*row, "declined" if there else "allowed"])


def joined(room: Room, database: sqlite3.Connection) -> None:
    """The list put into sqlite3, and joined there."""
    database.execute("DROP TABLE IF EXISTS list")
    database.execute("CREATE TEMP TABLE list (id, name, phone INTEGER, city, last_order)")
    database.executemany("INSERT INTO list VALUES (?, ?, ?, ?, ?)", rows_of(room.listed("plain")))
    with room.out.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(database.execute(
            """SELECT l.*, CASE WHEN r.number IS NULL THEN 'allowed' ELSE 'declined' END
               FROM list l LEFT JOIN registered r ON r.number = l.phone ORDER BY l.rowid"""
        ))  # fmt: skip


def homemade_step(folder: str, seed: str, registrations: str) -> dict[str, Any]:
    """Ours, a Python set of strings, and the quicker way of two with sqlite3: seconds of each."""
    room = Room(folder, int(seed), int(registrations))
    index, numbers = room.index(), Mobiles(room.plan, room.seed).at(np.arange(room.registrations))
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    ours = partial(room.ours, index, "plain")
    found["set"] = in_turn(ours, partial(with_set, room, set(map(str, numbers.tolist()))), turns=2)
    numbers.sort()
    with sqlite3.connect(room.folder / "registered.db") as database:
        database.execute("PRAGMA cache_size = -2000000")
        database.execute("CREATE TABLE registered (number INTEGER PRIMARY KEY) WITHOUT ROWID")
        for start in range(0, len(numbers), CHUNK):
            part = ((number,) for number in numbers[start : start + CHUNK].tolist())
            database.executemany("INSERT INTO registered VALUES (?)", part)
        database.commit()
        mine, *theirs = in_turn(ours, partial(one_by_one, room, database), partial(joined, room, database), turns=2)
    found["sqlite"] = [mine, min(theirs)]
    return found


# at size


def large_step(folder: str, seed: str, registrations: str) -> dict[str, Any]:
    """A large list against many registrations: seconds, and the most memory of this process, mapped pages included."""
    room = Room(folder, int(seed), int(registrations))
    with room.index_path.open("rb") as file:
        while file.read(CHUNK):
            pass
    load, index = os.getloadavg()[0], open_index(room.index_path)
    taken, counts = [], {}
    for _ in range(2):
        start = time.perf_counter()
        counts = room.ours(index, "large")
        taken.append(time.perf_counter() - start)
    return {"seconds": min(taken), "lines": sum(counts.values()), "mb": _memory("VmHWM"), "load": load}


def held_step(folder: str, seed: str, registrations: str) -> dict[str, float]:
    """What an index takes in memory when all of it is in use, above what the process began with, in bytes a row."""
    room = Room(folder, int(seed), int(registrations))
    asked = np.random.default_rng(room.seed).integers(0, 2**64, ASKED, np.uint64)
    found = np.zeros(ASKED, np.uint32)
    before = _memory("VmRSS")
    index = open_index(room.index_path)
    for _ in range(1 + room.registrations // 10_000_000):
        index.find(asked, found)
        asked *= np.uint64(0x9E3779B97F4A7C15)
    assert index.codes.max() > 1  # read whole, too: few of these keys are there
    return {"bytes": (_memory("VmRSS") - before) * 2**20 / room.registrations}


def measure(rows: int, seed: int) -> list[Row]:
    """The rows of the table: measure, value, bar, met. `rows`: the smaller registry; lists have a tenth of it."""
    home = Path(__file__).parents[2] / ".bench"
    home.mkdir(exist_ok=True)
    lines, many = rows // 10, 5 * rows
    lists = {"plain": (lines, PLAIN), "mixed": (lines, Mix())}
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="scrub-", dir=home) as folder:
        for registrations, bar in ((rows, 1.3), (many, 3.0)):
            Room(folder, seed, registrations).prepare(lists)
            seconds = alone("duckdb_step", folder, seed, registrations, module=HERE)
            found += _beside_duckdb(seconds, lines, registrations, bar)
        found += _homemade(alone("homemade_step", folder, seed, rows, module=HERE), lines, rows)
        Room(folder, seed, many).prepare({"large": (rows, Mix())})
        large = alone("large_step", folder, seed, many, module=HERE)
        held = alone("held_step", folder, seed, many, module=HERE)["bytes"]
    speed = large["lines"] / large["seconds"]
    return [
        *found,
        (
            f"scrub of {rows:,} lines, as people write numbers, against {many:,} registrations",
            f"{speed / 1e6:.2f} M lines/s ({large['seconds']:.2f} s; load before it {large['load']:.1f})",
            ">= 2.5 M lines/s", speed >= 2.5e6,
        ),
        (
            "the same: peak memory, mapped pages of the index included", f"{large['mb'] / 1024:.2f} GB", "<= 2.5 GB",
            large["mb"] <= 2560,
        ),
        (
            f"memory a registration of {many:,} held for scrubbing, all pages in use", f"{held:.1f} B", "<= 12 B",
            held <= 12,
        ),
    ]  # fmt: skip


def _beside_duckdb(seconds: dict[str, Any], lines: int, registrations: int, bar: float) -> list[Row]:
    found = []
    for name, said in (("plain", "plain numbers"), ("mixed", "numbers as people write them")):
        ours, theirs, ordered = seconds[name]
        value = (
            f"{theirs / ours:.1f} × faster ({ours:.3f} s, {theirs:.3f} s; with lines in their order, as ours are, "
            f"{ordered:.3f} s: {ordered / ours:.1f} ×; load before it {seconds['load']:.1f})"
        )
        found.append((
            f"scrub of {lines:,} lines ({said}) against {registrations:,}, beside DuckDB", value, f">= {bar:g} ×",
            theirs / ours >= bar,
        ))  # fmt: skip
    return found


def _homemade(seconds: dict[str, Any], lines: int, registrations: int) -> list[Row]:
    found = []
    for name, said in (("set", "a Python set of strings"), ("sqlite", "sqlite3 with an indexed table")):
        ours, theirs = seconds[name]
        value = f"{theirs / ours:.1f} × faster ({ours:.3f} s, {theirs:.2f} s)"
        found.append((
            f"scrub of {lines:,} lines against {registrations:,}, beside {said}", value, ">= 5 ×", theirs / ours >= 5
        ))  # fmt: skip
    return found
