"""Compares the base, and what editions said since, with the tables: the two ways to know who declines what.

Rules of this room: slice by slice of sealed numbers, each read at one moment, so memory stays bounded and nobody waits;
numbers that are pending are left out on both sides, because no edition has said them yet; a difference is an alarm that
says how many numbers differ and names none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from registry.editions import MASKS
from registry.errors import ConflictError
from registry.sealing import BLOCK
from sync import rolling
from sync.base import BasePart, read_part

if TYPE_CHECKING:
    from registry.assembly import Registry

SLICES = 256
_TOP = b"\xff" * (BLOCK + 1)  # above every sealed number
_SAID = np.dtype([("sealed", f"S{BLOCK}"), *[(name, "u2") for name in MASKS], ("quiet", "u4")])
Said = NDArray[np.void]  # of dtype _SAID, sorted by sealed number


def compare_base(registry: Registry, *, keep: Callable[[], None]) -> int:
    """How many numbers were compared. Raises ConflictError `base_differs` where base and tables do not say the same."""
    store, compared, different = registry.store, 0, 0
    edition, parts = rolling.newest(registry)
    base = _Base(registry, parts)
    for number in range(SLICES):
        if number % 16 == 0:
            keep()
        low, high = bytes((number,)), bytes((number + 1,)) if number + 1 < SLICES else _TOP
        with store.reading():
            tables = _said(store.editions.table_slice(low=low, high=high))
            later = _said(store.editions.changes_slice(after=edition, low=low, high=high))
            pending = store.editions.pending_slice(low=low, high=high)
        waiting = np.array(sorted(pending), _SAID["sealed"])
        said = _folded(np.concatenate([base.between(low, high), later]))
        said = said[~np.isin(said["sealed"], waiting)]
        compared += len(tables)
        different += _differences(said, tables)
    if different:
        raise ConflictError(f"Base and tables differ in {different} numbers.", code="base_differs", numbers=different)
    return compared


class _Base:
    """The rows of a base, asked for in ascending ranges; one part at a time is in memory."""

    def __init__(self, registry: Registry, parts: tuple[BasePart, ...]) -> None:
        self._registry, self._parts = registry, parts
        self._firsts = [bytes.fromhex(part.first) for part in parts]
        self._held: tuple[int, Said] = (-1, np.empty(0, _SAID))

    def between(self, low: bytes, high: bytes) -> Said:
        """The rows of the numbers in [low, high)."""
        found = [np.empty(0, _SAID)]
        for place in range(len(self._parts)):
            ends = self._firsts[place + 1] if place + 1 < len(self._parts) else _TOP
            if self._firsts[place] < high and ends > low:
                rows = self._part(place)
                start = np.searchsorted(rows["sealed"], np.array(low, _SAID["sealed"]))
                stop = np.searchsorted(rows["sealed"], np.array(high, _SAID["sealed"])) if high != _TOP else len(rows)
                found.append(rows[start:stop])
        return np.concatenate(found)

    def _part(self, place: int) -> Said:
        if self._held[0] != place:
            with self._registry.shelf.path(rolling.FOLDER + self._parts[place].name) as path:
                rows = read_part(path).rows
            self._held = (place, rows[list(_SAID.names or ())].astype(_SAID))
        return self._held[1]


def _said(rows: Iterable[tuple[Any, ...]]) -> Said:
    return np.array(list(rows), _SAID)


def _folded(rows: Said) -> Said:
    """The last word about each number, those that decline nothing left out."""
    rows = rows[np.argsort(rows["sealed"], kind="stable")]
    last = np.ones(len(rows), bool)
    last[:-1] = rows["sealed"][1:] != rows["sealed"][:-1]
    declines = np.zeros(len(rows), bool)
    for name in (*MASKS, "quiet"):
        declines |= rows[name] != 0
    return rows[last & declines]


def _differences(said: Said, tables: Said) -> int:
    """Of how many numbers two slices do not say the same."""
    if said.tobytes() == tables.tobytes():
        return 0
    return len({row[0] for row in set(said.tolist()) ^ set(tables.tolist())})
