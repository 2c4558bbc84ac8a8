"""The job that tells parties' endpoints of what happened (webhooks), each under a lease and a time of its own.

Rules of this room:
- An endpoint that is slow, dead or hostile costs a thread for some seconds and then waits longer each time; it delays
  neither publishing (another job) nor other endpoints.
- A batch of one endpoint is bounded in number and time; after an answer that says "not now" the rest waits.
- Endpoints are asked by the guarded way only; what they answer counts by its status.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from registry import epochs, webhooks
from registry.outside.guarded import NotReachedError, Patience, Resolve, Way, resolved
from registry.store.webhooks import Due as DueEvent
from registry.store.webhooks import EndpointRow
from registry.times import to_micros
from registry.webhook_events import headers, tell_of_keys
from sync.sharing import Due, Shared, summed

if TYPE_CHECKING:
    from registry.assembly import Registry

Keep = Callable[[], None]
MOST = 200  # events of one endpoint in one go
LONGEST_S = 10.0
_FAILED_IN_A_ROW = 3  # refused one after the other: then the rest waits
_ANSWER_BYTES = 65_536


def _nothing() -> None:
    """Keeps no lease."""


def notify_due(registry: Registry, keep: Keep = _nothing, resolve: Resolve = resolved) -> dict[str, int]:
    """Tell every endpoint of what is due; the counts `delivered`, `failed` (attempts). Raises what `keep` raises."""
    store, clock, settings = registry.store, registry.clock, registry.settings.webhooks
    tell_of_keys(store, clock, epoch=epochs.current(store))

    def due() -> list[Due]:
        return [Due(name, slow=failures > 0) for name, failures in store.webhooks.due_endpoints(to_micros(clock.now()))]

    shared = Shared(
        registry, "webhook", due, lambda name, held: tell(registry, name, held, resolve), threads=settings.threads,
        again_s=settings.every_s, keep=keep,
    )  # fmt: skip
    return summed(shared.run())


def tell(registry: Registry, name: str, keep: Keep, resolve: Resolve = resolved) -> Counter[str]:
    """Tell one endpoint of what is due, what waits longest first; how many attempts were delivered and failed."""
    store, clock, settings = registry.store, registry.clock, registry.settings.webhooks
    counts: Counter[str] = Counter()
    now = to_micros(clock.now())
    row = store.webhooks.endpoint(name)
    if row is None or row.state != "active" or row.next > now:
        return counts
    patience = Patience(settings.connect_s, settings.read_s, settings.whole_s, _ANSWER_BYTES)
    until, failed = time.monotonic() + LONGEST_S, 0
    with Way(allow_private=settings.allow_private, patience=patience, resolve=resolve) as way:
        for due in store.webhooks.due(name, now=now, limit=MOST):
            status, failure, asked_s = attempt(registry, way, row, due)
            row = webhooks.settle(
                store, clock, settings, endpoint=row, due=due, status=status, failure=failure, asked_s=asked_s,
                chance=random.random(),  # noqa: S311 - spreads attempts, hides nothing
            )
            counts["failed" if failure else "delivered"] += 1
            failed = failed + 1 if failure else 0
            not_now = failure and not (400 <= status < 500 and status not in {408, 410, 429})
            if not_now or failed >= _FAILED_IN_A_ROW or row.state != "active" or time.monotonic() > until:
                break
            keep()
    return counts


def attempt(registry: Registry, way: Way, row: EndpointRow, due: DueEvent) -> tuple[int, str, int]:
    """Ask an endpoint once: status (0: no answer), what was wrong ("": delivered), the wait that was asked for."""
    now = registry.clock.now()
    body = due.body.encode()
    signed = headers(
        webhooks.valid_secrets(registry.keys, row, now=now), event=due.event, timestamp=int(now.timestamp()), body=body
    )
    try:
        answer = way.ask("POST", webhooks.url_of(registry.keys, row), headers=signed, body=body, want_body=False)
    except NotReachedError as error:
        return 0, error.slug, 0
    if 200 <= answer.status < 300:
        return answer.status, "", 0
    asked = answer.headers.get("Retry-After", "") if answer.status in {429, 503} else ""
    wait_s = min(int(asked), 86_400) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else 0
    return answer.status, "redirected" if 300 <= answer.status < 400 else f"http_{answer.status}", wait_s
