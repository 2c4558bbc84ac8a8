"""Begins anew what was lost or damaged: the base, one recipient's feed, and the count of editions after an old backup.

Rules of this room:
- Nothing here runs by itself: an operator decides, the audit trail says so, and all of it may be broken off anywhere
  and done again. It runs under the lease of publishing, so that no edition is claimed meanwhile.
- An edition number and a version of metadata are used once: both go on above everything that anybody may have seen.
- A feed that begins anew offers one full list at a new edition, so that followers at any edition, also at one that the
  tables no longer know, go on to it and never back (docs/adr/0014).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from registry import audit, roots
from registry.editions import FeedIndex
from registry.errors import ConflictError, FeedError, NotFoundError, RegistryError, UnavailableError
from registry.store.editions import BaseRow
from registry.times import from_micros, to_micros
from sync import changes, feed, mark, rolling
from sync.base import BasePart, merge_base
from sync.compare import compare_base
from sync.publish import publish_once, scratch

if TYPE_CHECKING:
    from registry.assembly import Registry

Keep = Callable[[], None]
JUMP = 1_000_000  # more rounds than a feed can have had since the newest metadata that is left of it
SLICE = 1_000_000  # changes read at once
_END = b"\xff" * 17  # above every sealed number


# --- the base ---------------------------------------------------------------------------------------------------------


def rebuild_base(registry: Registry, *, keep: Keep, actor: str) -> int:
    """Make the base anew from what the tables keep of all editions, and compare it with the registrations.

    How many numbers it holds. Raises ConflictError `base_differs`, `edition_claimed`.
    """
    upto = registry.store.editions.newest()
    parts = _base_of_tables(registry, upto, keep)
    rows = sum(part.rows for part in parts)
    with registry.store.writing(about="edition"):
        _unclaimed(registry, upto)
        _put_base(registry, upto, parts)
        audit.append(registry.store, registry.clock, actor=actor, action="base_rebuilt", detail={"edition": upto})
    compare_base(registry, keep=keep)
    return rows


def _base_of_tables(registry: Registry, upto: int, keep: Keep) -> tuple[BasePart, ...]:
    """The parts of a base at an edition, from what that and all before it said; put on the shelf. Memory: one slice."""
    parts: list[BasePart] = []
    with scratch(registry) as folder:
        for numbers in _slices(registry.store.editions.how_many(after=0, upto=upto) // SLICE + 1):
            keep()
            found = changes.load(registry.store, registry.keys, after=0, upto=upto, numbers=numbers)
            made = merge_base(
                (), rolling.as_base_rows(found), folder, rows_per_part=registry.settings.publish.rows_per_part
            )
            for part in made:
                registry.shelf.put(rolling.FOLDER + part.name, folder / part.name)
                (folder / part.name).unlink()
            parts += made
    return tuple(parts)


def _slices(count: int) -> Iterator[tuple[bytes, bytes]]:
    """The range of sealed numbers in so many equal pieces; they are as good as random."""
    bounds = [b"", *((i * 2**64 // count).to_bytes(8, "big") for i in range(1, count)), _END]
    return pairwise(bounds)


def _put_base(registry: Registry, edition: int, parts: tuple[BasePart, ...]) -> None:
    """Let a base take the place of all there were; their files go when the shelf is tidied."""
    registry.store.editions.drop_bases(before=edition + 1)
    rows, text = sum(part.rows for part in parts), msgspec.json.encode(parts).decode()
    registry.store.editions.put_base(BaseRow(edition, rows, text, to_micros(registry.clock.now())))


def _unclaimed(registry: Registry, newest: int) -> None:
    if registry.store.editions.newest() != newest:
        raise ConflictError("An edition was claimed meanwhile; do it again.", code="edition_claimed")


# --- one feed ---------------------------------------------------------------------------------------------------------


def rebuild_feed(registry: Registry, party: str, *, keep: Keep, actor: str) -> FeedIndex:
    """Begin a recipient's feed anew with a full list of the newest edition, whatever is left of it on the shelf.

    Raises NotFoundError `no_such_carrier`, FeedError `root_damaged`, `base_damaged`, and what publishing raises.
    """
    if party not in {recipient.party for recipient in registry.store.feeds.recipients()}:
        raise NotFoundError(f"There is no active carrier {party}.", code="no_such_carrier")
    mend_roots(registry)
    _roots_of_feed(registry, party)
    with registry.store.writing(about="edition"):
        registry.store.editions.want(f"feed {party} begins anew", at=to_micros(registry.clock.now()))
        audit.append(registry.store, registry.clock, actor=actor, action="feed_rebuilt", subject=f"party:{party}")
    root = roots.newest_root(registry.shelf)
    failed: RegistryError | None = None
    try:
        publish_once(registry, keep=keep, anew={party: lifted(registry, party, root)})
    except UnavailableError as error:  # perhaps only of others: what this one is decides
        failed = error
    head = feed.read_head(registry.shelf, party, root)
    if head is None or head.index is None or head.newest < registry.store.editions.newest():
        raise failed or feed.damaged(party)
    return head.index


def lifted(registry: Registry, party: str, root: Root) -> feed.Head:
    """A head without indexes, whose versions are above all that was ever signed for a feed."""
    version = JUMP + max([0, *_versions(registry, party, root)])
    return feed.Head(
        (), Targets(version=version), Snapshot(version=version),
        Timestamp(version=version, snapshot_meta=MetaFile(version)),
    )


def _versions(registry: Registry, party: str, root: Root) -> Iterator[int]:
    """The versions in those metadata files of a feed that are still what we signed."""
    for name in registry.shelf.names(feed.place(party, "metadata/")):
        try:
            found: Metadata[Any] = Metadata.from_bytes(registry.shelf.get(name))
            root.verify_delegate(found.signed.type, found.signed_bytes, found.signatures)
        except (RepositoryError, DeserializationError, NotFoundError, ValueError):
            continue
        yield found.signed.version
        if isinstance(found.signed, Timestamp):
            yield found.signed.snapshot_meta.version
        if isinstance(found.signed, Snapshot):
            yield found.signed.meta["targets.json"].version


# --- roots ------------------------------------------------------------------------------------------------------------


def mend_roots(registry: Registry) -> list[str]:
    """Bring roots that are missing or damaged back from the copies in feeds; their names.

    Raises FeedError `root_damaged` where no sound copy is left: only a backup of the shelf helps then.
    """
    shelf, mended = registry.shelf, []
    copies = [name for name in shelf.names("feeds/") if name.endswith(".root.json")]
    numbers = {roots.version_of(name) for name in (*copies, *shelf.names(f"{roots.TRUST}/"))}
    before: Root | None = None
    for number in range(1, max(numbers, default=0) + 1):
        name = f"{roots.TRUST}/{number}.root.json"
        found = _sound(registry, name, before)
        if found is None:
            mine = [copy for copy in copies if copy.endswith(f"/{number}.root.json")]
            copy = next((copy for copy in mine if _sound(registry, copy, before)), None)
            if copy is None:
                raise roots.damaged_root(name)
            shelf.put(name, shelf.get(copy))
            mended.append(name)
            found = _sound(registry, name, before)
        before = found
    return mended


def mend_all_roots(registry: Registry, *, actor: str) -> list[str]:
    """`mend_roots`, and the copies of roots in all feeds too; the names of what changed."""
    mended = mend_roots(registry)
    for recipient in registry.store.feeds.recipients():
        mended += _roots_of_feed(registry, recipient.party)
    if mended:
        with registry.store.writing(about="edition"):
            audit.append(
                registry.store, registry.clock, actor=actor, action="roots_mended", detail={"files": len(mended)}
            )
    return mended


def _sound(registry: Registry, name: str, before: Root | None) -> Root | None:
    """A root that follows from the one before it; the first one must name our own key, where that is here."""
    try:
        root = roots.read_root(registry.shelf, name, before)
    except FeedError:
        return None
    own = registry.signing.root
    if before is None and own is not None and own.public_key.keyid not in root.roles[Root.type].keyids:
        return None
    return root


def _roots_of_feed(registry: Registry, party: str) -> list[str]:
    """Put all roots into a feed again, over copies that somebody altered; the names of what changed."""
    put = []
    for name in registry.shelf.names(f"{roots.TRUST}/"):
        own = feed.place(party, f"metadata/{name.rpartition('/')[2]}")
        if registry.shelf.size(own) is None or registry.shelf.get(own) != registry.shelf.get(name):
            registry.shelf.put(own, registry.shelf.get(name))
            put.append(own)
    return put


# --- the count of editions --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LostFeed:
    """What the shelf says of one feed: the edition it came to, when, its entries; `known`: the tables know its party.

    `edition` None: it cannot be read.
    """

    party: str
    known: bool
    edition: int | None
    entries: int
    at: datetime | None


@dataclass(frozen=True)
class Lost:
    """How far the tables are behind what was published: the editions (database, ahead] are not in them."""

    database: int
    database_at: datetime | None
    ahead: int
    on_shelf: int
    feeds: tuple[LostFeed, ...]


def survey(registry: Registry, *, seen: int = 0) -> Lost:
    """What the tables do not know. `seen`: the newest edition that a carrier says it has.

    Raises ConflictError `not_behind` where they know everything.
    """
    newest = registry.store.editions.newest()
    row = registry.store.editions.edition(newest)
    feeds = tuple(_lost_feeds(registry))
    on_shelf = max([mark.read(registry.shelf), *(each.edition or 0 for each in feeds)])
    if max(on_shelf, seen) <= newest:
        raise ConflictError("The tables know every edition; there is nothing to be resumed.", code="not_behind")
    return Lost(newest, from_micros(row.opened) if row else None, max(on_shelf, seen), on_shelf, feeds)


def _lost_feeds(registry: Registry) -> Iterator[LostFeed]:
    known = {recipient.party for recipient in registry.store.feeds.recipients()}
    root = roots.newest_root(registry.shelf)
    for party in sorted({name.split("/")[1] for name in registry.shelf.names("feeds/")}):
        try:
            head = feed.read_head(registry.shelf, party, root)
        except FeedError:
            head = None
        if head is None or head.index is None:
            yield LostFeed(party, party in known, None, 0, None)
            continue
        entry = head.index.edition(head.index.newest)
        yield LostFeed(party, party in known, entry.edition, entry.entries, entry.at)


def resume(registry: Registry, *, seen: int = 0, keep: Keep, actor: str) -> Lost:
    """Go on above every edition that was ever published, from what the tables know: for a lost database without a newer
    backup. What the lost editions said is lost with it.

    The next edition is a full list in every feed. Raises ConflictError `not_behind`, `edition_claimed`.
    """
    lost = survey(registry, seen=seen)
    parts = _base_of_tables(registry, lost.database, keep)
    store, now = registry.store, to_micros(registry.clock.now())
    with store.writing(about="edition"):
        _unclaimed(registry, lost.database)
        store.editions.resume(edition=lost.ahead, at=now)
        _put_base(registry, lost.ahead, parts)
        store.editions.want("editions resumed", at=now)
        audit.append(
            store, registry.clock, actor=actor, action="editions_resumed",
            detail={"tables": lost.database, "shelf": lost.on_shelf, "seen": seen, "next": lost.ahead + 1},
        )
    mark.put(registry.shelf, lost.ahead)
    root = roots.newest_root(registry.shelf)
    unseen = lost.ahead > lost.on_shelf  # then the shelf is old as well, and its metadata with it
    parties = [recipient.party for recipient in store.feeds.recipients()] if unseen else []
    publish_once(registry, keep=keep, anew={party: lifted(registry, party, root) for party in parties})
    return lost
