"""The feed of one recipient: a TUF repository whose targets are its indexes, one a key epoch (python-tuf; DESIGN §4).

Rules of this room:
- Under `feeds/<party>/` lie `metadata/`, `targets/` and `lists/`. Everything has an immutable name but the pointer,
  `metadata/timestamp.json`: whoever publishes writes it last, so a reader sees one whole state or the one before.
- `feed.json` is the index of the newest key epoch; `feed-<epoch>.json` that of an older one while both are published.
  The targets say of which epoch each is, so that a follower fetches its own alone (docs/adr/0007).
- Versions are read from what the pointer says, never from a clock; what a crash left behind a pointer is written again.
- The root role is signed by offline keys (`registry/roots.py`), the others by the online key. List files are bound by
  the digests in the indexes (docs/adr/0003).
- What is read back is verified as a client would: a feed that somebody touched is not built upon. One whose online key
  counts no more keeps its versions and nothing else: who had that key may have written what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined] # exported, but not in its __all__
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from registry import editions
from registry.errors import ConflictError, FeedError, NotFoundError
from registry.interfaces import Shelf
from registry.roots import (  # noqa: F401 - whoever works on feeds finds them here, too
    TRUST,
    make_root,
    newest_root,
    trusted_root,
    version_of,
)

if TYPE_CHECKING:
    from registry.keys import SigningKeys

INDEX = "feed.json"
POINTER = "metadata/timestamp.json"
METADATA_DAYS = 90  # of snapshot and targets; renewed from half of it on
KEPT = 5  # versions of metadata that stay for followers who are in the middle of fetching

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True)
class Head:
    """What the pointer of a feed says: its indexes, the newest key epoch first, and the versions and ends of the
    metadata that lead to them; `signers` are the ids of the keys that signed all of it."""

    indexes: tuple[editions.FeedIndex, ...]
    targets: Targets
    snapshot: Snapshot
    timestamp: Timestamp
    signers: frozenset[str] = frozenset()

    @property
    def index(self) -> editions.FeedIndex | None:
        """The index of the newest key epoch; None where the feed must begin anew."""
        return self.indexes[0] if self.indexes else None

    @property
    def index_name(self) -> str:
        """Where the index of the newest key epoch lies."""
        return index_name(self.targets.targets[INDEX])

    @property
    def newest(self) -> int:
        """The newest edition that the feed has, in whichever key epoch."""
        return max((index.newest for index in self.indexes), default=0)

    def of(self, epoch: int) -> editions.FeedIndex | None:
        """The index of a key epoch, or None."""
        return next((index for index in self.indexes if index.epoch == epoch), None)


def place(party: str, name: str = "") -> str:
    """Where a file of a recipient's feed lies on the shelf."""
    return f"feeds/{party}/{name}"


def bring_roots(shelf: Shelf, party: str) -> int:
    """Put the roots into a feed that lacks them; how many."""
    brought = 0
    for name in shelf.names(f"{TRUST}/"):
        own = place(party, f"metadata/{name.removeprefix(f'{TRUST}/')}")
        if shelf.size(own) is None:
            shelf.put(own, shelf.get(name))
            brought += 1
    return brought


def bring_newest(shelf: Shelf, parties: Iterable[str], root: Root) -> None:
    """Put the roots into the feeds that lack the newest one, before anything is signed by keys that only it names."""
    for party in parties:
        if shelf.size(place(party, f"metadata/{root.version}.root.json")) is None:
            bring_roots(shelf, party)


# --- reading back -----------------------------------------------------------------------------------------------------


def read_head(shelf: Shelf, party: str, root: Root, older: Sequence[Root] = ()) -> Head | None:
    """What the pointer of a feed says, verified; None where nothing was published yet.

    `older`: roots that counted before; what is signed only by keys of theirs gives a head without indexes. Raises
    FeedError `feed_damaged` where files are gone or are not what we signed.
    """
    if shelf.size(place(party, POINTER)) is None:
        return None
    for trusted in (root, *older):
        try:
            head = _head(shelf, party, trusted)
        except UnsignedMetadataError:
            continue
        except (RepositoryError, DeserializationError, NotFoundError, KeyError):
            break
        return head if trusted is root else replace(head, indexes=())
    raise damaged(party)


