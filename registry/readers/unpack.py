"""Bytes of a file as they came: read in pieces, gzip (RFC 1952) taken off without trusting it.

Rules of this room: nothing is held but one piece; a file that was cut or damaged gives what could be read and says so
in `Progress.cut`; a small file that would grow without end is stopped; other packings are refused by name.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator
from typing import IO

from registry.errors import InvalidInputError
from registry.readers.rows import CHUNK, Progress

GZIP = b"\x1f\x8b"
MOST_EXPANSION = 200  # times; text of reports packs 5 to 60 times
FREE_EXPANSION = 16_777_216  # bytes that may come out before the ratio counts

_REFUSED = (
    (b"PK\x03\x04", "a ZIP or Excel file"),
    (b"PAR1", "a Parquet file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"%PDF", "a PDF file"),
)


def pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """A stream in pieces of at most CHUNK bytes."""
    while piece := stream.read(CHUNK):
        yield piece


def unpacked(stream: IO[bytes], progress: Progress) -> Iterator[bytes]:
    """The content of a plain or gzipped stream. Raises InvalidInputError (packed_otherwise) for other packings."""
    source = pieces(stream)
    head = b""
    while len(head) < 8 and (piece := next(source, b"")):
        head += piece
    _refuse(head)
    if head.startswith(GZIP):
        yield from gunzipped(itertools.chain((head,), source), progress, _refuse_twice_packed)
        return
    if head:
        yield head
    yield from source


def _refuse(head: bytes) -> None:
    for magic, name in _REFUSED:
        if head.startswith(magic):
            raise InvalidInputError(
                f"This is {name}. Send NDJSON, JSON or CSV, plain or packed with gzip.", code="packed_otherwise"
            )


def gunzipped(
    source: Iterator[bytes], progress: Progress, check: Callable[[bytes], None] = lambda _: None
) -> Iterator[bytes]:
    """All members of a gzip file, one after the other; stops at damage, at a cut and at endless growth.

    `check` sees the first bytes that come out, and raises where they are not wanted.
    """
    unpack = zlib.decompressobj(31)
    data = next(source, b"")
    taken, given, first = len(data), 0, True
    while True:
        before = unpack.copy()
        try:
            out = unpack.decompress(data, CHUNK)
        except zlib.error:
            progress.cut = "gzip_damaged"
            yield _before_damage(before, data)
            return
        if out:
            if first:
                check(out)
                first = False
            given += len(out)
            yield out
        if given > FREE_EXPANSION and given > taken * MOST_EXPANSION:
            progress.cut = "expands_too_much"
            return
        if unpack.eof:
            data = unpack.unused_data.lstrip(b"\0")  # tapes and block devices pad with NULs
            while len(data) < len(GZIP) and (piece := next(source, b"")):
                taken += len(piece)
                data = (data + piece).lstrip(b"\0")
            if not data:
                return
            if not data.startswith(GZIP):
                progress.cut = "gzip_trailing"
                return
            unpack = zlib.decompressobj(31)
            continue
        data = unpack.unconsumed_tail
        if not data and len(out) < CHUNK:
            data = next(source, b"")
            taken += len(data)
            if not data:
                progress.cut = "gzip_cut"
                return


def _before_damage(unpack: zlib._Decompress, data: bytes) -> bytes:
    """What comes out of a damaged piece before the damage; byte by byte, for zlib gives all of a step or nothing."""
    found = bytearray()
    try:
        while len(found) < CHUNK and (out := unpack.decompress(data, 1)):
            found += out
            data = unpack.unconsumed_tail
    except zlib.error:
        pass
    return bytes(found)


def _refuse_twice_packed(out: bytes) -> None:
    if out.startswith(GZIP):
        raise InvalidInputError("This file is packed twice. Pack it once with gzip.", code="packed_otherwise")
    _refuse(out)
