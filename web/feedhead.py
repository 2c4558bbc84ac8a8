"""The head of a feed as it lies on the shelf: until when it holds, its index, and what catching up by it costs.

Rules of this room: it is read as a reader of pages needs it, along the digests from the pointer down; whether the
signatures are ours is for the publisher and for followers to judge.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from registry.editions import Edition, FeedFile, FeedIndex, cheapest_path, decode_feed
from registry.errors import FeedError, NotFoundError

if TYPE_CHECKING:
    from registry.interfaces import Shelf

INDEX = "feed.json"
_LARGEST = 8 * 1024 * 1024


class _Signed(msgspec.Struct, frozen=True):
    version: int
    expires: datetime
    meta: dict[str, dict[str, Any]] = {}
    targets: dict[str, dict[str, Any]] = {}


class _Metadata(msgspec.Struct, frozen=True):
    signed: _Signed


@dataclass(frozen=True)
class Head:
    """A feed: its index, until when its pointer holds, and what every fetch costs before any list file (bytes)."""

    index: FeedIndex
    expires: datetime
    overhead: int

    @property
    def full_bytes(self) -> int:
        """What the newest full list and its exceptions cost; 0 where the feed has none."""
        fulls = [file for file in self.index.files if file.kind == "full" and file.epoch == self.index.epoch]
        return fulls[-1].bytes if fulls else 0


@dataclass(frozen=True)
class Cost:
    """What catching up costs: list files by kind, how many there are with their parts, bytes; None: no way leads."""

    edition: int
    kinds: Mapping[str, int]
    files: int
    bytes: int


def head_of(shelf: Shelf, party: str) -> Head | None:
    """The head of a party's feed, None where nothing was published. Raises FeedError `feed_damaged`."""
    place = f"feeds/{party}"
    if shelf.size(f"{place}/metadata/timestamp.json") is None:
        return None
    try:
        pointer = _fetched(shelf, f"{place}/metadata/timestamp.json")
        timestamp = _metadata(pointer)
        version = timestamp.meta["snapshot.json"]["version"]
        snapshot = _fetched(shelf, f"{place}/metadata/{version}.snapshot.json", timestamp.meta["snapshot.json"])
        meta = _metadata(snapshot).meta["targets.json"]
        targets = _fetched(shelf, f"{place}/metadata/{meta['version']}.targets.json", meta)
        target = _metadata(targets).targets[INDEX]
        index = _fetched(shelf, f"{place}/targets/{target['hashes']['sha256']}.{INDEX}", target)
    except (NotFoundError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise _damaged() from error
    overhead = sum(map(len, (pointer, snapshot, targets, index)))
    return Head(decode_feed(index), timestamp.expires.astimezone(UTC), overhead)


def cost_from(head: Head, edition: int) -> Cost | None:
    """The cheapest way from an edition (0: from nothing) to the newest; None where the feed knows none."""
    try:
        path = cheapest_path(head.index, Edition(edition) if edition else None)
    except FeedError:
        return None
    return Cost(edition, Counter(file.kind for file in path), _files(path), sum(file.bytes for file in path))


def _files(path: tuple[FeedFile, ...]) -> int:
    return sum(len(file.parts) + len(file.exceptions) for file in path)


def _fetched(shelf: Shelf, name: str, meant: Mapping[str, Any] | None = None) -> bytes:
    """A small file of a feed, checked against what the file above says of it."""
    if (shelf.size(name) or 0) > _LARGEST:
        raise _damaged()
    content = shelf.get(name)
    wanted = (meant or {}).get("hashes", {}).get("sha256")
    if wanted is not None and hashlib.sha256(content).hexdigest() != wanted:
        raise _damaged()
    return content


def _metadata(content: bytes) -> _Signed:
    return msgspec.json.decode(content, type=_Metadata).signed


def _damaged() -> FeedError:
    return FeedError("The feed on the shelf is damaged.", code="feed_damaged")
