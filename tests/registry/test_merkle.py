"""Merkle trees: the roots of RFC 6962's test tree, proofs of every leaf, and what no proof may pass."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.merkle import is_proved, leaf_hash, tree_of, tree_of_leaves

ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in ENTRIES]


def naive(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 §2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + naive(leaves[:split]) + naive(leaves[split:])).digest()


def test_the_root_is_that_of_the_test_tree() -> None:
    assert tree_of_leaves(LEAVES).root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert tree_of_leaves([]).root == hashlib.sha256(b"").digest()


@given(st.integers(1, 70), st.integers(1, 9))
def test_roots_are_as_defined_and_every_leaf_is_proved(count: int, width: int) -> None:
    entries = np.random.default_rng(count).integers(0, 256, (count, width)).astype(np.uint8)
    leaves = [leaf_hash(entry.tobytes()) for entry in entries]
    tree = tree_of(entries)
    assert tree.root == naive(leaves) == tree_of_leaves(leaves).root
    for place, leaf in enumerate(leaves):
        path = tree.proof(place)
        assert is_proved(root=tree.root, size=count, leaf=place, leaf_digest=leaf, path=path)


@given(st.integers(2, 40), st.data())
def test_a_proof_of_something_else_is_refused(count: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([i])) for i in range(count)]
    tree = tree_of_leaves(leaves)
    place = data.draw(st.integers(0, count - 1))
    said = {"root": tree.root, "size": count, "leaf": place, "leaf_digest": leaves[place], "path": tree.proof(place)}
    for wrong in (
        {"leaf_digest": leaf_hash(b"another")}, {"root": leaf_hash(b"another")}, {"path": said["path"][:-1]},
        {"path": [*said["path"], leaves[0]]}, {"leaf": count}, {"leaf": -1},
        {"path": [node[:31] for node in tree.proof(place)]},
    ):
        assert not is_proved(**{**said, **wrong})  # type: ignore[arg-type]


def test_there_is_no_proof_of_a_leaf_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        tree_of_leaves(LEAVES).proof(8)
