"""A file that a library writes into and whose bytes are taken out as they come, so that nothing is held or stored.

Rules of this room: it only goes forward; what was taken is gone.
"""

from __future__ import annotations

import io


class Drain(io.RawIOBase):
    """A writable file without a way back."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: object) -> int:
        """Take bytes in."""
        piece = bytes(content)  # type: ignore[call-overload]
        self._held.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        """How many bytes were written."""
        return self._size

    def taken(self) -> bytes:
        """What was written since this was asked last."""
        found = b"".join(self._held)
        self._held.clear()
        return found
