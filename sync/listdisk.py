"""The files of a list on disk: hashed, written, checked and tidied away; `mirror.py` decides what they are to hold.

Rules of this room:
- A bucket file is named by what it holds and is never changed: another content is another file.
- `state.json` is replaced at once, after all files that it names are there; what it does not name may be removed.
- One process writes at a time; what the system refuses is said in one sentence.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from registry.editions import RECORD, Records, root_of_leaves, split
from registry.errors import ConflictError, FeedError, UnavailableError
from registry.liststate import BUCKET_NAME, STATE, State
from registry.naming import new_id
from sync.liststate import damaged

_OURS = re.compile(rf"{BUCKET_NAME.pattern}|exceptions-[0-9a-f]{{32}}|\.state\.json-[0-9a-z]{{8}}")


@dataclass(frozen=True)
class Bucket:
    """What one bucket holds: its digest (hex) and its rows."""

    number: int
    leaf: str
    count: int


def leaf_of(content: bytes | mmap.mmap) -> str:
    """The digest of one bucket's content, hex."""
    digest = hashlib.sha256(b"\0")
    digest.update(content)
    return digest.hexdigest()


def with_buckets(state: State, changed: Iterable[Bucket]) -> State:
    """A state in which these buckets have taken the place of the old ones."""
    leaves, counts = list(state.leaves), list(state.counts)
    for bucket in changed:
        leaves[bucket.number], counts[bucket.number] = bucket.leaf, bucket.count
    root = root_of_leaves([bytes.fromhex(leaf) for leaf in leaves])
    return msgspec.structs.replace(
        state, leaves=tuple(leaves), counts=tuple(counts), entries=sum(counts), content_root=root.hex()
    )


def by_bucket(chunks: Iterable[Records]) -> Iterator[tuple[int, bytes]]:
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


def check_sizes(folder: Path, state: State) -> None:
    """Whether all files of a state are there, as long as it says. Raises FeedError `state_damaged`."""
    top = os.fspath(folder)
    for name, size in state.sizes.items():
        try:
            there = os.stat(f"{top}/{name}").st_size  # noqa: PTH116 - 256 of them at each look: paths would cost more
        except FileNotFoundError:
            there = -1
        if there != size:
            raise damaged(name)


def write(path: Path, content: bytes) -> None:
    """Let a file hold this. One of that name is looked into: it may be damaged, or cut short by a kill, and a reader
    may still have it mapped."""
    if path.exists() and path.read_bytes() == content:
        return
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def write_state(folder: Path, state: State) -> None:
    """Let a state stand, once all its files are there."""
    check_sizes(folder, state)
    draft = folder / f".{STATE}-{new_id(8)}"
    with draft.open("wb") as file:
        file.write(msgspec.json.encode(state))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / STATE)


def tidy(folder: Path, state: State) -> None:
    """Remove the files of ours that a state does not name."""
    kept = state.sizes
    for entry in os.scandir(folder):
        if entry.name not in kept and _OURS.fullmatch(entry.name):
            Path(entry.path).unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The right to write into a folder, which is made. Raises ConflictError `state_busy`; UnavailableError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError("Another process is changing this list.", code="state_busy") from error
            yield
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error: OSError) -> UnavailableError:
    """What the system says when a list cannot be written, in our words."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError("The disk that holds the list is full.", code="disk_full")
    return UnavailableError(f"The folder of the list cannot be written: {error.strerror}.", code="state_unwritable")
