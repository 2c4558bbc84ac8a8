"""What pages show of the whole: carriers' feeds, how far a choice has travelled, the figures of the home page.

Rules of this room: reads only; a figure that costs more than the page it stands on is kept for some seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import current_app

from registry import registrations, serving
from registry.followers import FeedState, feed_states
from registry.sealing import SealedNumber, unseal_one
from registry.times import from_micros
from web.current import language_of

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.parties import Party

T = TypeVar("T")

KEPT_S = 10.0
STATES = ("agrees", "waiting", "silent", "empty", "late", "drift")  # from good to bad
LATE_S = 180  # a carrier that lags longer is behind; shorter, it is on its way


@dataclass(frozen=True)
class CarrierState:
    """One carrier's feed on a page: its name in the page's language, and in one word how it stands."""

    feed: FeedState
    name: str
    state: str
    behind: int

    @property
    def in_sync(self) -> bool:
        """Whether it has what we published, or is only just fetching it."""
        return self.state in {"agrees", "waiting"}


@dataclass(frozen=True)
class HomeFigures:
    """What the home page says of the registry; `slowest_s` is None while no carrier has acknowledged anything."""

    registrations: int
    carriers: int
    in_sync: int
    slowest_s: int | None


@dataclass(frozen=True)
class CarrierHas:
    """Whether one carrier has a number's newest choice, and since when."""

    name: str
    own: bool
    at: datetime | None


@dataclass(frozen=True)
class Spread:
    """How far a number's newest choice has travelled; `edition` None: it waits for the next one."""

    edition: int | None
    published: datetime | None
    carriers: tuple[CarrierHas, ...]
    now: datetime

    @property
    def have(self) -> int:
        """How many carriers have it."""
        return sum(carrier.at is not None for carrier in self.carriers)

    @property
    def complete(self) -> bool:
        """Whether nothing more is to be waited for."""
        return self.edition is not None and all(carrier.at for carrier in self.carriers)


def name_of(party: Party) -> str:
    """A party's name in the language of the page."""
    return party.name_zh if language_of() == "zh_CN" else party.name_en


def names(registry: Registry) -> dict[str, str]:
    """The parties' names in the language of the page, by id."""
    return {party.party: name_of(party) for party in registry.store.parties.all()}


def state_of(feed: FeedState) -> str:
    """How a carrier's feed stands: empty, silent, drift, agrees, waiting or late."""
    if feed.edition is None:
        return "empty"
    if feed.acknowledged is None:
        return "silent"
    if feed.agrees is False:
        return "drift"
    if feed.acknowledged >= feed.edition:
        return "agrees"
    return "waiting" if feed.lag_s <= LATE_S else "late"


def carriers(registry: Registry, *, sandbox: bool = False) -> tuple[CarrierState, ...]:
    """Every active carrier's feed; of those that only try things out on demand."""
    called = names(registry)
    return tuple(
        CarrierState(
            feed=feed,
            name=called.get(feed.party, feed.party),
            state=state_of(feed),
            behind=max(0, (feed.edition or 0) - (feed.acknowledged or 0)),
        )
        for feed in feed_states(registry.store, registry.clock, sandbox=sandbox)
    )


def home(registry: Registry) -> HomeFigures:
    """The figures of the home page."""
    feeds = carriers(registry)
    delays = [
        max(0, round((feed.feed.acknowledged_at - published).total_seconds()))
        for feed in feeds
        if feed.feed.acknowledged and feed.feed.acknowledged_at
        and (published := _published(registry, feed.feed.party, feed.feed.acknowledged))
    ]
    return HomeFigures(
        registrations=kept("registrations", lambda: registrations.totals(registry.store)["active"]),
        carriers=len(feeds),
        in_sync=sum(feed.in_sync for feed in feeds),
        slowest_s=max(delays) if delays else None,
    )


def _published(registry: Registry, party: str, edition: int) -> datetime | None:
    row = registry.store.feeds.edition(recipient=party, edition=edition)
    return from_micros(row.published) if row else None


def spread(registry: Registry, number: SealedNumber) -> Spread:
    """How far the newest choice of a number has travelled, the carrier that serves it first."""
    store, now = registry.store, registry.clock.now()
    with store.reading():
        change = None if store.registrations.pending(number) else store.editions.last_change(number)
        recipients, called = store.feeds.recipients(), names(registry)
        digits = unseal_one(registry.keys.at_rest, number).digits
        own = serving.serving_carrier(store, registry.plan, digits, number)
        edition = change["edition"] if change and change["published"] is not None else None
        told = (change["carrier"], change["left_carrier"]) if change else ()
        concerned = [each.party for each in recipients if each.is_told_of(own, *told)]
        serves = {each.party for each in recipients if own in (each.party, *each.resellers)}
        has = tuple(
            CarrierHas(called.get(party, party), party in serves, _has_since(registry, party, edition))
            for party in sorted(concerned, key=lambda party: party not in serves)
        )
    published = from_micros(change["published"]) if change and edition is not None else None
    return Spread(edition, published, has, now)


def _has_since(registry: Registry, party: str, edition: int | None) -> datetime | None:
    if edition is None:
        return None
    at = registry.store.feeds.acknowledged_since(recipient=party, edition=edition)
    return from_micros(at) if at is not None else None


def kept(name: str, count: Callable[[], T]) -> T:
    """A figure that costs much, at most `KEPT_S` seconds old, or older while somebody counts it anew."""
    shelf: dict[str, tuple[float, Any]] = current_app.extensions.setdefault("kept_figures", {})
    lock: threading.Lock = current_app.extensions.setdefault("kept_figures_lock", threading.Lock())
    found = shelf.get(name)
    if found is not None and time.monotonic() - found[0] <= KEPT_S:
        return cast(T, found[1])
    if not lock.acquire(blocking=found is None):
        assert found is not None
        return cast(T, found[1])
    try:
        shelf[name] = (time.monotonic(), count())
        return cast(T, shelf[name][1])
    finally:
        lock.release()
