"""The format of receipts is the published one: its vector, the short checker of the documentation, odd files."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import leaves, receiptchecks, receipts
from registry.errors import InvalidInputError
from registry.keys import KeyRing
from registry.numbers import Number
from registry.receiptforms import Facts, Organisation, Receipt, Stream
from registry.receiptkeys import ReceiptKeys
from registry.scrub import LineAnswer
from registry.sealing import blocks, seal_many
from tests.doubles import FakeClock, MemoryShelf

ROOT = Path(__file__).parents[2]
VECTOR = ROOT / "tests" / "vectors" / "receipt.json"
SIGNING = ReceiptKeys([bytes(range(32))])
NUMBERS = [8613800138000, 8613900139000, 8617712349876, 861062341234, 14155550123]
ROW = np.dtype([("sealed", "V16"), ("which", "<u4")])


def made(keys: KeyRing, clock: FakeClock, shelf: MemoryShelf, folder: Path) -> Receipt:
    """The receipt of the vector."""
    now = clock.now()
    kinds = [
        LineAnswer("allowed", "no_recorded_will", "34", now + timedelta(days=7)),
        LineAnswer("declined", "everything_declined", "49(7)", now + timedelta(days=7)),
        LineAnswer("allowed", "consented", "11", now + timedelta(days=2)),
    ]
    rows = np.empty(len(NUMBERS), ROW)
    rows["sealed"] = seal_many(keys.at_rest, np.array(NUMBERS, np.uint64)).view("V16")[:, 0]
    rows["which"] = [0, 1, 2, 1, 0]
    facts = Facts(
        "scrub", Organisation("acme", "某公司", "Acme", "91110000802100433B"), "autumn", "calls", "loan", now,
        now + timedelta(days=7), 12, "2026", Stream("11" * 32, 100), Stream("22" * 32, 200), 7,
        {"allowed": 4, "declined": 2, "invalid": 1}, Organisation("p_1", "某银行"),
    )
    return receipts.make(
        clock, shelf, keys, SIGNING, folder, facts=facts, distinct=[rows], kinds=kinds, receipt="b" * 24
    )


@pytest.fixture
def receipt(keys: KeyRing, clock: FakeClock, shelf: MemoryShelf, tmp_path: Path) -> Receipt:
    return made(keys, clock, shelf, tmp_path)


def proof_of(receipt: Receipt, keys: KeyRing, shelf: MemoryShelf, number: int = NUMBERS[1]) -> bytes:
    return receipts.prove(shelf, keys, receipt=receipt, number=Number(1, number))


def test_the_vector_is_what_is_made_today(receipt: Receipt, keys: KeyRing, shelf: MemoryShelf) -> None:
    key = receipts.salt_key(keys, receipt.receipt)
    salts = leaves.salts_of(key, blocks(np.array(NUMBERS, np.uint64)))
    found = {
        "seed": SIGNING.seeds[0].hex(), "public_key": SIGNING.public[0].public, "keyid": SIGNING.public[0].keyid,
        "numbers": [str(number) for number in NUMBERS], "salts": [salt.tobytes().hex() for salt in salts],
        "receipt": json.loads(receipts.file_of(keys, receipt)),
        "proofs": [json.loads(proof_of(receipt, keys, shelf, number))["proof"] for number in NUMBERS],
    }  # fmt: skip
    assert found == json.loads(VECTOR.read_text())


def test_the_short_checker_of_the_documentation_agrees_and_fits_forty_lines(
    receipt: Receipt, keys: KeyRing, shelf: MemoryShelf, tmp_path: Path
) -> None:
    program = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "receipts.md").read_text(), re.S)[0]
    assert len([line for line in program.splitlines() if line.strip()]) <= 45
    (tmp_path / "check.py").write_text(program)
    good = json.loads(proof_of(receipt, keys, shelf))
    altered = good | {"proof": good["proof"] | {"place": (good["proof"]["place"] + 1) % 5}}
    unsigned = {"envelope": good["envelope"] | {"payloadType": "text/plain"}}

    def check(file: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        (tmp_path / "file.json").write_text(json.dumps(file))
        return subprocess.run(
            [sys.executable, "check.py", "file.json", SIGNING.public[0].public], cwd=tmp_path, capture_output=True,
            text=True,
        )  # fmt: skip

    done = check(good)
    assert done.stdout.splitlines() == [
        "acme calls loan 2026-11-23T02:00:00Z 2026-11-30T02:00:00Z",
        "8613900139000 declined everything_declined 2026-11-30 02:00:00+00:00",
    ], done.stderr
    assert "do not belong" in check(altered).stderr
    assert "none of these keys" in check(unsigned).stderr


@pytest.mark.parametrize("place", range(len(NUMBERS)))
def test_every_flipped_bit_of_a_proof_is_noticed(
    place: int, receipt: Receipt, keys: KeyRing, shelf: MemoryShelf, clock: FakeClock
) -> None:
    whole = json.loads(proof_of(receipt, keys, shelf, NUMBERS[place]))
    entry = bytes.fromhex(whole["proof"]["entry"])
    for at in range(len(entry)):
        changed = entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :]
        for name, value in (("entry", changed.hex()), ("path", _flipped(whole["proof"]["path"], at))):
            bad = whole | {"proof": whole["proof"] | {name: value}}
            with pytest.raises(InvalidInputError) as raised:
                receiptchecks.check(json.dumps(bad).encode(), SIGNING.public, now=clock.now())
            assert raised.value.code == "proof_wrong"


def _flipped(path: list[str], at: int) -> list[str]:
    node = bytes.fromhex(path[at % len(path)])
    node = node[: at % 32] + bytes([node[at % 32] ^ 1]) + node[at % 32 + 1 :]
    return [node.hex() if place == at % len(path) else each for place, each in enumerate(path)]


def test_every_flipped_byte_of_a_payload_or_signature_is_noticed(
    receipt: Receipt, keys: KeyRing, clock: FakeClock
) -> None:
    whole = json.loads(receipts.file_of(keys, receipt))
    payload = base64.b64decode(whole["envelope"]["payload"])
    for at in range(len(payload)):
        changed = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
        envelope = whole["envelope"] | {"payload": base64.b64encode(changed).decode()}
        with pytest.raises(InvalidInputError) as raised:
            receiptchecks.check(json.dumps({"envelope": envelope}).encode(), SIGNING.public, now=clock.now())
        assert raised.value.code == "receipt_altered"
    for length in (0, 63, 65, 64):
        signature = whole["envelope"]["signatures"][0] | {"sig": base64.b64encode(bytes(length)).decode()}
        envelope = whole["envelope"] | {"signatures": [signature] * 3}
        with pytest.raises(InvalidInputError) as raised:
            receiptchecks.check(json.dumps({"envelope": envelope}).encode(), SIGNING.public, now=clock.now())
        assert raised.value.code == "receipt_altered"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_whatever_stands_where_in_a_file_it_is_refused_in_words_or_right(data: st.DataObject) -> None:
    vector = json.loads(VECTOR.read_text())
    whole: Any = {"envelope": vector["receipt"]["envelope"], "proof": vector["proofs"][0]}
    spots = [
        (), ("envelope",), ("proof",), ("envelope", "payload"), ("envelope", "payloadType"),
        ("envelope", "signatures"), ("envelope", "signatures", 0), ("envelope", "signatures", 0, "keyid"),
        ("envelope", "signatures", 0, "sig"), ("proof", "place"), ("proof", "entry"), ("proof", "path"),
        ("proof", "path", 0),
    ]  # fmt: skip
    spot, value = data.draw(st.sampled_from(spots)), data.draw(values)
    holder = [whole]
    inner: Any = holder
    for step in (0, *spot)[:-1]:
        inner = inner[step]
    inner[(0, *spot)[-1]] = value
    key = SIGNING.public
    try:
        checked = receiptchecks.check(json.dumps(holder[0]).encode(), key, now=FakeClock().now())
    except InvalidInputError as error:
        code = error.code
    else:
        code = "right" if checked.answer is None or checked.answer.number.digits == NUMBERS[0] else "wrong"
    assert code in {"right", "receipt_unreadable", "receipt_type", "receipt_unsigned", "receipt_altered", "proof_wrong"}


def test_a_signed_payload_of_another_version_is_no_receipt(receipt: Receipt, clock: FakeClock) -> None:
    from registry.envelopes import seal

    payload = receipts.payload_of(receipt)
    other = replace_tree(payload)
    raw = msgspec.json.encode({"envelope": seal(msgspec.json.encode(other), SIGNING)})
    with pytest.raises(InvalidInputError) as raised:
        receiptchecks.check(raw, SIGNING.public, now=clock.now())
    assert raised.value.code == "receipt_type"


def replace_tree(payload: Any) -> Any:
    return msgspec.structs.replace(payload, tree=msgspec.structs.replace(payload.tree, hash="SHA-1"))


def test_a_receipt_shows_neither_its_private_key_nor_its_salt_key(receipt: Receipt, keys: KeyRing) -> None:
    shown = repr(receipt) + repr(SIGNING) + repr(replace(receipt))
    for secret in (SIGNING.seeds[0], receipts.salt_key(keys, receipt.receipt)):
        assert secret.hex() not in shown
        assert base64.b64encode(secret).decode() not in receipt.envelope
