"""Profiles: a sample of the numbers that somebody asked for, such that neighbours stay neighbours.

Rules of this room:
- Numbers lie in groups of 10,000 consecutive ones (all that share all digits but the last four). A group is in a sample
  whole or not at all, by a keyed hash that nobody outside knows; so runs, gaps and how full a range is can be seen in
  the sample as in the whole. All samples choose by the same hash, so they can be joined and compared.
- A sample has at most `MOST` numbers: where more come, half of the groups leave it (`level` goes up by one).
- It is kept sealed, for this month and the last.
"""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from registry import sealing
from registry.quotakeys import distinct

Digits = NDArray[np.uint64]
GROUP = 10_000
MOST = 1 << 17
_DECOYS = 1_000  # so many are kept by name; more say nothing more
_HEAD = struct.Struct("<8sIIIQQ")
_MAGIC = b"dc-prof1"
_NONE: Digits = np.empty(0, np.uint64)


@dataclass(frozen=True, eq=False)
class Profile:
    """Distinct numbers asked for: `digits` (E.164, ascending) of those groups that are in at `level`, the numbers of
    held-back ranges among all, how many lines were refused because nobody holds their range."""

    digits: Digits = field(default_factory=lambda: _NONE)
    level: int = 0
    decoys: Digits = field(default_factory=lambda: _NONE)
    unassigned: int = 0

    @property
    def numbers(self) -> int:
        """About how many distinct numbers were asked for; exactly so at level 0."""
        return len(self.digits) << self.level

    def pack(self) -> bytes:
        """The profile as bytes."""
        head = _HEAD.pack(_MAGIC, self.level, len(self.digits), len(self.decoys), self.unassigned, 0)
        return head + self.digits.tobytes() + self.decoys.tobytes()


def unpacked(content: bytes) -> Profile:
    """The profile of `pack`."""
    magic, level, count, decoys, unassigned, _ = _HEAD.unpack_from(content)
    if magic != _MAGIC:
        raise ValueError("not a profile")
    digits = np.frombuffer(content, np.uint64, count, _HEAD.size)
    return Profile(digits, level, np.frombuffer(content, np.uint64, decoys, _HEAD.size + 8 * count), unassigned)


class Chooser:
    """Which groups are in a sample at which level: those whose keyed hash begins with so many zero bits."""

    def __init__(self, key: bytes) -> None:
        words = np.frombuffer(hashlib.sha512(b"groups" + key).digest(), np.uint64)
        self._add, self._first, self._second = words[0], words[1] | np.uint64(1), words[2] | np.uint64(1)

    def hashes(self, groups: Digits) -> Digits:
        """The hash of each group; not one-way, so it leaves the process nowhere."""
        mixed: Digits = (groups ^ self._add) * self._first
        mixed ^= mixed >> np.uint64(31)
        mixed *= self._second
        mixed ^= mixed >> np.uint64(29)
        return mixed

    def has(self, groups: Digits, level: int) -> NDArray[np.bool_]:
        """Which groups u64[n] are in at a level."""
        if not level:
            return np.ones(len(groups), bool)
        inside: NDArray[np.bool_] = np.equal(self.hashes(groups) >> np.uint64(64 - level), 0)
        return inside

    def at_level(self, digits: Digits, level: int) -> Digits:
        """Those of some numbers whose groups are in at a level."""
        return digits[self.has(digits // np.uint64(GROUP), level)] if level else digits

    def joined(self, profiles: Sequence[Profile], *, most: int = MOST) -> Profile:
        """One profile of all that some have seen, each number once; small enough to be kept."""
        level = max((each.level for each in profiles), default=0)
        parts = [part for each in profiles if len(part := self.at_level(each.digits, level))]
        digits = parts[0] if len(parts) == 1 else distinct(np.concatenate([_NONE, *parts]))
        while len(digits) > most:
            level += 1
            digits = self.at_level(digits, level)
        decoys = distinct(np.concatenate([_NONE, *(each.decoys for each in profiles)]))[:_DECOYS]
        return Profile(digits, level, decoys, sum(each.unassigned for each in profiles))


class Ranges:
    """Ranges of numbers by the national digits that they begin with; the numbers have 11 national digits in all."""

    def __init__(self, prefixes: Sequence[str], calling_code: int, national: int = 11) -> None:
        bounds: list[tuple[int, int]] = []
        for prefix in sorted(prefixes):
            rest = 10 ** (national - len(prefix))
            low = int(f"{calling_code}{prefix}") * rest
            if not bounds or low >= bounds[-1][1]:
                bounds.append((low, low + rest))
        self.bounds = np.array(bounds, np.uint64).reshape(-1)

    def has(self, digits: Digits) -> NDArray[np.bool_]:
        """Which numbers lie in one of the ranges."""
        inside: NDArray[np.bool_] = np.searchsorted(self.bounds, digits, side="right") % 2 == 1
        return inside


class Sample:
    """Takes in sealed numbers block by block and keeps a profile of them; threads may share it."""

    def __init__(self, chooser: Chooser, at_rest: bytes, held_back: Ranges, *, most: int = MOST) -> None:
        self._chooser, self._at_rest, self._held_back, self._most = chooser, at_rest, held_back, most
        self._lock, self._level = threading.Lock(), 0
        self._parts, self._waiting, self._decoys = [_NONE], 0, _NONE

    def see(self, sealed: NDArray[np.uint8]) -> None:
        """Take in sealed numbers u8[n, 16]."""
        digits, _kind = sealing.unseal_many(self._at_rest, sealed)
        decoys = digits[self._held_back.has(digits)] if len(self._held_back.bounds) else _NONE
        level = self._level
        kept = self._chooser.at_level(digits, level)
        with self._lock:
            self._parts.append(kept)
            self._waiting += len(kept)
            if len(decoys):
                self._decoys = distinct(np.concatenate([self._decoys, decoys]))[:_DECOYS]
            if self._waiting > 3 * self._most:
                self._join()

    def _join(self) -> None:
        joined = distinct(self._chooser.at_level(np.concatenate(self._parts), self._level))
        while len(joined) > self._most:
            self._level += 1
            joined = self._chooser.at_level(joined, self._level)
        self._parts, self._waiting = [joined], len(joined)

    def profile(self, *, unassigned: int = 0) -> Profile:
        """What was seen so far."""
        with self._lock:
            self._join()
            return Profile(self._parts[0], self._level, self._decoys, unassigned)
