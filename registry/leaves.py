"""The leaves of a receipt: one salted entry for each distinct number that was answered, in the order of their salts.

Rules of this room:
- Entry, 44 bytes: `02 | salt 16 | B(n) 16 | verdict u8 | reason u8 | until u64be | 00`; salt = CMAC(K, B(n)) under a
  key that only this receipt has, so that a leaf tells nothing of its number, and its place neither.
- What is kept is the answer beside the sealed number, `sealed 16 | verdict u8 | reason u8 | until u64be`, in the same
  order, and behind it the node above each 4,096 leaves: a proof reads one such block, a lookup a window around the
  place that the salt's size points to.
- Memory is bounded: rows pass through 64 files by the top bits of their salt; nothing on disk is a number in clear.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
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
BITS = 6
PARTS = 1 << BITS
_PASSING = np.dtype([("salt", f"V{BLOCK}"), ("kept", KEPT)])
_MACS = 1 << 15
_SORTED = 0.3  # of the work is done when all rows lie in the order of their salts
_PIECE = 1 << 17
_LOOKUPS = 1000

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
    rows: Iterable[Rows], into: Sink, folder: Path, *, at_rest: bytes, salt_key: bytes,
    seen: Callable[[float], None] = lambda _share: None,
) -> tuple[int, bytes]:
    """Write what is kept of rows KEPT (distinct numbers, in any order) into a file: how many leaves, and their root.

    `folder` holds what passes through, sealed numbers only; it is empty afterwards. `seen` is told how much is done, 0
    to 1, where the rows come in as many parts as those of a spool.
    """
    nodes: list[bytes] = []
    rest = np.empty((0, ENTRY.itemsize), np.uint8)
    size = 0
    for done, part in enumerate(_by_salt(_seen(rows, seen), folder, at_rest, salt_key)):
        seen(_SORTED + (1 - _SORTED) * done / PARTS)
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


def _seen(rows: Iterable[Rows], seen: Callable[[float], None]) -> Iterator[Rows]:
    for done, part in enumerate(rows):
        seen(_SORTED * min(1.0, done / PARTS))
        yield part


def _by_salt(rows: Iterable[Rows], folder: Path, at_rest: bytes, key: bytes) -> Iterator[Rows]:
    """The rows with their salts, in the order of these, piece by piece; a 64th of them is in memory."""
    paths = [folder / f"salts-{part:02d}" for part in range(PARTS)]
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(path.open("wb")) for path in paths]
            for kept in rows:
                passing = np.empty(len(kept), _PASSING)
                salts = salts_of(key, unseal_blocks(at_rest, _bytes(kept["sealed"])))
                passing["salt"], passing["kept"] = _void(salts), kept
                part = salts[:, 0] >> (8 - BITS)
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
        found: list[Leaf | None] = [None] * len(blocks)
        salts = salts_of(self.salt_key, blocks)
        order = np.argsort(_heads(salts), kind="stable")  # so that each chunk of the file is opened once
        for start in range(0, len(order) if self.size else 0, _LOOKUPS):
            places = order[start : start + _LOOKUPS]
            for place, leaf in zip(places.tolist(), self._find_some(salts[places])):
                found[place] = leaf
        return found

    def _find_some(self, salts: Raw) -> list[Leaf | None]:
        """Salts are as good as random: where one stands is off by some square roots of the size at most; once a row
        there was seen, by some roots of that."""
        heads = [int(head) for head in _heads(salts)]
        guesses = [min(head * self.size >> 64, self.size - 1) for head in heads]
        seen = _heads(self._salts(np.concatenate([self._kept(at, at + 1) for at in guesses])))
        off = [(head - int(there)) * self.size >> 64 for head, there in zip(heads, seen)]
        spans = [self._span(at + miss, 4 * math.isqrt(abs(miss)) + 16) for at, miss in zip(guesses, off)]
        kept = np.concatenate([self._kept(*span) for span in spans])
        there = self._salts(kept)
        lengths = [high - low for low, high in spans]
        owners, ends = np.repeat(np.arange(len(spans)), lengths), np.cumsum(lengths)
        hits = {int(owners[at]): int(at) for at in np.flatnonzero((there == salts[owners]).all(axis=1))}
        found: list[Leaf | None] = []
        for place, (low, high) in enumerate(spans):
            salt, first, last = salts[place].tobytes(), int(ends[place]) - lengths[place], int(ends[place]) - 1
            if place in hits:
                found.append(_leaf(low + hits[place] - first, salt, kept[hits[place]]))
            elif self._is_around(salt, low, high, there[first : last + 1]):
                found.append(None)
            else:
                found.append(self._find_far(salt))
        return found

    def _find_far(self, salt: bytes) -> Leaf | None:
        """As `_find_some`, of one that stands further away than is likely."""
        guess, reach = int.from_bytes(salt[:8], "big") * self.size >> 64, 4 * math.isqrt(self.size) + 64
        while True:
            low, high = self._span(guess, reach)
            kept = self._kept(low, high)
            there = self._salts(kept)
            same = np.flatnonzero((there == np.frombuffer(salt, np.uint8)).all(axis=1))
            if len(same):
                return _leaf(low + int(same[0]), salt, kept[same[0]])
            if self._is_around(salt, low, high, there):
                return None
            reach *= 8

    def _span(self, centre: int, reach: int) -> tuple[int, int]:
        low = max(0, min(centre - reach, self.size - 1))
        return low, max(low + 1, min(self.size, centre + reach))

    def _is_around(self, salt: bytes, low: int, high: int, there: Raw) -> bool:
        """Whether a salt would stand in [low, high), where these salts stand."""
        return (low == 0 or there[0].tobytes() < salt) and (high == self.size or salt < there[-1].tobytes())

    def _salts(self, kept: Rows) -> Raw:
        return salts_of(self.salt_key, unseal_blocks(self.at_rest, _bytes(kept["sealed"])))

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
    for many in distinct:
        for start in range(0, len(many), _PIECE):
            rows = many[start : start + _PIECE]
            kept = table[rows["which"]]
            kept["sealed"] = rows["sealed"]
            yield kept[kept["verdict"] > 0]


def _leaf(place: int, salt: bytes, row: np.void) -> Leaf:
    return Leaf(place, salt, int(row["verdict"]), int(row["reason"]), int(row["until"]))


def _heads(salts: Raw) -> NDArray[np.uint64]:
    """The first eight bytes of each salt as a number."""
    return np.ascontiguousarray(salts).view(">u8")[:, 0].astype(np.uint64)


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
