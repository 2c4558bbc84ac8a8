"""The bytes of a scrub on their way in and out: hashed and sealed beside the work on the next ones.

Rules of this room: what is in flight is bounded; a disk that is full is said in the registry's words.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING

from registry import scrubfiles
from registry.outside.sealedfile import SealedWriter
from registry.outside.shelf import refused

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.scrubjobs import Part, ScrubJob

READ = 1 << 20
_IN_FLIGHT = 8  # blocks that were answered and are not sealed yet


def seal(blocks: Iterable[bytes | memoryview], writer: SealedWriter) -> str:
    """Seal blocks in a thread of its own while the next ones are answered; the SHA-256 of them all, hex.

    Raises UnavailableError `disk_full` and the like.
    """
    digest = hashlib.sha256()

    def one(block: bytes | memoryview) -> None:
        digest.update(block)
        writer.write(block)

    waiting: deque[Future[None]] = deque()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="seal") as pool:
            for block in blocks:
                waiting.append(pool.submit(one, block))
                if len(waiting) > _IN_FLIGHT:
                    waiting.popleft().result()
            while waiting:
                waiting.popleft().result()
        writer.close()
    except OSError as error:
        raise refused(error) from error
    return digest.hexdigest()


class InputDigest:
    """The SHA-256 of a call list as it came; of one that came in parts it is computed while it is answered."""

    def __init__(self, registry: Registry, job: ScrubJob, parts: Sequence[Part]) -> None:
        self._stop = threading.Event()
        self._known = parts[0].sha256 if len(parts) == 1 else ""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="digest")
        self._future = None if self._known else self._pool.submit(self._read, registry, job, parts)

    def __enter__(self) -> InputDigest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._pool.shutdown()

    def result(self) -> str:
        """The digest, hex. Raises what reading raised."""
        return self._future.result() if self._future is not None else self._known

    def _read(self, registry: Registry, job: ScrubJob, parts: Sequence[Part]) -> str:
        digest = hashlib.sha256()
        with scrubfiles.call_list(registry.shelf, registry.keys, job, parts) as source:
            while not self._stop.is_set() and (piece := source.read(READ)):
                digest.update(piece)
        return digest.hexdigest()
