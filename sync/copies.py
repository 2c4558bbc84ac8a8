"""The publisher's own copy of each recipient's list, as that recipient would have it: deltas are tried on it.

Rules of this room: a copy lies under `mirrors/<party>-<epoch>/`, one for each key epoch that is published, and follows
the shelf, like any follower; one that is damaged, behind, or of another feed is brought to where the feed stands before
anything is built on it, and may be thrown away. Followers mend their lists from it (`registry.repairs`).
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from registry import editions
from registry.editions import FeedIndex
from registry.errors import FeedError
from registry.liststate import copy_place
from sync import bring
from sync.mirror import Mirror
from sync.source import ShelfSource

if TYPE_CHECKING:
    from registry.assembly import Registry
    from sync.drafting import Draft


def place(registry: Registry, party: str, epoch: int) -> Path:
    """Where the copy of a recipient's list in a key epoch lies."""
    return registry.instance / "mirrors" / copy_place(party, epoch)


def copy_of(registry: Registry, party: str, epoch: int, index: FeedIndex | None, scratch: Path) -> Mirror:
    """The copy of a recipient's list of a key epoch at the newest edition of its feed; empty where there is none yet.

    `scratch` is a folder for what must be fetched. Raises FeedError where the shelf cannot bring it there.
    """
    folder = place(registry, party, epoch)
    try:
        mirror = Mirror.open(folder)
    except FeedError:
        mirror = Mirror.start_over(folder)
    if index is None:
        return mirror if mirror.edition == 0 else Mirror.start_over(folder)
    if not _stands(mirror, index):
        start = bring.have(mirror, index)
        if start is None or start >= index.newest or not _brought(registry, mirror, index, scratch):
            mirror = Mirror.start_over(folder)
            if not _brought(registry, mirror, index, scratch):
                detail = f"The list of {party} on the shelf is not what its feed says; restore it from a backup."
                raise FeedError(detail, code="feed_damaged")
    return mirror


def follow(registry: Registry, mirror: Mirror, made: Draft) -> None:
    """Let a copy follow what was just published."""
    if made.prepared is not None:
        mirror.commit(made.prepared, edition=made.index.newest)
        return
    mirror = Mirror.start_over(place(registry, made.index.recipient, made.index.epoch))
    source = ShelfSource(registry.shelf, made.index.recipient, made.staged)
    path = editions.cheapest_path(made.index, None)
    bring.fetch(source, path, made.rehearsal)
    bring.take(mirror, made.index, path, made.rehearsal)


def tidy(registry: Registry, kept: Collection[tuple[str, int]]) -> int:
    """Remove the copies of all but these parties and epochs; how many. Hidden folders are somebody's work."""
    wanted = {place(registry, party, epoch).name for party, epoch in kept}
    folder = registry.instance / "mirrors"
    old = [each for each in folder.iterdir() if each.is_dir() and each.name[0] != "."] if folder.exists() else []
    for each in old:
        if each.name not in wanted:
            shutil.rmtree(each, ignore_errors=True)
    return sum(each.name not in wanted for each in old)


def _brought(registry: Registry, mirror: Mirror, index: FeedIndex, scratch: Path) -> bool:
    """Bring a copy to the newest edition from the shelf; whether it came there."""
    try:
        path = editions.cheapest_path(index, bring.have(mirror, index))
        bring.fetch(ShelfSource(registry.shelf, index.recipient), path, scratch)
        bring.take(mirror, index, path, scratch)
    except FeedError:
        return False
    return _stands(mirror, index)


def _stands(mirror: Mirror, index: FeedIndex) -> bool:
    """Whether a copy is what the feed's newest edition says."""
    entry, state = index.edition(index.newest), mirror.state
    return (state.edition, state.epoch, state.algorithm) == (index.newest, index.epoch, index.algorithm) and (
        state.content_root, state.exceptions_root
    ) == (entry.content_root, entry.exceptions_root)
