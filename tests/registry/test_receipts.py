"""Tests of receipts: every answer can be proved, nothing that was altered is believed, nobody else is shown."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry import leaves, receiptchecks, receiptkeys, receipts
from registry.envelopes import seal
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.keys import KeyRing
from registry.leaves import ENTRY, KEPT
from registry.merkle import tree_of
from registry.numbers import Number
from registry.receiptforms import Facts, Organisation, Receipt, Stream
from registry.receiptkeys import ReceiptKeys
from registry.scrub import LineAnswer
from registry.sealing import blocks, seal_many
from registry.store import Store
from tests.doubles import FakeClock, MemoryShelf

SIGNING = ReceiptKeys([bytes(range(32))])
FIRST = 8613800000000
ROW = np.dtype([("sealed", "V16"), ("which", "<u4")])


def kinds(clock: FakeClock) -> tuple[LineAnswer, ...]:
    until = clock.now() + timedelta(days=7)
    return (
        LineAnswer("invalid", "too_short"), LineAnswer("allowed", "no_recorded_will", "34", until),
        LineAnswer("declined", "everything_declined", "49(7)", until), LineAnswer("invalid", "quota_reached"),
    )


def facts(clock: FakeClock) -> Facts:
    return Facts(
        "scrub", Organisation("acme", "某公司", "Acme"), "autumn", "calls", "loan", clock.now(),
        clock.now() + timedelta(days=7), 12, "2026", Stream("aa", 10), Stream("bb", 20), 5,
        {"allowed": 3, "declined": 1, "invalid": 1},
    )


def rows(keys: KeyRing, count: int, which: Any = None) -> np.ndarray[Any, Any]:
    digits = np.arange(FIRST, FIRST + count, dtype=np.uint64)
    found = np.empty(count, ROW)
    found["sealed"] = seal_many(keys.at_rest, digits).view("V16")[:, 0] if count else found["sealed"]
    found["which"] = 1 + np.arange(count) % 2 if which is None else which
    return found


def issued(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, folder: Path, count: int, which: Any = None,
    name: str = "",
) -> Receipt:
    return receipts.issue(
        store, clock, shelf, keys, SIGNING, folder, facts=facts(clock), distinct=[rows(keys, count, which)],
        kinds=kinds(clock), receipt=name,
    )


@pytest.fixture
def one(sqlite_store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path) -> Receipt:
    return issued(sqlite_store, clock, shelf, keys, tmp_path, 10)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.one_of(st.integers(0, 40), st.integers(4090, 4100), st.integers(9000, 9010)))
def test_every_leaf_of_any_receipt_is_proved_and_the_root_is_that_of_the_whole_tree(
    count: int, keys: KeyRing, tmp_path: Path
) -> None:
    key = receipts.salt_key(keys, "anything")
    folder = tmp_path / str(count)
    folder.mkdir(exist_ok=True)
    kept = np.zeros(count, KEPT)
    kept["sealed"], kept["verdict"] = rows(keys, count)["sealed"], 1
    with (folder / "leaves").open("w+b") as file:
        size, root = leaves.write([kept[: count // 2], kept[count // 2 :]], file, folder, at_rest=keys.at_rest,
                                  salt_key=key)
        found = leaves.Leaves(file, size, keys.at_rest, key)
        plain = blocks(np.arange(FIRST, FIRST + count, dtype=np.uint64)) if count else np.empty((0, 16), np.uint8)
        salts = leaves.salts_of(key, plain)
        entries = leaves.entries_of(salts, plain, kept)
        order = np.lexsort((salts.view(">u8")[:, 1], salts.view(">u8")[:, 0]))
        assert (size, root, found.root) == (count, tree_of(entries[order]).root, root)
        for place in sorted({*range(min(count, 12)), *range(max(0, count - 5), count)}):
            leaf = found.find(plain[place : place + 1])[0]
            assert leaf is not None
            entry, path = found.proof(leaf.place)
            assert entry == entries[place].tobytes()
            assert receiptchecks.is_proved(
                root=root, size=size, leaf=leaf.place, leaf_digest=receiptchecks.leaf_hash(entry), path=path
            )
        assert found.find(blocks(np.array([FIRST - 1], np.uint64))) == [None]
        places = [leaf.place if leaf else -1 for leaf in found.find(plain)]
        assert places == np.argsort(order).tolist()
        strange = blocks(np.arange(FIRST - 500, FIRST, dtype=np.uint64))
        assert not any(found.find(strange))
        assert [found._find_far(salt.tobytes()) for salt in salts[:3]] == found.find(plain[:3])
    assert [path.name for path in folder.iterdir()] == ["leaves"]


def test_a_receipt_proves_the_answer_for_one_number_and_shows_no_other(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    receipt = issued(store, clock, shelf, keys, tmp_path, 10)
    raw = receipts.prove(shelf, keys, receipt=receipts.receipt_of(store, party="acme", receipt=receipt.receipt),
                         number=Number(1, FIRST + 1))
    checked = receiptchecks.check(raw, SIGNING.public, now=clock.now())
    assert checked.holds
    assert checked.answer is not None
    assert (checked.answer.number, checked.answer.verdict) == (Number(1, FIRST + 1), "declined")
    assert (checked.answer.reason, checked.answer.holds) == ("everything_declined", True)
    everything = raw + receipts.file_of(keys, receipt) + b"".join(shelf.files.values())
    for other in [FIRST, *range(FIRST + 2, FIRST + 10)]:
        assert str(other).encode() not in everything
        assert other.to_bytes(8, "big") not in everything
        assert other.to_bytes(8, "big").hex().encode() not in everything
    clock.advance(days=8)
    late = receiptchecks.check(raw, SIGNING.public, now=clock.now())
    assert not late.holds
    assert late.answer is not None
    assert not late.answer.holds


def test_what_was_no_number_or_over_the_quota_is_no_leaf(
    sqlite_store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    receipt = issued(sqlite_store, clock, shelf, keys, tmp_path, 4, [0, 1, 2, 3])
    assert receipts.payload_of(receipt).tree.size == 2
    with pytest.raises(NotFoundError) as raised:
        receipts.prove(shelf, keys, receipt=receipt, number=Number(1, FIRST + 3))
    assert raised.value.code == "not_in_receipt"


def test_the_salt_key_of_one_receipt_opens_no_leaf_of_another(keys: KeyRing) -> None:
    plain = blocks(np.arange(FIRST, FIRST + 500, dtype=np.uint64))
    first, second = (leaves.salts_of(receipts.salt_key(keys, name), plain) for name in ("first", "second"))
    assert not {salt.tobytes() for salt in first} & {salt.tobytes() for salt in second}


def test_a_receipt_is_issued_again_after_a_break_under_the_same_name(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    issued(store, clock, shelf, keys, tmp_path, 3, name="again")
    issued(store, clock, shelf, keys, tmp_path, 5, name="again")
    found = receipts.receipt_of(store, party="acme", receipt="again")
    assert found.size == 5
    assert receipts.payload_of(found).counts == {"allowed": 3, "declined": 1, "invalid": 1, "distinct": 5}
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".db" and "registry" not in path.name]


def test_a_receipt_of_another_party_is_as_one_that_does_not_exist(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    receipt = issued(store, clock, shelf, keys, tmp_path, 3)
    for party, name in [("rival", receipt.receipt), ("acme", "nothing")]:
        with pytest.raises(NotFoundError):
            receipts.receipt_of(store, party=party, receipt=name)


def test_leaves_are_erased_when_their_time_is_over_and_the_receipt_stays(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    receipt = issued(store, clock, shelf, keys, tmp_path, 3)
    assert receipts.erase_due(store, clock, shelf) == 0
    clock.advance(days=8)
    assert receipts.erase_due(store, clock, shelf) == 1
    assert receipts.erase_due(store, clock, shelf) == 0
    with pytest.raises(NotFoundError) as raised:
        receipts.prove(shelf, keys, receipt=receipt, number=Number(1, FIRST))
    assert raised.value.code == "leaves_erased"
    assert receiptchecks.check(receipts.file_of(keys, receipt), SIGNING.public, now=clock.now()).payload.edition == 12


def altered(raw: bytes, **changes: Any) -> bytes:
    """A receipt file whose payload says something else under the old signature."""
    whole = json.loads(raw)
    said = json.loads(base64.b64decode(whole["envelope"]["payload"]))
    for path, value in changes.items():
        inner = said
        *most, last = path.split("__")
        for name in most:
            inner = inner[name]
        inner[last] = value
    whole["envelope"]["payload"] = base64.b64encode(json.dumps(said).encode()).decode()
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    "changes",
    [{"party__id": "rival"}, {"valid_until": "2099-01-01T00:00:00Z"}, {"counts__declined": 0}, {"edition": 13},
     {"tree__root": "00" * 32}, {"tree__size": 9}, {"campaign": "winter"}, {"reasons": ["a", "b"]}, {}],
)  # fmt: skip
def test_a_receipt_that_says_something_else_is_not_believed(
    changes: dict[str, Any], one: Receipt, keys: KeyRing, clock: FakeClock
) -> None:
    raw = altered(receipts.file_of(keys, one), **changes)
    with pytest.raises(InvalidInputError) as raised:
        receiptchecks.check(raw, SIGNING.public, now=clock.now())
    assert raised.value.code == "receipt_altered"


@pytest.mark.parametrize("what", ["place", "entry", "path", "more", "less", "digits"])
def test_a_proof_that_was_altered_is_not_believed(
    what: str, one: Receipt, keys: KeyRing, clock: FakeClock, shelf: MemoryShelf
) -> None:
    whole = json.loads(receipts.prove(shelf, keys, receipt=one, number=Number(1, FIRST)))
    proof = whole["proof"]
    if what == "place":
        proof["place"] = (proof["place"] + 1) % 10
    elif what == "entry":
        at = 2 * (1 + 16 + 16)
        proof["entry"] = proof["entry"][:at] + "02" + proof["entry"][at + 2 :]
    elif what == "path":
        proof["path"][0] = "00" * 32
    elif what == "more":
        proof["path"] = proof["path"] * 40
    elif what == "less":
        proof["path"].pop()
    else:
        proof["entry"] = "zz"
    with pytest.raises(InvalidInputError) as raised:
        receiptchecks.check(json.dumps(whole).encode(), SIGNING.public, now=clock.now())
    assert raised.value.code == "proof_wrong"


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"", "receipt_unreadable"), (b"[" * 100_000, "receipt_unreadable"), (b"x" * 300_000, "receipt_too_large"),
     (b'{"envelope": 1}', "receipt_unreadable"), (b"\xff\xfe", "receipt_unreadable"),
     (b'{"envelope": {"payload": "", "payloadType": "text/plain", "signatures": []}}', "receipt_type")],
)  # fmt: skip
def test_what_is_no_receipt_is_said_so(raw: bytes, code: str, clock: FakeClock) -> None:
    with pytest.raises(InvalidInputError) as raised:
        receiptchecks.check(raw, SIGNING.public, now=clock.now())
    assert raised.value.code == code


def test_a_receipt_is_believed_by_the_key_that_signed_it_alone_also_after_a_rotation(
    one: Receipt, keys: KeyRing, clock: FakeClock
) -> None:
    raw = receipts.file_of(keys, one)
    other = ReceiptKeys([bytes(32)])
    with pytest.raises(InvalidInputError) as raised:
        receiptchecks.check(raw, other.public, now=clock.now())
    assert raised.value.code == "receipt_unsigned"
    rotated = ReceiptKeys([bytes(32), *SIGNING.seeds])
    assert receiptchecks.check(raw, rotated.public, now=clock.now()).key == SIGNING.public[0]
    assert rotated.sign(b"x")[0] == rotated.public[0].keyid != SIGNING.public[0].keyid


def test_a_foreign_key_under_the_name_of_ours_signs_nothing(one: Receipt, keys: KeyRing, clock: FakeClock) -> None:
    whole = json.loads(receipts.file_of(keys, one))
    forged = msgspec.to_builtins(seal(base64.b64decode(whole["envelope"]["payload"]), ReceiptKeys([bytes(32)])))
    forged["signatures"][0]["keyid"] = SIGNING.public[0].keyid
    with pytest.raises(InvalidInputError):
        receiptchecks.check(json.dumps({"envelope": forged}).encode(), SIGNING.public, now=clock.now())
    both = forged | {"signatures": [*forged["signatures"], *whole["envelope"]["signatures"]]}
    assert receiptchecks.check(json.dumps({"envelope": both}).encode(), SIGNING.public, now=clock.now()).holds


def test_an_entry_has_44_bytes_and_begins_and_ends_as_published() -> None:
    assert ENTRY.itemsize == 44
    kept = np.zeros(1, KEPT)
    kept["verdict"], kept["reason"], kept["until"] = 2, 5, 1_800_000_000
    entry = leaves.entries_of(np.full((1, 16), 7, np.uint8), np.full((1, 16), 9, np.uint8), kept)[0].tobytes()
    assert entry.hex() == "02" + "07" * 16 + "09" * 16 + "02" + "05" + "000000006b49d200" + "00"
    assert hashlib.sha256(b"\0" + entry).digest() == receiptchecks.leaf_hash(entry)


def test_what_a_distrusted_key_signed_is_signed_again_by_the_newest_and_the_key_is_forgotten(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    receipt, fresh = issued(store, clock, shelf, keys, tmp_path, 3), ReceiptKeys([bytes(32)])
    with pytest.raises(ConflictError):
        receipts.distrust(store, ReceiptKeys([bytes(32), *SIGNING.seeds]), keyid=SIGNING.public[0].keyid)
    receiptkeys.note(store, clock, fresh)
    assert [key.keyid for key in receiptkeys.public_keys(store, fresh)] == [
        fresh.public[0].keyid, SIGNING.public[0].keyid,
    ]  # fmt: skip
    assert receipts.distrust(store, fresh, keyid=SIGNING.public[0].keyid) == 1
    assert [key.keyid for key in receiptkeys.public_keys(store, fresh)] == [fresh.public[0].keyid]
    again = receipts.receipt_of(store, party="acme", receipt=receipt.receipt)
    assert receipts.payload_of(again) == receipts.payload_of(receipt)
    assert receiptchecks.check(receipts.file_of(keys, again), fresh.public, now=clock.now()).holds
