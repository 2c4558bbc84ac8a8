"""Brings a list from where it stands to a feed's newest edition: fetch the cheapest way, check it, take it.

Rules of this room:
- A file is taken only when its digest is the one in the index; roots are checked before a list changes, and a list that
  would come to another root stays as it is.
- All change sets of a way are composed and applied at once, however many they are.
- What was fetched stays until it was taken: a fetch that breaks goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from registry import editions
from registry.editions import EXCEPTION, RECORD, FeedFile, FeedIndex, FeedPart, Records
from registry.errors import FeedError, NotFoundError
from sync.changes import Delta
from sync.listfiles import read_chunks, read_exceptions, read_list
from sync.mirror import Mirror
from sync.source import Source
from sync.trust import check_part


def have(mirror: Mirror, index: FeedIndex) -> editions.Edition | None:
    """The edition from which a list can go on in a feed; None: from nothing (another key epoch or algorithm)."""
    state = mirror.state
    if not state.edition or (state.epoch, state.algorithm) != (index.epoch, index.algorithm):
        return None
    return editions.Edition(state.edition)


def fetch(source: Source, path: Sequence[FeedFile], folder: Path) -> int:
    """Fetch and check the files of a way into a folder, each under its own name; how many bytes they have.

    Raises FeedError `feed_cut`, `feed_altered`, `feed_incomplete`, and what the source raises.
    """
    for part in _parts(path):
        into = folder / part.name
        resumed = into.exists()
        try:
            _fetch(source, part, into)
        except FeedError as error:
            if not resumed or error.code == "feed_incomplete":
                raise
            _fetch(source, part, into)  # what lay here was wrong, not what was fetched
    return sum(file.bytes for file in path)


def _fetch(source: Source, part: FeedPart, into: Path) -> None:
    """Fetch and check one file; one that is not right is removed."""
    try:
        source.download(f"lists/{part.name}", into, size=part.bytes)
        check_part(into, part)
    except NotFoundError as error:
        raise FeedError("A list file of the feed is missing.", code="feed_incomplete") from error
    except FeedError:
        into.unlink(missing_ok=True)
        raise


def take(mirror: Mirror, index: FeedIndex, path: Sequence[FeedFile], folder: Path) -> None:
    """Let a list go a way whose files lie in a folder; they are removed then.

    Raises FeedError `root_differs` (the list stays), `bad_list_file`; UnavailableError, ConflictError as the mirror.
    """
    full, rest = (path[0], path[1:]) if path and path[0].kind == "full" else (None, path)
    if full is not None:
        mirror.replace(
            full_records(full, folder),
            change_set([only_exceptions(full)], folder).exceptions,
            edition=full.to, epoch=full.epoch, algorithm=index.algorithm, roots=_roots(index, full.to, full.epoch),
        )
    if rest:
        delta = change_set(rest, folder)
        roots = _roots(index, rest[-1].to, index.epoch)
        mirror.apply(delta.records, delta.exceptions, edition=rest[-1].to, roots=roots)
    for part in _parts(path):
        with suppress(OSError):
            (folder / part.name).unlink()


def must_agree(mirror: Mirror, index: FeedIndex) -> None:
    """Whether a list is what the feed's newest edition says. Raises FeedError `root_differs`."""
    if (mirror.content_root, mirror.exceptions_root) != _roots(index, index.newest, index.epoch):
        detail = f"The list is not what edition {index.newest} says it is."
        raise FeedError(detail, code="root_differs", edition=index.newest)


def change_set(path: Sequence[FeedFile], folder: Path) -> Delta:
    """The change sets of a way, read from a folder and composed to one."""
    records = [read_list(folder / part.name) for file in path for part in file.parts]
    exceptions = [read_exceptions(folder / part.name) for file in path for part in file.exceptions]
    return Delta(
        editions.compose(records) if records else np.empty(0, RECORD),
        editions.compose(exceptions) if exceptions else np.empty(0, EXCEPTION),
    )


def full_records(full: FeedFile, folder: Path) -> Iterator[Records]:
    """The records of a full list whose files lie in a folder, in chunks."""
    for part in full.parts:
        yield from read_chunks(folder / part.name, RECORD)


def _roots(index: FeedIndex, edition: int, epoch: int) -> tuple[bytes, bytes]:
    listed = index.edition(edition, epoch)
    return bytes.fromhex(listed.content_root), bytes.fromhex(listed.exceptions_root)


def _parts(path: Sequence[FeedFile]) -> list[FeedPart]:
    return [part for file in path for part in (*file.parts, *file.exceptions)]


def only_exceptions(full: FeedFile) -> FeedFile:
    """A full list's exceptions as a change set of their own."""
    return FeedFile("delta", 0, full.to, full.epoch, (), full.exceptions)


def root_of_full(full: FeedFile, folder: Path) -> tuple[int, bytes]:
    """How many entries the files of a full list hold, and their content root; read in chunks."""
    digests, entries = [hashlib.sha256(b"\0") for _ in range(editions.BUCKETS)], 0
    for records in full_records(full, folder):
        entries += len(records)
        for digest, bucket in zip(digests, editions.split(records)):
            digest.update(np.ascontiguousarray(bucket).view(np.uint8).data)
    return entries, editions.root_of_leaves([digest.digest() for digest in digests])
