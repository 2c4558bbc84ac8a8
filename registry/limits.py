"""Allowances: how often something may be done, spent in the database so that all processes share them (DESIGN §9).

Rules of this room:
- GCRA: one moment per subject says it all. `most` at once, then one more each `per_s / most` seconds: never more than
  `most` at a time, nor than `most` per `per_s` in the long run (in one window of `per_s`: less than twice `most`).
- Limits spent together are spent all or not at all; a refusal costs nothing and says the wait.
- A subject is a keyed hash under the log key, never a clear number or address.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from registry.errors import TooManyError
from registry.keys import FIRST_EPOCH
from registry.times import Micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.store import Store

_SECOND = 1_000_000
_SITE_BITS = 64  # an IPv6 subscriber has at least a /64 of addresses to change to


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` at once and per `per_s` seconds, of one subject; the name tells limits of one subject apart."""

    name: str
    subject: bytes
    most: int
    per_s: int

    @property
    def interval(self) -> int:
        """Microseconds that one use costs."""
        return -(-self.per_s * _SECOND // self.most)

    @property
    def tolerance(self) -> int:
        """Microseconds that may be spent ahead of time."""
        return self.interval * self.most


def gcra(arrival: Micros, now: Micros, *, interval: int, tolerance: int) -> tuple[Micros, int]:
    """Spend one use at `now`: (the new theoretical arrival, microseconds to wait).

    A wait of 0 means allowed; otherwise the arrival is the old one. All values are whole microseconds.
    """
    spent = max(arrival, now) + interval
    wait = spent - tolerance - now
    return (arrival, wait) if wait > 0 else (Micros(spent), 0)


# use cases


def spend(store: Store, clock: Clock, *, name: str, subject: bytes, most: int, per_s: int) -> None:
    """Spend one use of one limit. Raises TooManyError (too_many) with the wait in `retry_after`."""
    spend_all(store, clock, limits=(Limit(name, subject, most, per_s),))


def spend_all(store: Store, clock: Clock, *, limits: Sequence[Limit]) -> None:
    """Spend one use of every limit, or of none. Raises TooManyError (too_many): `retry_after` is the longest wait."""
    with store.writing():
        spend_inside(store, clock.now(), limits=limits)


def spend_inside(store: Store, now: datetime, *, limits: Sequence[Limit]) -> None:
    """`spend_all` inside an open `writing()`, which the TooManyError has to end."""
    at = to_micros(now)
    for limit in sorted(limits, key=lambda each: (each.subject, each.name)):  # one order, so that none waits in a ring
        spent = store.allowances.spend(
            subject=limit.subject, name=limit.name, now=at, interval=limit.interval, tolerance=limit.tolerance
        )
        if not spent:
            raise _refused(store, at, limits)


def give_back_inside(store: Store, *, limits: Sequence[Limit]) -> None:
    """Inside an open `writing()`: give one use of every limit back, for what was spent and then could not be done."""
    for limit in sorted(limits, key=lambda each: (each.subject, each.name)):
        store.allowances.give_back(subject=limit.subject, name=limit.name, interval=limit.interval)


def forgive_inside(store: Store, *, limits: Sequence[Limit]) -> None:
    """Inside an open `writing()`: make every limit whole again, for who turned out to be the right one."""
    for limit in sorted(limits, key=lambda each: (each.subject, each.name)):
        store.allowances.forgive(subject=limit.subject, name=limit.name)


def forget_spent(store: Store, clock: Clock) -> int:
    """Remove allowances that are whole again, which is what having none means; how many."""
    with store.writing():
        return store.allowances.forget(now=to_micros(clock.now()))


# subjects


def subject_of(keys: KeyRing, what: bytes) -> bytes:
    """16 bytes that stand for something identifying, under the log key of the first epoch."""
    return hmac.digest(keys.derive("log", "allowance", FIRST_EPOCH), what, hashlib.sha256)[:16]


def address_subject(keys: KeyRing, address: str) -> bytes:
    """The subject of a network address; one for a whole IPv6 /64. What is no address stands for itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return subject_of(keys, b"address:" + address.encode(errors="replace"))
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or ipaddress.IPv6Address(int(found) >> _SITE_BITS << _SITE_BITS)
    return subject_of(keys, b"address:" + found.packed)


def _refused(store: Store, at: Micros, limits: Sequence[Limit]) -> TooManyError:
    """The refusal that names the limit with the longest wait."""
    waits: list[tuple[int, str]] = []
    for limit in limits:
        arrival = store.allowances.arrival(subject=limit.subject, name=limit.name)
        _new, wait = gcra(Micros(arrival), at, interval=limit.interval, tolerance=limit.tolerance)
        waits.append((wait, limit.name))
    wait, name = max(waits)
    seconds = max(1, -(-wait // _SECOND))
    detail = f"Too many requests. Try again in {seconds} s."
    return TooManyError(detail, code="too_many", retry_after=seconds, limit=name)
