"""The mark: the newest edition that was ever handed to the shelf, written there before any file of that edition.

Rules of this room: the database counts editions, the mark remembers it outside the database, so that one which was
restored from an old backup is found out before it counts a number a second time, also where no feed can be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from registry import epochs
from registry.errors import ConflictError, NotFoundError
from registry.interfaces import Shelf

if TYPE_CHECKING:
    from registry.assembly import Registry
    from sync.feed import Head

NAME = "editions/newest.json"


class Mark(msgspec.Struct, frozen=True):
    """What the mark says."""

    edition: int


def read(shelf: Shelf) -> int:
    """The newest edition that the shelf was handed; 0 where the mark is missing or damaged: then the feeds must say."""
    try:
        return msgspec.json.decode(shelf.get(NAME), type=Mark).edition
    except (NotFoundError, msgspec.DecodeError):
        return 0


def put(shelf: Shelf, edition: int) -> None:
    """Write down that an edition is about to be handed to the shelf."""
    if read(shelf) != edition:
        shelf.put(NAME, msgspec.json.encode(Mark(edition)))


def must_not_be_behind(registry: Registry, heads: Iterable[Head | None]) -> None:
    """Raises ConflictError `database_behind_shelf` where the mark or a feed is ahead of the database, in edition or key
    epoch."""
    known = [head for head in heads if head is not None]
    ahead = max([read(registry.shelf), *(head.newest for head in known)])
    behind = registry.store.editions.newest()
    if ahead > behind:
        raise ConflictError(
            f"The shelf holds edition {ahead}, the database knows only edition {behind}: an old backup of the database "
            "was restored. Nothing is published, so that no edition number is used twice. Restore the newest backup; "
            "where there is none, see `decline-sync editions resume`.",
            code="database_behind_shelf", shelf=ahead, database=behind,
        )
    ahead = max((index.epoch for head in known for index in head.indexes), default=0)
    behind = epochs.current(registry.store)
    if ahead > behind:
        raise ConflictError(
            f"The shelf holds lists of key epoch {ahead}, the database knows only epoch {behind}: an old backup of the "
            "database was restored. Nothing is published. `decline-call keys rotate` takes up the next epoch again.",
            code="database_behind_shelf", shelf=ahead, database=behind,
        )
