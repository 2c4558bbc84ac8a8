"""Edition arithmetic: records, content roots, change sets, and the cheapest path through a feed (DESIGN §4).

Rules of this room:
- Pure functions over sorted arrays; nothing here reads a file, a table or the time.
- A list is sorted by tag and holds each tag once; a row whose masks and quiet hours are all 0 removes the tag, so a
  delta is an idempotent upsert. Exceptions go by (tag, party, kind), and all three masks 0 removes.
- Roots say what a list holds, whatever wrote it: 256 buckets by the tag's top byte, leaf = SHA256(00 | records),
  node = SHA256(01 | left | right).
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any, Literal, NewType

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from registry.errors import FeedError, InvalidInputError

Edition = NewType("Edition", int)  # counted from 1 in the publishing transaction, never a clock
Records = NDArray[np.void]  # of dtype RECORD or EXCEPTION

BUCKETS = 256
MASKS = ("calls", "robocalls", "messages")
_MASK_FIELDS = [(name, ">u2") for name in MASKS]

# one row of a list, 18 bytes as they are hashed and as they lie in a mirror
RECORD = np.dtype([("tag", ">u8"), *_MASK_FIELDS, ("quiet", ">u4")])
# one row beside the list, 23 bytes; `until` is days since 1970-01-01, 0 = open
EXCEPTION = np.dtype([("tag", ">u8"), ("party", ">u4"), ("kind", "u1"), *_MASK_FIELDS, ("until", ">u4")])

ALLOW, DENY, CONSENT = 1, 2, 3  # kinds of exceptions: a person's own entries, and an effective consent

_KEYS = {RECORD: ("tag",), EXCEPTION: ("tag", "party", "kind")}
_REMOVING = {RECORD: (*MASKS, "quiet"), EXCEPTION: MASKS}
_SPARSE = 8  # a change set of less than one row in eight is spliced in, a larger one merged whole


# --- roots ------------------------------------------------------------------------------------------------------------


def leaf(records: Records) -> bytes:
    """The digest of one bucket's records: SHA256(00 | records), 32 bytes."""
    digest = hashlib.sha256(b"\0")
    digest.update(np.ascontiguousarray(records).view(np.uint8).data)
    return digest.digest()


EMPTY_LEAF = hashlib.sha256(b"\0").digest()


def root_of_leaves(leaves: Sequence[bytes]) -> bytes:
    """The root over 256 leaves, 32 bytes."""
    if len(leaves) != BUCKETS:
        raise ValueError("a root stands on 256 leaves")
    level = list(leaves)
    while len(level) > 1:
        level = [hashlib.sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2])]
    return level[0]


EMPTY_ROOT = root_of_leaves([EMPTY_LEAF] * BUCKETS)


def split(records: Records) -> list[Records]:
    """The 256 buckets of sorted records, by the tag's top byte; views, not copies."""
    tops = np.ascontiguousarray(records).view(np.uint8).reshape(-1, records.dtype.itemsize)[:, 0]
    bounds = np.searchsorted(tops, np.arange(1, BUCKETS, dtype=np.uint8))
    return np.split(records, bounds)


def content_root(records: Records) -> bytes:
    """The root of a whole sorted list (RECORD[n]), 32 bytes."""
    return root_of_leaves([leaf(part) for part in split(records)])


def exceptions_root(records: Records) -> bytes:
    """The root of all sorted exceptions (EXCEPTION[n]), 32 bytes; the same construction as for the list."""
    return root_of_leaves([leaf(part) for part in split(records)])


# --- change sets ------------------------------------------------------------------------------------------------------


def record_array(tags: Any, calls: Any, robocalls: Any, messages: Any, quiet: Any) -> Records:
    """RECORD[n] sorted by tag, from columns in any order. Raises InvalidInputError: `tag_twice`."""
    records = np.empty(len(tags), RECORD)
    for name, column in zip(("tag", *MASKS, "quiet"), (tags, calls, robocalls, messages, quiet)):
        records[name] = column
    return arranged(records)


