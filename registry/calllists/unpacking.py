"""Takes a call list out of its packing: gzip, or a zip archive with one call list in it; told by content, not by name.

Rules of this room:
- Nothing is trusted: what grows without end, is damaged, cut or encrypted, holds several lists or another archive is
  refused in words, and nothing is unpacked further than a limit.
- Text streams; a workbook or Parquet file, which must be sought in, is unpacked into memory, up to a limit: numbers are
  never on disk in clear.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from registry.calllists.calllist import Packing
from registry.calllists.limits import Limits
from registry.errors import InvalidInputError
from registry.readers.rows import CHUNK, Progress
from registry.readers.unpack import FREE_EXPANSION, GZIP, MOST_EXPANSION, gunzipped, pieces

ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
PARQUET = b"PAR1"
_OTHERS = (
    (b"\xd0\xcf\x11\xe0", "an old Excel file or one with a password: save it as .xlsx without a password, or as CSV"),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard: use gzip or zip"),
    (b"BZh", "packed with bzip2: use gzip or zip"),
    (b"\xfd7zXZ\x00", "packed with xz: use gzip or zip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: use gzip or zip"),
    (b"Rar!\x1a\x07", "a RAR archive: use gzip or zip"),
    (b"%PDF", "a PDF file: save the table as CSV or .xlsx"),
)
_NO_LISTS = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini", "readme.txt", "readme.md")
_LISTS = (".csv", ".tsv", ".tab", ".txt", ".ndjson", ".jsonl", ".xlsx", ".xlsm", ".parquet", ".pq")
_TAIL = 66_000  # bytes, in which an archive's end lies
_MOST_DIRECTORY = 16_000_000  # bytes
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, eq=False)
class Content:
    """A call list out of its packing. `name`: that of the file, or of the one `inside` an archive."""

    source: IO[bytes]
    packing: Packing
    name: str
    limits: Limits
    inside: zipfile.ZipInfo | None = None

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, from the beginning. Raises InvalidInputError `packing_damaged`, `expands_too_much`."""
        self.source.seek(0)
        if self.packing == "gzip":
            yield from self._bounded(self._gunzipped())
        elif self.inside is not None:
            yield from self._bounded(_unzipped(self.source, self.inside))
        else:
            yield from pieces(self.source)

    def head(self, size: int) -> bytes:
        """Its first bytes, `size` of them if there are as many."""
        found = bytearray()
        for piece in self.pieces():
            found += piece
            if len(found) >= size:
                break
        return bytes(found[:size])

    def whole(self) -> IO[bytes]:
        """Itself, to be sought in. Raises InvalidInputError `too_large` where it would fill the memory, unpacked."""
        if not self.packing:
            return self.source
        held = io.BytesIO()
        for piece in self.pieces():
            if held.tell() + len(piece) > self.limits.held:
                raise InvalidInputError(
                    "Unpacked, the file is larger than a packed workbook or Parquet file may be; send it as it is.",
                    code="too_large",
                )
            held.write(piece)
        held.seek(0)
        return held

    def _gunzipped(self) -> Iterator[bytes]:
        progress = Progress("")
        yield from gunzipped(pieces(self.source), progress)
        if progress.cut == "expands_too_much":
            raise _bomb()
        if progress.cut in {"gzip_cut", "gzip_damaged"}:
            raise _damaged()

    def _bounded(self, unpacked: Iterator[bytes]) -> Iterator[bytes]:
        given = 0
        for piece in unpacked:
            given += len(piece)
            if given > self.limits.unpacked:
                raise _bomb()
            yield piece


