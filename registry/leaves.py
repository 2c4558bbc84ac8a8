"""The leaves of a receipt: one salted entry for each distinct number that was answered, in the order of their salts.

Rules of this room:
- Entry, 44 bytes: `02 | salt 16 | B(n) 16 | verdict u8 | reason u8 | until u64be | 00`; salt = CMAC(K, B(n)) under a
  key that only this receipt has, so that a leaf tells nothing of its number, and its place neither.
- What is kept is the answer beside the sealed number, `sealed 16 | verdict u8 | reason u8 | until u64be`, in the same
  order, and behind it the node above each 4,096 leaves: a proof reads one such block, a lookup a window around the
  place that the salt's size points to.
- Memory is bounded: rows pass through 16 files by the top bits of their salt; nothing on disk is a number in clear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from numpy.typing import NDArray

from registry.merkle import DIGEST, MerkleTree, tree_of, tree_of_leaves
from registry.sealing import BLOCK, unseal_blocks
from registry.tags import BlockMac

VERDICTS = ("", "allowed", "declined")  # by their number in an entry
ENTRY = np.dtype([
    ("version", "u1"), ("salt", f"V{BLOCK}"), ("number", f"V{BLOCK}"), ("verdict", "u1"), ("reason", "u1"),
    ("until", ">u8"), ("end", "u1"),
])  # fmt: skip
KEPT = np.dtype([("sealed", f"V{BLOCK}"), ("verdict", "u1"), ("reason", "u1"), ("until", ">u8")])
VERSION = 2
UNIT = 4096  # leaves under one node that is kept
PARTS = 16
_PASSING = np.dtype([("salt", f"V{BLOCK}"), ("kept", KEPT)])
_MACS = 1 << 15
_PIECE = 1 << 17

class Sink(Protocol):
    """Takes bytes."""

    def write(self, content: bytes, /) -> int:
        """Take bytes; how many."""
        ...


Raw = NDArray[np.uint8]
Rows = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One answer as it stands in a receipt: its place, its salt, what it says (`until` in seconds since 1970)."""

    place: int
    salt: bytes
    verdict: int
    reason: int
    until: int


def salts_of(key: bytes, blocks: Raw) -> Raw:
    """The salts of numbers by their blocks B(n), both u8[n, 16]."""
    mac = BlockMac(AES(key))
    salts = np.empty_like(blocks)
    for start in range(0, len(blocks), _MACS):
        salts[start : start + _MACS] = mac.macs(np.ascontiguousarray(blocks[start : start + _MACS]))
    return salts


def entries_of(salts: Raw, blocks: Raw, kept: Rows) -> Raw:
    """The entries u8[n, 44] of numbers with these salts and blocks u8[n, 16]."""
    rows = np.zeros(len(kept), ENTRY)
    rows["version"] = VERSION
    rows["salt"], rows["number"] = _void(salts), _void(blocks)
    for name in ("verdict", "reason", "until"):
        rows[name] = kept[name]
    return rows.view(np.uint8).reshape(-1, ENTRY.itemsize)


def write(
    rows: Iterable[Rows], into: Sink, folder: Path, *, at_rest: bytes, salt_key: bytes
) -> tuple[int, bytes]:
    """Write what is kept of rows KEPT (distinct numbers, in any order) into a file: how many leaves, and their root.

    `folder` holds what passes through, sealed numbers only; it is empty afterwards.
    """
    nodes: list[bytes] = []
    rest = np.empty((0, ENTRY.itemsize), np.uint8)
    size = 0
    for part in _by_salt(rows, folder, at_rest, salt_key):
        kept = np.ascontiguousarray(part["kept"])
        into.write(kept.tobytes())
        size += len(kept)
        entries = entries_of(_bytes(part["salt"]), unseal_blocks(at_rest, _bytes(kept["sealed"])), kept)
        entries = np.concatenate([rest, entries])
        whole = len(entries) // UNIT * UNIT
        nodes += [tree_of(entries[at : at + UNIT]).root for at in range(0, whole, UNIT)]
        rest = entries[whole:]
    if len(rest):
        nodes.append(tree_of(rest).root)
    into.write(b"".join(nodes))
    return size, tree_of_leaves(nodes).root


