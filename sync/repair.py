"""Mends a list that is not what its feed says by fetching only what differs (ADR 0009), instead of all of it anew.

Rules of this room:
- The registry's copy is not believed: its leaves must come to the root in the signed index, and every bucket that was
  mended to its leaf. Whatever does not fit ends the repair (FeedError `no_repair`), and a full list is fetched.
- What is known to have changed since comes from the feed's change sets; only the rest is asked for by its digests.
- Nothing changes on disk before everything is there. What was wrong is counted, for the acknowledgement.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct

from registry import editions, pieces
from registry.editions import BUCKETS, EMPTY_LEAF, EXCEPTION, RECORD, FeedEdition, FeedIndex, Records
from registry.errors import ConflictError, FeedError, NotFoundError, UnavailableError
from registry.findings import Findings, compare, compare_exceptions
from registry.liststate import bucket_name
from registry.logs import log
from sync import bring
from sync.changes import Delta
from sync.salvage import Salvage
from sync.source import Registrar
from sync.state import StateFolder
from sync.trust import Trusted

THREADS = 2
MOST_PIECES = 8192  # of 65,536: where more differ, a full list costs less
AT_ONCE = 4096
TRIES, PAUSE_S = 4, 0.5  # where the registry's copy moves on meanwhile
_STATE_BYTES = 1 << 16
_ANSWER_BYTES = 1 << 30
_Hex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_OURS = {"disk_full", "state_unwritable", "state_read_only", "state_error"}  # fetching anew would fail as well
_log = log("repair")


class _Copy(Struct, frozen=True):
    """What the registry says that its copy stands on."""

    edition: int
    leaves: Annotated[list[_Hex], Meta(min_length=BUCKETS, max_length=BUCKETS)]


class _Questions:
    """The registry's answers about one list, and how many bytes they had."""

    def __init__(self, source: Registrar, epoch: int) -> None:
        self._source, self._at = source, f"repair/{epoch}"
        self.size = 0

    def copy(self) -> _Copy:
        """What the copy stands on. Raises FeedError `no_repair`."""
        try:
            return msgspec.json.decode(self._ask("", None, _STATE_BYTES), type=_Copy)
        except msgspec.DecodeError as error:
            raise _no_repair() from error

    def digests(self, buckets: list[str]) -> list[bytes]:
        """The digests of the pieces of some buckets, 256 × 8 bytes each."""
        one = pieces.PIECES * pieces.DIGEST_BYTES
        raw = self._ask("/digests", {"buckets": buckets}, one * len(buckets)) if buckets else b""
        if len(raw) != one * len(buckets):
            raise _no_repair()
        return [raw[start : start + one] for start in range(0, len(raw), one)]

    def pieces(self, leaves: list[str], wanted: list[tuple[int, int]]) -> dict[tuple[int, int], Records]:
        """The records of some pieces (bucket, second byte), which ascend."""
        found: dict[tuple[int, int], Records] = {}
        while len(found) < len(wanted):
            asked = wanted[len(found) : len(found) + AT_ONCE]
            body: dict[str, list[int]] = {}
            for bucket, piece in asked:
                body.setdefault(bucket_name(bucket, leaves[bucket]), []).append(piece)
            answered = dict(pieces.unframed(self._ask("/pieces", {"pieces": body}, _ANSWER_BYTES), asked))
            if not answered:
                raise _no_repair()
            found |= answered
        return found

    def exceptions(self, entry: FeedEdition) -> Records:
        """All exceptions of an edition. Raises FeedError `no_repair` where they do not come to its root."""
        if not entry.exceptions:
            return np.empty(0, EXCEPTION)
        size = entry.exceptions * EXCEPTION.itemsize
        raw = self._ask(f"/exceptions/{entry.exceptions_root}", None, size)
        found = np.frombuffer(raw, EXCEPTION) if len(raw) == size else np.empty(0, EXCEPTION)
        if editions.exceptions_root(found).hex() != entry.exceptions_root:
            raise _no_repair()
        return found

    def _ask(self, path: str, body: object, most: int) -> bytes:
        answer = self._source.ask(self._at + path, body, most=most)
        self.size += len(answer)
        return answer


def mend(
    source: Registrar, folder: StateFolder, left: Salvage, trusted: Trusted, look: Callable[[], Trusted]
) -> tuple[Trusted, Findings | None]:
    """Bring what is left of a list to the newest edition of its feed: the feed as it was believed last (`look` looks
    again where the registry's copy has moved on), and what was wrong; None: it must be fetched anew.

    Raises UnavailableError where the disk fails, and as `look`.
    """
    if left.mirror.edition and left.mirror.state.epoch != trusted.index.epoch:
        return trusted, None  # tags of another key epoch have nothing in common with those of this one
    for attempt in range(TRIES):
        try:
            return trusted, _mend(source, folder, left, trusted.index)
        except ConflictError as error:
            if error.code != "copy_moved":
                raise
            time.sleep(PAUSE_S * attempt)
            trusted = look()
        except (FeedError, NotFoundError, UnavailableError) as error:
            if error.code in _OURS:
                raise
            _log.warning("list_not_mended", reason=error.detail, code=error.code)
            break
    return trusted, None


