"""The wire format of webhooks' endpoints and deliveries (the rules of `messages.py` hold)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from web.api.messages import In, Out

EventType = Literal[
    "edition.published", "key.rotated", "report.judged", "report.overdue", "quarantine.added", "measure.proposed",
    "measure.started", "measure.lifted", "measure.appeal_decided", "fine.noticed", "fine.decided", "scrub.done",
    "scrub.failed", "scrub.expiring", "peak.coming",
]
Events = Annotated[list[EventType], Meta(min_length=1, max_length=16)]
Address = Annotated[str, Meta(min_length=1, max_length=2000, description="https, outside private networks.")]
Label = Annotated[str, Meta(max_length=60)]


class WebhookRequest(In, frozen=True, kw_only=True):
    """An endpoint that is to be told of events."""

    url: Address
    events: Events
    label: Label = ""


class WebhookChangeRequest(In, frozen=True, kw_only=True):
    """What is to change of an endpoint; what is left out stays. `active` switches it on (also after 410) or off."""

    url: Address | None = None
    events: Events | None = None
    label: Label | None = None
    active: bool | None = None


class WebhookEndpoint(Out, frozen=True, kw_only=True):
    """An endpoint. `failures` counts attempts that failed one after the other, `failure` says what the last one did."""

    endpoint: str
    url: str
    label: str
    events: list[str]
    state: Literal["active", "off", "gone"]
    created: datetime
    rotating_until: datetime | None
    failures: int
    failure: str


class WebhooksAnswer(Out, frozen=True, kw_only=True):
    """Your endpoints, oldest first."""

    endpoints: list[WebhookEndpoint]


class WebhookAdded(Out, frozen=True, kw_only=True):
    """A new endpoint and its secret, which is told only now."""

    endpoint: WebhookEndpoint
    secret: Annotated[str, Meta(description="`whsec_` and 32 bytes in base64.")]


class WebhookSecret(Out, frozen=True, kw_only=True):
    """A new secret, which is told only now; until a time the old one signs beside it."""

    secret: str
    rotating_until: datetime | None


class WebhookEvent(Out, frozen=True, kw_only=True):
    """An event that is on its way: its `webhook-id`."""

    event: str


class WebhookDelivery(Out, frozen=True, kw_only=True):
    """What became of telling an endpoint of one event: `status` is the last answer's (0: none)."""

    event: str
    type: str
    state: Literal["waiting", "delivered", "dead"]
    since: datetime
    due: datetime | None
    attempts: int
    done: datetime | None
    status: int
    failure: str


class WebhookDeliveries(Out, frozen=True, kw_only=True):
    """Deliveries of an endpoint, newest first."""

    deliveries: list[WebhookDelivery]