def arranged(records: Records) -> Records:
    """The records sorted by their key. Raises InvalidInputError (`tag_twice`) where a key stands twice."""
    ordered = records[_order(records)]
    if not is_sorted(ordered):
        raise InvalidInputError("A list holds the same entry twice.", code="tag_twice")
    return ordered


def is_sorted(records: Records) -> bool:
    """Whether the records ascend by their key, each key once."""
    above = np.ones(max(len(records) - 1, 0), bool)
    for name in reversed(_KEYS[records.dtype]):
        before, after = records[name][:-1], records[name][1:]
        above = (after > before) | ((after == before) & above) if name != _KEYS[records.dtype][-1] else after > before
    return bool(above.all())


def _order(records: Records) -> NDArray[np.intp]:
    keys = [records[name].astype(records[name].dtype.newbyteorder("=")) for name in _KEYS[records.dtype]]
    return np.argsort(keys[0], kind="stable") if len(keys) == 1 else np.lexsort(keys[::-1])


def removes(records: Records) -> NDArray[np.bool_]:
    """Which rows of a change set remove their entry, bool[n]."""
    kept = np.zeros(len(records), bool)
    for name in _REMOVING[records.dtype]:
        kept |= records[name] != 0
    return ~kept


def compose(deltas: Sequence[Records]) -> Records:
    """One change set that does what these do one after another (a roll-up); rows that remove stay in it."""
    dtype = deltas[0].dtype
    opaque = f"V{dtype.itemsize}"  # numpy would turn fields that are big-endian into native ones
    rows = np.concatenate([np.ascontiguousarray(delta).view(opaque) for delta in deltas]).view(dtype)
    rows = rows[_order(rows)]  # stable: of equal keys the later delta stands last
    last = np.ones(len(rows), bool)
    if len(rows):
        same = np.ones(len(rows) - 1, bool)
        for name in _KEYS[dtype]:
            same &= rows[name][1:] == rows[name][:-1]
        last[:-1] = ~same
    return rows[last]


def apply(records: Records, delta: Records) -> Records:
    """The list after a change set, both sorted and of one dtype. Applying it twice is the same as once."""
    return np.frombuffer(b"".join(splice(records, delta)), records.dtype)


def splice(records: Records, delta: Records) -> list[memoryview]:
    """The bytes of the list after a change set, in pieces: stretches that stay as they are, and rows that come.

    Nothing is copied where the change set is small, so that a bucket is hashed and written straight from its old file.
    """
    if records.dtype != RECORD or len(delta) * _SPARSE > len(records):
        merged = compose((records, delta))
        return [merged[~removes(merged)].view(np.uint8).data]
    tags, coming = records["tag"].astype(np.uint64), delta["tag"].astype(np.uint64)
    places = np.searchsorted(tags, coming)
    known = tags[np.minimum(places, len(tags) - 1)] == coming if len(tags) else np.zeros(0, bool)
    old, new, size = records.view(np.uint8).data, delta.view(np.uint8).data, RECORD.itemsize
    pieces, at = [], 0
    rows = zip((places * size).tolist(), known.tolist(), removes(delta).tolist())
    for i, (place, replaces, gone) in enumerate(rows):
        if place > at:
            pieces.append(old[at:place])
        if not gone:
            pieces.append(new[i * size : (i + 1) * size])
        at = place + size if replaces else place
    pieces.append(old[at:])
    return pieces


# --- the wire form of a feed ------------------------------------------------------------------------------------------


class FeedPart(Struct, frozen=True, array_like=True):
    """One list file. It lies under its own digest, so a name is written once and means one content."""

    rows: int
    bytes: int
    sha256: str  # hex

    @property
    def name(self) -> str:
        """The file's name under `lists/`."""
        return f"{self.sha256}.parquet"


