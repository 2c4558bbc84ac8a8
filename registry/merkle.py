"""Merkle trees (RFC 6962 §2): the root over many entries, and the proof that one of them is in it.

Rules of this room: leaf = SHA256(00 | entry), node = SHA256(01 | left | right); a level of odd length hands its last
node up, which is the tree of the RFC; entries here are rows of one length, so that a million of them cost two seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest

import numpy as np
from numpy.typing import NDArray

DIGEST = 32


@dataclass(frozen=True)
class MerkleTree:
    """All levels of a tree as digests one after another, the leaves first; the last holds the root alone."""

    size: int
    levels: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """The root, 32 bytes; of no entries the digest of nothing."""
        return self.levels[-1] if self.size else hashlib.sha256(b"").digest()

    def proof(self, leaf: int) -> list[bytes]:
        """The audit path of a leaf (from 0), 32 bytes each, from the bottom up. Raises IndexError."""
        if not 0 <= leaf < self.size:
            raise IndexError("there is no such leaf")
        path, at = [], leaf
        for level in self.levels[:-1]:
            other = (at ^ 1) * DIGEST
            if other < len(level):
                path.append(level[other : other + DIGEST])
            at >>= 1
        return path


def leaf_hash(entry: bytes) -> bytes:
    """The leaf of an entry, 32 bytes."""
    return hashlib.sha256(b"\0" + entry).digest()


def tree_of(entries: NDArray[np.uint8]) -> MerkleTree:
    """The tree over entries of one length, u8[n, w], in their order."""
    count, width = entries.shape
    prefixed = np.zeros((count, width + 1), np.uint8)
    prefixed[:, 1:] = entries
    return _above(_hashed(prefixed))


def tree_of_leaves(leaves: Sequence[bytes]) -> MerkleTree:
    """The tree over leaves, 32 bytes each."""
    return _above(b"".join(leaves))


def _above(level: bytes) -> MerkleTree:
    size, levels = len(level) // DIGEST, [level]
    while len(level) > DIGEST:
        pairs = len(level) // (2 * DIGEST)
        prefixed = np.ones((pairs, 2 * DIGEST + 1), np.uint8)
        prefixed[:, 1:] = np.frombuffer(level, np.uint8, pairs * 2 * DIGEST).reshape(pairs, 2 * DIGEST)
        level = _hashed(prefixed) + level[pairs * 2 * DIGEST :]
        levels.append(level)
    return MerkleTree(size, tuple(levels))


def _hashed(rows: NDArray[np.uint8]) -> bytes:
    raw, width, sha256 = memoryview(rows.reshape(-1).data), rows.shape[1], hashlib.sha256
    return b"".join([sha256(raw[at : at + width]).digest() for at in range(0, len(raw), width)])


def is_proved(*, root: bytes, size: int, leaf: int, leaf_digest: bytes, path: Sequence[bytes]) -> bool:
    """Whether a path leads from a leaf of a tree of `size` leaves to its root (RFC 9162 §2.1.3.2)."""
    if not 0 <= leaf < size or any(len(node) != DIGEST for node in (root, leaf_digest, *path)):
        return False
    at, last, digest, left = leaf, size - 1, leaf_digest, list(path)
    while last:
        if at & 1 or at < last:
            if not left:
                return False
            node = left.pop(0)
            digest = hashlib.sha256(b"\1" + (node + digest if at & 1 else digest + node)).digest()
        at, last = at >> 1, last >> 1
    return not left and compare_digest(digest, root)
