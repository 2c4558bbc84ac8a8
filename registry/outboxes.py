"""Carriers' outboxes as officers set them: where reports are fetched from, how often, with which credential.

Rules of this room:
- Officers alone say where an outbox is; its credential (a bearer token) is stored sealed, never shown again, and goes
  to no other host than the one it was given for.
- After some failures in a row the circuit is open: the outbox is only probed now and then, until it answers well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from registry import audit, parties
from registry.errors import InvalidInputError, NotFoundError
from registry.keys import FIRST_EPOCH
from registry.outside.guarded import check_address
from registry.sealing import seal_text, unseal_text
from registry.store.reports import Outbox
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.report_rows import Kind
    from registry.settings import OutboxSettings
    from registry.store import Store

Circuit = Literal["closed", "open", "half_open", "none"]
LEAST_S, MOST_S = 10, 86_400
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=:-]{1,4000}")


@dataclass(frozen=True, slots=True)
class OutboxState:
    """An outbox as officers see it; `circuit` none: there is only an inbox folder. `failure` is a slug."""

    source: str
    kind: str
    address: str
    every: int
    credential: bool
    circuit: Circuit
    failures: int
    failure: str
    next: datetime
    answered: datetime | None


def circuit_of(box: Outbox, *, now: int, open_after: int) -> Circuit:
    """How an outbox stands at a time (Micros): asked as usual, left alone, or due for a probe."""
    if not box.address:
        return "none"
    if box.failures < open_after:
        return "closed"
    return "open" if box.next > now else "half_open"


def states(store: Store, clock: Clock, settings: OutboxSettings) -> tuple[OutboxState, ...]:
    """All outboxes, by source."""
    now = to_micros(clock.now())
    return tuple(
        OutboxState(
            box.source, box.kind, box.address, box.every, box.credential is not None,
            circuit_of(box, now=now, open_after=settings.open_after), box.failures, box.failure,
            from_micros(box.next), from_micros(box.answered) if box.answered else None,
        )
        for box in store.reports.outboxes()
    )  # fmt: skip


def set_outbox(
    store: Store, keys: KeyRing, clock: Clock, settings: OutboxSettings, *, actor: str, source: str, kind: Kind,
    address: str, every: int, token: str | None = None,
) -> None:  # fmt: skip
    """Say where a party's reports are fetched from, every so many seconds; an officer's act.

    An empty address means that the party only has its inbox folder. `token` None keeps the credential there is, as long
    as the address stays on its host; an empty one takes it away. Raises InvalidInputError bad_address, private_address,
    bad_pace, bad_token; NotFoundError no_such_party.
    """
    if address:
        check_address(address, allow_private=settings.allow_private)
    if not LEAST_S <= every <= MOST_S:
        raise InvalidInputError("An outbox is asked every 10 seconds to 24 hours.", code="bad_pace")
    if token and not _TOKEN.fullmatch(token):
        raise InvalidInputError("A bearer token has letters, digits and . _ ~ + / = : - only.", code="bad_token")
    with store.writing(about=f"outbox {source}"):
        parties.get_party(store, source)
        old = store.reports.outbox(source)
        same = old is not None and old.address == address
        kept = old.credential if old is not None and _door(old.address) == _door(address) else None
        sealed = kept if token is None else seal_text(_key(keys), token) if token else None
        store.reports.set_outbox(
            Outbox(
                source=source, kind=kind, address=address, every=every, position=old.position if old and same else "",
                etag="", next=to_micros(clock.now()), failures=0, failure="",
                credential=sealed,
                answered=old.answered if old and same else 0,
            )
        )  # fmt: skip
        audit.append(
            store, clock, actor=actor, action="outbox_set", subject=f"party:{source}",
            detail={"kind": kind, "host": urlsplit(address).hostname, "every": every, "credential": sealed is not None},
        )  # fmt: skip


def remove_outbox(store: Store, clock: Clock, *, actor: str, source: str) -> None:
    """Fetch a party's reports no longer; its folder stays. Raises NotFoundError no_such_outbox."""
    with store.writing(about=f"outbox {source}"):
        if not store.reports.remove_outbox(source):
            raise NotFoundError("There is no such outbox.", code="no_such_outbox")
        audit.append(store, clock, actor=actor, action="outbox_removed", subject=f"party:{source}")


def token_of(keys: KeyRing, box: Outbox) -> str:
    """The bearer token that an outbox wants to see, or an empty text."""
    return unseal_text(_key(keys), box.credential) if box.credential else ""


def _key(keys: KeyRing) -> bytes:
    return keys.derive("at-rest", "outbox", FIRST_EPOCH)


def _door(address: str) -> tuple[str, str | None, int | None]:
    """What a credential was given for: scheme, host, port."""
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port
