"""The audit trail: append-only entries, each bound to the one before by its hash (DESIGN §9, rule 118).

Rules of this room:
- `hash = SHA-256(previous | canonical JSON of [entry, at, actor, action, subject, detail])`; the first `previous` is 32
  zero bytes, entries are numbered from 1 without a gap. Who changes, drops or adds one in the middle is found out; who
  cuts the end off is not, unless `head` was written down elsewhere.
- An entry is written in the transaction of what it tells about, and as its last statement: the trail is a queue.
- No entry holds a number: a subject is a party, a member, a key, a job, or a keyed hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from registry.times import Micros, from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.store import Store

Detail = Mapping[str, str | int | float | bool | None]

START = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the trail; `at` in Micros, `detail` as the canonical JSON that was hashed."""

    entry: int
    at: Micros
    actor: str
    action: str
    subject: str
    detail: str
    previous: bytes
    hash: bytes

    @property
    def moment(self) -> datetime:
        """When it happened, aware UTC."""
        return from_micros(self.at)

    @property
    def facts(self) -> dict[str, str | int | float | bool | None]:
        """The detail as data."""
        return dict(json.loads(self.detail))


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(previous: bytes, entry: int, at: int, actor: str, action: str, subject: str, detail: str) -> bytes:
    """The hash of an entry (32 bytes)."""
    text = _canonical([entry, at, actor, action, subject, detail])
    return hashlib.sha256(previous + text.encode("utf-8", "surrogatepass")).digest()


def append(
    store: Store, clock: Clock, *, actor: str, action: str, subject: str = "", detail: Detail | None = None
) -> Entry:
    """Write one entry inside an open `writing()`, last in it. `actor` and `subject` are names like `member:3f…`."""
    last = store.audit.lock_and_last()
    previous, number = (last.hash, last.entry + 1) if last else (START, 1)
    at, facts = to_micros(clock.now()), _canonical(dict(detail or {}))
    entry = Entry(
        number, at, actor, action, subject, facts, previous,
        digest(previous, number, at, actor, action, subject, facts),
    )
    store.audit.add(entry)
    return entry


def verify(store: Store) -> tuple[int, int | None]:
    """Walk the trail: how many entries there are, and the first that does not follow from the one before, or None."""
    count, previous, bad = 0, START, None
    for entry in store.audit.walk():
        count += 1
        follows = entry.entry == count and entry.previous == previous
        own = digest(entry.previous, entry.entry, entry.at, entry.actor, entry.action, entry.subject, entry.detail)
        if bad is None and not (follows and entry.hash == own):
            bad = entry.entry
        previous = entry.hash
    return count, bad


def head(store: Store) -> tuple[int, str]:
    """The newest entry's number and hash (hex), to be noted elsewhere; 0 and zeros for an empty trail."""
    last = store.audit.last()
    return (last.entry, last.hash.hex()) if last else (0, START.hex())


def entries(store: Store, *, before: int | None = None, most: int = 100) -> tuple[Entry, ...]:
    """The newest entries, newest first; `before` continues after the last one seen."""
    return store.audit.newest(before=before, most=most)
