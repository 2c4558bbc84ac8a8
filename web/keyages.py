"""The age of API keys and of key epochs as pages show it, and what to do about a key that is old or that nobody uses.

Rules of this room: a hint is advice, it changes nothing; a revoked key needs none. An epoch is its times, never keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from registry import epochs
from registry.epochs import Epoch
from registry.parties import ApiKey
from web.tables import Asked, asked

if TYPE_CHECKING:
    from registry.assembly import Registry

OLD = timedelta(days=365)
IDLE = timedelta(days=90)
STATES = ("active", "revoked")
SORTS = ("label", "state", "created", "used")


@dataclass(frozen=True)
class AgedKey:
    """An API key, its age in whole days, and in one word what is to be thought of it: old, idle or nothing ("")."""

    key: ApiKey
    days: int
    hint: str

    @property
    def state(self) -> str:
        """Active or revoked."""
        return "revoked" if self.key.revoked else "active"


@dataclass(frozen=True)
class AgedEpoch:
    """A key epoch and since how many whole days it is; None where it is from the first day on."""

    epoch: Epoch
    days: int | None


def aged_epochs(registry: Registry) -> list[AgedEpoch]:
    """The key epochs of all lists, the newest first, each with its age."""
    now = registry.clock.now()
    found = epochs.all_of(registry.store, registry.clock, registry.settings.keys)
    return [AgedEpoch(each, (now - each.began).days if each.began else None) for each in reversed(found)]


def asked_of_keys() -> Asked:
    """What the address asks of a table of keys."""
    return asked(SORTS, "-created", state=STATES)


def aged(keys: Iterable[ApiKey], seen: Asked, now: datetime) -> list[AgedKey]:
    """The keys that are asked for, in the order that is asked for, each with its age."""
    found = [AgedKey(key, (now - key.created).days, _hint(key, now)) for key in keys]
    rows = [each for each in found if seen["state"] in ("", each.state)]
    return seen.sorted(rows, {
        "label": lambda each: each.key.label, "state": lambda each: each.state,
        "created": lambda each: each.key.created, "used": lambda each: each.key.used,
    })  # fmt: skip


def _hint(key: ApiKey, now: datetime) -> str:
    if key.revoked is not None:
        return ""
    if now - (key.used or key.created) >= IDLE:
        return "idle"
    return "old" if now - key.created >= OLD else ""
