"""How far a scrub is, at any moment.

Rules of this room: it is written by the one who hands out results in order and may be read by anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass
class Tally:
    """How far a scrub is: lines, bytes of the list that were read (as it came, of `CallList.size`), how many lines got
    each answer (by its place in the kinds)."""

    lines: int = 0
    size: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, which: NDArray[np.uint32], size: int) -> None:
        """Count one block. `size`: bytes that were read so far."""
        counted = np.bincount(which, minlength=len(self.counts)).astype(np.int64)
        counted[: len(self.counts)] += self.counts
        self.counts, self.lines, self.size = counted, self.lines + len(which), max(self.size, size)
