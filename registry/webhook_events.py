"""Events that parties are told of, written where they happen, and how they are signed (Standard Webhooks).

Rules of this room:
- An event is written in the transaction of what it tells of, or by the job right after; who wants it then is told at
  least once, under one `webhook-id` however often.
- No event holds a number: ids, counts and verdicts only. What comes in batches is told of in batches.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from registry.naming import new_id
from registry.times import iso, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.store import Store

EDITION_PUBLISHED, KEY_ROTATED, REPORT_JUDGED = "edition.published", "key.rotated", "report.judged"
QUARANTINE_ADDED, MEASURE_PROPOSED = "quarantine.added", "measure.proposed"
MEASURE_STARTED, MEASURE_LIFTED = "measure.started", "measure.lifted"
APPEAL_DECIDED = "measure.appeal_decided"
REPORT_OVERDUE = "report.overdue"
FINE_NOTICED, FINE_DECIDED = "fine.noticed", "fine.decided"
SCRUB_DONE, SCRUB_FAILED, SCRUB_EXPIRING = "scrub.done", "scrub.failed", "scrub.expiring"
PEAK_COMING = "peak.coming"
EVENTS: Mapping[str, str] = {  # what an endpoint may ask for
    EDITION_PUBLISHED: "a new edition is in your feed",
    KEY_ROTATED: "list keys of a new epoch wait for you",
    REPORT_JUDGED: "reports you sent were judged (one event for a batch)",
    REPORT_OVERDUE: "reports on your desk passed their deadline (one event for many)",
    QUARANTINE_ADDED: "rows you sent wait in quarantine (one event for a batch)",
    MEASURE_PROPOSED: "notice was given of a measure that is yours to carry out, or against you",
    MEASURE_STARTED: "a measure that is yours to carry out, or against you, is in force",
    MEASURE_LIFTED: "such a measure was lifted or is over",
    APPEAL_DECIDED: "your appeal against a measure was granted or rejected",
    FINE_NOTICED: "a fine against you is intended: until when you may ask to be heard",
    FINE_DECIDED: "a fine against you was decided, or its proposal is over",
    SCRUB_DONE: "a call list was checked; its result waits for you",
    SCRUB_FAILED: "a call list could not be checked",
    SCRUB_EXPIRING: "the answers to a campaign's call list end soon",
    PEAK_COMING: "a day of much selling comes, and reports about you are expected (a warning, once)",
}
TEST = "endpoint.test"  # sent on request only
PREFIX = "whsec_"

Data = Mapping[str, object]  # words, whole numbers, truth values, counts by name


def emit(store: Store, clock: Clock, *, type: str, party: str, data: Data) -> str | None:
    """Write an event inside an open `writing()`, for a party or (with "") for all: its id, None where nobody listens.

    The one way by which any event comes about. `data` holds no number. Raises ValueError for a type that there is not.
    """
    if type not in EVENTS:
        raise ValueError(f"no such event: {type}")
    endpoints = store.webhooks.subscribers(type, party)
    return write(store, clock, type=type, data=data, endpoints=endpoints) if endpoints else None


def write(store: Store, clock: Clock, *, type: str, data: Data, endpoints: Sequence[str]) -> str:
    """Write an event for some endpoints inside an open `writing()`; its id."""
    now = clock.now()
    event = f"msg_{new_id(24)}"
    said = {"type": type, "timestamp": iso(now), "data": dict(data)}
    body = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    store.webhooks.add_event(event=event, type=type, body=body, at=to_micros(now), endpoints=endpoints)
    return event


def tell_of_keys(store: Store, clock: Clock, *, epoch: int) -> bool:
    """Write `key.rotated` for everybody once for each new epoch; the first epoch ever seen is no news."""
    if store.webhooks.told(KEY_ROTATED) == epoch:
        return False
    with store.writing(about="webhook told"):
        told = store.webhooks.told(KEY_ROTATED)
        store.webhooks.set_told(KEY_ROTATED, epoch)
        if told is None or told >= epoch:
            return False
        emit(store, clock, type=KEY_ROTATED, party="", data={"epoch": epoch})
    return True


# signatures


def signature(secret: str, *, event: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>`: HMAC-SHA256 under a `whsec_` secret over `id.timestamp.body` (Standard Webhooks)."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{event}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(valid: Iterable[str], *, event: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt (at whole seconds since 1970), signed with every secret that is valid."""
    return {
        "Content-Type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            signature(each, event=event, timestamp=timestamp, body=body) for each in valid
        ),
    }
