"""The files of a scrub on the shelf: its call list in parts, and its result; all sealed, each under a key of its own.

Rules of this room: a part is taken whole or not at all, whatever breaks while it comes; what passes through a folder on
its way is sealed, too.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from registry.errors import InvalidInputError
from registry.keys import FIRST_EPOCH
from registry.naming import new_id
from registry.outside.sealedfile import JoinedReader, SealedReader, SealedWriter
from registry.scrubjobs import ENDED
from registry.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.interfaces import Clock, Shelf
    from registry.keys import KeyRing
    from registry.scrubjobs import Part, ScrubJob
    from registry.store import Store

BUFFER = 1 << 20


def part_name(scrub: str, part: int) -> str:
    """Where a part of a call list lies on the shelf."""
    return f"scrubs/{scrub}/part-{part:05d}"


def result_name(scrub: str) -> str:
    """A fresh name for a result: nothing lies there, and nothing else ever will."""
    return f"scrubs/{scrub}/result-{new_id()}"


def delete_results(shelf: Shelf, scrub: str, *, but: str) -> int:
    """Delete the results of a scrub that has ended but for the one that it points to; how many."""
    old = [name for name in shelf.names(f"scrubs/{scrub}/result-") if name != but]
    for name in old:
        shelf.delete(name)
    return len(old)


def file_of(scrub: str, part: Part) -> str:
    """Where the file of a part lies."""
    return part.file or part_name(scrub, part.part)


def key_of(keys: KeyRing, name: str) -> bytes:
    """The key of a file on the shelf, by its name."""
    return keys.derive("at-rest", f"file/{name}", FIRST_EPOCH)


def store_part(
    shelf: Shelf, keys: KeyRing, work: Path, *, name: str, source: Iterable[bytes], length: int | None, most: int,
    sha256: str | None = None,
) -> tuple[int, str]:
    """Put what comes under a name, sealed: its size in bytes and its SHA-256 (hex).

    `length`, `sha256`: what was announced, None: nothing. Raises InvalidInputError `too_large`, `upload_cut`,
    `digest_mismatch`; then nothing is stored.
    """
    digest = hashlib.sha256()
    with sealed_at(work, key_of(keys, name)) as (path, writer):
        for piece in source:
            if writer.size + len(piece) > most:
                raise InvalidInputError("The call list is larger than one may be.", code="too_large")
            digest.update(piece)
            writer.write(piece)
        if length is not None and writer.size != length:
            raise InvalidInputError("The upload broke off before its end; send it again.", code="upload_cut")
        if sha256 is not None and sha256 != digest.hexdigest():
            raise InvalidInputError("What came is not what was announced; send it again.", code="digest_mismatch")
        writer.close()
        shelf.put(name, path)
        return writer.size, digest.hexdigest()


@contextmanager
def sealed_at(work: Path, key: bytes) -> Iterator[tuple[Path, SealedWriter]]:
    """A file on its way to the shelf, and the writer that seals into it; it is gone afterwards."""
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=work, prefix="scrub-", buffering=0) as file:
        yield Path(file.name), SealedWriter(file, key)


@contextmanager
def call_list(shelf: Shelf, keys: KeyRing, job: ScrubJob, parts: Sequence[Part]) -> Iterator[io.BufferedReader]:
    """The call list of a scrub in clear, for reading and seeking. Raises NotFoundError `no_such_file`."""
    with ExitStack() as stack:
        names = [file_of(job.scrub, part) for part in parts]
        readers = [SealedReader(stack.enter_context(shelf.open(name)), key_of(keys, name)) for name in names]
        yield io.BufferedReader(JoinedReader(readers), BUFFER)


@contextmanager
def result(shelf: Shelf, keys: KeyRing, job: ScrubJob) -> Iterator[io.BufferedReader]:
    """The result of a scrub in clear, for reading and seeking. Raises NotFoundError `no_such_file`."""
    with shelf.open(job.result) as file:
        yield io.BufferedReader(SealedReader(file, key_of(keys, job.result)), BUFFER)


def delete(shelf: Shelf, scrub: str) -> int:
    """Delete all files of a scrub; how many."""
    names = list(shelf.names(f"scrubs/{scrub}/"))
    for name in names:
        shelf.delete(name)
    return len(names)


def sweep(store: Store, shelf: Shelf) -> int:
    """Delete files that no scrub has: of scrubs that were deleted, and results that nobody points to; how many."""
    swept = 0
    found = groupby(shelf.names("scrubs/"), key=lambda name: name.split("/")[1])
    for scrub, names in [(scrub, list(names)) for scrub, names in found]:
        job = store.scrub_jobs.job(scrub)
        for name in names:
            if job is None or job.state == "deleted":
                old = True
            else:
                old = job.state in ENDED and name != job.result and "/result-" in name
            if old:
                shelf.delete(name)
                swept += 1
    return swept


def delete_due(store: Store, clock: Clock, shelf: Shelf, *, limit: int = 100) -> int:
    """Delete the files of scrubs whose time is over; how many scrubs. One that runs is left for the next time."""
    deleted = 0
    with store.reading():
        due = store.scrub_jobs.expired(at=to_micros(clock.now()), limit=limit)
    for job in due:
        with store.writing(about=f"scrub {job.scrub}"):
            ended = store.scrub_jobs.change(
                job.scrub, states=("uploading", "waiting", *ENDED), state="deleted", result=""
            )
            store.scrub_jobs.forget_parts(job.scrub)
        if ended:
            deleted += 1
            delete(shelf, job.scrub)
    return deleted
