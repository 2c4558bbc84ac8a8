"""Tags: golden vectors, RFC 4493, Wycheproof, and bulk equals single."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.numbers import Number
from registry.tags import ALGORITHMS, BlockMac, mac_one, tag_one, tags_many, tags_of_blocks

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tags.json").read_text())
WYCHEPROOF = Path(__file__).parents[2] / "../shared/vectors/aes_cmac_test.json"
KEY = bytes.fromhex(VECTORS["list_key"]["key"])
ROWS = VECTORS["numbers"]
NUMBERS = [Number(kind=1, digits=int(row["e164"][1:])) for row in ROWS]
FIELD = {"aes-cmac-64": "aes256_cmac", "sm4-cmac-64": "sm4_cmac"}

RFC_4493_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
RFC_4493 = [
    ("", "bb1d6929e95937287fa37d129b756746"),
    ("6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c"),
    (
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411",
        "dfa66747de9ae63030ca32611497c827",
    ),
    (
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        "51f0bebf7e3b9d92fc49741779363cfe",
    ),
]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tags_are_those_of_the_golden_vectors(algorithm: str) -> None:
    wanted = [int(row[FIELD[algorithm]][:16], 16) for row in ROWS]
    assert [tag_one(KEY, number, algorithm) for number in NUMBERS] == wanted
    digits = np.array([number.digits for number in NUMBERS], np.uint64)
    assert tags_many(KEY, digits, 1, algorithm).tolist() == wanted
    if algorithm == "aes-cmac-64":
        assert wanted == [int(row["tag_u64"]) for row in ROWS]


@pytest.mark.parametrize(("message", "mac"), RFC_4493)
def test_the_vectors_of_rfc_4493_hold(message: str, mac: str) -> None:
    assert mac_one(AES(RFC_4493_KEY), bytes.fromhex(message)).hex() == mac


def one_block_macs(cipher: AES | SM4, messages: list[bytes]) -> list[bytes]:
    rows = np.frombuffer(b"".join(messages), np.uint8).reshape(-1, 16)
    return [bytes(row) for row in BlockMac(cipher).macs(rows)]


def test_the_one_block_vector_of_rfc_4493_holds_in_bulk() -> None:
    message, mac = RFC_4493[1]
    assert one_block_macs(AES(RFC_4493_KEY), [bytes.fromhex(message)] * 3) == [bytes.fromhex(mac)] * 3


def test_wycheproof_vectors_hold_for_one_and_in_bulk() -> None:
    if not WYCHEPROOF.exists():
        pytest.skip("the Wycheproof vectors do not lie beside the project")
    tried = bulk = 0
    for group in json.loads(WYCHEPROOF.read_text())["testGroups"]:
        if group["keySize"] not in {128, 192, 256}:
            continue
        for case in group["tests"]:
            key, message, mac = (bytes.fromhex(case[name]) for name in ("key", "msg", "tag"))
            ours = mac_one(AES(key), message)[: group["tagSize"] // 8]
            assert (ours == mac) == (case["result"] == "valid"), case["tcId"]
            tried += 1
            if len(message) == 16:
                assert (one_block_macs(AES(key), [message])[0] == mac) == (case["result"] == "valid"), case["tcId"]
                bulk += 1
    assert tried > 200
    assert bulk > 10


@settings(max_examples=60, deadline=None)
@given(
    st.binary(min_size=32, max_size=32),
    st.lists(st.tuples(st.integers(0, 2**64 - 1), st.sampled_from([1, 2])), max_size=40),
    st.sampled_from(["aes-cmac-64", "sm4-cmac-64"]),
)
def test_bulk_tags_equal_single_tags(key: bytes, rows: list[tuple[int, int]], algorithm: str) -> None:
    digits = np.array([row[0] for row in rows], np.uint64)
    kinds = np.array([row[1] for row in rows], np.uint8)
    single = [tag_one(key, Number(kind=k, digits=d), algorithm) for d, k in rows]
    assert tags_many(key, digits, kinds, algorithm).tolist() == single


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=16, max_size=16), st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=10))
def test_whole_block_macs_equal_those_of_cryptography(key: bytes, messages: list[bytes]) -> None:
    for cipher in (AES(key), AES(key * 2), SM4(key)):
        assert one_block_macs(cipher, messages) == [mac_one(cipher, message) for message in messages]


def test_arrays_longer_than_one_pass_of_the_cipher_come_out_whole() -> None:
    digits = np.arange(70_001, dtype=np.uint64) + np.uint64(8613800000000)
    tags = tags_many(KEY, digits)
    for i in (0, 32_767, 32_768, 65_535, 65_536, 70_000):
        assert tags[i] == tag_one(KEY, Number(kind=1, digits=int(digits[i])))
    assert len(np.unique(tags)) == len(tags)


def test_tags_of_nothing_are_nothing() -> None:
    assert len(tags_many(KEY, np.empty(0, np.uint64))) == 0
    assert len(tags_of_blocks(KEY, np.empty((0, 16), np.uint8))) == 0


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="algorithm"):
        tag_one(KEY, NUMBERS[0], "md5")
