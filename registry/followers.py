"""What recipients have of the lists: acknowledgements, lag, drift, and how far one number's choice has travelled.

Rules of this room: an acknowledgement counts only for an edition that was offered to that recipient (a future one is
refused); it agrees when both roots are ours, and one that does not is kept too, because that is how drift is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from registry.errors import InvalidInputError
from registry.interfaces import Clock
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.sealing import SealedNumber
    from registry.store import Store

ROOT_BYTES = 32


@dataclass(frozen=True)
class FeedState:
    """One recipient's feed and what it says it has of it; `lag_s` counts from its oldest edition not acknowledged.

    `epoch`: the newest key epoch that it is offered; `acknowledged_epoch`: the one that it follows.
    """

    party: str
    scope: str
    edition: int | None
    published: datetime | None
    entries: int
    size: int
    acknowledged: int | None
    acknowledged_at: datetime | None
    agrees: bool | None
    lag_s: int
    epoch: int | None = None
    acknowledged_epoch: int | None = None


@dataclass(frozen=True)
class Delivery:
    """How far a number's newest choice has travelled; `edition` None: it waits for the next one."""

    edition: int | None
    published: datetime | None
    carriers: int
    acknowledged: int


def acknowledge(
    store: Store, clock: Clock, *, party: str, edition: int, content_root: str, exceptions_root: str,
    epoch: int | None = None,
) -> bool:
    """Take in what a recipient says it has; whether it agrees with what we published.

    Roots are hex of 32 bytes. `epoch`: the key epoch of its list; without it, the roots of either count that this
    edition was published under. Raises InvalidInputError `unknown_edition`, `bad_root`.
    """
    content, exceptions = _root(content_root), _root(exceptions_root)
    with store.writing(about=f"acknowledgement {party}"):
        offered = [
            row for row in store.feeds.offered(recipient=party, edition=edition) if epoch is None or row.epoch == epoch
        ]
        if not offered:
            raise InvalidInputError("This edition was never published to this recipient.", code="unknown_edition")
        meant = next((row for row in offered if (row.content_root, row.exceptions_root) == (content, exceptions)), None)
        store.feeds.acknowledge(
            recipient=party, edition=edition, content_root=content, exceptions_root=exceptions,
            at=to_micros(clock.now()), agrees=meant is not None, epoch=(meant or offered[0]).epoch,
        )
    return meant is not None


def feed_states(store: Store, clock: Clock, *, sandbox: bool = False) -> tuple[FeedState, ...]:
    """Every active carrier's feed, in the order of their ordinals: for pages and `/metrics`; `sandbox`: those too."""
    with store.reading():
        recipients = [each for each in store.feeds.recipients() if sandbox or not each.sandbox]
        newest, acknowledged, waiting = store.feeds.newest(), store.feeds.acknowledged(), store.feeds.waiting_since()
    now = to_micros(clock.now())
    states = []
    for recipient in recipients:
        offered, said = newest.get(recipient.party), acknowledged.get(recipient.party)
        since = waiting.get(recipient.party)
        states.append(
            FeedState(
                party=recipient.party,
                scope=recipient.scope,
                edition=offered.edition if offered else None,
                published=from_micros(offered.published) if offered else None,
                entries=offered.entries if offered else 0,
                size=offered.size if offered else 0,
                acknowledged=said.edition if said else None,
                acknowledged_at=from_micros(said.at) if said else None,
                agrees=said.agrees if said else None,
                lag_s=max(0, (now - since) // 1_000_000) if since is not None else 0,
                epoch=offered.epoch if offered else None,
                acknowledged_epoch=said.epoch if said else None,
            )
        )
    return tuple(states)


def delivery_of(store: Store, *, number: SealedNumber) -> Delivery:
    """Of a number's newest choice: its edition, when that was published, how many carriers it concerns and how many
    of those have acknowledged that edition or a later one."""
    with store.reading():
        if store.registrations.pending(number) is not None:
            return Delivery(None, None, 0, 0)
        change = store.editions.last_change(number)
        if change is None:
            return Delivery(None, None, 0, 0)
        recipients, acknowledged = store.feeds.recipients(), store.feeds.acknowledged()
    concerned = [
        recipient.party
        for recipient in recipients
        if recipient.is_told_of(change["carrier"], change["left_carrier"])
    ]
    have = sum(1 for party in concerned if party in acknowledged and acknowledged[party].edition >= change["edition"])
    published = from_micros(change["published"]) if change["published"] is not None else None
    return Delivery(change["edition"] if published else None, published, len(concerned), have)


def _root(text: str) -> bytes:
    try:
        root = bytes.fromhex(text)
    except ValueError:
        root = b""
    if len(root) != ROOT_BYTES:
        raise InvalidInputError("A root is 64 hexadecimal digits.", code="bad_root")
    return root
