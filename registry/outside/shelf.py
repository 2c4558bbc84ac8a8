"""A shelf in a folder: published files, each put whole or not at all.

Rules of this room:
- Written beside its place under a hidden name, flushed, renamed, and the folder flushed: a reader sees the old file or
  the whole new one, and what was put is still there after a power cut.
- A name is relative, of plain characters, and cannot leave the folder; hidden names are ours and are never listed.
- A disk that is full or a folder that cannot be written is said in one sentence and leaves nothing half-written.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from registry.errors import InvalidInputError, NotFoundError, RegistryError, UnavailableError
from registry.naming import new_id

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SHUT = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST})


class FolderShelf:
    """Published files in one folder (DESIGN §1 shelf); implements `interfaces.Shelf`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, content: bytes | Path) -> None:
        """Store bytes, or a copy of the file at a path, under a name; durable when it returns.

        Raises InvalidInputError `bad_name`, UnavailableError `disk_full` or `shelf_read_only`.
        """
        place = self._place(name)
        passing = place.with_name(f".{place.name[:64]}.{new_id(8)}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(passing, content)
            passing.replace(place)
            _flush_folder(place.parent)
        except OSError as error:
            with suppress(OSError):
                passing.unlink()
            raise refused(error) from error

    def get(self, name: str) -> bytes:
        """The whole content. Raises NotFoundError `no_such_file`."""
        with self.open(name) as file:
            return file.read()

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A seekable reader. Raises NotFoundError `no_such_file`."""
        try:
            file = self._place(name).open("rb")
        except OSError as error:
            raise _missing(error) from error
        with file:
            yield file

    @contextmanager
    def path(self, name: str) -> Iterator[Path]:
        """The path of the file itself; it must only be read. Raises NotFoundError `no_such_file`."""
        place = self._place(name)
        if not place.is_file():
            raise NotFoundError("There is no such file on the shelf.", code="no_such_file")
        yield place

    def size(self, name: str) -> int | None:
        """Bytes, or None where there is no such file."""
        place = self._place(name)
        return place.stat().st_size if place.is_file() else None

    def names(self, prefix: str) -> Iterator[str]:
        """All names that start with a prefix, sorted."""
        inside = prefix.rpartition("/")[0]
        top = self._place(inside) if inside else self.folder
        places = (Path(folder, file) for folder, _, files in os.walk(top) for file in files if not file.startswith("."))
        found = (place.relative_to(self.folder).as_posix() for place in places)
        return iter(sorted(name for name in found if name.startswith(prefix)))

    def delete(self, name: str) -> None:
        """Remove a name; no error where it is gone already. Raises UnavailableError `shelf_read_only`."""
        try:
            self._place(name).unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise refused(error) from error

    def _place(self, name: str) -> Path:
        if not _NAME.fullmatch(name) or len(name) > 400:
            raise InvalidInputError("This is not a name that a shelf can hold.", code="bad_name")
        return self.folder / name


def _write(path: Path, content: bytes | Path) -> None:
    """Write bytes or the copy of a file, flushed to the disk."""
    with path.open("xb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            with content.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make a rename in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refused(error: OSError, place: str = "shelf") -> RegistryError:
    """What the system says when a file cannot be written to a place, in the words of the registry."""
    if error.errno in _FULL:
        return UnavailableError(f"The disk of the {place} is full.", code="disk_full")
    if error.errno in _SHUT:
        return UnavailableError(f"The {place} cannot be written to.", code=f"{place}_read_only")
    return UnavailableError(f"The {place} did not take a file: {error.strerror}", code=f"{place}_error")


def _missing(error: OSError) -> RegistryError:
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}:
        return NotFoundError("There is no such file on the shelf.", code="no_such_file")
    return UnavailableError(f"The shelf cannot be read: {error.strerror}", code="shelf_error")
