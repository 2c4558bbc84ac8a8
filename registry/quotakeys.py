"""Sets of keys of numbers, up to hundreds of millions: in sorted files that are mapped, merged a part at a time.

Rules of this room:
- A key is the first half of a sealed number sealed once more under a key of quotas (`sealing.blind_many`): a file tells
  who holds it alone nothing, not even which registrations it is about. Keys are evenly spread.
- A file is `magic | count u64 | keys u64[count] ascending`, without repeats, complete or not there.
- Nothing reads a set whole: it is searched through a directory of its top bits, and merged in ranges.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry.errors import FeedError

Keys = NDArray[np.uint64]
_MAGIC = b"dc-asked"
_HEAD = struct.Struct("<8sQ")
_ROWS_A_SLOT = 4  # what a slot of the directory holds, on average
_FEW = 1 << 13  # so few keys are searched for without a directory
_AT_ONCE = 1 << 21  # keys merged at once, about
_BUFFER = 1 << 21  # new keys kept in memory before they are written to a run

NO_KEYS: Keys = np.empty(0, np.uint64)


class SortedKeys:
    """Ascending keys u64[n], in memory or mapped, and their directory, made when it is needed first."""

    def __init__(self, keys: Keys = NO_KEYS) -> None:
        self.keys = keys
        self._starts: NDArray[np.uint32] | None = None
        self._shift = np.uint64(0)

    def __len__(self) -> int:
        return len(self.keys)

    def contains(self, asked: Keys) -> NDArray[np.bool_]:
        """Which of the asked keys u64[n] are here."""
        if not len(self.keys) or not len(asked):
            return np.zeros(len(asked), bool)
        if self._starts is None and (len(asked) < _FEW or len(self.keys) < _FEW):
            place = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
            return np.equal(self.keys[place], asked)
        return self._look(asked)

    def _look(self, asked: Keys) -> NDArray[np.bool_]:
        """A binary search in each key's own slot, all keys at once."""
        if self._starts is None:
            self._make_directory()
        assert self._starts is not None
        slots = (asked >> self._shift).astype(np.int64)
        low, high = self._starts[slots].astype(np.int64), self._starts[slots + 1].astype(np.int64)
        step = 1 << int((high - low).max()).bit_length()
        while step := step >> 1:
            there = low + (step - 1)
            below = (there < high) & (self.keys.take(there, mode="clip") < asked)
            low = np.where(below, low + step, low)
        return np.equal(self.keys.take(low, mode="clip"), asked)

    def _make_directory(self) -> None:
        bits = max(1, (len(self.keys) // _ROWS_A_SLOT).bit_length())
        slots = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
        self._shift = np.uint64(64 - bits)
        self._starts = np.append(np.searchsorted(self.keys, slots), len(self.keys)).astype(np.uint32)  # last: threads


class Runs:
    """New keys of one scrub as they come, sorted block by block; beyond a few million they lie in files of a folder.

    What comes must be distinct in itself; repeats between blocks fall out when they are joined.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder, self._runs, self._blocks, self._waiting = folder, list[Keys](), list[Keys](), 0

    def add(self, keys: Keys) -> None:
        """Take ascending keys."""
        self._blocks.append(keys)
        self._waiting += len(keys)
        if self._waiting >= _BUFFER:
            self._write()

    def _write(self) -> None:
        joined = distinct(np.concatenate(self._blocks))
        self._runs.append(_spilled(joined, self._folder) if self._folder is not None else joined)
        self._blocks, self._waiting = [], 0

    def parts(self) -> tuple[Keys, ...]:
        """All that came, as ascending arrays."""
        if self._blocks:
            self._write()
        return tuple(self._runs)

    def joined(self) -> int:
        """Make one run of all, without repeats; how many keys it has."""
        parts = self.parts()
        if len(parts) > 1:
            if self._folder is not None:
                with tempfile.TemporaryFile(dir=self._folder) as file:
                    count = sum(_put(file.fileno(), keys) for keys in merged(parts))
                    self._runs = [_mapped(file.fileno(), 0, count)]
            else:
                self._runs = [np.concatenate(list(merged(parts)))]
        return sum(map(len, self._runs))


def distinct(keys: Keys) -> Keys:
    """Keys ascending, each once; the array that is given may be sorted in place."""
    keys.sort()
    return keys[first_of_each(keys)]


def first_of_each(keys: Keys) -> NDArray[np.bool_]:
    """Of ascending keys, which are the first of their kind."""
    first = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return first


def merged(parts: Sequence[Keys]) -> Iterator[Keys]:
    """The union of ascending arrays, ascending, each key once, a range at a time."""
    ranges = 1 << max(0, (sum(map(len, parts)) // _AT_ONCE).bit_length())
    bounds = [np.append(np.searchsorted(part, _starts(ranges)), len(part)) for part in parts]
    for i in range(ranges):
        joined = np.concatenate([part[at[i] : at[i + 1]] for part, at in zip(parts, bounds)]) if parts else NO_KEYS
        if len(joined):
            yield distinct(joined)


def _starts(ranges: int) -> Keys:
    return np.arange(ranges, dtype=np.uint64) * np.uint64((1 << 64) // ranges if ranges > 1 else 0)


# files


def write_keys(path: Path, parts: Sequence[Keys]) -> int:
    """Write the union of ascending arrays to a path; how many keys that are."""
    with path.open("wb") as file:
        file.write(bytes(_HEAD.size))
        file.flush()
        count = sum(_put(file.fileno(), keys) for keys in merged(parts))
        os.pwrite(file.fileno(), _HEAD.pack(_MAGIC, count), 0)
        os.fsync(file.fileno())
    return count


def open_keys(path: Path) -> Keys:
    """The keys of a file, mapped; it may be deleted meanwhile. Raises FeedError bad_keys for a file that is none."""
    with path.open("rb") as file:
        head, size = file.read(_HEAD.size), os.fstat(file.fileno()).st_size
        magic, count = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0)
        if magic != _MAGIC or size != _HEAD.size + 8 * count:
            raise FeedError("A file of quotas is damaged.", code="bad_keys")
        return _mapped(file.fileno(), _HEAD.size, count)


def _put(file: int, keys: Keys) -> int:
    if not len(keys):
        return 0
    content = np.ascontiguousarray(keys).view(np.uint8)
    while len(content):
        content = content[os.write(file, content.data) :]
    return len(keys)


def _spilled(keys: Keys, folder: Path) -> Keys:
    with tempfile.TemporaryFile(dir=folder) as file:
        _put(file.fileno(), keys)
        return _mapped(file.fileno(), 0, len(keys))


def _mapped(file: int, offset: int, count: int) -> Keys:
    if not count:
        return NO_KEYS
    return np.frombuffer(mmap.mmap(file, offset + 8 * count, access=mmap.ACCESS_READ), np.uint64, count, offset)
