"""Whether a feed may be believed: the TUF client workflow (python-tuf), and in which way a feed that may not is wrong.

Rules of this room:
- Trust begins with the root that the follower was given and lives in its folder of metadata: a feed that was seen is
  never taken in an older form again.
- Every refusal says which it is: altered, cut, older, expired, signed by another key, incomplete, another recipient's.
- The moment comes from the caller's clock; python-tuf would read the machine's.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization import DeserializationError
from tuf.ngclient import FetcherInterface, Updater

from registry import editions
from registry.errors import FeedError, NotFoundError
from registry.outside.shelf import refused
from sync.feed import INDEX, POINTER, epochs_of, index_name
from sync.source import Source

CHUNK = 1 << 20
Choose = Callable[[tuple[int, ...]], int]


@dataclass(frozen=True)
class Trusted:
    """A feed's newest index, believed, until when its pointer holds, and which key epochs the feed offers."""

    index: editions.FeedIndex
    expires: datetime
    offered: tuple[int, ...] = ()


class _Fetcher(FetcherInterface):
    """Fetches from a source, and remembers what came last, to say what was wrong with it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.last, self.last_name = b"", ""

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.last, self.last_name = b"", url
        try:
            for chunk in self._source.read(url):
                self.last += chunk
                yield chunk
        except NotFoundError as error:
            raise DownloadHTTPError("missing", 404) from error


def newest(
    source: Source, folder: Path, root: bytes, now: datetime, *, recipient: str = "", choose: Choose = max
) -> Trusted:
    """The newest index of a feed, verified from the trusted root on; `folder` keeps what was seen.

    `choose` is given the key epochs that the feed offers, the newest first, and says whose index to fetch; by default
    that of the newest.

    Raises FeedError: `feed_altered`, `feed_cut`, `feed_older`, `feed_expired`, `feed_foreign_key`, `feed_incomplete`,
    `feed_foreign` (another recipient's), `no_feed`, `bad_root`; and what the source raises.
    """
    with _seen(folder) as scratch:
        return _newest(source, scratch, root, now, recipient, choose)


def is_root(content: bytes) -> bool:
    """Whether this is a root at all, signed as it says itself; a file that was damaged is none."""
    try:
        found: Metadata[Root] = Metadata.from_bytes(content)
        found.signed.verify_delegate(Root.type, found.signed_bytes, found.signatures)
    except (RepositoryError, DeserializationError, AttributeError, ValueError):
        return False
    return True


def _newest(
    source: Source, folder: Path, root: bytes, now: datetime, recipient: str, choose: Choose
) -> Trusted:
    fetcher = _Fetcher(source)
    try:
        updater = Updater(str(folder), "metadata", fetcher=fetcher, bootstrap=root)
    except (RepositoryError, ValueError) as error:
        raise FeedError("The trusted root cannot be used.", code="bad_root") from error
    trusted = updater._trusted_set
    trusted.reference_time = now  # the set would read the machine's clock
    try:
        updater.refresh()
        offered = epochs_of(trusted.targets.targets)
        target = offered.get(choose(tuple(offered))) if offered else None
        if target is None:
            raise FeedError("The feed holds no index.", code="feed_incomplete")
        content = _kept(folder, target.hashes["sha256"])
        if content is None:
            content = fetcher.download_bytes(index_name(target), target.length)
    except (RepositoryError, DownloadError) as error:
        if isinstance(error, DownloadHTTPError) and fetcher.last_name == POINTER:
            raise FeedError("Nothing has been published for this feed yet.", code="no_feed") from error
        raise _which(error, fetcher.last, set(trusted.root.keys)) from error
    _check_content(content, target.length, target.hashes["sha256"], "The feed's index")
    (folder / INDEX).write_bytes(content)
    index = editions.decode_feed(content)
    if recipient and index.recipient != recipient:
        raise FeedError("The feed is for another recipient.", code="feed_foreign")
    return Trusted(index, trusted.timestamp.expires, tuple(offered))


def _kept(folder: Path, sha256: str) -> bytes | None:
    """The index that was seen last, where it is the one that is asked for: a quiet minute fetches the pointer alone."""
    try:
        content = (folder / INDEX).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


@contextmanager
def _seen(folder: Path) -> Iterator[Path]:
    """A copy of what was seen, to go on in; it takes the folder's place when all is well.

    All feeds of a registry are signed by the same keys: what another recipient's feed says must leave no trace here.
    """
    fresh, old = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    if old.exists() and not folder.exists():
        old.rename(folder)  # killed between the two renames below
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    try:
        if folder.exists():
            _copy(folder, fresh)
        else:
            fresh.mkdir(parents=True)
        yield fresh
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    except OSError as error:
        raise refused(error, "state") from error
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for left in (fresh, old):
            shutil.rmtree(left, ignore_errors=True)


def _copy(folder: Path, into: Path) -> None:
    """A folder and all in it, links as links; what the system refuses is said as it says it (`copytree` gathers it)."""
    into.mkdir(parents=True)
    for path in folder.iterdir():
        place = into / path.name
        if path.is_symlink():
            place.symlink_to(path.readlink())
        elif path.is_dir():
            _copy(path, place)
        else:
            shutil.copy2(path, place)


def check_part(path: Path, part: editions.FeedPart) -> None:
    """Whether a list file is the one that the index speaks of. Raises FeedError `feed_cut`, `feed_altered`."""
    size = path.stat().st_size
    if size < part.bytes:
        raise _cut("A list file")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if size != part.bytes or digest.hexdigest() != part.sha256:
        raise _altered("A list file")


def _check_content(content: bytes, length: int, sha256: str, what: str) -> None:
    if len(content) < length:
        raise _cut(what)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _altered(what)


def _which(error: Exception, content: bytes, known_keys: set[str]) -> FeedError:
    """What is wrong with a feed, from what python-tuf says and what was fetched last."""
    if isinstance(error, ExpiredMetadataError):
        return FeedError("The feed has expired: nobody has renewed it in time.", code="feed_expired")
    if isinstance(error, BadVersionNumberError):
        return FeedError("The feed is older than what was seen before.", code="feed_older")
    if isinstance(error, DownloadHTTPError):
        return FeedError("A file of the feed is missing.", code="feed_incomplete")
    if isinstance(error, DownloadLengthMismatchError):
        return _altered("The feed's metadata")
    if content and not content.rstrip().endswith(b"}"):
        return _cut("The feed's metadata")
    if isinstance(error, UnsignedMetadataError) and known_keys.isdisjoint(_signers(content)):
        return FeedError("The feed is signed by another key than the trusted root names.", code="feed_foreign_key")
    return _altered("The feed's metadata")


def _signers(content: bytes) -> set[str]:
    """The ids of the keys that signed a metadata file, as far as it can be read."""
    try:
        found = msgspec.json.decode(content)
        return {str(signature["keyid"]) for signature in found["signatures"]}
    except (msgspec.DecodeError, KeyError, TypeError):
        return set()


def _cut(what: str) -> FeedError:
    return FeedError(f"{what} is cut short.", code="feed_cut")


def _altered(what: str) -> FeedError:
    return FeedError(f"{what} is not what was signed: it was altered.", code="feed_altered")
