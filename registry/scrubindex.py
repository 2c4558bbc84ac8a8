"""The scrub index: who declines what, in the form in which millions of numbers are looked up at once.

Rules of this room:
- One file, made from a base and mapped, never read whole: `magic | edition, rows, codes, width, twins (u64 each) | keys
  u64[rows] | codes u16 or u32[rows] | preferences`. A key is the first half of a sealed number, ascending.
- A code is a place in the table of preferences; there are few different ones, so a row costs 10 bytes (12 where there
  are more than 65,536), and 1 to 2 bytes go into the directory of slots, which is made when it is opened.
- Half a sealed number tells 50 million apart but for one chance in 10,000; keys that two numbers share (`twins`) answer
  ASK, and whoever asked looks into the tables.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.editions import MASKS
from registry.errors import FeedError
from registry.naming import new_id

NOTHING, ASK = 0, 1  # codes: declines nothing (or is not there), must be looked up in the tables
PREFERENCE = np.dtype([*[(name, "<u2") for name in MASKS], ("quiet", "<u4")])
_MAGIC = b"dc-scrub"
_HEAD = struct.Struct("<8s5Q")
_CHUNK = 1 << 15
_ROWS_A_SLOT = 4  # what a slot of the directory holds at most, on average
_STEPS = (4, 2, 1)  # how the keys of a slot are gone through; nearly none holds more than 7

Keys = NDArray[np.uint64]
Codes = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class ScrubIndex:
    """An open index: `keys` u64[n] ascending, `codes` u16|u32[n], `preferences` PREFERENCE[m] by code."""

    edition: int
    keys: Keys
    codes: NDArray[Any]
    preferences: NDArray[np.void]
    _starts: NDArray[np.uint32]
    _shift: int

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, asked: Keys, found: Codes) -> None:
        """Write the codes of keys u64[n] that are here into their places of u32[n]; all others stay as they are."""
        for start in range(0, len(asked) if len(self.keys) else 0, _CHUNK):
            part = slice(start, start + _CHUNK)
            self._look(asked[part], found[part])

    def _look(self, asked: Keys, found: Codes) -> None:
        """From the beginning of each key's own slot to the first key that is not below it, all keys at once."""
        place = self._starts.take((asked >> np.uint64(self._shift)).view(np.int64)).astype(np.int64)
        for step in _STEPS:  # a take beyond the end reads the last key
            ahead = self.keys[min(step, len(self.keys)) - 1 :]
            below = (ahead.take(place, mode="clip") < asked).view(np.uint8)
            below *= np.uint8(step)
            place += below
        there = self.keys.take(place, mode="clip")
        far = np.flatnonzero(there < asked)  # in a slot of more than all steps, or above all keys
        if len(far):
            place[far] = np.searchsorted(self.keys, asked[far])
            there[far] = self.keys.take(place[far], mode="clip")
        hit = np.flatnonzero(there == asked)
        found[hit] = self.codes.take(place[hit])


def keys_of(sealed: NDArray[np.uint8]) -> Keys:
    """The first halves of sealed numbers, u8[n, 16] -> u64[n] that sort as the sealed numbers do."""
    return np.ascontiguousarray(sealed).view(">u8")[:, 0].astype(np.uint64)


class PreferenceTable:
    """The different preferences met so far; a code is a place in it. The first two are NOTHING and ASK."""

    def __init__(self, known: NDArray[np.void] | None = None) -> None:
        self._codes: dict[bytes, int] = {bytes(PREFERENCE.itemsize): NOTHING, b"ask": ASK}
        for code, row in enumerate(known if known is not None else ()):
            if code > ASK:
                self._codes[row.tobytes()] = code

    def codes(self, columns: dict[str, NDArray[Any]]) -> Codes:
        """The codes of rows from the columns calls, robocalls, messages, quiet -> u32[n]."""
        rows = np.zeros(len(columns["quiet"]), PREFERENCE)
        for name in PREFERENCE.names or ():
            rows[name] = columns[name]
        masks = np.zeros(len(rows), np.uint64)
        for place, name in enumerate(MASKS):
            masks |= rows[name].astype(np.uint64) << np.uint64(16 * place)
        _, first, of_masks = np.unique(masks, return_index=True, return_inverse=True)
        both = of_masks.astype(np.uint64) << np.uint64(32) | rows["quiet"].astype(np.uint64)
        _, first, of_both = np.unique(both, return_index=True, return_inverse=True)
        known = [self._codes.setdefault(row.tobytes(), len(self._codes)) for row in rows[first]]
        return np.array(known, np.uint32)[of_both] if known else np.zeros(0, np.uint32)

    def table(self) -> NDArray[np.void]:
        """All preferences by code, PREFERENCE[m]; that of ASK is as good as any."""
        rows = np.zeros(len(self._codes), PREFERENCE)
        for raw, code in self._codes.items():
            if code != ASK:
                rows[code] = np.frombuffer(raw, PREFERENCE)[0]
        return rows


