"""Webhooks of a party: endpoints, their secrets, what they were told: `/api/v1/webhooks`."""

from __future__ import annotations

from flask import Blueprint, Response

from registry import webhooks
from registry.store.webhooks import DEAD, DELIVERED, WAITING, Delivery
from registry.times import from_micros
from registry.webhooks import Endpoint
from web.api.edge import Operation, Parameter, answer, one_of, only, operation, party_of, read, whole
from web.api.metering import metered
from web.api.webhook_messages import (
    WebhookAdded,
    WebhookChangeRequest,
    WebhookDeliveries,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    WebhookRequest,
    WebhooksAnswer,
    WebhookSecret,
)
from web.current import registry_of
from web.guard import actor_of_request, key

blueprint = Blueprint("api_webhooks", __name__)

_MOST = 200
_STATES = ("all", WAITING, DELIVERED, DEAD)


@blueprint.get("/api/v1/webhooks")
@operation(Operation(
    summary="List your endpoints", chinese="查询通知地址", tag="webhooks", answers={200: WebhooksAnswer},
    problems=(401, 403, 429, 503),
))
@key("webhooks")
@metered
def show() -> Response:
    """The caller's endpoints."""
    registry = registry_of()
    found = webhooks.endpoints_of(registry.store, registry.keys, party_of().party)
    return answer(WebhooksAnswer(endpoints=[_endpoint(each) for each in found]))


@blueprint.post("/api/v1/webhooks")
@operation(Operation(
    summary="Add an endpoint", chinese="添加通知地址", tag="webhooks", request=WebhookRequest,
    answers={201: WebhookAdded}, problems=(400, 401, 403, 409, 413, 415, 422, 429, 503),
    says="Events are POSTed to it, signed as Standard Webhooks says. The secret is told only in this answer.",
))
@key("webhooks")
@metered
def add() -> Response:
    """One more endpoint of the caller."""
    said = read(WebhookRequest)
    registry = registry_of()
    made, secret = webhooks.add_endpoint(
        registry.store, registry.keys, registry.clock, registry.settings.webhooks, party=party_of().party,
        url=said.url, events=said.events, label=said.label, actor=actor_of_request().name,
    )
    return answer(WebhookAdded(endpoint=_endpoint(made), secret=secret), 201, headers={"Cache-Control": "no-store"})


@blueprint.get("/api/v1/webhooks/<endpoint>")
@operation(Operation(
    summary="Show an endpoint", chinese="查看通知地址", tag="webhooks", answers={200: WebhookEndpoint},
    problems=(401, 403, 404, 429, 503),
))
@key("webhooks")
@metered
def show_one(endpoint: str) -> Response:
    """One of the caller's endpoints."""
    registry = registry_of()
    return answer(_endpoint(
        webhooks.endpoint_of(registry.store, registry.keys, party=party_of().party, endpoint=endpoint)
    ))


@blueprint.patch("/api/v1/webhooks/<endpoint>")
@operation(Operation(
    summary="Change an endpoint", chinese="修改通知地址", tag="webhooks", request=WebhookChangeRequest,
    answers={200: WebhookEndpoint}, problems=(400, 401, 403, 404, 413, 415, 422, 429, 503),
    says="What is left out stays. A change also ends the wait after failures.",
))
@key("webhooks")
@metered
def change(endpoint: str) -> Response:
    """Change one of the caller's endpoints."""
    said = read(WebhookChangeRequest)
    registry = registry_of()
    changed = webhooks.change_endpoint(
        registry.store, registry.keys, registry.clock, registry.settings.webhooks, party=party_of().party,
        endpoint=endpoint, url=said.url, events=said.events, label=said.label, active=said.active,
        actor=actor_of_request().name,
    )
    return answer(_endpoint(changed))


@blueprint.delete("/api/v1/webhooks/<endpoint>")
@operation(Operation(
    summary="Remove an endpoint", chinese="删除通知地址", tag="webhooks", answers={204: None},
    problems=(401, 403, 404, 429, 503), says="With everything that it was still to be told.",
))
@key("webhooks")
@metered
def remove(endpoint: str) -> Response:
    """Remove one of the caller's endpoints."""
    registry = registry_of()
    webhooks.remove_endpoint(
        registry.store, registry.clock, party=party_of().party, endpoint=endpoint, actor=actor_of_request().name
    )
    return Response(status=204)