def _by_salt(rows: Iterable[Rows], folder: Path, at_rest: bytes, key: bytes) -> Iterator[Rows]:
    """The rows with their salts, in the order of these, piece by piece; a sixteenth of them is in memory."""
    paths = [folder / f"salts-{part:02d}" for part in range(PARTS)]
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(path.open("wb")) for path in paths]
            for kept in rows:
                passing = np.empty(len(kept), _PASSING)
                salts = salts_of(key, unseal_blocks(at_rest, _bytes(kept["sealed"])))
                passing["salt"], passing["kept"] = _void(salts), kept
                part = salts[:, 0] >> 4
                order = np.argsort(part, kind="stable")
                bounds = np.searchsorted(part[order], np.arange(PARTS + 1))
                passing = passing[order]
                for number, file in enumerate(files):
                    file.write(passing[bounds[number] : bounds[number + 1]].tobytes())
        for path in paths:
            passing = np.fromfile(path, _PASSING)
            path.unlink()
            words = _bytes(passing["salt"]).view(">u8")
            order = np.lexsort((words[:, 1], words[:, 0]))
            for start in range(0, len(order), _PIECE):
                yield passing[order[start : start + _PIECE]]
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


@dataclass(frozen=True, eq=False)
class Leaves:
    """The leaves of one receipt as they are kept, to be read from a file (seekable)."""

    file: IO[bytes]
    size: int
    at_rest: bytes
    salt_key: bytes

    def find(self, blocks: Raw) -> list[Leaf | None]:
        """The leaf of each number, by its block B(n) u8[n, 16]; None for one that is not in the receipt."""
        return [self._find(salt.tobytes()) for salt in salts_of(self.salt_key, blocks)]

    def _find(self, salt: bytes) -> Leaf | None:
        """Salts are as good as random: where one stands is off by some square roots of the size at most."""
        guess = int.from_bytes(salt[:8], "big") * self.size >> 64
        reach = 4 * int(self.size**0.5) + 64
        while True:
            low, high = max(0, guess - reach), min(self.size, guess + reach)
            kept = self._kept(low, high)
            salts = salts_of(self.salt_key, unseal_blocks(self.at_rest, _bytes(kept["sealed"])))
            same = np.flatnonzero((salts == np.frombuffer(salt, np.uint8)).all(axis=1))
            if len(same):
                row = kept[same[0]]
                return Leaf(low + int(same[0]), salt, int(row["verdict"]), int(row["reason"]), int(row["until"]))
            before = not len(kept) or low == 0 or salts[0].tobytes() < salt
            behind = not len(kept) or high == self.size or salt < salts[-1].tobytes()
            if before and behind:
                return None
            reach *= 8

    def proof(self, place: int) -> tuple[bytes, list[bytes]]:
        """The entry at a place, and the path from its leaf to the root (RFC 6962), 32 bytes each."""
        unit = place // UNIT
        kept = self._kept(unit * UNIT, min(self.size, (unit + 1) * UNIT))
        blocks = unseal_blocks(self.at_rest, _bytes(kept["sealed"]))
        entries = entries_of(salts_of(self.salt_key, blocks), blocks, kept)
        path = tree_of(entries).proof(place % UNIT) + self._above().proof(unit)
        return entries[place % UNIT].tobytes(), path

    def rows(self, count: int) -> Iterator[Rows]:
        """All rows KEPT, so many at a time, in the order of their salts."""
        for low in range(0, self.size, count):
            yield self._kept(low, min(self.size, low + count))

    @property
    def root(self) -> bytes:
        """The root over all leaves, from the nodes that are kept."""
        return self._above().root

    def _above(self) -> MerkleTree:
        self.file.seek(self.size * KEPT.itemsize)
        raw = self.file.read(-(-self.size // UNIT) * DIGEST)
        return tree_of_leaves([raw[at : at + DIGEST] for at in range(0, len(raw), DIGEST)])

    def _kept(self, low: int, high: int) -> Rows:
        self.file.seek(low * KEPT.itemsize)
        return np.frombuffer(self.file.read((high - low) * KEPT.itemsize), KEPT)


def kept_rows(
    distinct: Iterable[Rows], answers: Sequence[tuple[int, int, int]]
) -> Iterator[Rows]:
    """Rows KEPT of `Spool.distinct()`: `answers` says verdict, reason and until of each kind; verdict 0 is left out."""
    table = np.zeros(len(answers), KEPT)
    for place, (verdict, reason, until) in enumerate(answers):
        table["verdict"][place], table["reason"][place], table["until"][place] = verdict, reason, until
    for rows in distinct:
        kept = table[rows["which"]]
        kept["sealed"] = rows["sealed"]
        yield kept[kept["verdict"] > 0]


def _void(rows: Raw) -> Rows:
    return np.ascontiguousarray(rows).view(f"V{BLOCK}")[:, 0]


def _bytes(column: Rows) -> Raw:
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, BLOCK)


def pieces(entry: bytes) -> Leaf | None:
    """What an entry says, at place 0; None for one that is not ours."""
    if len(entry) != ENTRY.itemsize or entry[0] != VERSION or entry[-1]:
        return None
    row = np.frombuffer(entry, ENTRY)[0]
    return Leaf(0, bytes(row["salt"]), int(row["verdict"]), int(row["reason"]), int(row["until"]))
