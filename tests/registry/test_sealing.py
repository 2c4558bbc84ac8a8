"""Sealed numbers: golden vectors, one and many agree, and what is not ours is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import InvalidInputError
from registry.numbers import Number
from registry.sealing import block, blocks, seal_many, seal_one, seal_text, unseal_many, unseal_one, unseal_text

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tags.json").read_text())
KEY = bytes.fromhex(VECTORS["at_rest_key"]["key"])
ROWS = VECTORS["numbers"]
NUMBERS = [Number(kind=1, digits=int(row["e164"][1:])) for row in ROWS]

some_numbers = st.lists(st.tuples(st.integers(0, 2**64 - 1), st.sampled_from([1, 2])), max_size=40)


@pytest.mark.parametrize(("row", "number"), list(zip(ROWS, NUMBERS)))
def test_blocks_and_sealed_numbers_are_those_of_the_golden_vectors(row: dict[str, str], number: Number) -> None:
    assert block(number).hex() == row["block"]
    assert seal_one(KEY, number).hex() == row["sealed"]
    assert unseal_one(KEY, bytes.fromhex(row["sealed"])) == number


def test_many_golden_numbers_are_sealed_at_once() -> None:
    digits = np.array([number.digits for number in NUMBERS], np.uint64)
    assert [bytes(row).hex() for row in blocks(digits)] == [row["block"] for row in ROWS]
    assert [bytes(row).hex() for row in seal_many(KEY, digits)] == [row["sealed"] for row in ROWS]


@settings(max_examples=60, deadline=None)
@given(some_numbers)
def test_sealing_many_equals_sealing_each_and_unseals_to_the_same(rows: list[tuple[int, int]]) -> None:
    digits = np.array([row[0] for row in rows], np.uint64)
    kinds = np.array([row[1] for row in rows], np.uint8)
    sealed = seal_many(KEY, digits, kinds)
    assert sealed.shape == (len(rows), 16)
    assert sealed.flags.c_contiguous
    assert [bytes(row) for row in sealed] == [seal_one(KEY, Number(kind=k, digits=d)) for d, k in rows]
    back, back_kinds = unseal_many(KEY, sealed)
    assert back.tolist() == digits.tolist()
    assert back_kinds.tolist() == kinds.tolist()
    assert [unseal_one(KEY, bytes(row)) for row in sealed] == [Number(kind=k, digits=d) for d, k in rows]


def test_the_kinds_of_many_may_be_one_for_all() -> None:
    digits = np.arange(5, dtype=np.uint64)
    assert (seal_many(KEY, digits, 2) == seal_many(KEY, digits, np.full(5, 2, np.uint8))).all()


def test_short_codes_and_subscriber_numbers_of_the_same_digits_differ() -> None:
    assert seal_one(KEY, Number(kind=1, digits=10086)) != seal_one(KEY, Number(kind=2, digits=10086))


@pytest.mark.parametrize("sealed", [b"", bytes(15), bytes(17), bytes(16), bytes(range(16))])
def test_what_is_not_a_sealed_number_of_ours_is_refused(sealed: bytes) -> None:
    with pytest.raises(InvalidInputError) as refused:
        unseal_one(KEY, sealed)
    assert refused.value.code == "not_sealed"


def test_one_foreign_row_among_many_is_found() -> None:
    sealed = seal_many(KEY, np.arange(1000, dtype=np.uint64))
    sealed[500, 3] ^= 1
    with pytest.raises(InvalidInputError) as refused:
        unseal_many(KEY, sealed)
    assert refused.value.code == "not_sealed"
    with pytest.raises(InvalidInputError):
        unseal_many(bytes(32), seal_many(KEY, np.arange(3, dtype=np.uint64)))


def test_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        block(Number(kind=3, digits=1))
    with pytest.raises(ValueError, match="kind"):
        blocks(np.arange(2, dtype=np.uint64), np.array([1, 3], np.uint8))


@settings(max_examples=30, deadline=None)
@given(st.text())
def test_texts_come_back_and_never_look_the_same_twice(text: str) -> None:
    sealed = seal_text(KEY, text)
    assert unseal_text(KEY, sealed) == text
    assert seal_text(KEY, text) != sealed


def test_a_text_that_was_altered_cut_or_sealed_by_another_is_refused() -> None:
    sealed = seal_text(KEY, "13800138000 called at night")
    assert b"13800138000" not in sealed
    for bad in (b"", sealed[:-1], sealed[:11], sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:]):
        with pytest.raises(InvalidInputError):
            unseal_text(KEY, bad)
    with pytest.raises(InvalidInputError):
        unseal_text(bytes(32), sealed)