@blueprint.post("/api/v1/webhooks/<endpoint>/rotate")
@operation(Operation(
    summary="Rotate the secret", chinese="更换签名密钥", tag="webhooks", answers={200: WebhookSecret},
    problems=(401, 403, 404, 429, 503),
    says="The new secret is told only in this answer. For a day the old one signs beside it: the header then holds two "
    "signatures, either of which is enough.",
))
@key("webhooks")
@metered
def rotate(endpoint: str) -> Response:
    """A new secret for one of the caller's endpoints."""
    registry, party = registry_of(), party_of().party
    secret = webhooks.rotate_secret(
        registry.store, registry.keys, registry.clock, registry.settings.webhooks, party=party, endpoint=endpoint,
        actor=actor_of_request().name,
    )
    until = webhooks.endpoint_of(registry.store, registry.keys, party=party, endpoint=endpoint).rotating_until
    return answer(WebhookSecret(secret=secret, rotating_until=until), headers={"Cache-Control": "no-store"})


@blueprint.post("/api/v1/webhooks/<endpoint>/test")
@operation(Operation(
    summary="Send a test event", chinese="发送测试通知", tag="webhooks", answers={202: WebhookEvent},
    problems=(401, 403, 404, 409, 429, 503), says="Its type is endpoint.test. One at a time.",
))
@key("webhooks")
@metered
def test(endpoint: str) -> Response:
    """Tell one of the caller's endpoints of a test event."""
    registry = registry_of()
    event = webhooks.send_test(registry.store, registry.clock, party=party_of().party, endpoint=endpoint)
    return answer(WebhookEvent(event=event), 202)


@blueprint.get("/api/v1/webhooks/<endpoint>/deliveries")
@operation(Operation(
    summary="List deliveries", chinese="查询通知记录", tag="webhooks", answers={200: WebhookDeliveries},
    problems=(401, 403, 404, 422, 429, 503),
    parameters=(
        Parameter("state", "query", {"enum": list(_STATES), "default": "all"}, "Which of them; dead: given up."),
        Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": _MOST, "default": 50}, "How many."),
    ),
))
@key("webhooks")
@metered
def deliveries(endpoint: str) -> Response:
    """What one of the caller's endpoints was told, newest first."""
    only("state", "limit")
    state = one_of("state", default="all", known=_STATES)
    limit = whole("limit", default=50, least=1, most=_MOST)
    found = webhooks.deliveries_of(
        registry_of().store, party=party_of().party, endpoint=endpoint, state="" if state == "all" else state,
        limit=limit,
    )
    return answer(WebhookDeliveries(deliveries=[_delivery(each) for each in found]))


@blueprint.post("/api/v1/webhooks/<endpoint>/deliveries/<event>/resend")
@operation(Operation(
    summary="Send a delivery again", chinese="重新发送通知", tag="webhooks", answers={202: WebhookEvent},
    problems=(401, 403, 404, 409, 429, 503), says="Under the same webhook-id, for another day.",
))
@key("webhooks")
@metered
def resend(endpoint: str, event: str) -> Response:
    """Tell one of the caller's endpoints once more of an event."""
    registry = registry_of()
    webhooks.resend(
        registry.store, registry.clock, party=party_of().party, endpoint=endpoint, event=event,
        actor=actor_of_request().name,
    )
    return answer(WebhookEvent(event=event), 202)


def _endpoint(found: Endpoint) -> WebhookEndpoint:
    return WebhookEndpoint(
        endpoint=found.endpoint, url=found.url, label=found.label, events=list(found.events),
        state=found.state,  # type: ignore[arg-type]
        created=found.created, rotating_until=found.rotating_until, failures=found.failures, failure=found.failure,
    )


def _delivery(found: Delivery) -> WebhookDelivery:
    return WebhookDelivery(
        event=found.event, type=found.type, state=found.state,  # type: ignore[arg-type]
        since=from_micros(found.since), due=from_micros(found.due) if found.state == WAITING else None,
        attempts=found.attempts, done=None if found.done is None else from_micros(found.done), status=found.status,
        failure=found.failure,
    )
