"""A list cut finely enough to mend it: each of its 256 buckets in 256 pieces, by the tag's second byte (ADR 0009).

Rules of this room:
- Pure functions over sorted records; the digests of pieces say where two buckets differ, and nothing more: what they
  were mended to must come to the leaf that is trusted.
- On the wire a bucket's digests are 256 × 8 bytes, the first 8 of SHA256(02 | records); a piece is u32be(rows) and its
  records of 18 bytes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence

import numpy as np

from registry.editions import RECORD, Records, is_sorted
from registry.errors import FeedError

PIECES = 256
DIGEST_BYTES = 8
_ROWS = struct.Struct(">I")


def cut(bucket: Records) -> list[Records]:
    """The 256 pieces of one bucket's sorted records, by the tag's second byte; views, not copies."""
    seconds = np.ascontiguousarray(bucket).view(np.uint8).reshape(-1, RECORD.itemsize)[:, 1]
    return np.split(bucket, np.searchsorted(seconds, np.arange(1, PIECES, dtype=np.uint8)))


def digests(bucket: Records) -> bytes:
    """The digests of a bucket's pieces, 256 × 8 bytes."""
    return b"".join(_digest(piece) for piece in cut(bucket))


def _digest(piece: Records) -> bytes:
    digest = hashlib.sha256(b"\2")
    digest.update(np.ascontiguousarray(piece).view(np.uint8).data)
    return digest.digest()[:DIGEST_BYTES]


def differing(ours: bytes, theirs: bytes) -> list[int]:
    """Which pieces differ, by the digests of two buckets (256 × 8 bytes each)."""
    a, b = (np.frombuffer(each, f"V{DIGEST_BYTES}") for each in (ours, theirs))
    return [int(place) for place in np.flatnonzero(a != b)]


def frame(piece: Records) -> bytes:
    """A piece as it travels: u32be(rows) and its records."""
    return _ROWS.pack(len(piece)) + piece.tobytes()


def unframed(content: bytes, names: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], Records]]:
    """The pieces that an answer holds, by (bucket, second byte), in the order asked for; it may end early.

    Raises FeedError `bad_pieces` for an answer that is cut, or whose rows do not belong where they stand.
    """
    at, left = 0, iter(names)
    while at < len(content):
        name = next(left, None)
        if name is None or at + _ROWS.size > len(content):
            raise _bad()
        rows = _ROWS.unpack_from(content, at)[0]
        start, at = at + _ROWS.size, at + _ROWS.size + rows * RECORD.itemsize
        if at > len(content):
            raise _bad()
        piece = np.frombuffer(content, RECORD, rows, start)
        if not is_sorted(piece) or (rows and (_top(piece[0]), _top(piece[-1])) != (name, name)):
            raise _bad()
        yield name, piece


def in_order(content: bytes, bucket: int) -> Records:
    """What can be made of one bucket's bytes, however damaged: whole records of that bucket, sorted, each tag once."""
    records = np.frombuffer(content, RECORD, len(content) // RECORD.itemsize)
    tops = records.view(np.uint8).reshape(-1, RECORD.itemsize)[:, 0]
    if is_sorted(records) and (not len(tops) or (tops[0] == bucket and tops[-1] == bucket)):
        return records
    ours: Records = records[tops == bucket]
    _, first = np.unique(ours["tag"].astype(np.uint64), return_index=True)
    return np.take(ours, first)


def _top(row: np.void) -> tuple[int, int]:
    """The first two bytes of a record's tag."""
    tag = int(row["tag"])
    return tag >> 56, tag >> 48 & 0xFF


def _bad() -> FeedError:
    return FeedError("The registry's answer about pieces of the list cannot be read.", code="bad_pieces")
