"""The feed of one recipient: a TUF repository whose only target is `feed.json` (python-tuf; DESIGN §4).

Rules of this room:
- Under `feeds/<party>/` lie `metadata/`, `targets/` and `lists/`. Everything has an immutable name but the pointer,
  `metadata/timestamp.json`: whoever publishes writes it last, so a reader sees one whole state or the one before.
- Versions are read from what the pointer says, never from a clock; what a crash left behind a pointer is written again.
- The root role is signed by the offline key, the others by the online key. List files are bound by the digests in
  `feed.json` (docs/adr/0003).
- What is read back is verified as a client would: a feed that somebody touched is not built upon.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined] # exported, but not in its __all__
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from registry import editions
from registry.errors import FeedError, NotFoundError
from registry.interfaces import Shelf

if TYPE_CHECKING:
    from registry.keys import SigningKeys

INDEX = "feed.json"
POINTER = "metadata/timestamp.json"
TRUST = "trust"  # the roots of this registry, the same for all its feeds
ROOT_DAYS = 730
METADATA_DAYS = 90  # of snapshot and targets; renewed from half of it on
KEPT = 5  # versions of metadata that stay for followers who are in the middle of fetching

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True)
class Head:
    """What the pointer of a feed says: the index and the versions and ends of the metadata that lead to it."""

    index: editions.FeedIndex
    index_name: str
    targets: Targets
    snapshot: Snapshot
    timestamp: Timestamp


def place(party: str, name: str = "") -> str:
    """Where a file of a recipient's feed lies on the shelf."""
    return f"feeds/{party}/{name}"


# --- the root ---------------------------------------------------------------------------------------------------------


def trusted_root(shelf: Shelf, signing: SigningKeys, now: datetime) -> bytes:
    """The first root of this registry: what followers are given by a safe way. Made at the first call."""
    name = f"{TRUST}/1.root.json"
    if shelf.size(name) is None:
        if any(name.endswith(".root.json") for name in shelf.names("feeds/")):  # another is not what followers have
            raise damaged_root(name)
        shelf.put(name, make_root(signing, now))
    return shelf.get(name)


