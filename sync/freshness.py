"""Keeps feeds fresh and the shelf tidy: pointers are renewed before they expire, what nobody needs any more goes.

Rules of this room: both run under the lease of publishing, because they move the pointer and delete behind it; a feed
whose files are damaged is left alone and named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from registry import roots
from registry.errors import FeedError, RegistryError
from registry.logs import log
from sync import copies, feed, rolling

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.keys import SigningKeys

_log = log("freshness")


def renew(
    registry: Registry, heads: Mapping[str, feed.Head | None], failures: dict[str, str], *, signing: SigningKeys,
    keep: Callable[[], None],
) -> int:
    """Renew the pointers that are as old as the settings say, and sign what another online key has signed; how many.

    `heads` are the feeds as they stand, by party; a party whose pointer cannot be renewed is added to `failures`.
    """
    settings, now, renewed = registry.settings.publish, registry.clock.now(), 0
    enough = timedelta(hours=settings.timestamp_hours - settings.renew_hours)
    for party, head in heads.items():
        if head is None or head.index is None:
            continue
        if head.timestamp.expires - now > enough and feed.is_signed_by(head, signing):
            continue
        keep()
        try:
            for name, content in feed.renew(head, signing, now, hours=settings.timestamp_hours).items():
                registry.shelf.put(feed.place(party, name), content)
            renewed += 1
        except RegistryError as error:
            failures[party] = error.detail
            _log.warning("not_renewed", party=party, reason=error.detail, code=error.code)
    return renewed


def tidy(registry: Registry, *, keep: Callable[[], None]) -> int:
    """Delete what no feed and no base needs any more (retention of DESIGN §4); how many files."""
    if not list(registry.shelf.names(f"{roots.TRUST}/")):
        return 0
    found, deleted, copied, whole = roots.all_roots(registry.shelf), 0, set[tuple[str, int]](), True
    for recipient in registry.store.feeds.recipients():
        keep()
        try:
            head = feed.read_head(registry.shelf, recipient.party, found[0], found[1:])
        except FeedError as error:
            _log.warning("not_tidied", party=recipient.party, reason=error.detail, code=error.code)
            whole = False
            continue
        copied |= {(recipient.party, index.epoch) for index in (head.indexes if head is not None else ())}
        for name in feed.unneeded(registry.shelf, recipient.party, head) if head is not None else ():
            registry.shelf.delete(name)
            deleted += 1
    if whole:
        copies.tidy(registry, copied)
    return deleted + rolling.drop_old(registry)
