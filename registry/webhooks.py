"""Webhooks: endpoints of parties, their secrets, attempts to tell them of events, dead letters.

Rules of this room:
- Secrets and addresses are stored sealed; a secret is shown once. While one is rotated, both sign.
- A failed attempt is repeated later and later for a day; then it is a dead letter until somebody sends it again.
- Every change of an endpoint leaves an entry in the audit trail, which names its host only.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from registry import audit
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.keys import FIRST_EPOCH
from registry.logs import without_numbers
from registry.naming import new_id
from registry.outside.guarded import check_address
from registry.sealing import seal_text, unseal_text
from registry.store.webhooks import DEAD, DELIVERED, WAITING, Delivery, Due, EndpointRow
from registry.times import from_micros, to_micros
from registry.webhook_events import EVENTS, PREFIX, TEST, write

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.settings import WebhookSettings
    from registry.store import Store

MOST_ENDPOINTS = 10  # of a party
OUTCOMES = ("delivered", "failed", "dead")
TALLY = "webhook_"

_SECRET_BYTES = 32
_LONGEST_LABEL = 60
_FIRST_WAIT_S, _LONGEST_WAIT_S = 10, 4 * 3600
_LONGEST_PAUSE_S = 300
_LONGEST_ASKED_S = 3600
_GONE = 410


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a party wants to be told of which events; `failure` is the slug of what went wrong last."""

    endpoint: str
    party: str
    url: str
    label: str
    events: tuple[str, ...]
    state: str  # active, off, gone
    created: datetime
    rotating_until: datetime | None
    failures: int
    failure: str


# endpoints


def add_endpoint(
    store: Store, keys: KeyRing, clock: Clock, settings: WebhookSettings, *, party: str, url: str,
    events: Iterable[str], label: str = "", actor: str = "system",
) -> tuple[Endpoint, str]:  # fmt: skip
    """Add an endpoint of a party: it, and its secret, which is told once.

    Raises InvalidInputError bad_address, private_address, bad_events, bad_label; ConflictError too_many_endpoints.
    """
    wanted, named = _events(events), _label(label)
    check_address(url, allow_private=settings.allow_private)
    secret, key, now = _new_secret(), _key(keys), to_micros(clock.now())
    row = EndpointRow(
        f"ep_{new_id()}", party, seal_text(key, url), named, wanted, "active", seal_text(key, secret), None,
        0, now, 0, 0, "",
    )  # fmt: skip
    with store.writing(about=f"webhooks {party}"):
        if len(store.webhooks.endpoints(party)) >= MOST_ENDPOINTS:
            raise ConflictError(f"A party has at most {MOST_ENDPOINTS} endpoints.", code="too_many_endpoints")
        store.webhooks.put_endpoint(row)
        audit.append(store, clock, actor=actor, action="webhook_added", subject=f"webhook:{row.endpoint}",
                     detail={"party": party, "host": host_of(url), "events": wanted})
    return _shown(keys, row), secret


def change_endpoint(
    store: Store, keys: KeyRing, clock: Clock, settings: WebhookSettings, *, party: str, endpoint: str,
    url: str | None = None, events: Iterable[str] | None = None, label: str | None = None, active: bool | None = None,
    actor: str = "system",
) -> Endpoint:  # fmt: skip
    """Change what is given of a party's endpoint. Raises as `add_endpoint`, and NotFoundError no_such_endpoint."""
    wanted, named = None if events is None else _events(events), None if label is None else _label(label)
    if url is not None:
        check_address(url, allow_private=settings.allow_private)
    with store.writing(about=f"webhook {endpoint}"):
        row = _own(store, party, endpoint)
        changed = replace(
            row,
            url=row.url if url is None else seal_text(_key(keys), url),
            events=row.events if wanted is None else wanted,
            label=row.label if named is None else named,
            state=row.state if active is None else "active" if active else "off",
            next=0, failures=0, failure="",
        )  # fmt: skip
        store.webhooks.put_endpoint(changed)
        audit.append(store, clock, actor=actor, action="webhook_changed", subject=f"webhook:{endpoint}",
                     detail={"party": party, "host": host_of(url_of(keys, changed)), "events": changed.events,
                             "state": changed.state})
    return _shown(keys, changed)


