"""What a reader makes of a file: rows, parts that cannot be read, and what became known on the way.

Rules of this room: every line or element of a file becomes exactly one `Row` or one `Unreadable`, never nothing; the
raw text that is kept is bounded; memory does not grow with the file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

LINE_LIMIT = 1_048_576  # bytes of one line or element; longer ones are skipped and reported
RAW_LIMIT = 2048  # bytes kept of a line that is too long
CHUNK = 262_144  # bytes asked of a stream at a time


@dataclass(frozen=True, slots=True)
class Row:
    """One row that could be read.

    `line` counts from 1: the line of an NDJSON or CSV file, the position of the element in a JSON file. `typed` is
    False where every value is text (CSV).
    """

    line: int
    raw: bytes
    fields: dict[str, Any]
    typed: bool = True


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line or element that is no row: `raw` is what stands there (its beginning, where it is too long)."""

    line: int
    raw: bytes
    reason: str


@dataclass
class Progress:
    """What becomes known while a file is read.

    `encoding` is empty while only ASCII was seen. `cut` says why reading stopped before the end of the file, if it did:
    gzip_cut, gzip_damaged, gzip_trailing, expands_too_much, utf16_cut, json_cut.
    """

    format: str
    encoding: str = ""
    cut: str = ""

    @property
    def mid_row(self) -> bool:
        """Whether the file may end in the middle of a row."""
        return self.cut not in {"", "gzip_trailing"}


class Digested:
    """Keeps the beginning of something long and a digest of all of it, so that two long lines differ by their text."""

    def __init__(self, start: bytes) -> None:
        self._kept = start[:RAW_LIMIT]
        self._hash = hashlib.sha256(start)
        self._size = len(start)

    def add(self, more: bytes) -> None:
        """Take further bytes in."""
        self._hash.update(more)
        self._size += len(more)

    def raw(self) -> bytes:
        """The beginning, then how long the whole is and its SHA-256."""
        return self._kept + b" ... [%d bytes, sha256 %s]" % (self._size, self._hash.hexdigest().encode())
