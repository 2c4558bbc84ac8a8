"""How delimited text is laid out, seen from its first lines.

Rules of this room: the delimiter is the one that most lines have as often as the first line that has any; cells are
looked at as text, whatever they are coded in.
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
    """The delimiter of UTF-8 text: the one that most lines have as often as the first that has any, outside quotes."""
    best, most = ",", 0
    for delimiter in DELIMITERS:
        lines = lines_of(np.frombuffer(sample, np.uint8), ord(delimiter))
        filled = np.flatnonzero(lines.stops > lines.starts)[:SAMPLE_LINES]
        counts = lines.delimiters_each()[filled]
        having = counts[counts > 0]
        score = int((counts == having[0]).sum()) if len(having) else 0
        if score > most:
            best, most = delimiter, score
    return best
