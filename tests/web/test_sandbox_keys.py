"""Keys of the sandbox over the API: they learn of magic numbers alone, and touch nothing that is real."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from registry import parties, sandbox
from registry.assembly import Registry
from tests.web.conftest import Carrier
from tests.web.receipting import with_receipt
from tests.web.scrubbing import Telemarketer

MAGIC = b"154 0000 0001\n154 0000 0002\n"


@pytest.fixture
def real(client: FlaskClient, carrier: Carrier) -> Telemarketer:
    return Telemarketer(client, carrier("acme", "scrub", "check", "read", kind="telemarketer"))


@pytest.fixture
def trying(client: FlaskClient, registry: Registry, real: Telemarketer) -> Telemarketer:
    _id, secret = parties.issue_key(
        registry.store, registry.clock, party="acme", scopes=("scrub", "check", "read"), label="trying", sandbox=True
    )
    return Telemarketer(client, {"Authorization": f"Bearer {secret}"})


def test_a_key_of_the_sandbox_sees_and_stops_no_scrub_that_is_real(real: Telemarketer, trying: Telemarketer) -> None:
    scrub = real.send(b"13800138000\n").get_json()["scrub"]
    mine = trying.send(MAGIC).get_json()
    assert mine["sandbox"]
    for path in (f"/{scrub}", f"/{scrub}/parts", f"/{scrub}/result"):
        assert trying.get(path).status_code == 404, path
    for path in (f"/{scrub}/cancellation", f"/{scrub}/again", f"/{scrub}/submission"):
        assert trying.post(path).status_code == 404, path
    assert trying.client.delete(f"/api/v1/scrubs/{scrub}", headers=trying.headers).status_code == 404
    assert [each["scrub"] for each in trying.get().get_json()["scrubs"]] == [mine["scrub"]]
    assert {each["scrub"] for each in real.get().get_json()["scrubs"]} == {mine["scrub"], scrub}
    assert real.get(f"/{scrub}").get_json()["state"] == "waiting"


def test_an_idempotency_key_of_real_scrubs_finds_none_for_the_sandbox(real: Telemarketer, trying: Telemarketer) -> None:
    assert real.send(MAGIC, **{"Idempotency-Key": "mine-1"}).status_code == 202
    answer = trying.send(MAGIC, **{"Idempotency-Key": "mine-1"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency_reused")


def test_a_key_of_the_sandbox_sees_no_receipt_that_is_real(
    registry: Registry, real: Telemarketer, trying: Telemarketer
) -> None:
    _scrub, receipt = with_receipt(registry, "acme")
    for headers, status in ((real.headers, 200), (trying.headers, 404)):
        answer = real.client.get(f"/api/v1/receipts/{receipt.receipt}", headers=headers)
        assert answer.status_code == status
    assert trying.client.get("/api/v1/receipts", headers=trying.headers).get_json()["receipts"] == []


def test_every_documented_check_is_answered_so_over_the_api(registry: Registry, trying: Telemarketer) -> None:
    now = registry.clock.now()
    asked = [each for each in sandbox.load().checks if now <= each.at]
    assert asked
    for each in asked:
        answer = trying.client.post("/api/v1/checks", headers=trying.headers, json={
            "channel": each.channel.slug, "category": each.category.slug, "at": each.at.isoformat(),
            "numbers": [str(each.case.number.digits), *(wrong.text for wrong in sandbox.load().invalid)],
        })  # fmt: skip
        assert answer.status_code == 200, answer.text
        first, *wrong = answer.get_json()["answers"]
        assert (first["verdict"] == "allowed", first["reason"]) == (each.allow, each.reason), each.case.id
        assert [each["reason"] for each in wrong] == [each.reason for each in sandbox.load().invalid]
