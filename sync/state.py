"""A follower's folder: the list as it stands, its keys, what was trusted, and how the last round went.

Rules of this room:
- `root.json` the trusted root as it was given; `metadata/` what TUF has seen; `list/` the list (`mirror.py`);
  `feed.json` the index believed last; `status.json` how it went; `recipient.key` and `list-keys.json` mode 600.
- Every file is replaced whole; what cannot be read is as good as missing, and is fetched again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from registry.errors import ConflictError
from registry.findings import Findings
from registry.naming import new_id
from registry.outside.shelf import refused

T = TypeVar("T")


class Status(Struct, frozen=True, kw_only=True):
    """How a follower stands: until when the feed holds, what it acknowledged, what was refused last."""

    party: str
    expires: datetime | None = None
    acknowledged: tuple[int, int] | None = None  # edition and key epoch
    agrees: bool | None = None
    checked: datetime | None = None
    refused: str = ""
    found: Findings | None = None  # what was wrong with the list when it was repaired, until the registry has heard it


class ListKeys(Struct, frozen=True, kw_only=True):
    """The list keys that were delivered, by epoch (hex), never shown."""

    party: str
    algorithm: str
    keys: dict[int, str]

    def __repr__(self) -> str:
        return f"ListKeys({self.party}, epochs {sorted(self.keys)})"


@dataclass(frozen=True)
class StateFolder:
    """The folder `DIR` of `decline-sync follow --state DIR`."""

    folder: Path

    @property
    def list(self) -> Path:
        """Where the list lies."""
        return self.folder / "list"

    @property
    def metadata(self) -> Path:
        """What TUF has seen."""
        return self.folder / "metadata"

    @property
    def downloads(self) -> Path:
        """Where list files lie until they are applied."""
        return self.folder / "downloads"

    def open(self) -> None:
        """Make the folder, for its owner only. Raises UnavailableError `state_read_only`, `disk_full`."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.downloads.mkdir(exist_ok=True)
        except OSError as error:
            raise refused(error, "state") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The right to change the folder. Raises ConflictError `state_busy` where another process is at it."""
        try:
            lock = (self.folder / "lock").open("w")
        except OSError as error:
            raise refused(error, "state") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError("Another process follows into this state folder.", code="state_busy") from error
            yield

    def read(self, name: str, kind: type[T]) -> T | None:
        """A file of the folder as the type it holds; None where it is missing or damaged."""
        try:
            return msgspec.json.decode((self.folder / name).read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, name: str, content: Struct | bytes, *, mode: int = 0o644) -> None:
        """Replace a file of the folder whole. Raises as `open`."""
        raw = content if isinstance(content, bytes) else msgspec.json.encode(content)
        passing = self.folder / f".{name}.{new_id(8)}"
        try:
            handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            passing.replace(self.folder / name)
        except OSError as error:
            passing.unlink(missing_ok=True)
            raise refused(error, "state") from error

    def raw(self, name: str) -> bytes | None:
        """The bytes of a file of the folder, or None."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None
