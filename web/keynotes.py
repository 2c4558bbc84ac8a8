"""What officers and monitors learn of keys: which epochs run, when the root of trust ends, whose public key changed.

Rules of this room: never a key, nor what a key could be made from; ids, dates and names only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

from registry import ceremony, epochs
from registry.epochs import Epoch
from registry.followers import feed_states
from registry.times import from_micros
from web import figures

if TYPE_CHECKING:
    from registry.assembly import Registry

RECENT = timedelta(days=30)  # how long a change of a public key is worth a note


@dataclass(frozen=True)
class Changed:
    """A carrier whose public key was exchanged, and when."""

    name: str
    at: datetime


@dataclass(frozen=True)
class KeyNotes:
    """The notes of one moment: the epochs that are not destroyed, carriers that still follow an older one, public keys
    that changed lately, and when the root of trust ends (None: there is none yet)."""

    epochs: tuple[Epoch, ...]
    behind: tuple[str, ...]
    changed: tuple[Changed, ...]
    root_ends: datetime | None
    root_days: int

    @property
    def rings(self) -> bool:
        """Whether the root ends so soon that it is an alarm."""
        return self.root_ends is not None and self.root_days < ceremony.WARN_DAYS


def notes(registry: Registry) -> KeyNotes:
    """What is to be said of keys now."""
    store, clock, now = registry.store, registry.clock, registry.clock.now()
    names, found = figures.names(registry), epochs.all_of(store, clock, registry.settings.keys)
    ends = ceremony.ends(registry.shelf)
    behind = [
        feed.party for feed in feed_states(store, clock)
        if feed.acknowledged_epoch is not None and feed.acknowledged_epoch != found[-1].epoch
        and feed.epoch == found[-1].epoch
    ]  # fmt: skip
    keys = {party: (from_micros(since), from_micros(at)) for party, (since, at) in store.feeds.keys_known().items()}
    return KeyNotes(
        epochs=tuple(each for each in found if each.state != "destroyed"),
        behind=tuple(names.get(party, party) for party in behind),
        changed=tuple(
            Changed(names.get(party, party), at) for party, (since, at) in keys.items()
            if at > since and now - at < RECENT
        ),
        root_ends=ends,
        root_days=(ends - now).days if ends is not None else 0,
    )  # fmt: skip


class KeyMetrics:
    """The same for Prometheus."""

    def __init__(self, registry: Registry) -> None:
        self._notes = notes(registry)

    def collect(self) -> Iterator[Metric]:
        """The figures."""
        found = self._notes
        published = [each.epoch for each in found.epochs if each.is_published]
        over = [each for each in found.epochs if each.state == "over"]
        yield GaugeMetricFamily("decline_call_key_epoch", "Newest key epoch of the lists", value=max(published))
        yield GaugeMetricFamily(
            "decline_call_key_epochs_published", "Key epochs that lists are published under", value=len(published)
        )
        yield GaugeMetricFamily("decline_call_key_epochs_over", "Masters that wait to be destroyed", value=len(over))
        if found.root_ends is not None:
            yield GaugeMetricFamily(
                "decline_call_root_days", "Days until the root of trust ends; renew it before", value=found.root_days
            )
            yield GaugeMetricFamily(
                "decline_call_root_alarm", f"1 while it ends within {ceremony.WARN_DAYS} days", value=float(found.rings)
            )
