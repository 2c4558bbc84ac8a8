"""What the core asks of the world outside, as Protocols; adapters live in `outside/`, doubles in `tests/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from registry.numbers import Number


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SmsGateway(Protocol):
    """Sends text messages."""

    name: str

    def send(self, number: Number, text: str) -> None:
        """Hand one message over. Raises UnavailableError when the gateway does not take it."""
        ...


class Shelf(Protocol):
    """Where published files lie. Names are relative, with forward slashes; a name is written once, pointers excepted.

    `put` is atomic: a reader sees the old file or the whole new one. Missing names raise NotFoundError, a full disk or
    a folder that cannot be written UnavailableError, names that would leave the shelf InvalidInputError.
    """

    def put(self, name: str, content: bytes | Path) -> None:
        """Store bytes, or a copy of the file at a path, under a name; durable when it returns."""
        ...

    def get(self, name: str) -> bytes:
        """The whole content; for small files (metadata)."""
        ...

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A seekable reader; for large files."""
        ...

    def path(self, name: str) -> AbstractContextManager[Path]:
        """A local path to read the file from, as long as the context lasts (memory-mapped reading)."""
        ...

    def size(self, name: str) -> int | None:
        """Bytes, or None where there is no such file."""
        ...

    def names(self, prefix: str) -> Iterator[str]:
        """All names that start with a prefix, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Remove a name; no error where it is gone already."""
        ...