class FeedFile(Struct, frozen=True, array_like=True):
    """What leads from one edition to another: a full list (from 0), a delta, or a roll-up of deltas; in parts."""

    kind: Literal["full", "delta", "rollup"]
    from_: int
    to: int
    epoch: int
    parts: tuple[FeedPart, ...]
    exceptions: tuple[FeedPart, ...] = ()

    @property
    def bytes(self) -> int:
        """What fetching it costs."""
        return sum(part.bytes for part in (*self.parts, *self.exceptions))


class FeedEdition(Struct, frozen=True, array_like=True):
    """What a list holds at an edition; roots are hex."""

    edition: int
    entries: int
    content_root: str
    exceptions: int
    exceptions_root: str
    at: datetime
    epoch: int = 1


class FeedIndex(Struct, frozen=True, kw_only=True):
    """`feed.json`: the chain of files and editions of one recipient. Rows are arrays: it is fetched every minute."""

    format: Literal[1] = 1
    recipient: str
    algorithm: Literal["aes-cmac-64", "sm4-cmac-64"]
    epoch: int
    newest: int
    files: tuple[FeedFile, ...] = ()
    editions: tuple[FeedEdition, ...] = ()
    parties: dict[int, str] = {}
    resellers: tuple[str, ...] = ()  # whose numbers are in the list besides the recipient's own

    def edition(self, number: int, epoch: int | None = None) -> FeedEdition:
        """What the list holds at an edition. Raises FeedError (`no_such_edition`) where the feed does not say."""
        epoch = self.epoch if epoch is None else epoch
        for listed in self.editions:
            if listed.edition == number and listed.epoch == epoch:
                return listed
        raise FeedError(f"The feed says nothing about edition {number}.", code="no_such_edition", edition=number)


def editions_to_list(files: Sequence[FeedFile], newest: int) -> set[tuple[int, int]]:
    """The (edition, epoch) pairs whose roots an index needs: the newest, and where full lists and roll-ups end.

    A follower checks where its path ends, which is always the newest; the roots between single deltas would make up a
    third of the index.
    """
    return {(file.to, file.epoch) for file in files if file.kind != "delta" or file.to == newest}


def encode_feed(feed: FeedIndex) -> bytes:
    """The JSON of feed.json; the same feed always gives the same bytes."""
    return msgspec.json.encode(msgspec.structs.replace(feed, parties=dict(sorted(feed.parties.items()))))


def decode_feed(content: bytes) -> FeedIndex:
    """The feed of a feed.json. Raises FeedError (`bad_feed`) for anything else."""
    try:
        return msgspec.json.decode(content, type=FeedIndex)
    except msgspec.DecodeError as error:
        raise FeedError("The feed's index cannot be read.", code="bad_feed") from error


def cheapest_path(feed: FeedIndex, have: Edition | None, *, epoch: int | None = None) -> tuple[FeedFile, ...]:
    """The files that lead from the edition one has (None: from nothing) to the newest with the fewest bytes, in order.

    A change set may be applied at any edition that it spans, because it says what its rows are at its end. Only files
    of one key epoch count (default: the feed's). Raises FeedError: `feed_older` for a feed that ends before what one
    has, `no_path` where its files lead nowhere.
    """
    epoch = feed.epoch if epoch is None else epoch
    start = have or 0
    if start > feed.newest:
        detail = f"The feed ends at edition {feed.newest}, but edition {start} is here already."
        raise FeedError(detail, code="feed_older", edition=feed.newest)
    files = [file for file in feed.files if file.epoch == epoch]
    reached: set[int] = set()
    turn = count()  # decides between equals, so that paths are never compared
    queue: list[tuple[int, int, int, int, tuple[FeedFile, ...]]] = [(0, 0, 0, start, ())]
    while queue:
        cost, _, _, at, path = heapq.heappop(queue)
        if at == feed.newest:
            return path
        if at in reached:
            continue
        reached.add(at)
        for file in files:
            fits = not path if file.kind == "full" else file.from_ <= at < file.to
            if fits and file.to not in reached:
                heapq.heappush(queue, (cost + file.bytes, len(path) + 1, next(turn), file.to, (*path, file)))
    raise FeedError("No files of the feed lead to its newest edition.", code="no_path")