def write_index(
    path: Path, chunks: Iterable[tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]], *, edition: int, rows: int
) -> None:
    """Write the index of `rows` numbers at a path, complete or not at all.

    `chunks`: sealed numbers u8[n, 16], ascending throughout, and their columns calls, robocalls, messages, quiet.
    Memory: one chunk, the codes (4 bytes a row). Raises ValueError where the chunks do not ascend or are not `rows`.
    """
    table, codes, twins, last, written = PreferenceTable(), np.empty(rows, np.uint32), 0, None, 0
    draft = path.with_name(f".{path.name}-{new_id(8)}")
    try:
        with draft.open("wb") as file:
            file.write(bytes(_HEAD.size))
            for sealed, columns in chunks:
                keys = keys_of(sealed)
                if not len(keys):
                    continue
                if (keys[1:] < keys[:-1]).any() or (last is not None and keys[0] < last):
                    raise ValueError("the numbers of an index must ascend")
                mine = codes[written : written + len(keys)]
                mine[:] = table.codes(columns)
                same = np.flatnonzero(keys[1:] == keys[:-1])
                mine[same] = mine[same + 1] = ASK
                if last is not None and keys[0] == last:
                    codes[written - 1] = mine[0] = ASK
                twins += len(same)
                file.write(keys.tobytes())
                last, written = keys[-1], written + len(keys)
            if written != rows:
                raise ValueError("an index holds as many numbers as were announced")
            preferences = table.table()
            narrow = len(preferences) <= 1 << 16
            file.write((codes.astype(np.uint16) if narrow else codes).tobytes())
            file.write(preferences.tobytes())
            file.seek(0)
            file.write(_HEAD.pack(_MAGIC, edition, rows, len(preferences), 2 if narrow else 4, twins))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def open_index(path: Path) -> ScrubIndex:
    """The index at a path, mapped. Raises FeedError (`bad_index`) for a file that is none or was cut short."""
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
        size = os.fstat(file.fileno()).st_size
        if len(head) < _HEAD.size or head[:8] != _MAGIC:
            raise _bad()
        _, edition, rows, kinds, width, _twins = _HEAD.unpack(head)
        if width not in {2, 4} or size != _HEAD.size + rows * (8 + width) + kinds * PREFERENCE.itemsize:
            raise _bad()
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    at = _HEAD.size
    return index_of(
        np.frombuffer(content, np.uint64, rows, at),
        np.frombuffer(content, np.uint16 if width == 2 else np.uint32, rows, at + 8 * rows),
        np.frombuffer(content, PREFERENCE, kinds, at + (8 + width) * rows),
        edition=edition,
    )


def index_of(keys: Keys, codes: NDArray[Any], preferences: NDArray[np.void], *, edition: int = 0) -> ScrubIndex:
    """An index of arrays: keys u64[n] ascending with their codes, preferences by code."""
    bits = max(1, (len(keys) // _ROWS_A_SLOT).bit_length())
    starts = np.zeros((1 << bits) + 1, np.uint32)
    for start in range(0, len(keys), _CHUNK):
        slots = (keys[start : start + _CHUNK] >> np.uint64(64 - bits)).view(np.int64)
        each = np.bincount(slots - slots[0])
        starts[slots[0] + 1 : slots[0] + 1 + len(each)] += each.astype(np.uint32)
    np.cumsum(starts, out=starts)
    return ScrubIndex(edition, keys, codes, preferences, starts, 64 - bits)


def empty_index() -> ScrubIndex:
    """An index of nobody, for a registry that has no base yet."""
    return index_of(np.empty(0, np.uint64), np.empty(0, np.uint16), PreferenceTable().table())


def _bad() -> FeedError:
    return FeedError("The scrub index on disk is damaged; it is made anew.", code="bad_index")
