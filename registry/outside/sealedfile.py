"""Files that hold numbers in clear, never stored in clear: sealed in chunks, so that they stream and can be sought in.

Rules of this room:
- `DCS1 | prefix 7 | chunks`; a chunk is up to 1 MiB under AES-256-GCM with the nonce `prefix | u32be place | u8 last`
  (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015): chunks that were moved, swapped, left out
  or cut off do not open. The prefix is random, so that a file written again under one key repeats no nonce.
- A file opens whole or not: what does not is said so, and nothing of that chunk is given.
"""

from __future__ import annotations

import bisect
import io
import itertools
import secrets
from collections.abc import Sequence
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.errors import UnavailableError

CHUNK = 1 << 20
_MAGIC = b"DCS1"
_HEAD = len(_MAGIC) + 7
_TAG = 16


class SealedWriter:
    """Seals what is written to a binary file; `close` completes it and leaves the file open. `size` in clear bytes."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        self.size = 0
        self._file, self._cipher = file, AESGCM(key)
        self._prefix, self._place, self._held = secrets.token_bytes(7), 0, bytearray()
        file.write(_MAGIC + self._prefix)

    def write(self, content: bytes | memoryview) -> int:
        """Take bytes; a chunk goes out when bytes beyond it are there."""
        self._held += content
        self.size += len(content)
        start = 0
        with memoryview(self._held) as held:
            while len(held) - start > CHUNK:
                self._put(held[start : start + CHUNK], last=False)
                start += CHUNK
        del self._held[:start]
        return len(content)

    def close(self) -> None:
        """Write the last chunk."""
        self._put(self._held, last=True)
        self._held.clear()

    def _put(self, content: bytes | bytearray | memoryview, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._prefix, self._place, last), content, None))
        self._place += 1


class SealedReader(io.RawIOBase):
    """The clear bytes of a sealed file, for reading and seeking; closing it leaves the file itself open.

    Raises UnavailableError `sealed_file` where it was altered, cut, or sealed under another key.
    """

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        self._file, self._cipher = file, AESGCM(key)
        file.seek(0)
        head = file.read(_HEAD)
        body = file.seek(0, io.SEEK_END) - _HEAD
        if len(head) != _HEAD or not head.startswith(_MAGIC) or body < _TAG:
            raise _broken()
        self._prefix = head[len(_MAGIC) :]
        self._chunks = -(-body // (CHUNK + _TAG))
        self.size = body - self._chunks * _TAG
        self._at, self._open, self._held = 0, -1, b""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place. Raises ValueError for one before the beginning."""
        self._at = _sought(offset, whence, self._at, self.size)
        return self._at

    def readinto(self, buffer: object) -> int:
        """Fill a buffer from one chunk; 0 at the end."""
        place, inside = divmod(self._at, CHUNK)
        if self._at >= self.size:
            if self._open != self._chunks - 1:
                self._chunk(self._chunks - 1)  # also whoever reads an empty file learns that it is whole
            return 0
        if place != self._open:
            self._chunk(place)
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        part = memoryview(self._held)[inside : inside + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _chunk(self, place: int) -> None:
        self._file.seek(_HEAD + place * (CHUNK + _TAG))
        sealed = self._file.read(CHUNK + _TAG)
        try:
            self._held = self._cipher.decrypt(
                _nonce(self._prefix, place, place == self._chunks - 1), sealed, None
            )
        except (InvalidTag, ValueError) as error:
            raise _broken() from error
        self._open = place


class JoinedReader(io.RawIOBase):
    """Several readers as one, one behind the other, for reading and seeking; each knows its `size`."""

    def __init__(self, parts: Sequence[SealedReader]) -> None:
        self._parts = parts
        self._starts = [0, *itertools.accumulate(part.size for part in parts)]
        self.size = self._starts[-1]
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place. Raises ValueError for one before the beginning."""
        self._at = _sought(offset, whence, self._at, self.size)
        return self._at

    def readinto(self, buffer: object) -> int:
        """Fill a buffer from one part; 0 at the end."""
        if self._at >= self.size:
            return 0
        number = bisect.bisect_right(self._starts, self._at) - 1
        part = self._parts[number]
        part.seek(self._at - self._starts[number])
        count = part.readinto(buffer)
        self._at += count
        return count


def _sought(offset: int, whence: int, at: int, size: int) -> int:
    place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: at, io.SEEK_END: size}[whence]
    if place < 0:
        raise ValueError("a place before the beginning")
    return place


def _nonce(prefix: bytes, place: int, last: bool) -> bytes:
    return prefix + place.to_bytes(4, "big") + bytes((last,))


def _broken() -> UnavailableError:
    return UnavailableError("A sealed file was altered, was cut, or is of another key.", code="sealed_file")
