"""What is left of a list whose files or state are damaged: the rows that can still be read, bucket by bucket.

Rules of this room: only reads; nothing that is found here is believed, it is only what a repair begins with. Where the
state cannot be read, the newest file of each bucket stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from registry import pieces
from registry.editions import BUCKETS, EXCEPTION, Records, is_sorted
from registry.errors import FeedError
from registry.liststate import BUCKET_NAME, State
from sync.liststate import read_state
from sync.mirror import Mirror


@dataclass(frozen=True)
class Salvage:
    """A list that may be damaged: the mirror to be mended, and the files that are there for each of its buckets."""

    mirror: Mirror
    files: tuple[Path | None, ...]

    def bucket(self, number: int) -> Records:
        """The rows of a bucket that can be read, RECORD[n] sorted by tag."""
        path = self.files[number]
        try:
            return pieces.in_order(path.read_bytes() if path is not None else b"", number)
        except OSError:
            return pieces.in_order(b"", number)

    def exceptions(self) -> Records:
        """The exceptions, EXCEPTION[n] sorted; none where their file is damaged."""
        name = self.mirror.state.exceptions_name
        try:
            raw = (self.mirror.folder / name).read_bytes() if name is not None else b""
        except OSError:
            raw = b""
        if len(raw) % EXCEPTION.itemsize:
            return np.empty(0, EXCEPTION)
        found = np.frombuffer(raw, EXCEPTION)
        return found if is_sorted(found) else np.empty(0, EXCEPTION)


def salvage(folder: Path) -> Salvage:
    """What is left of the list in a folder. Raises UnavailableError where the folder cannot be read."""
    try:
        state = read_state(folder)
    except FeedError:
        state = State()
    left = _newest_files(folder)
    named = [state.bucket_name(number) for number in range(BUCKETS)]
    if not state.edition:
        return Salvage(Mirror(folder, state), tuple(left.get(number) for number in range(BUCKETS)))
    return Salvage(Mirror(folder, state), tuple(folder / name if name else None for name in named))


def _newest_files(folder: Path) -> dict[int, Path]:
    found: dict[int, Path] = {}
    if folder.is_dir():
        for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
            if BUCKET_NAME.fullmatch(path.name):
                found[int(path.name[:2], 16)] = path
    return found
