"""What was asked and answered, kept while a call list is scrubbed: sealed numbers and the answers they got.

Rules of this room: rows lie on disk in 64 files by the top bits of the sealed number, so that the distinct ones of a
hundred million are found a 64th at a time; nothing here is a number in clear.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from registry.scrubindex import keys_of
from registry.sealing import BLOCK

BITS = 6
PARTS = 1 << BITS
ROW = np.dtype([("sealed", f"V{BLOCK}"), ("which", "<u4")])
_RAW = np.dtype(f"V{ROW.itemsize}")  # a row that is only moved

Rows = NDArray[np.void]


class Spool:
    """Rows of dtype ROW in a folder; threads may add at the same time."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / f"part-{part:02d}" for part in range(PARTS)]
        self._stack = ExitStack()
        self._files = [self._stack.enter_context(path.open("wb")) for path in self._paths]
        self._lock = threading.Lock()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def add(self, sealed: NDArray[np.uint8], which: NDArray[np.uint32]) -> None:
        """Keep sealed numbers u8[n, 16] with the answers they got, u32[n]."""
        rows = np.empty(len(sealed), ROW)
        rows["sealed"] = np.ascontiguousarray(sealed).view(ROW["sealed"])[:, 0]
        rows["which"] = which
        part = sealed[:, 0] >> (8 - BITS) if len(sealed) else np.empty(0, np.uint8)
        order = np.argsort(part, kind="stable")
        ordered = rows.view(_RAW).take(order).view(np.uint8).data
        bounds = np.searchsorted(part.take(order), np.arange(PARTS + 1)) * ROW.itemsize
        with self._lock:
            for file, start, stop in zip(self._files, bounds.tolist(), bounds[1:].tolist()):
                file.write(ordered[start:stop])

    def distinct(self) -> Iterator[Rows]:
        """The distinct numbers, ascending, part by part, each with the first answer it got."""
        for file in self._files:
            file.flush()
        for path in self._paths:
            rows = np.fromfile(path, ROW)
            keys = keys_of(np.ascontiguousarray(rows["sealed"]).view(np.uint8).reshape(-1, BLOCK))
            order = np.argsort(keys, kind="stable")
            first = np.ones(len(order), bool)
            keys = keys.take(order)
            np.not_equal(keys[1:], keys[:-1], out=first[1:])
            yield rows.view(_RAW).take(order[first]).view(ROW)