def _mend(source: Registrar, folder: StateFolder, left: Salvage, index: FeedIndex) -> Findings:
    """Raises FeedError or NotFoundError where it must be fetched anew, ConflictError `copy_moved` where the index is to
    be looked at again first."""
    fetched, delta = _change_set(source, folder, left, index)
    entry, questions = index.edition(index.newest), _Questions(source, index.epoch)
    leaves = _leaves(questions, entry)
    parts = editions.split(delta.records)

    def held(bucket: int) -> Records:
        had = left.bucket(bucket)
        return _after(had, parts[bucket]) if len(parts[bucket]) else had

    right, found = _pieces(questions, leaves, held)
    had = editions.apply(left.exceptions(), delta.exceptions)
    exceptions = had
    if editions.exceptions_root(had).hex() != entry.exceptions_root:
        exceptions = questions.exceptions(entry)
        found += compare_exceptions(had, exceptions)
    left.mirror.rebuild(
        lambda bucket: _mended(bucket, held, right).tobytes(), exceptions,
        edition=index.newest, epoch=index.epoch, algorithm=index.algorithm,
        roots=(bytes.fromhex(entry.content_root), bytes.fromhex(entry.exceptions_root)),
    )
    return found + Findings(repaired_bytes=fetched + questions.size)


def _change_set(source: Registrar, folder: StateFolder, left: Salvage, index: FeedIndex) -> tuple[int, Delta]:
    """What changed since the edition that the list says it is at, and what it cost; nothing where that is not known."""
    start = bring.have(left.mirror, index)
    if start is None or start == index.newest:
        return 0, Delta(np.empty(0, RECORD), np.empty(0, EXCEPTION))
    path = editions.cheapest_path(index, start)
    if path[0].kind == "full":
        raise _no_repair()
    size = bring.fetch(source, path, folder.downloads)
    return size, bring.change_set(path, folder.downloads)


def _leaves(questions: _Questions, entry: FeedEdition) -> list[str]:
    """The leaves of an edition, believed because they come to its root. Raises as `_mend`."""
    copy = questions.copy()
    if editions.root_of_leaves([bytes.fromhex(leaf) for leaf in copy.leaves]).hex() == entry.content_root:
        return copy.leaves
    if copy.edition != entry.edition:
        raise ConflictError("The registry's copy stands at another edition now.", code="copy_moved")
    raise _no_repair()


def _pieces(
    questions: _Questions, leaves: list[str], held: Callable[[int], Records]
) -> tuple[dict[tuple[int, int], Records], Findings]:
    """The pieces that must be put in, by (bucket, second byte), and what was wrong in their places."""

    def differs(bucket: int) -> bytes:
        """Our digests of a bucket that is not what it ought to be, else nothing."""
        rows = held(bucket)
        return b"" if editions.leaf(rows).hex() == leaves[bucket] else pieces.digests(rows)

    with ThreadPoolExecutor(THREADS) as pool:
        ours = {bucket: found for bucket, found in enumerate(pool.map(differs, range(BUCKETS))) if found}
    named = [bucket for bucket in ours if leaves[bucket] != EMPTY_LEAF.hex()]
    theirs = dict.fromkeys(ours, pieces.digests(np.empty(0, RECORD)))
    theirs |= zip(named, questions.digests([bucket_name(bucket, leaves[bucket]) for bucket in named]))
    places = [(bucket, piece) for bucket in ours for piece in pieces.differing(ours[bucket], theirs[bucket])]
    if len(places) > MOST_PIECES:
        raise _no_repair()
    empty = [(bucket, piece) for bucket, piece in places if bucket not in named]
    right = questions.pieces(leaves, [place for place in places if place[0] in named])
    right |= dict.fromkeys(empty, np.empty(0, RECORD))
    found = [_compared(bucket, held, leaves, right) for bucket in ours]
    return right, reduce(add, found, Findings())


def _compared(
    bucket: int, held: Callable[[int], Records], leaves: list[str], right: dict[tuple[int, int], Records]
) -> Findings:
    """What was wrong in a bucket. Raises FeedError `no_repair` where it does not come to its leaf even so."""
    had, ought = held(bucket), _mended(bucket, held, right)
    if editions.leaf(ought).hex() != leaves[bucket]:
        raise _no_repair()
    return compare(had, ought)


def _mended(bucket: int, held: Callable[[int], Records], right: dict[tuple[int, int], Records]) -> Records:
    """A bucket with the right pieces in their places."""
    parts = pieces.cut(held(bucket))
    mended = [right.get((bucket, number), part) for number, part in enumerate(parts)]
    return np.frombuffer(b"".join(part.tobytes() for part in mended), RECORD)


def _after(records: Records, delta: Records) -> Records:
    return np.frombuffer(b"".join(editions.splice(records, delta)), RECORD)


def _no_repair() -> FeedError:
    return FeedError("The list cannot be mended piece by piece; it is fetched anew.", code="no_repair")
