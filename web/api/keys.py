"""List keys, wrapped for the carrier that may read them: `PUT /api/v1/keys/recipient`, `GET /api/v1/keys`."""

from __future__ import annotations

import base64

from flask import Blueprint, Response

from registry import epochs, keydelivery
from web.api.edge import Operation, answer, operation, party_of, read
from web.api.messages import ListKeys, RecipientKey, WrappedKey
from web.api.metering import metered
from web.current import registry_of
from web.guard import key

blueprint = Blueprint("keys", __name__)


@blueprint.put("/api/v1/keys/recipient")
@operation(Operation(
    summary="Register your public key",
    chinese="登记接收密钥的公钥",
    tag="keys",
    request=RecipientKey,
    answers={204: None},
    problems=(400, 401, 403, 413, 415, 422, 429, 503),
    says="X25519. A new one takes the old one's place.",
))
@key("feed")
@metered
def put_recipient() -> Response:
    """Keep the caller's public key."""
    said = read(RecipientKey)
    registry = registry_of()
    keydelivery.register(registry.store, registry.clock, party=party_of().party, public_key=said.public_key)
    return Response(status=204)


@blueprint.get("/api/v1/keys")
@operation(Operation(
    summary="Fetch your list keys",
    chinese="获取名单密钥",
    tag="keys",
    answers={200: ListKeys},
    problems=(401, 403, 409, 429, 503),
    says="Each is wrapped for your public key by HPKE (RFC 9180); info is `decline-call/v1 list-key`, the length of "
    "your party id as u16be, your party id, the epoch as u32be; there is no associated data.",
))
@key("feed")
@metered
def fetch() -> Response:
    """The caller's list keys of all epochs, wrapped."""
    registry = registry_of()
    found = keydelivery.deliver(
        registry.store, registry.clock, registry.keys, registry.settings.keys, party=party_of().party
    )
    said = ListKeys(
        epoch=epochs.current(registry.store),
        algorithm=registry.settings.publish.algorithm,
        keys=[WrappedKey(epoch=each.epoch, wrapped=base64.b64encode(each.wrapped).decode()) for each in found],
    )
    return answer(said)
