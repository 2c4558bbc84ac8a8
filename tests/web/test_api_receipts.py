"""Receipts over the API: fetched and proved by their owner alone, checked by public keys that everybody gets."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry import receiptchecks
from registry.assembly import Registry
from registry.outside import keyfile
from registry.receiptkeys import PublicKey, known
from tests.web.conftest import Carrier
from tests.web.receipting import ASKED, FIRST, issued

Headers = dict[str, str]


@pytest.fixture
def acme(carrier: Carrier) -> Headers:
    return carrier("acme", "read", kind="telemarketer")


def keys_of(client: FlaskClient) -> list[PublicKey]:
    """The public keys, as a verifier elsewhere knows them."""
    found = client.get("/api/v1/receipt-keys").get_json()["keys"]
    assert all(key["algorithm"] == "ed25519" for key in found)
    keys = [known(base64.b64decode(key["public"])) for key in found]
    assert [key.keyid for key in keys] == [key["keyid"] for key in found]
    return keys


def proved(client: FlaskClient, headers: Headers, receipt: str, number: Any, **more: Any) -> Any:
    return client.post(f"/api/v1/receipts/{receipt}/proofs", json={"number": number, **more}, headers=headers)


def test_a_receipt_and_a_proof_are_checked_with_the_public_keys_alone(
    client: FlaskClient, acme: Headers, registry: Registry
) -> None:
    name = issued(registry, "acme").receipt
    now = registry.clock.now()
    whole = client.get(f"/api/v1/receipts/{name}", headers=acme)
    assert whole.headers["Cache-Control"] == "no-store"
    checked = receiptchecks.check(whole.data, keys_of(client), now=now)
    assert (checked.payload.id, checked.payload.tree.size, checked.answer) == (name, ASKED, None)
    for number in (f"+{FIRST + 1}", FIRST + 1, str(FIRST + 1)[2:]):
        answer = receiptchecks.check(proved(client, acme, name, number).data, keys_of(client), now=now).answer
        assert answer is not None
        assert (answer.number.digits, answer.verdict) == (FIRST + 1, "declined")


def test_what_cannot_be_proved_is_said_so(
    client: FlaskClient, acme: Headers, registry: Registry, problem: Any
) -> None:
    name = issued(registry, "acme").receipt
    assert problem(proved(client, acme, name, str(FIRST + ASKED)), 404)["code"] == "not_in_receipt"
    assert problem(proved(client, acme, name, "12"), 422)["code"] == "too_short"
    assert problem(proved(client, acme, name, str(FIRST), more=1), 422)["code"] == "bad_body"
    registry.shelf.delete(f"receipts/{name}")
    assert problem(proved(client, acme, name, str(FIRST)), 404)["code"] == "leaves_erased"


def test_the_receipt_of_another_party_is_as_one_that_does_not_exist(
    client: FlaskClient, acme: Headers, carrier: Carrier, registry: Registry, problem: Any
) -> None:
    rival = carrier("rival", "read", kind="telemarketer")
    name = issued(registry, "acme").receipt
    for receipt in (name, "b" * 24):
        assert problem(client.get(f"/api/v1/receipts/{receipt}", headers=rival), 404)["code"] == "no_such_receipt"
        assert problem(proved(client, rival, receipt, str(FIRST)), 404)["code"] == "no_such_receipt"
    assert client.get("/api/v1/receipts", headers=rival).get_json() == {"receipts": [], "next": None}


def test_receipts_are_listed_newest_first_page_by_page(
    client: FlaskClient, acme: Headers, registry: Registry, clock: Any
) -> None:
    names = []
    for _ in range(3):
        names.insert(0, issued(registry, "acme").receipt)
        clock.advance(seconds=1)
    first = client.get("/api/v1/receipts?limit=2", headers=acme).get_json()
    rest = client.get(f"/api/v1/receipts?limit=2&before={first['next']}", headers=acme).get_json()
    assert [each["receipt"] for each in first["receipts"] + rest["receipts"]] == names
    assert rest["next"] is None
    assert first["receipts"][0]["file"] == f"/api/v1/receipts/{names[0]}"


def test_old_receipts_stay_good_when_keys_are_exchanged_and_the_old_one_is_gone(
    client: FlaskClient, acme: Headers, registry: Registry, clock: Any
) -> None:
    before = client.get("/api/v1/receipt-keys").get_json()["keys"]
    assert [(key["since"], key["until"]) for key in before] == [(None, None)]
    old = issued(registry, "acme").receipt
    folder = Path(registry.instance) / "keys"
    clock.advance(days=1)
    keyfile.new_receipt_key(folder)
    new = issued(registry, "acme").receipt
    (folder / keyfile.RECEIPT).unlink()
    found = client.get("/api/v1/receipt-keys").get_json()["keys"]
    assert [key["until"] is None for key in found] == [True, False]
    assert found[1]["until"] == found[0]["since"]
    signers = [
        receiptchecks.check(
            client.get(f"/api/v1/receipts/{name}", headers=acme).data, keys_of(client), now=clock.now()
        ).key.keyid
        for name in (new, old)
    ]
    assert signers == [key["keyid"] for key in found]