def make_root(signing: SigningKeys, now: datetime, *, version: int = 1) -> bytes:
    """A signed root: which keys count for which role, until when."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    root = Root(version=version, expires=today + timedelta(days=ROOT_DAYS), consistent_snapshot=True)
    root.add_key(signing.root.public_key, Root.type)
    for role in (Timestamp.type, Snapshot.type, Targets.type):
        root.add_key(signing.online.public_key, role)
    return _signed(root, signing.root)


def newest_root(shelf: Shelf) -> Root:
    """The root that counts now. Raises NotFoundError where there is none yet, FeedError `root_damaged`."""
    names = sorted(shelf.names(f"{TRUST}/"), key=version_of)
    if not names:
        raise NotFoundError("There is no trusted root yet.", code="no_root")
    return read_root(shelf, names[-1])


def read_root(shelf: Shelf, name: str, before: Root | None = None) -> Root:
    """A root on the shelf, signed as it says itself, and as the one before it says. Raises FeedError."""
    try:
        found: Metadata[Root] = Metadata.from_bytes(shelf.get(name))
        for root in (found.signed, before or found.signed):
            root.verify_delegate(Root.type, found.signed_bytes, found.signatures)
    except (RepositoryError, DeserializationError, NotFoundError, AttributeError, ValueError) as error:
        raise damaged_root(name) from error
    return found.signed


def damaged_root(name: str) -> FeedError:
    """The error that names a root which cannot be trusted as it lies there."""
    detail = f"The root {name} on the shelf is missing or damaged; see `decline-sync shelf mend`."
    return FeedError(detail, code="root_damaged")


def bring_roots(shelf: Shelf, party: str) -> int:
    """Put the roots into a feed that lacks them; how many."""
    brought = 0
    for name in shelf.names(f"{TRUST}/"):
        own = place(party, f"metadata/{name.removeprefix(f'{TRUST}/')}")
        if shelf.size(own) is None:
            shelf.put(own, shelf.get(name))
            brought += 1
    return brought


# --- reading back -----------------------------------------------------------------------------------------------------


def read_head(shelf: Shelf, party: str, root: Root) -> Head | None:
    """What the pointer of a feed says, verified; None where nothing was published yet.

    Raises FeedError `feed_damaged` where files are gone or are not what we signed.
    """
    if shelf.size(place(party, POINTER)) is None:
        return None
    try:
        timestamp = _read(shelf, party, POINTER, Timestamp, root)
        version = timestamp.snapshot_meta.version
        snapshot = _read(shelf, party, f"metadata/{version}.snapshot.json", Snapshot, root)
        version = snapshot.meta["targets.json"].version
        targets = _read(shelf, party, f"metadata/{version}.targets.json", Targets, root)
        target = targets.targets[INDEX]
        name = index_name(target)
        content = shelf.get(place(party, name))
        target.verify_length_and_hashes(content)
    except (RepositoryError, DeserializationError, NotFoundError, KeyError) as error:
        raise damaged(party) from error
    return Head(editions.decode_feed(content), name, targets, snapshot, timestamp)


def damaged(party: str) -> FeedError:
    """The error that names a feed which cannot be gone on with."""
    detail = f"The feed of {party} on the shelf is damaged; `decline-sync feed rebuild {party}` begins it anew."
    return FeedError(detail, code="feed_damaged")


def index_name(target: TargetFile) -> str:
    """Where the index lies that a target speaks of: under its own digest."""
    return f"targets/{target.hashes['sha256']}.{INDEX}"


# --- writing ----------------------------------------------------------------------------------------------------------


def advance(
    head: Head | None, index: editions.FeedIndex, signing: SigningKeys, now: datetime, *, hours: int
) -> dict[str, bytes]:
    """The files that make `index` the newest state, by name, in the order they must be written, the pointer last.

    `hours` is how long the pointer holds before followers call the feed expired.
    """
    content = editions.encode_feed(index)
    target = TargetFile.from_data(INDEX, content, ["sha256"])
    targets = Targets(
        version=head.targets.version + 1 if head else 1,
        expires=_end(now, METADATA_DAYS),
        targets={INDEX: target},
    )
    return {index_name(target): content, **_above(head, targets, signing, now, hours)}


def renew(head: Head, signing: SigningKeys, now: datetime, *, hours: int) -> dict[str, bytes]:
    """The files that keep a feed fresh where nothing changed: a new pointer, and more where more ends soon."""
    ends = min(head.targets.expires, head.snapshot.expires)
    if ends - now < timedelta(days=METADATA_DAYS / 2):
        targets = Targets(
            version=head.targets.version + 1, expires=_end(now, METADATA_DAYS), targets=dict(head.targets.targets)
        )
        return _above(head, targets, signing, now, hours)
    return {POINTER: _pointer(head, dict(head.timestamp.snapshot_meta.to_dict()), signing, now, hours)}


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
    kept = {place(party, head.index_name)}
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


def _read(shelf: Shelf, party: str, name: str, kind: type[T], root: Root) -> T:
    metadata: Metadata[T] = Metadata.from_bytes(shelf.get(place(party, name)))
    root.verify_delegate(kind.type, metadata.signed_bytes, metadata.signatures)
    if not isinstance(metadata.signed, kind):
        raise RepositoryError(f"{name} is not what its name says")
    return metadata.signed


def _seconds(now: datetime) -> datetime:
    return now.replace(microsecond=0)


def _end(now: datetime, days: int) -> datetime:
    return _seconds(now) + timedelta(days=days)


def version_of(name: str) -> int:
    """The version in a name like `12.targets.json`, 0 where there is none."""
    number = name.rpartition("/")[2].partition(".")[0]
    return int(number) if number.isdigit() else 0
