"""Full lists: from base files to finished list files of one recipient, in bounded memory (DESIGN §4).

Rules of this room:
- Two passes. The first turns sealed numbers into tags, a row group at a time, and leaves each as a run on disk, grouped
  by the tag's top byte. The second sorts the buckets of one part after another, hashes and writes them.
- A row carries a code for its preference: there are few different ones, and they are looked up when rows are written.
- Both passes share their work among threads: numpy, the cipher, SHA-256 and Parquet all let go of the interpreter.
- Two numbers with the same tag (one chance in 50 000 at a billion) cannot stand in one list: said, never merged.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from registry.editions import BUCKETS, EMPTY_LEAF, MASKS, RECORD, FeedPart, leaf, root_of_leaves
from registry.errors import ConflictError
from registry.sealing import unseal_blocks
from registry.tags import Algorithm, tags_of_blocks
from sync.base import carrier_of, sealed_of
from sync.listfiles import LIST, reading, write_columns

ROWS_PER_PART = 4_000_000
THREADS = 2
_NAMES = (*MASKS, "quiet")
_PREFERENCE = np.dtype([(name, RECORD[name]) for name in _NAMES])  # the last 10 bytes of a record
_SPLIT_RECORD = np.dtype([("tag", ">u8"), ("preference", f"V{_PREFERENCE.itemsize}")])
_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


@dataclass(frozen=True)
class FullList:
    """A finished full list: its files in the order of their tags, and what it holds (leaves: 256 of 32 bytes)."""

    parts: tuple[FeedPart, ...]
    entries: int
    leaves: tuple[bytes, ...]

    @property
    def content_root(self) -> bytes:
        """The root over the leaves, 32 bytes."""
        return root_of_leaves(self.leaves)


@dataclass(frozen=True)
class _Run:
    """One row group's entries on disk, grouped by bucket: `bounds` i64[257] of rows."""

    tags: Path
    codes: Path
    bounds: NDArray[np.intp]


def build_full(
    base: Sequence[Path],
    folder: Path,
    *,
    at_rest: bytes,
    key: bytes,
    algorithm: Algorithm = "aes-cmac-64",
    carriers: frozenset[str] | None = None,
    rows_per_part: int = ROWS_PER_PART,
) -> FullList:
    """Write the list of all numbers in the base files that `carriers` serve (None: all) into a folder.

    `at_rest` unseals, `key` is the recipient's list key. Files lie in the folder as `FeedPart.name`. Raises FeedError
    for a base file that cannot be read, InvalidInputError for one sealed by another key, ConflictError (`tag_twice`).
    """
    preferences = _Preferences()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".runs-") as scratch:

        def run_of(place: tuple[Path, int]) -> _Run:
            table = _row_group(*place, carriers)
            tags = tags_of_blocks(key, unseal_blocks(at_rest, sealed_of(table)), algorithm)
            return _spill(Path(scratch), place, tags, preferences.codes(table))

        runs = _threaded(run_of, _row_groups(base))
        entries = int(sum(run.bounds[-1] for run in runs))
        table = preferences.table()
        groups = _groups(entries, rows_per_part)
        pieces = _threaded(lambda group: _part(runs, group, table, folder, rows_per_part), groups)
    return FullList(
        parts=tuple(part for parts, _ in pieces for part in parts),
        entries=entries,
        leaves=tuple(digest for _, leaves in pieces for digest in leaves),
    )


def _threaded(work: Callable[[_Item], _Done], items: Iterable[_Item]) -> list[_Done]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))


# --- first pass -------------------------------------------------------------------------------------------------------


class _Preferences:
    """The different preferences met so far; a code is a place in them. Shared by threads."""

    def __init__(self) -> None:
        self._codes: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def codes(self, table: pa.Table) -> NDArray[np.uint32]:
        """The code of each row's preference, u32[n]."""
        masks = np.zeros(len(table), np.uint64)
        for i, name in enumerate(MASKS):
            masks |= _column(table, name).astype(np.uint64) << np.uint64(16 * i)
        quiet = _column(table, "quiet")
        usual = (masks == 0xFFFF_FFFF_FFFF) & (quiet == 0)  # nearly everybody: those need no sorting
        rest = np.flatnonzero(~usual)
        _, first, place = np.unique(masks[rest], return_index=True, return_inverse=True)
        _, first, place = np.unique(place.astype(np.uint64) << 32 | quiet[rest], return_index=True, return_inverse=True)
        found = np.zeros(len(first) + 1, _PREFERENCE)
        for name in _NAMES:
            found[name][:-1] = _column(table, name)[rest[first]]
        for name in MASKS:
            found[name][-1] = 0xFFFF
        with self._lock:
            known = np.array([self._codes.setdefault(row.tobytes(), len(self._codes)) for row in found], np.uint32)
        codes = np.full(len(table), known[-1], np.uint32)
        codes[rest] = known[:-1][place]
        return codes

    def table(self) -> NDArray[np.void]:
        """All preferences by code, of dtype _PREFERENCE."""
        return np.frombuffer(b"".join(self._codes), _PREFERENCE)


