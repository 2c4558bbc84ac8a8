"""Mending a list over the API: leaves, digests, pieces, exceptions of one's own list, and of no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from registry import pieces
from registry.assembly import Registry
from registry.editions import EXCEPTION, RECORD, Records, arranged, record_array, root_of_leaves, split
from registry.liststate import copy_place
from sync.mirror import Mirror
from tests.web.conftest import Carrier
from web.api.repairs import MOST

BESIDE = arranged(np.array([(5, 1, 1, 1, 1, 1, 0), (9, 2, 2, 1, 1, 1, 0)], EXCEPTION))
Problem = Any


def rows(count: int, seed: int) -> Records:
    draw = np.random.default_rng(seed)
    tags = np.unique(draw.integers(0, 2**64, count, np.uint64))
    return record_array(tags, *[draw.integers(1, 0x10000, len(tags)) for _ in range(3)], np.zeros(len(tags)))


def copied(registry: Registry, party: str = "cmcc", epoch: int = 1, seed: int = 1) -> Mirror:
    mirror = Mirror.open(registry.instance / "mirrors" / copy_place(party, epoch))
    mirror.replace([rows(3000, seed)], BESIDE, edition=4, epoch=epoch, algorithm="aes-cmac-64")
    return mirror


def test_leaves_come_to_the_root_that_the_feed_signs(registry: Registry, client: FlaskClient, carrier: Carrier) -> None:
    mirror = copied(registry)
    said = client.get("/api/v1/repair/1", headers=carrier()).get_json()
    assert root_of_leaves([bytes.fromhex(leaf) for leaf in said["leaves"]]) == mirror.content_root
    assert (said["edition"], said["epoch"], said["entries"]) == (4, 1, mirror.entries)
    assert (said["exceptions"], said["exceptions_root"]) == (2, mirror.exceptions_root.hex())
    assert "boot" not in said


def test_digests_and_pieces_are_those_of_the_copy(registry: Registry, client: FlaskClient, carrier: Carrier) -> None:
    mirror, key = copied(registry), carrier()
    parts = dict(enumerate(split(rows(3000, 1))))
    names = {number: mirror.state.bucket_name(number) for number in (0, 0x7F, 0xFF)}
    answer = client.post(
        "/api/v1/repair/1/digests", headers=key, json={"buckets": list(names.values())}
    )
    assert answer.mimetype == "application/octet-stream"
    assert answer.data == b"".join(pieces.digests(parts[number]) for number in names)
    held = {number: int(parts[number]["tag"][0]) >> 48 & 0xFF for number in names}
    answer = client.post(
        "/api/v1/repair/1/pieces", headers=key,
        json={"pieces": {names[number]: [held[number], 3] for number in names}},
    )
    places = [(number, piece) for number in names for piece in (held[number], 3)]
    found = dict(pieces.unframed(answer.data, places))
    assert all(found[place].tobytes() == pieces.cut(parts[place[0]])[place[1]].tobytes() for place in places)
    assert sum(map(len, found.values())) >= 3


def test_exceptions_are_answered_whole_and_in_ranges(registry: Registry, client: FlaskClient, carrier: Carrier) -> None:
    mirror, key = copied(registry), carrier()
    address = f"/api/v1/repair/1/exceptions/{mirror.exceptions_root.hex()}"
    assert client.get(address, headers=key).data == BESIDE.tobytes()
    part = client.get(address, headers={**key, "Range": "bytes=23-"})
    assert (part.status_code, part.data) == (206, BESIDE.tobytes()[23:])


ADDRESSES = [
    ("GET", "", None),
    ("POST", "/digests", {"buckets": ["00-" + "0" * 32]}),
    ("POST", "/pieces", {"pieces": {"00-" + "0" * 32: [1]}}),
    ("GET", "/exceptions/" + "0" * 64, None),
]


@pytest.mark.parametrize(("method", "path", "body"), ADDRESSES, ids=[path or "leaves" for _, path, _ in ADDRESSES])
def test_nobody_mends_a_list_from_another_ones_copy(
    registry: Registry, client: FlaskClient, carrier: Carrier, problem: Problem, method: str, path: str, body: Any
) -> None:
    copied(registry)
    ask = {"method": method, "json": body}
    mine = f"/api/v1/repair/1{path}"
    problem(client.open(mine, **ask), 401)
    assert problem(client.open(mine, headers=carrier("ctcc"), **ask), 404)["code"] == "no_copy"
    assert problem(client.open(mine, headers=carrier("cmcc", "reports"), **ask), 403)["code"] == "scope_missing"
    for away in ("repair/2", "repair/99999999999999999999"):  # a key epoch of which there is no copy
        other = f"/api/v1/{away}{path}"
        assert problem(client.open(other, headers=carrier(), **ask), 404)["code"] == "no_copy"


def test_what_the_copy_no_longer_holds_has_moved_and_nonsense_is_refused(
    registry: Registry, client: FlaskClient, carrier: Carrier, problem: Problem
) -> None:
    mirror, key = copied(registry), carrier()
    name = str(mirror.state.bucket_name(7))
    gone = "07-" + "0" * 32
    for path, body in (("digests", {"buckets": [gone]}), ("pieces", {"pieces": {gone: [1]}})):
        refused = problem(client.post(f"/api/v1/repair/1/{path}", headers=key, json=body), 409)
        assert refused["code"] == "copy_moved"
    assert problem(client.get(f"/api/v1/repair/1/exceptions/{'0' * 64}", headers=key), 409)
    assert problem(client.get("/api/v1/repair/1/exceptions/state.json", headers=key), 404)
    wrong: list[tuple[str, Any]] = [
        ("digests", {"buckets": ["../state.json"]}), ("digests", {"buckets": ["07-%2e%2e/../../registry.db"]}),
        ("digests", {"buckets": []}), ("digests", {"buckets": [name] * 257}), ("digests", {}),
        ("pieces", {"pieces": {name: [256]}}), ("pieces", {"pieces": {name: [-1]}}),
        ("pieces", {"pieces": {"state.json": [1]}}), ("pieces", {"pieces": {name: [1] * 257}}),
    ]  # fmt: skip
    for path, body in wrong:
        problem(client.post(f"/api/v1/repair/1/{path}", headers=key, json=body), 422)
    too_many = {f"{top:02x}-{'0' * 32}": list(range(200)) for top in range(60)}
    refused = client.post("/api/v1/repair/1/pieces", headers=key, json={"pieces": too_many})
    assert problem(refused, 422)["code"] == "bad_piece"


def test_questions_about_pieces_are_few_in_an_hour(
    registry: Registry, client: FlaskClient, carrier: Carrier, problem: Problem
) -> None:
    mirror, key = copied(registry), carrier()
    body = {"buckets": [mirror.state.bucket_name(7)]}
    for _ in range(MOST):
        assert client.post("/api/v1/repair/1/digests", headers=key, json=body).status_code == 200
    refused = problem(client.post("/api/v1/repair/1/digests", headers=key, json=body), 429)
    assert refused["retry_after"] == 30
    assert client.get("/api/v1/repair/1", headers=key).status_code == 200


def test_a_party_whose_name_looks_like_an_epoch_of_another_gets_its_own_copy(
    registry: Registry, client: FlaskClient, carrier: Carrier
) -> None:
    copied(registry, "cmcc", 1, seed=1)
    other = copied(registry, "cmcc-1", 1, seed=2)
    assert copy_place("cmcc-1", 1) != copy_place("cmcc", 11)
    said = client.get("/api/v1/repair/1", headers=carrier("cmcc-1")).get_json()
    assert said["content_root"] == other.content_root.hex()


def test_a_copy_that_cannot_be_read_is_none(
    registry: Registry, client: FlaskClient, carrier: Carrier, problem: Problem
) -> None:
    mirror, key = copied(registry), carrier()
    (mirror.folder / "state.json").write_bytes(b"{")
    assert problem(client.get("/api/v1/repair/1", headers=key), 404)["code"] == "no_copy"


def test_pieces_end_where_an_answer_is_full(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    from registry import repairs

    mirror = copied(registry)
    monkeypatch.setattr(repairs, "MOST_BYTES", 200)
    parts = pieces.cut(split(rows(3000, 1))[9])
    wanted = {str(mirror.state.bucket_name(9)): list(range(256))}
    raw = repairs.records(registry.copies, party="cmcc", epoch=1, wanted=wanted)
    found = list(pieces.unframed(raw, [(9, piece) for piece in range(256)]))
    assert 0 < len(found) < 256
    assert all(part.tobytes() == parts[place[1]].tobytes() for place, part in found)
    assert len(raw) < 200 + 4 + max(map(len, parts)) * RECORD.itemsize
