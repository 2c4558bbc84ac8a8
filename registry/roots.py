"""The roots of trust: which keys count for feeds, in a chain in which each root is signed by the one before (TUF).

Rules of this room:
- Roots lie under `trust/<version>.root.json` on the shelf, the same for all feeds; one that is there is never replaced,
  and the highest version counts.
- The first root is made with the root key of the instance; after that no root key is needed on this machine.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from registry.errors import FeedError, NotFoundError, SettingsError
from registry.interfaces import Shelf

if TYPE_CHECKING:
    from registry.keys import SigningKeys

TRUST = "trust"
ROOT_DAYS = 730
ONLINE_ROLES = (Timestamp.type, Snapshot.type, Targets.type)


def trusted_root(shelf: Shelf, signing: SigningKeys, now: datetime) -> bytes:
    """The first root of this registry, made at the first call.

    Raises SettingsError `no_root_key`, FeedError `root_damaged` where it is gone although feeds stand on it.
    """
    name = place(1)
    if shelf.size(name) is None:
        if any(name.endswith(".root.json") for name in shelf.names("feeds/")):  # another is not what followers have
            raise damaged_root(name)
        shelf.put(name, make_root(signing, now))
    return shelf.get(name)


def make_root(signing: SigningKeys, now: datetime, *, version: int = 1) -> bytes:
    """A signed root: which keys count for which role, until when. Raises SettingsError `no_root_key`."""
    if signing.root is None:
        detail = "The first root of trust is made with feed-root.key, which is not in the folder of keys."
        raise SettingsError(detail, code="no_root_key")
    root = Root(version=version, expires=end_of(now), consistent_snapshot=True)
    root.add_key(signing.root.public_key, Root.type)
    for role in ONLINE_ROLES:
        root.add_key(signing.online.public_key, role)
    metadata: Metadata[Root] = Metadata(root)
    metadata.sign(signing.root)
    return metadata.to_bytes()


def newest_root(shelf: Shelf) -> Root:
    """The root that counts now. Raises NotFoundError where there is none yet, FeedError `root_damaged`."""
    return read_root(shelf, _names(shelf)[0])


def all_roots(shelf: Shelf) -> tuple[Root, ...]:
    """All roots, the one that counts now first; an older one that is damaged is left out. Raises as `newest_root`."""
    found = [newest_root(shelf)]
    for name in _names(shelf)[1:]:
        with suppress(FeedError):
            found.append(read_root(shelf, name))
    return tuple(found)


def read_root(shelf: Shelf, name: str, before: Root | None = None) -> Root:
    """A root on the shelf, signed as it says itself, and as the one before it says. Raises FeedError `root_damaged`."""
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


def _names(shelf: Shelf) -> list[str]:
    """The names of all roots, the newest first."""
    names = sorted(shelf.names(f"{TRUST}/"), key=version_of, reverse=True)
    if not names:
        raise NotFoundError("There is no trusted root yet.", code="no_root")
    return names


def place(version: int) -> str:
    """Where a root lies on the shelf."""
    return f"{TRUST}/{version}.root.json"


def end_of(now: datetime) -> datetime:
    """When a root ends that is made now: the same all day, so that making it again gives the same."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=ROOT_DAYS)


def version_of(name: str) -> int:
    """The version in a name like `12.root.json`, 0 where there is none."""
    number = name.rpartition("/")[2].partition(".")[0]
    return int(number) if number.isdigit() else 0