def _column(table: pa.Table, name: str) -> NDArray[Any]:
    column: NDArray[Any] = table[name].combine_chunks().to_numpy()
    return column


def _row_groups(base: Sequence[Path]) -> list[tuple[Path, int]]:
    places = []
    for path in base:
        with reading(path) as file:
            places += [(path, i) for i in range(file.num_row_groups)]
    return places


def _row_group(path: Path, group: int, carriers: frozenset[str] | None) -> pa.Table:
    wanted = ["sealed", *_NAMES] if carriers is None else ["sealed", *_NAMES, "carrier"]
    with reading(path, read_dictionary=["carrier"]) as file:
        table = file.read_row_group(group, columns=wanted, use_threads=False)
    if carriers is None:
        return table
    names: dict[str, int] = {}
    codes = carrier_of(table, names)
    served = np.array([not carriers.isdisjoint(name.split()) for name in names], bool)
    return table.filter(pa.array(served[codes]))


def _spill(scratch: Path, place: tuple[Path, int], tags: NDArray[np.uint64], codes: NDArray[np.uint32]) -> _Run:
    tops = (tags >> np.uint64(56)).astype(np.uint8)
    order = np.argsort(tops, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(tops, minlength=BUCKETS))])
    name = f"{place[0].name}-{place[1]}"
    run = _Run(scratch / f"{name}.tags", scratch / f"{name}.codes", bounds)
    tags[order].tofile(run.tags)
    codes[order].tofile(run.codes)
    return run


# --- second pass ------------------------------------------------------------------------------------------------------


def _groups(entries: int, rows_per_part: int) -> list[range]:
    """The buckets in equal groups: 2^k parts of the tag's top bits, none expected to hold more rows than allowed."""
    parts = 1
    while parts < BUCKETS and entries > parts * rows_per_part:
        parts *= 2
    width = BUCKETS // parts
    return [range(start, start + width) for start in range(0, BUCKETS, width)]


def _part(
    runs: list[_Run], buckets: range, preferences: NDArray[np.void], folder: Path, rows_per_part: int
) -> tuple[list[FeedPart], list[bytes]]:
    """Sort, hash and write the buckets of one part -> its files (one, unless tags are badly spread), and leaves."""
    sorted_buckets = [_bucket(runs, bucket) for bucket in buckets]
    leaves = [_leaf(tags, codes, preferences) for tags, codes in sorted_buckets]
    tags = np.concatenate([tags for tags, _ in sorted_buckets])
    codes = np.concatenate([codes for _, codes in sorted_buckets])
    del sorted_buckets
    parts = []
    for start in range(0, len(tags), rows_per_part):
        rows = slice(start, start + rows_per_part)
        columns = {name: preferences[name].astype(np.uint32).take(codes[rows]) for name in _NAMES}
        parts.append(write_columns(folder, LIST, {"tag": tags[rows], **columns}))
    return parts, leaves


def _bucket(runs: list[_Run], bucket: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    def of_all(kind: str, dtype: type[Any]) -> NDArray[Any]:
        size, found = np.dtype(dtype).itemsize, []
        for run in runs:
            start, stop = int(run.bounds[bucket]), int(run.bounds[bucket + 1])
            found.append(np.fromfile(getattr(run, kind), dtype, stop - start, offset=start * size))
        return np.concatenate(found) if found else np.empty(0, dtype)

    tags = of_all("tags", np.uint64)
    order = np.argsort(tags)
    tags = tags[order]
    if (tags[1:] == tags[:-1]).any():
        detail = "Two numbers have the same tag under this list key; a new key epoch mends it."
        raise ConflictError(detail, code="tag_twice")
    return tags, of_all("codes", np.uint32)[order]


def _leaf(tags: NDArray[np.uint64], codes: NDArray[np.uint32], preferences: NDArray[np.void]) -> bytes:
    if not len(tags):
        return EMPTY_LEAF
    records = np.empty(len(tags), _SPLIT_RECORD)
    records["tag"] = tags
    records["preference"] = preferences.view(_SPLIT_RECORD["preference"]).take(codes)
    return leaf(records)