def rotate_secret(
    store: Store, keys: KeyRing, clock: Clock, settings: WebhookSettings, *, party: str, endpoint: str,
    actor: str = "system",
) -> str:  # fmt: skip
    """A new secret for an endpoint, told once; the old one signs beside it for `rotation_hours`.

    Raises NotFoundError no_such_endpoint.
    """
    secret = _new_secret()
    until = to_micros(clock.now() + timedelta(hours=settings.rotation_hours))
    with store.writing(about=f"webhook {endpoint}"):
        row = _own(store, party, endpoint)
        store.webhooks.put_endpoint(
            replace(row, secret=seal_text(_key(keys), secret), old_secret=row.secret, old_until=until)
        )
        audit.append(store, clock, actor=actor, action="webhook_rotated", subject=f"webhook:{endpoint}",
                     detail={"party": party})
    return secret


def remove_endpoint(store: Store, clock: Clock, *, party: str, endpoint: str, actor: str = "system") -> None:
    """Remove a party's endpoint with all that it was to be told. Raises NotFoundError no_such_endpoint."""
    with store.writing(about=f"webhook {endpoint}"):
        _own(store, party, endpoint)
        store.webhooks.remove_endpoint(endpoint)
        audit.append(store, clock, actor=actor, action="webhook_removed", subject=f"webhook:{endpoint}",
                     detail={"party": party})


def endpoints_of(store: Store, keys: KeyRing, party: str = "") -> tuple[Endpoint, ...]:
    """A party's endpoints (all of them for ""), oldest first."""
    return tuple(_shown(keys, row) for row in store.webhooks.endpoints(party))


def endpoint_of(store: Store, keys: KeyRing, *, party: str, endpoint: str) -> Endpoint:
    """One endpoint of a party. Raises NotFoundError no_such_endpoint."""
    return _shown(keys, _own(store, party, endpoint))


def valid_secrets(keys: KeyRing, row: EndpointRow, *, now: datetime) -> tuple[str, ...]:
    """The secrets that sign at a time: the newest, and while it is rotated the one before."""
    key = _key(keys)
    old = [unseal_text(key, row.old_secret)] if row.old_secret and row.old_until > to_micros(now) else []
    return (unseal_text(key, row.secret), *old)


# deliveries


def deliveries_of(
    store: Store, *, party: str, endpoint: str, state: str = "", limit: int = 50
) -> tuple[Delivery, ...]:
    """An endpoint's deliveries, newest first; of one state, or of all. Raises NotFoundError no_such_endpoint."""
    _own(store, party, endpoint)
    return store.webhooks.deliveries(endpoint, state=state, limit=limit)


def send_test(store: Store, clock: Clock, *, party: str, endpoint: str) -> str:
    """Let an endpoint be told of a test event; its id. Raises NotFoundError, ConflictError endpoint_off, test_waits."""
    with store.writing(about=f"webhook {endpoint}"):
        row = _own(store, party, endpoint)
        _must_be_active(row)
        if any(each.type == TEST for each in store.webhooks.deliveries(endpoint, state=WAITING, limit=100)):
            raise ConflictError("A test event is on its way already.", code="test_waits")
        store.webhooks.stand(endpoint, next=0, failures=row.failures, failure=row.failure)
        return write(store, clock, type=TEST, data={"endpoint": endpoint}, endpoints=[endpoint])


def resend(store: Store, clock: Clock, *, party: str, endpoint: str, event: str, actor: str = "system") -> None:
    """Send what was delivered or is dead once more, under its old id, for another day.

    Raises NotFoundError no_such_endpoint, no_such_delivery; ConflictError endpoint_off, delivery_waits.
    """
    with store.writing(about=f"webhook {endpoint}"):
        row = _own(store, party, endpoint)
        if store.webhooks.delivery(endpoint, event) is None:
            raise NotFoundError("There is no such delivery.", code="no_such_delivery")
        _must_be_active(row)
        if not store.webhooks.resend(endpoint=endpoint, event=event, at=to_micros(clock.now())):
            raise ConflictError("This delivery is on its way already.", code="delivery_waits")
        store.webhooks.stand(endpoint, next=0, failures=row.failures, failure=row.failure)
        audit.append(store, clock, actor=actor, action="webhook_resent", subject=f"webhook:{endpoint}",
                     detail={"party": party, "event": event})


def wait_s(attempts: int, chance: float) -> float:
    """Seconds until the next attempt after so many: 10, 30, 90 … at most 4 hours, a quarter more or less by chance."""
    return min(_FIRST_WAIT_S * 3.0 ** (attempts - 1), _LONGEST_WAIT_S) * (0.75 + chance / 2)


