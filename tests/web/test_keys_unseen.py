"""Officers, and everybody but the carrier itself, never see a key: no page, metric, audit entry or log shows one."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient

from registry import audit, ceremony, epochs, keydelivery, roots
from registry.assembly import Registry
from registry.keys import KeyRing
from tests.doubles import FakeClock
from tests.web.conftest import Carrier
from tests.web.filled import Viewers, Visitor, pages


def register(registry: Registry, private: bytes, party: str = "cmcc") -> None:
    public = base64.b64encode(keydelivery.public_of(private)).decode()
    keydelivery.register(registry.store, registry.clock, party=party, public_key=public)


def secrets_of(registry: Registry) -> list[bytes]:
    ring = registry.keys
    keys = [*ring.masters.values(), ring.at_rest, registry.signing.online.private_bytes]
    keys += [ring.list_key(party, epoch) for party in ("cmcc", "ctcc") for epoch in ring.masters]
    return keys


def forms_of(key: bytes) -> list[str]:
    """A key as text: hex in either case, base64 in either alphabet."""
    return [key.hex(), key.hex().upper(), base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()]


def rotated(registry: Registry) -> None:
    registry.keys.masters = {**registry.keys.masters, 2: bytes(range(99, 131))}
    epochs.rotate(registry.store, registry.clock, registry.keys, registry.settings.keys)


def test_no_page_audit_entry_or_metric_shows_a_key(
    registry: Registry, app: Flask, client: FlaskClient, viewers: Viewers, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        register(registry, X25519PrivateKey.generate().private_bytes_raw())
    rotated(registry)
    said = [
        Visitor(app, viewers.tokens.get(viewer, "")).client.get(address).get_data(as_text=True)
        for _, address, viewer in pages(viewers)
    ]
    said.append(client.get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"}).get_data(as_text=True))
    said += [f"{entry.subject} {entry.detail}" for entry in audit.entries(registry.store, most=1000)]
    said += [caplog.text, repr(registry.keys), repr(registry.signing), repr(registry)]
    everything = "\n".join(said)
    assert "Key epoch began" in everything
    assert "decline_call_key_epoch 2.0" in everything
    for key in secrets_of(registry):
        assert not any(form in everything for form in forms_of(key))


def test_a_members_session_opens_no_keys_and_a_carrier_gets_only_its_own(
    registry: Registry, app: Flask, client: FlaskClient, viewers: Viewers, carrier: Carrier
) -> None:
    for viewer in ("officer", "auditor", "owner"):
        visitor = Visitor(app, viewers.tokens[viewer])
        assert visitor.client.get("/api/v1/keys").status_code == 401
    private = X25519PrivateKey.generate().private_bytes_raw()
    register(registry, private, "trial")
    answer = client.get("/api/v1/keys", headers=carrier("trial", "feed")).get_json()
    wrapped = base64.b64decode(answer["keys"][0]["wrapped"])
    assert keydelivery.unwrap(private, wrapped, party="trial", epoch=1) == registry.keys.list_key("trial", 1)


def test_the_officers_page_says_whose_public_key_changed_and_how_epochs_stand(
    registry: Registry, app: Flask, viewers: Viewers, clock: FakeClock
) -> None:
    visitor = Visitor(app, viewers.tokens["auditor"])
    register(registry, X25519PrivateKey.generate().private_bytes_raw())
    assert "was exchanged" not in visitor.get("/officer")
    clock.advance(minutes=5)
    register(registry, X25519PrivateKey.generate().private_bytes_raw())
    rotated(registry)
    page = visitor.get("/officer")
    assert "The public key of China Mobile was exchanged" in page
    assert "Lists are published under key epoch 2." in page
    assert "Key epoch 1 is published beside it until" in page


def test_the_end_of_the_root_is_shown_and_rings_beforehand(
    registry: Registry, app: Flask, client: FlaskClient, viewers: Viewers, clock: FakeClock
) -> None:
    roots.trusted_root(registry.shelf, registry.signing, clock.now())
    visitor = Visitor(app, viewers.tokens["auditor"])
    assert "The root of trust holds until" in visitor.get("/officer")
    assert "Renew it" not in visitor.page
    ends = ceremony.ends(registry.shelf)
    assert ends is not None
    local = {"REMOTE_ADDR": "127.0.0.1"}
    assert "decline_call_root_alarm 0.0" in client.get("/metrics", environ_base=local).get_data(as_text=True)
    clock.advance((ends - clock.now() - timedelta(days=59)).total_seconds())
    assert "decline_call_root_alarm 1.0" in client.get("/metrics", environ_base=local).get_data(as_text=True)
    assert "decline_call_root_days 59.0" in client.get("/metrics", environ_base=local).get_data(as_text=True)


def test_a_site_that_lacks_the_newest_master_says_so(
    registry: Registry, client: FlaskClient, carrier: Carrier
) -> None:
    headers = carrier("cmcc", "feed")
    register(registry, X25519PrivateKey.generate().private_bytes_raw())
    rotated(registry)
    registry.keys.masters = KeyRing({1: registry.keys.masters[1]}).masters
    answer = client.get("/api/v1/keys", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "epoch_not_held")