def _head(shelf: Shelf, party: str, root: Root) -> Head:
    timestamp, by_timestamp = _read(shelf, party, POINTER, Timestamp, root)
    version = timestamp.snapshot_meta.version
    snapshot, by_snapshot = _read(shelf, party, f"metadata/{version}.snapshot.json", Snapshot, root)
    version = snapshot.meta["targets.json"].version
    targets, by_targets = _read(shelf, party, f"metadata/{version}.targets.json", Targets, root)
    if INDEX not in targets.targets:
        raise KeyError(INDEX)
    indexes = []
    for target in targets.targets.values():
        content = shelf.get(place(party, index_name(target)))
        target.verify_length_and_hashes(content)
        indexes.append(editions.decode_feed(content))
    indexes.sort(key=lambda index: index.epoch, reverse=True)
    return Head(tuple(indexes), targets, snapshot, timestamp, by_timestamp & by_snapshot & by_targets)


def damaged(party: str) -> FeedError:
    """The error that names a feed which cannot be gone on with."""
    detail = f"The feed of {party} on the shelf is damaged; `decline-sync feed rebuild {party}` begins it anew."
    return FeedError(detail, code="feed_damaged")


def index_name(target: TargetFile) -> str:
    """Where the index lies that a target speaks of: under its own digest."""
    return f"targets/{target.hashes['sha256']}.{target.path}"


def target_name(epoch: int, newest: int) -> str:
    """What the index of a key epoch is called among the targets of a feed whose newest epoch is `newest`."""
    return INDEX if epoch == newest else f"feed-{epoch}.json"


def epochs_of(targets: Mapping[str, TargetFile]) -> dict[int, TargetFile]:
    """The indexes that a feed offers by their key epochs, the newest first; 0 where the feed does not say of which."""
    said = {int((target.custom or {}).get("epoch", 0)): target for target in targets.values()}
    return dict(sorted(said.items(), reverse=True))


# --- writing ----------------------------------------------------------------------------------------------------------


def advance(
    head: Head | None, indexes: editions.FeedIndex | Sequence[editions.FeedIndex], signing: SigningKeys, now: datetime,
    *, hours: int,
) -> dict[str, bytes]:
    """The files that make these indexes (one a key epoch) the newest state, by name, in the order they must be written,
    the pointer last; what lies there already is left out.

    `hours` is how long the pointer holds before followers call the feed expired.
    """
    indexes = [indexes] if isinstance(indexes, editions.FeedIndex) else indexes
    newest = max(index.epoch for index in indexes)
    contents, found = {}, {}
    for index in sorted(indexes, key=lambda index: index.epoch, reverse=True):
        content, name = editions.encode_feed(index), target_name(index.epoch, newest)
        target = TargetFile.from_data(name, content, ["sha256"])
        target.unrecognized_fields["custom"] = {"epoch": index.epoch}
        before = head.targets.targets.get(name) if head else None
        if before is None or before.hashes != target.hashes:
            contents[index_name(target)] = content
        found[name] = target
    targets = Targets(
        version=head.targets.version + 1 if head else 1, expires=_end(now, METADATA_DAYS), targets=found
    )
    return {**contents, **_above(head, targets, signing, now, hours)}


def renew(head: Head, signing: SigningKeys, now: datetime, *, hours: int) -> dict[str, bytes]:
    """The files that keep a feed fresh where nothing changed: a new pointer, and more where more ends soon or another
    online key signs now."""
    ends = min(head.targets.expires, head.snapshot.expires)
    if ends - now < timedelta(days=METADATA_DAYS / 2) or not is_signed_by(head, signing):
        targets = Targets(
            version=head.targets.version + 1, expires=_end(now, METADATA_DAYS), targets=dict(head.targets.targets)
        )
        return _above(head, targets, signing, now, hours)
    return {POINTER: _pointer(head, dict(head.timestamp.snapshot_meta.to_dict()), signing, now, hours)}


def is_signed_by(head: Head, signing: SigningKeys) -> bool:
    """Whether the online key signed all of a feed's metadata."""
    return signing.online.public_key.keyid in head.signers