def settle(
    store: Store, clock: Clock, settings: WebhookSettings, *, endpoint: EndpointRow, due: Due, status: int,
    failure: str, asked_s: int = 0, chance: float = 0.5,
) -> EndpointRow:  # fmt: skip
    """Keep what an attempt came to (`failure` empty: delivered); the endpoint as it stands now.

    `asked_s` is what the other side asked to wait, `chance` in [0, 1) moves the next attempt.
    """
    now = clock.now()
    at, attempts = to_micros(now), due.attempts + 1
    over = to_micros(now - timedelta(hours=settings.retry_hours))
    gone = status == _GONE
    if not failure:
        state, stands = DELIVERED, replace(endpoint, next=0, failures=0, failure="")
    else:
        failures = endpoint.failures + 1
        pause = max(min(5 * 2 ** min(failures - 1, 10), _LONGEST_PAUSE_S), min(asked_s, _LONGEST_ASKED_S))
        stands = replace(endpoint, next=at + pause * 1_000_000, failures=failures, failure=failure,
                         state="gone" if gone else endpoint.state)
        state = DEAD if due.since <= over or gone else WAITING
    later = at + int(max(wait_s(attempts, chance), min(asked_s, _LONGEST_ASKED_S)) * 1_000_000)
    later = min(later, due.since + settings.retry_hours * 3_600_000_000)  # the last one, when its time is over
    with store.writing(about=f"webhook {endpoint.endpoint}"):
        settled = store.webhooks.settle(
            endpoint=endpoint.endpoint, event=due.event, state=state, due=later if state == WAITING else at,
            attempts=attempts, done=None if state == WAITING else at, status=status, failure=failure,
        )  # fmt: skip
        store.webhooks.stand(
            endpoint.endpoint, next=stands.next, failures=stands.failures, failure=failure, gone=gone
        )
        counts = {DELIVERED: int(state == DELIVERED), "failed": int(bool(failure)), DEAD: int(state == DEAD)}
        if failure:  # what waited as long behind it has had its day, too
            counts[DEAD] += store.webhooks.give_up(
                endpoint.endpoint, before=at + 1 if gone else over, now=at, failure=failure
            )
        if settled:
            store.vitals.add({f"{TALLY}{name}": many for name, many in counts.items() if many})
    return stands


def purge(store: Store, clock: Clock, settings: WebhookSettings) -> int:
    """Delete deliveries that were over `kept_days` ago; how many."""
    before = to_micros(clock.now() - timedelta(days=settings.kept_days))
    with store.writing(about="webhook purge"):
        return store.webhooks.purge(before=before)


# inside


def _own(store: Store, party: str, endpoint: str) -> EndpointRow:
    row = store.webhooks.endpoint(endpoint)
    if row is None or row.party != party:
        raise NotFoundError("There is no such endpoint.", code="no_such_endpoint")
    return row


def _must_be_active(row: EndpointRow) -> None:
    if row.state != "active":
        raise ConflictError("This endpoint is switched off. Switch it on first.", code="endpoint_off")


def _shown(keys: KeyRing, row: EndpointRow) -> Endpoint:
    return Endpoint(
        row.endpoint, row.party, url_of(keys, row), row.label, tuple(row.events.split()), row.state,
        from_micros(row.created), from_micros(row.old_until) if row.old_secret else None, row.failures, row.failure,
    )  # fmt: skip


def url_of(keys: KeyRing, row: EndpointRow) -> str:
    """The address of an endpoint."""
    return unseal_text(_key(keys), row.url)


def _key(keys: KeyRing) -> bytes:
    return keys.derive("at-rest", "webhook", FIRST_EPOCH)


def _new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _events(events: Iterable[str]) -> str:
    wanted = set(events)
    if not wanted or not wanted <= EVENTS.keys():
        raise InvalidInputError(f"An endpoint wants events out of {', '.join(EVENTS)}.", code="bad_events")
    return " ".join(each for each in EVENTS if each in wanted)


def _label(label: str) -> str:
    label = label.strip()
    if len(label) > _LONGEST_LABEL or (label and not label.isprintable()):
        raise InvalidInputError(f"A label has at most {_LONGEST_LABEL} printable characters.", code="bad_label")
    return without_numbers(label)


def host_of(url: str) -> str:
    """The host of an address, for lists and the trail."""
    return without_numbers(urlsplit(url).hostname or "")