def content_of(source: IO[bytes], name: str, limits: Limits) -> Content:
    """What is in a file. Raises InvalidInputError `empty_list`, `packed_otherwise`, `packed_twice`, `several_files`,
    `encrypted`, `expands_too_much`, `packing_damaged`."""
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    head = source.read(8)
    _refuse(head)
    if head.startswith(GZIP):
        found = Content(source, "gzip", name.lower().removesuffix(".gz"), limits)
    elif head.startswith(ZIP) and (member := _member(source, size)) is not None:
        found = Content(source, "zip", member.filename, limits, member)
    else:
        return Content(source, "", name, limits)
    inner = found.head(8)
    _refuse(inner)
    if inner.startswith(GZIP) or (inner.startswith(ZIP) and not is_workbook(found.whole())):
        raise InvalidInputError("The file is packed twice; pack it once, with gzip or zip.", code="packed_twice")
    return found


def is_workbook(source: IO[bytes]) -> bool:
    """Whether a zip archive is a document of an office program, and not one of files. Raises as `content_of`."""
    return any(entry.filename == "[Content_Types].xml" for entry in _entries(source))


def _refuse(head: bytes) -> None:
    for magic, words in _OTHERS:
        if head.startswith(magic):
            raise InvalidInputError(f"This is {words}.", code="packed_otherwise")


def _entries(source: IO[bytes]) -> list[zipfile.ZipInfo]:
    with unzipping():
        if _directory(source) > _MOST_DIRECTORY:
            raise InvalidInputError("The archive holds too many files.", code="several_files")
        with zipfile.ZipFile(source) as archive:
            return archive.infolist()


def _directory(source: IO[bytes]) -> int:
    """How large the directory of an archive says it is, which is read as a whole."""
    size = source.seek(0, io.SEEK_END)
    source.seek(max(0, size - _TAIL))
    tail = source.read(_TAIL)
    end, large = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    if end < 0 or len(tail) < end + 22:
        raise _damaged()
    if large >= 0:
        return int.from_bytes(tail[large + 40 : large + 48], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little")


def _member(source: IO[bytes], size: int) -> zipfile.ZipInfo | None:
    """The call list of an archive; None where the archive is a document itself."""
    entries = _entries(source)
    if any(entry.filename == "[Content_Types].xml" for entry in entries):
        return None
    files = [entry for entry in entries if _may_be_list(entry.filename)]
    if len(files) > 1:
        files = [entry for entry in files if entry.filename.lower().endswith(_LISTS)] or files
    if not files:
        raise InvalidInputError("The archive is empty.", code="empty_list")
    if len(files) > 1:
        raise InvalidInputError(
            "The archive holds several files; send each call list by itself.", code="several_files"
        )
    entry = files[0]
    if entry.flag_bits & 1:
        raise InvalidInputError("The archive has a password; pack the file without one.", code="encrypted")
    if entry.compress_type not in _METHODS:
        raise _unreadable()
    if entry.file_size > FREE_EXPANSION and entry.file_size > size * MOST_EXPANSION:
        raise _bomb()
    return entry


def _may_be_list(name: str) -> bool:
    low = name.lower()
    return not low.endswith("/") and not low.startswith(_NO_LISTS[0]) and low.rpartition("/")[2] not in _NO_LISTS


def _unzipped(source: IO[bytes], entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with unzipping(), zipfile.ZipFile(source) as archive, archive.open(entry) as member:
        while piece := member.read(CHUNK):
            yield piece


@contextmanager
def unzipping() -> Iterator[None]:
    """Says in our words what a broken archive, or one of another kind, makes the library raise."""
    try:
        yield
    except (NotImplementedError, RuntimeError) as error:  # the latter: a password
        raise _unreadable() from error
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError) as error:
        raise _damaged() from error


def _unreadable() -> InvalidInputError:
    return InvalidInputError("This is packed in a way that is not read here: use gzip or zip.", code="packed_otherwise")


def _damaged() -> InvalidInputError:
    return InvalidInputError(
        "The packed file is damaged or was cut off; pack it and send it again.", code="packing_damaged"
    )


def _bomb() -> InvalidInputError:
    return InvalidInputError("Unpacked, the file would be larger than any call list.", code="expands_too_much")
