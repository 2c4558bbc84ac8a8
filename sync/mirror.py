"""A list as it stands at one edition, on disk: what a follower looks numbers up in, and the publisher's copy of it.

Rules of this room:
- 256 bucket files of records (18 bytes each, as they are hashed), one exceptions file, and `state.json`, which names
  them by what they hold and is replaced last, at once: killed anywhere, the old list or the new one is there, whole.
- Files that it does not name are removed after the new state stands. One process changes a mirror at a time (`lock`).
- Only buckets that a change set touches are read and written again, one after another in two threads: memory stays
  small. Bucket files are not forced to disk: a state from before the machine started is hashed anew when it is opened.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from registry.editions import (
    BUCKETS,
    RECORD,
    Records,
    apply,
    exceptions_root,
    is_sorted,
    root_of_leaves,
    splice,
    split,
)
from registry.errors import ConflictError, FeedError, InvalidInputError, UnavailableError
from sync.finder import Entry, Finder, mapped
from sync.liststate import STATE, State, boot, bucket_name, damaged, read_state

THREADS = 2
_OURS = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}|exceptions-[0-9a-f]{32}|\.state\.json-[0-9a-f]{8}")

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Change:
    """What a mirror becomes (`after`) by a change set that was made for it as it was (`before`)."""

    before: State
    after: State

    @property
    def content_root(self) -> bytes:
        """The root of the list afterwards, 32 bytes."""
        return bytes.fromhex(self.after.content_root)

    @property
    def exceptions_root(self) -> bytes:
        """The root of the exceptions afterwards, 32 bytes."""
        return bytes.fromhex(self.after.exceptions_root)


@dataclass(frozen=True)
class _Bucket:
    number: int
    leaf: str
    count: int


class Mirror:
    """A list on disk, open for lookups (which threads may share) and for change sets (which they may not)."""

    def __init__(self, folder: Path, state: State) -> None:
        self.folder = folder
        self.state = state
        self._finder = Finder(folder, state)

    @classmethod
    def open(cls, folder: Path) -> Mirror:
        """The mirror in a folder; an empty one (edition 0) where there is none yet.

        Raises FeedError (`state_damaged`) where its state cannot be read or its files are not what it says.
        """
        state = read_state(folder)
        while True:
            try:
                _check_sizes(folder, state)
                break
            except FeedError:
                before, state = state, read_state(folder)
                if state == before:  # else another process took the next edition between the two looks
                    raise
        mirror = cls(folder, state)
        if state.edition and state.boot != boot():
            mirror.verify()
        return mirror

    @classmethod
    def start_over(cls, folder: Path) -> Mirror:
        """An empty mirror in a folder whose list is damaged; what was there goes with the first list that is taken."""
        try:
            (folder / STATE).unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(error) from error
        return cls(folder, State())

    @property
    def edition(self) -> int:
        """The edition that this list is at; 0 where nothing was ever taken."""
        return self.state.edition

    @property
    def entries(self) -> int:
        """How many rows the list has."""
        return self.state.entries

    @property
    def content_root(self) -> bytes:
        """The root of the list, 32 bytes."""
        return bytes.fromhex(self.state.content_root)

    @property
    def exceptions_root(self) -> bytes:
        """The root of the exceptions, 32 bytes."""
        return bytes.fromhex(self.state.exceptions_root)

    # --- looking up ---------------------------------------------------------------------------------------------------

    def find(self, tag: int) -> Entry | None:
        """The row of a tag, or None."""
        return self._asked(lambda finder: finder.find(tag))

    def find_many(self, tags: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], Records]:
        """Which tags u64[n] are in the list, bool[n], and their rows RECORD[n] (zeros where not), in their order."""
        return self._asked(lambda finder: finder.find_many(tags))

    def exceptions(self) -> Records:
        """All exceptions, EXCEPTION[n], sorted by tag, party, kind."""
        return self._asked(lambda finder: finder.exceptions())

    def exceptions_of(self, tag: int) -> Records:
        """The exceptions of a tag, EXCEPTION[k], sorted by party and kind."""
        return self._asked(lambda finder: finder.exceptions_of(tag))

    def _asked(self, question: Callable[[Finder], _Answer]) -> _Answer:
        try:
            return question(self._finder)
        except FileNotFoundError:  # another process has moved on to a newer edition
            self.refresh()
        try:
            return question(self._finder)
        except FileNotFoundError as error:
            raise damaged(Path(error.filename).name) from error

    def refresh(self) -> None:
        """See what another process has made of the mirror; lookups do so by themselves only when files are gone."""
        self._stand(read_state(self.folder))

    # --- changing -----------------------------------------------------------------------------------------------------

    def preview(self, delta: Records, exceptions: Records | None = None) -> Change:
        """What the list becomes by a change set (RECORD[n] and EXCEPTION[n], sorted); nothing is written."""
        return Change(self.state, self._changed(delta, exceptions, write=False))

    def prepare(self, delta: Records, exceptions: Records | None = None) -> Change:
        """As `preview`, but the new files are written at once, so that `commit` costs nothing. Raises as `apply`."""
        with self._writing():
            return Change(self.state, self._changed(delta, exceptions, write=True))

    def commit(self, change: Change, *, edition: int) -> None:
        """Let what was prepared stand at `edition`. Raises ConflictError (`state_moved`) where it no longer fits."""
        with self._writing():
            if change.before != self.state:
                raise _moved()
            self._commit(change.after, edition, None)

    def apply(
        self, delta: Records, exceptions: Records | None = None, *, edition: int,
        roots: tuple[bytes, bytes] | None = None,
    ) -> None:
        """Take a change set and stand at `edition`.

        `roots`: what content and exceptions root must be then, else FeedError (`root_differs`) and nothing changes.
        Raises UnavailableError where the disk is full or not writable, ConflictError where another process is at it.
        """
        with self._writing():
            self._commit(self._changed(delta, exceptions, write=True), edition, roots)

    def replace(
        self, records: Iterable[Records], exceptions: Records | None = None, *, edition: int, epoch: int,
        algorithm: str, roots: tuple[bytes, bytes] | None = None,
    ) -> None:
        """Take a full list: RECORD chunks that ascend by tag, and all exceptions; whatever was there goes.

        Raises as `apply`, and FeedError (`bad_list_file`) for chunks that do not ascend.
        """
        with self._writing(), ThreadPoolExecutor(THREADS) as pool:
            written: list[Future[_Bucket]] = []
            for number, content in _by_bucket(records):
                written.append(pool.submit(self._bucket, number, content, write=True))
                if len(written) > 2 * THREADS:
                    written[-2 * THREADS].result()  # not further ahead than this, for memory's sake
            fresh = _with_buckets(State(epoch=epoch, algorithm=algorithm), [done.result() for done in written])
            if exceptions is not None:
                fresh = self._with_exceptions(fresh, exceptions, write=True)
            self._commit(fresh, edition, roots)

    def verify(self) -> None:
        """Hash everything again. Raises FeedError (`state_damaged`) that names a file which is not what it was."""
        state = self.state
        _check_sizes(self.folder, state)

        def intact(number: int) -> bool:
            return _leaf(self._content(state.bucket_name(number))) == state.leaves[number]

        with ThreadPoolExecutor(THREADS) as pool:
            fine = pool.map(intact, range(BUCKETS))
            bad = [state.bucket_name(number) for number, intact_here in enumerate(fine) if not intact_here]
        if exceptions_root(self.exceptions()) != self.exceptions_root:
            bad.append(state.exceptions_name)
        if root_of_leaves([bytes.fromhex(leaf) for leaf in state.leaves]) != self.content_root:
            bad.append(STATE)
        if bad:
            raise damaged(bad[0] or STATE)

    def _changed(self, delta: Records, exceptions: Records | None, *, write: bool) -> State:
        """The state after a change set."""
        if not is_sorted(delta) or (exceptions is not None and not is_sorted(exceptions)):
            raise InvalidInputError("A change set must ascend by tag, each tag once.", code="not_sorted")

        def after(number: int, part: Records) -> _Bucket:
            before = np.frombuffer(self._content(self.state.bucket_name(number)), RECORD)
            return self._bucket(number, b"".join(splice(before, part)), write=write)

        touched = [(number, part) for number, part in enumerate(split(delta)) if len(part)]
        with ThreadPoolExecutor(THREADS) as pool:
            state = _with_buckets(self.state, list(pool.map(after, *zip(*touched)))) if touched else self.state
        if exceptions is None or not len(exceptions):
            return state
        return self._with_exceptions(state, apply(self.exceptions(), exceptions), write=write)

    def _content(self, name: str | None) -> mmap.mmap | bytes:
        try:
            return mapped(self.folder, name)
        except FileNotFoundError as error:
            raise damaged(str(name)) from error

    def _bucket(self, number: int, content: bytes, *, write: bool) -> _Bucket:
        bucket = _Bucket(number, _leaf(content), len(content) // RECORD.itemsize)
        if write and content and bucket.leaf != self.state.leaves[number]:
            _write(self.folder / bucket_name(number, bucket.leaf), content)
        return bucket

    def _with_exceptions(self, state: State, exceptions: Records, *, write: bool) -> State:
        root = exceptions_root(exceptions).hex()
        state = msgspec.structs.replace(state, exceptions=len(exceptions), exceptions_root=root)
        if write and state.exceptions_name and root != self.state.exceptions_root:
            _write(self.folder / state.exceptions_name, exceptions.tobytes())
        return state

    # --- standing -----------------------------------------------------------------------------------------------------

    def _commit(self, state: State, edition: int, roots: tuple[bytes, bytes] | None) -> None:
        if roots and (state.content_root, state.exceptions_root) != (roots[0].hex(), roots[1].hex()):
            detail = f"The list would not be what edition {edition} says it is."
            raise FeedError(detail, code="root_differs", edition=edition)
        state = msgspec.structs.replace(state, edition=edition, boot=boot())
        _check_sizes(self.folder, state)
        draft = self.folder / f".{STATE}-{secrets.token_hex(4)}"
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / STATE)
        self._stand(state)
        self._tidy()

    def _stand(self, state: State) -> None:
        self.state = state
        self._finder = Finder(self.folder, state)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The right to change the folder; what fails in it leaves the state as it was and nothing half-made behind."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "lock").open("w") as lock:
                _lock(lock.fileno())
                if read_state(self.folder) != self.state:
                    raise _moved()
                try:
                    yield
                except BaseException:
                    self._tidy()
                    raise
        except OSError as error:
            raise _unwritable(error) from error

    def _tidy(self) -> None:
        """Remove the files of ours that the state does not name."""
        kept = self.state.sizes
        for entry in os.scandir(self.folder):
            if entry.name not in kept and _OURS.fullmatch(entry.name):
                Path(entry.path).unlink(missing_ok=True)


def _check_sizes(folder: Path, state: State) -> None:
    for name, size in state.sizes.items():
        path = folder / name
        if not path.exists() or path.stat().st_size != size:
            raise damaged(name)


def _by_bucket(chunks: Iterable[Records]) -> Iterator[tuple[int, bytes]]:
    """The content of each bucket that has any, in order, from chunks that ascend by tag. Raises `bad_list_file`."""
    number, content, last = 0, bytearray(), b""
    for chunk in chunks:
        for bucket, part in enumerate(split(chunk)):
            if not len(part):
                continue
            raw = part.tobytes()
            if raw[:8] <= last and last:
                raise FeedError("The files of a full list do not ascend by tag.", code="bad_list_file")
            if bucket != number and content:
                yield number, bytes(content)
                content = bytearray()
            number, last = bucket, raw[-RECORD.itemsize :][:8]
            content += raw
    if content:
        yield number, bytes(content)


def _with_buckets(state: State, changed: Iterable[_Bucket]) -> State:
    leaves, counts = list(state.leaves), list(state.counts)
    for bucket in changed:
        leaves[bucket.number], counts[bucket.number] = bucket.leaf, bucket.count
    root = root_of_leaves([bytes.fromhex(leaf) for leaf in leaves])
    return msgspec.structs.replace(
        state, leaves=tuple(leaves), counts=tuple(counts), entries=sum(counts), content_root=root.hex()
    )


def _moved() -> ConflictError:
    return ConflictError("Another process has changed this list meanwhile.", code="state_moved")


def _unwritable(error: OSError) -> UnavailableError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError("The disk that holds the list is full.", code="disk_full")
    return UnavailableError(f"The folder of the list cannot be written: {error.strerror}.", code="state_unwritable")


def _leaf(content: bytes | mmap.mmap) -> str:
    digest = hashlib.sha256(b"\0")
    digest.update(content)
    return digest.hexdigest()


def _write(path: Path, content: bytes) -> None:
    """A new file; one of that name that no state names may be cut short, and a reader may still have it mapped."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def _lock(file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConflictError("Another process is changing this list.", code="state_busy") from error
