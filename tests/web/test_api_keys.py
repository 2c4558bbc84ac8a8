"""List keys and acknowledgements over the API."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from flask.testing import FlaskClient

from registry import keydelivery
from registry.assembly import Registry
from registry.store.feeds import FeedEditionRow
from registry.times import to_micros
from tests.web.conftest import Carrier

Problem = Callable[[Any, int], dict[str, Any]]
ROOT = "ab" * 32


def test_a_carrier_registers_a_public_key_and_reads_its_list_key(
    client: FlaskClient, registry: Registry, carrier: Carrier
) -> None:
    headers = carrier("cmcc", "feed")
    private = X25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    assert client.put("/api/v1/keys/recipient", json={"public_key": public}, headers=headers).status_code == 204
    said = client.get("/api/v1/keys", headers=headers).get_json()
    assert said["epoch"] == 1
    assert said["algorithm"] == "aes-cmac-64"
    wrapped = base64.b64decode(said["keys"][0]["wrapped"])
    opened = keydelivery.unwrap(private.private_bytes_raw(), wrapped, party="cmcc", epoch=1)
    assert opened == registry.keys.list_key("cmcc")


def test_without_a_public_key_there_is_nothing_to_wrap_for(
    client: FlaskClient, carrier: Carrier, problem: Problem
) -> None:
    assert problem(client.get("/api/v1/keys", headers=carrier("cmcc", "feed")), 409)["code"] == "no_public_key"


@pytest.mark.parametrize(
    ("public_key", "code"),
    [
        ("A" * 43 + "=", "bad_public_key"), ("!" * 44, "bad_public_key"), ("é" * 44, "bad_public_key"),
        ("AAAA", "bad_body"),
    ],
)
def test_a_public_key_that_is_none_is_refused(
    client: FlaskClient, carrier: Carrier, problem: Problem, public_key: str, code: str
) -> None:
    answer = client.put("/api/v1/keys/recipient", json={"public_key": public_key}, headers=carrier("cmcc", "feed"))
    assert problem(answer, 422)["code"] == code


def offer(registry: Registry, party: str) -> None:
    with registry.store.writing():
        registry.store.feeds.put_edition(FeedEditionRow(
            recipient=party, edition=7, kind="full", rows=1, size=1, entries=1, content_root=bytes.fromhex(ROOT),
            exceptions_root=bytes(32), published=to_micros(registry.clock.now()),
        ))


def test_an_acknowledgement_says_whether_the_lists_agree(
    client: FlaskClient, registry: Registry, carrier: Carrier
) -> None:
    headers = carrier("cmcc", "feed")
    offer(registry, "cmcc")
    said = {"edition": 7, "content_root": ROOT, "exceptions_root": "00" * 32}
    assert client.post("/api/v1/acknowledgements", json=said, headers=headers).get_json() == {"agrees": True}
    drifted = {**said, "content_root": "cd" * 32}
    assert client.post("/api/v1/acknowledgements", json=drifted, headers=headers).get_json() == {"agrees": False}


def test_an_edition_that_was_never_offered_cannot_be_acknowledged(
    client: FlaskClient, registry: Registry, carrier: Carrier, problem: Problem
) -> None:
    headers = carrier("cmcc", "feed")
    offer(registry, "ctcc")
    said = {"edition": 7, "content_root": ROOT, "exceptions_root": ROOT}
    answer = client.post("/api/v1/acknowledgements", json=said, headers=headers)
    assert problem(answer, 422)["code"] == "unknown_edition"


@pytest.mark.parametrize(
    "wrong", [{"edition": 0}, {"edition": True}, {"edition": 2**63}, {"content_root": "AB" * 32}, {"more": 1}]
)
def test_an_acknowledgement_with_wrong_fields_is_refused(
    client: FlaskClient, carrier: Carrier, problem: Problem, wrong: dict[str, Any]
) -> None:
    said = {"edition": 7, "content_root": ROOT, "exceptions_root": ROOT, **wrong}
    answer = client.post("/api/v1/acknowledgements", json=said, headers=carrier("cmcc", "feed"))
    assert problem(answer, 422)["code"] == "bad_body"


def test_keys_for_reports_open_neither(client: FlaskClient, carrier: Carrier, problem: Problem) -> None:
    headers = carrier("cmcc", "reports")
    assert problem(client.get("/api/v1/keys", headers=headers), 403)["code"] == "scope_missing"
    assert problem(client.post("/api/v1/acknowledgements", json={}, headers=headers), 403)["code"] == "scope_missing"
