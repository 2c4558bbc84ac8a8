"""The only doubles that the tests use: a clock that we move, a shelf in memory, a gateway that remembers."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from registry.errors import NotFoundError
from registry.numbers import Number


class FakeClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: datetime = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float = 0, **parts: float) -> None:
        self.moment += timedelta(seconds=seconds, **parts)


class MemorySms:
    """A gateway that keeps what it was given."""

    name = "memory"

    def __init__(self) -> None:
        self.sent: list[tuple[Number, str]] = []

    def send(self, number: Number, text: str) -> None:
        self.sent.append((number, text))


class MemoryShelf:
    """A shelf in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, name: str, content: bytes | Path) -> None:
        self.files[name] = content if isinstance(content, bytes) else content.read_bytes()

    def get(self, name: str) -> bytes:
        if name not in self.files:
            raise NotFoundError("There is no such file.", code="no_such_file")
        return self.files[name]

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        yield io.BytesIO(self.get(name))

    @contextmanager
    def path(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            path.write_bytes(self.get(name))
            yield path

    def size(self, name: str) -> int | None:
        return len(self.files[name]) if name in self.files else None

    def names(self, prefix: str) -> Iterator[str]:
        return iter(sorted(name for name in self.files if name.startswith(prefix)))

    def delete(self, name: str) -> None:
        self.files.pop(name, None)
