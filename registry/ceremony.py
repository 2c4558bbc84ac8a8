"""The ceremony of a new root of trust: drafted, signed offline by those who hold root keys, then published.

Rules of this room:
- A draft is the next root as TUF writes it (JSON), with the signatures that it has so far. Signing needs the draft and
  a key file, nothing else.
- It is published only when as many have signed as the root before it asks for, and as many as it asks for itself; its
  version is one higher, and it says which keys sign feeds, of which one is here.
- A key that signs a feed is not removed before another one signs that feed, or no follower could go on; one that was
  stolen is removed at once all the same, and the feeds begin anew in the next round (docs/adr/0008).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.signer import Key, SSlibKey  # type: ignore[attr-defined] # exported, but not in its __all__
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from registry import audit, roots
from registry.errors import ConflictError, FeedError, InvalidInputError, NotFoundError
from registry.keys import signer
from registry.roots import ONLINE_ROLES
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock, Shelf
    from registry.keys import SigningKeys
    from registry.store import Store

LEAST_DAYS = 90  # how long a root must hold that is published
WARN_DAYS = 60  # when the end of a root is an alarm


@dataclass(frozen=True)
class Summary:
    """What a root says, for those who sign it; keys by their ids, which are the first thing to compare."""

    version: int
    expires: datetime
    threshold: int
    root_keys: tuple[str, ...]
    online_keys: tuple[str, ...]
    signed_by: tuple[str, ...] = ()


def public_key(text: str) -> Key:
    """A public key from its 64 hex digits. Raises InvalidInputError `bad_public_key`."""
    try:
        return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.strip())))
    except ValueError as error:
        raise InvalidInputError("A public key has 64 hexadecimal digits.", code="bad_public_key") from error


def public_of(seed: bytes) -> tuple[str, str]:
    """The public key (hex) of a private seed, and its id."""
    key = signer(seed).public_key
    return str(key.keyval["public"]), str(key.keyid)


def summary(content: bytes) -> Summary:
    """What a root or the draft of one says. Raises InvalidInputError `not_a_root`."""
    metadata = _read(content)
    root = metadata.signed
    return Summary(
        root.version, root.expires, root.roles[Root.type].threshold, tuple(root.roles[Root.type].keyids),
        tuple(root.roles[Timestamp.type].keyids), tuple(metadata.signatures),
    )


def draft(
    shelf: Shelf, now: datetime, *, add_root: Sequence[str] = (), remove_root: Sequence[str] = (),
    threshold: int | None = None, add_online: Sequence[str] = (), remove_online: Sequence[str] = (),
) -> bytes:
    """The next root, unsigned. Keys are added by their public keys (64 hex digits), removed by their ids.

    Without any change it is the same root, renewed. Raises InvalidInputError `bad_public_key`, `bad_threshold`,
    `no_keys`, NotFoundError `no_such_key`.
    """
    root = roots.newest_root(shelf)
    root.version += 1
    root.expires = roots.end_of(now)
    for added, removed, roles in ((add_root, remove_root, (Root.type,)), (add_online, remove_online, ONLINE_ROLES)):
        for role in roles:
            for text in added:
                root.add_key(public_key(text), role)
            for key_id in removed:
                if key_id not in root.roles[role].keyids:
                    raise NotFoundError(f"The root names no such key: {key_id}", code="no_such_key")
                root.revoke_key(key_id, role)
            if not root.roles[role].keyids:
                raise InvalidInputError("A root needs root keys and an online key.", code="no_keys")
    own = root.roles[Root.type]
    own.threshold = threshold if threshold is not None else own.threshold
    if not 1 <= own.threshold <= len(own.keyids):
        detail = f"There are {len(own.keyids)} root keys; {own.threshold} of them cannot be asked to sign."
        raise InvalidInputError(detail, code="bad_threshold")
    return Metadata(root).to_bytes()


def sign(content: bytes, seed: bytes) -> bytes:
    """A draft with one more signature. Raises InvalidInputError `not_a_root`."""
    metadata = _read(content)
    metadata.sign(signer(seed), append=True)
    return metadata.to_bytes()


def publish(
    store: Store, clock: Clock, shelf: Shelf, signing: SigningKeys, *, content: bytes, compromised: bool = False,
    actor: str = "operator",
) -> Summary:
    """Make a signed draft the root that counts; the next round of publishing brings it to all feeds.

    `compromised`: online keys are removed although feeds are signed by them. Raises InvalidInputError `not_a_root`,
    ConflictError `root_version`, `root_not_signed`, `root_expires`, `online_key_in_use`, SettingsError `no_online_key`.
    """
    metadata, now = _read(content), clock.now()
    root, before = metadata.signed, roots.newest_root(shelf)
    if root.version != before.version + 1:
        detail = f"The next root is version {before.version + 1}; this is version {root.version}. Draft it anew."
        raise ConflictError(detail, code="root_version")
    _must_be_signed(metadata, before)
    if root.expires - now < timedelta(days=LEAST_DAYS):
        detail = f"It would hold until {root.expires:%Y-%m-%d}; a root is published for {LEAST_DAYS} days at least."
        raise ConflictError(detail, code="root_expires")
    signing.look_again()
    signing.under(root)
    stay = set(root.roles[Timestamp.type].keyids)
    if not compromised:
        for party in _feeds(shelf):
            if stay.isdisjoint(_signers(shelf, party)):
                detail = (
                    f"The feed of {party} is signed by a key that is removed. Add the new key first, let a round of "
                    "publishing pass, then remove the old one; for a stolen key there is --compromised."
                )
                raise ConflictError(detail, code="online_key_in_use")
    said = summary(content)
    shelf.put(roots.place(root.version), content)
    with store.writing(about="root"):
        store.editions.want(f"root {root.version}", at=to_micros(now))
        audit.append(
            store, clock, actor=actor, action="root_published", subject=f"root:{root.version}",
            detail={"signed_by": " ".join(said.signed_by), "compromised": compromised},
        )
    return said


def ends(shelf: Shelf) -> datetime | None:
    """When the root that counts now ends; None where there is none yet, or it is damaged."""
    try:
        return roots.newest_root(shelf).expires
    except (NotFoundError, FeedError):
        return None


def _read(content: bytes) -> Metadata[Root]:
    try:
        metadata: Metadata[Root] = Metadata.from_bytes(content)
    except (DeserializationError, ValueError) as error:
        raise _no_root() from error
    if not isinstance(metadata.signed, Root):
        raise _no_root()
    return metadata


def _no_root() -> InvalidInputError:
    return InvalidInputError("This file is not a root of trust nor the draft of one.", code="not_a_root")


def _must_be_signed(metadata: Metadata[Root], before: Root) -> None:
    """Raises ConflictError `root_not_signed` that says how many signatures by whose keys are missing."""
    missing = []
    for whose, root in (("the root before it", before), ("this root itself", metadata.signed)):
        result = root.get_verification_result(Root.type, metadata.signed_bytes, metadata.signatures)
        if not result:
            missing.append(f"{result.missing} more by keys of {whose}")
    if missing:
        raise ConflictError(f"Signatures are missing: {', '.join(missing)}.", code="root_not_signed")


def _feeds(shelf: Shelf) -> list[str]:
    """The parties that have a feed."""
    return sorted({name.split("/")[1] for name in shelf.names("feeds/") if name.endswith("/metadata/timestamp.json")})


def _signers(shelf: Shelf, party: str) -> set[str]:
    """The ids of the keys that signed all metadata of a feed; none where it cannot be read."""
    place = f"feeds/{party}/metadata"
    try:
        timestamp: Metadata[Timestamp] = Metadata.from_bytes(shelf.get(f"{place}/timestamp.json"))
        version = timestamp.signed.snapshot_meta.version
        snapshot: Metadata[Snapshot] = Metadata.from_bytes(shelf.get(f"{place}/{version}.snapshot.json"))
        version = snapshot.signed.meta["targets.json"].version
        targets: Metadata[Targets] = Metadata.from_bytes(shelf.get(f"{place}/{version}.targets.json"))
    except (RepositoryError, DeserializationError, NotFoundError, KeyError, ValueError):
        return set()
    signatures: list[Mapping[str, Any]] = [timestamp.signatures, snapshot.signatures, targets.signatures]
    return set.intersection(*(set(each) for each in signatures))