def _above(head: Head | None, targets: Targets, signing: SigningKeys, now: datetime, hours: int) -> dict[str, bytes]:
    """Targets, the snapshot that names them, and the pointer to it."""
    signed_targets = _signed(targets, signing.online)
    snapshot = Snapshot(
        version=head.snapshot.version + 1 if head else 1,
        expires=_end(now, METADATA_DAYS),
        meta={"targets.json": MetaFile.from_data(targets.version, signed_targets, ["sha256"])},
    )
    signed_snapshot = _signed(snapshot, signing.online)
    meta = MetaFile.from_data(snapshot.version, signed_snapshot, ["sha256"])
    return {
        f"metadata/{targets.version}.targets.json": signed_targets,
        f"metadata/{snapshot.version}.snapshot.json": signed_snapshot,
        POINTER: _pointer(head, meta.to_dict(), signing, now, hours),
    }


def _pointer(
    head: Head | None, snapshot: dict[str, object], signing: SigningKeys, now: datetime, hours: int
) -> bytes:
    timestamp = Timestamp(
        version=head.timestamp.version + 1 if head else 1,
        expires=_seconds(now) + timedelta(hours=hours),
        snapshot_meta=MetaFile.from_dict(dict(snapshot)),
    )
    return _signed(timestamp, signing.online)


def must_still_stand(shelf: Shelf, party: str, head: Head | None) -> None:
    """Look once more, just before the pointer moves: whoever slept past its lease must not put an older one over it.

    Raises ConflictError `lease_lost` where another publisher has moved it since `head` was read.
    """
    name, version = place(party, POINTER), 0
    if shelf.size(name) is not None:
        version = Metadata[Timestamp].from_bytes(shelf.get(name)).signed.version
    if version != (head.timestamp.version if head is not None else 0):
        raise ConflictError(f"Another publisher has moved the pointer of {party}.", code="lease_lost")


# --- tidying ----------------------------------------------------------------------------------------------------------


def unneeded(shelf: Shelf, party: str, head: Head) -> list[str]:
    """Names of a feed that neither its newest state nor one of the few before it needs, oldest versions first."""
    oldest = {".snapshot.json": head.snapshot.version - KEPT, ".targets.json": head.targets.version - KEPT}
    metadata = [
        name
        for name in shelf.names(place(party, "metadata/"))
        for role, gone in oldest.items()
        if name.endswith(role) and version_of(name) <= gone
    ]
    kept = {place(party, index_name(target)) for target in head.targets.targets.values()}
    for name in shelf.names(place(party, "metadata/")):
        if name.endswith(".targets.json") and name not in metadata:
            try:
                targets = Metadata[Targets].from_bytes(shelf.get(name)).signed
            except DeserializationError:
                continue  # an old one that somebody altered: nobody takes it, so it needs nothing
            kept |= {place(party, index_name(target)) for target in targets.targets.values()}
    indexes = [name for name in shelf.names(place(party, "targets/")) if name not in kept]
    needed = {
        place(party, listed)
        for name in kept
        if shelf.size(name) is not None
        for listed in list_names(editions.decode_feed(shelf.get(name)))
    }
    lists = [name for name in shelf.names(place(party, "lists/")) if name not in needed]
    return sorted(metadata, key=version_of) + indexes + lists


def list_names(index: editions.FeedIndex) -> set[str]:
    """The list files that an index speaks of, as they are named in the feed."""
    return {f"lists/{part.name}" for file in index.files for part in (*file.parts, *file.exceptions)}


# --- metadata ---------------------------------------------------------------------------------------------------------


def _signed(signed: T, signer: CryptoSigner) -> bytes:
    metadata: Metadata[T] = Metadata(signed)
    metadata.sign(signer)
    return metadata.to_bytes()


def _read(shelf: Shelf, party: str, name: str, kind: type[T], root: Root) -> tuple[T, frozenset[str]]:
    """A metadata file that a root vouches for, and the ids of the keys that signed it."""
    metadata: Metadata[T] = Metadata.from_bytes(shelf.get(place(party, name)))
    result = root.get_verification_result(kind.type, metadata.signed_bytes, metadata.signatures)
    if not result:
        raise UnsignedMetadataError(f"{name} is not signed by a key that counts")
    if not isinstance(metadata.signed, kind):
        raise RepositoryError(f"{name} is not what its name says")
    return metadata.signed, frozenset(result.signed)


def _seconds(now: datetime) -> datetime:
    return now.replace(microsecond=0)


def _end(now: datetime, days: int) -> datetime:
    return _seconds(now) + timedelta(days=days)
