"""How delimited text is laid out, seen from its first lines.

Rules of this room: the delimiter is the one that most lines have as often as the first; a title may stand above them.
Cells are looked at as text, whatever they are coded in.
"""

from __future__ import annotations

import itertools

import numpy as np

from registry.calllists.columns import MOST_COLUMNS
from registry.calllists.lines import lines_of

DELIMITERS = ",\t;|"
SAMPLE_LINES = 200


def first_rows(sample: bytes, delimiter: str) -> list[list[str]]:
    """The cells of the first lines of UTF-8 text that are not empty."""
    lines = lines_of(np.frombuffer(sample, np.uint8), ord(delimiter))
    rows = []
    first = 0
    for start, stop, end in zip(lines.starts[:SAMPLE_LINES].tolist(), lines.stops.tolist(), lines.ends.tolist()):
        bounds = [start - 1, *lines.marks[first:end][:MOST_COLUMNS].tolist(), stop]
        first = end + 1
        cells = [sample[a + 1 : b].decode("utf-8", "replace") for a, b in itertools.pairwise(bounds)]
        if any(cells):
            rows.append([_bare(cell) for cell in cells])
    return rows


def _bare(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def delimiter_of(sample: bytes) -> str:
    """The delimiter of UTF-8 text: what stands in the first line, and as often in most others, outside quotes; or else
    what most lines have as often as the first one that has any."""
    return max(DELIMITERS, key=lambda delimiter: _fits(sample, delimiter))


def _fits(sample: bytes, delimiter: str) -> tuple[bool, int]:
    """How well a delimiter fits: whether it is the first line's and most others', how many lines have it as often."""
    lines = lines_of(np.frombuffer(sample, np.uint8), ord(delimiter))
    counts = lines.delimiters_each()[np.flatnonzero(lines.stops > lines.starts)[:SAMPLE_LINES]]
    having = counts[counts > 0]
    if not len(having):
        return False, 0
    alike = int((counts == having[0]).sum())
    return bool(counts[0]) and alike * 2 >= len(counts), alike
