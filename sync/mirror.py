"""A list as it stands at one edition, on disk: what a follower looks numbers up in, and the publisher's copy of it.

Rules of this room:
- 256 bucket files of records (18 bytes each, as they are hashed), one exceptions file, and `state.json`, which names
  them by what they hold and is replaced last, at once: killed anywhere, the old list or the new one is there, whole.
- Files that it does not name are removed after the new state stands. One process changes a mirror at a time (`lock`).
- Only buckets that a change set touches are read and written again, one after another in two threads: memory stays
  small. Bucket files are not forced to disk: a state from before the machine started is hashed anew when it is opened.
"""

from __future__ import annotations

import mmap
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
from registry.errors import ConflictError, FeedError, InvalidInputError
from registry.liststate import STATE, State, bucket_name
from sync import listdisk
from sync.finder import Entry, Finder, mapped
from sync.listdisk import Bucket, check_sizes, leaf_of, with_buckets
from sync.liststate import boot, damaged, read_state

THREADS = 2

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
                check_sizes(folder, state)
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
            raise listdisk.unwritable(error) from error
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
            written: list[Future[Bucket]] = []
            for number, content in listdisk.by_bucket(records):
                written.append(pool.submit(self._bucket, number, content, write=True))
                if len(written) > 2 * THREADS:
                    written[-2 * THREADS].result()  # not further ahead than this, for memory's sake
            fresh = with_buckets(State(epoch=epoch, algorithm=algorithm), [done.result() for done in written])
            if exceptions is not None:
                fresh = self._with_exceptions(fresh, exceptions, write=True)
            self._commit(fresh, edition, roots)

    def rebuild(
        self, content: Callable[[int], bytes], exceptions: Records, *, edition: int, epoch: int, algorithm: str,
        roots: tuple[bytes, bytes],
    ) -> None:
        """Stand on the contents of the 256 buckets that are given, and on all exceptions, whatever was there.

        Raises as `apply`; only files that do not hold this already are written.
        """
        with self._writing(), ThreadPoolExecutor(THREADS) as pool:
            buckets = pool.map(lambda number: self._bucket(number, content(number), write=True), range(BUCKETS))
            fresh = with_buckets(State(epoch=epoch, algorithm=algorithm), buckets)
            self._commit(self._with_exceptions(fresh, exceptions, write=True), edition, roots)

    def verify(self) -> None:
        """Hash everything again. Raises FeedError (`state_damaged`) that names a file which is not what it was."""
        state = self.state
        check_sizes(self.folder, state)

        def intact(number: int) -> bool:
            return leaf_of(self._content(state.bucket_name(number))) == state.leaves[number]

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

        def after(number: int, part: Records) -> Bucket:
            before = np.frombuffer(self._content(self.state.bucket_name(number)), RECORD)
            return self._bucket(number, b"".join(splice(before, part)), write=write)

        touched = [(number, part) for number, part in enumerate(split(delta)) if len(part)]
        with ThreadPoolExecutor(THREADS) as pool:
            state = with_buckets(self.state, list(pool.map(after, *zip(*touched)))) if touched else self.state
        if exceptions is None or not len(exceptions):
            return state
        return self._with_exceptions(state, apply(self.exceptions(), exceptions), write=write)

    def _content(self, name: str | None) -> mmap.mmap | bytes:
        try:
            return mapped(self.folder, name)
        except FileNotFoundError as error:
            raise damaged(str(name)) from error

    def _bucket(self, number: int, content: bytes, *, write: bool) -> Bucket:
        bucket = Bucket(number, leaf_of(content), len(content) // RECORD.itemsize)
        if write and content:
            listdisk.write(self.folder / bucket_name(number, bucket.leaf), content)
        return bucket

    def _with_exceptions(self, state: State, exceptions: Records, *, write: bool) -> State:
        root = exceptions_root(exceptions).hex()
        state = msgspec.structs.replace(state, exceptions=len(exceptions), exceptions_root=root)
        if write and state.exceptions_name:
            listdisk.write(self.folder / state.exceptions_name, exceptions.tobytes())
        return state

    # --- standing -----------------------------------------------------------------------------------------------------

    def _commit(self, state: State, edition: int, roots: tuple[bytes, bytes] | None) -> None:
        if roots and (state.content_root, state.exceptions_root) != (roots[0].hex(), roots[1].hex()):
            detail = f"The list would not be what edition {edition} says it is."
            raise FeedError(detail, code="root_differs", edition=edition)
        state = msgspec.structs.replace(state, edition=edition, boot=boot())
        listdisk.write_state(self.folder, state)
        self._stand(state)
        listdisk.tidy(self.folder, state)

    def _stand(self, state: State) -> None:
        self.state = state
        self._finder = Finder(self.folder, state)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The right to change the folder; what fails in it leaves the state as it was and nothing half-made behind."""
        with listdisk.locked(self.folder):
            readable = True
            try:
                standing = read_state(self.folder)
            except FeedError:
                if self.state != State():
                    raise
                standing, readable = self.state, False  # begun anew over a state that cannot be read
            if standing != self.state:
                raise _moved()
            try:
                yield
            except BaseException:
                if readable:  # else what lies there may still be made use of
                    listdisk.tidy(self.folder, self.state)
                raise


def _moved() -> ConflictError:
    return ConflictError("Another process has changed this list meanwhile.", code="state_moved")
