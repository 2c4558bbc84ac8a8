"""Lookups in the files of a mirror: one tag, many tags, and the exceptions of a tag.

Rules of this room: files are mapped, not read, and only those that are asked for; nothing is kept in another form, so
that a list costs its 18 bytes an entry. Threads may share a finder.
"""

from __future__ import annotations

import mmap
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from registry.editions import BUCKETS, EXCEPTION, RECORD, Records

THREADS = 2
_TAG_BYTES = 8
_ROW = struct.Struct(">QHHHI")
_FEW = 64  # below so many tags, looking each up is quicker than sorting them


class Entry(NamedTuple):
    """One row of a list."""

    tag: int
    calls: int
    robocalls: int
    messages: int
    quiet: int


class Named(Protocol):
    """What a state says of its files."""

    def bucket_name(self, bucket: int) -> str | None:
        """The file of a bucket, or None where it holds nothing."""
        ...

    @property
    def exceptions_name(self) -> str | None:
        """The file of the exceptions, or None where there are none."""
        ...


def mapped(folder: Path, name: str | None) -> mmap.mmap | bytes:
    """The content of a file, mapped; nothing where there is no name."""
    if name is None:
        return b""
    with (folder / name).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class Finder:
    """Lookups in one state of a mirror. Raises FileNotFoundError where another process has moved on."""

    def __init__(self, folder: Path, state: Named) -> None:
        self._folder = folder
        self._state = state
        self._buckets: dict[int, mmap.mmap | bytes] = {}
        self._exceptions: mmap.mmap | bytes | None = None

    def _bucket(self, bucket: int) -> mmap.mmap | bytes:
        found = self._buckets.get(bucket)
        if found is None:
            found = self._buckets[bucket] = mapped(self._folder, self._state.bucket_name(bucket))
        return found

    def find(self, tag: int) -> Entry | None:
        """The row of a tag, or None."""
        rows = self._bucket(tag >> 56)
        at = _first(rows, tag, RECORD.itemsize)
        if at == len(rows):
            return None
        entry = Entry(*_ROW.unpack_from(rows, at))
        return entry if entry.tag == tag else None

    def find_many(self, tags: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], Records]:
        """Which tags u64[n] are in the list, bool[n], and their rows RECORD[n] (zeros where not), in their order."""
        found, rows = np.zeros(len(tags), bool), np.zeros(len(tags), RECORD)
        if len(tags) < _FEW:
            for i, tag in enumerate(tags.tolist()):
                entry = self.find(tag)
                if entry is not None:
                    found[i], rows[i] = True, entry
            return found, rows
        order = np.argsort(tags)
        asked = tags[order]
        bounds = np.searchsorted(asked, np.arange(BUCKETS, dtype=np.uint64) << np.uint64(56)).tolist()
        opaque, bounds = rows.view(f"V{RECORD.itemsize}"), [*bounds, len(asked)]

        def look(bucket: int) -> None:
            places = slice(bounds[bucket], bounds[bucket + 1])
            held = np.frombuffer(self._bucket(bucket), RECORD)
            if not len(held) or places.start == places.stop:
                return
            have = held["tag"].astype(np.uint64)
            at = np.minimum(np.searchsorted(have, asked[places]), len(have) - 1)
            hit = have[at] == asked[places]
            mine = order[places][hit]
            found[mine] = True
            opaque[mine] = held.view(opaque.dtype)[at[hit]]

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(look, range(BUCKETS)))
        return found, rows

    def exceptions(self) -> Records:
        """All exceptions, EXCEPTION[n], sorted."""
        if self._exceptions is None:
            self._exceptions = mapped(self._folder, self._state.exceptions_name)
        return np.frombuffer(self._exceptions, EXCEPTION)

    def exceptions_of(self, tag: int) -> Records:
        """The exceptions of a tag, EXCEPTION[k], by party and kind."""
        rows = self.exceptions()
        raw = self._exceptions or b""
        start = _first(raw, tag, EXCEPTION.itemsize) // EXCEPTION.itemsize
        stop = start
        while stop < len(rows) and rows[stop]["tag"] == tag:
            stop += 1
        return rows[start:stop]


def _first(rows: mmap.mmap | bytes, tag: int, size: int) -> int:
    """The offset of the first row whose tag is not below; rows begin with their tag, big-endian."""
    wanted = tag.to_bytes(_TAG_BYTES, "big")
    low, high = 0, len(rows) // size
    while low < high:
        middle = (low + high) >> 1
        at = middle * size
        if rows[at : at + _TAG_BYTES] < wanted:
            low = middle + 1
        else:
            high = middle
    return low * size
