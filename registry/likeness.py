"""Which texts are nearly the same: MinHash signatures under a key, and the bands by which likely matches are found.

Rules of this room:
- What is kept tells nothing without the key: the pieces of a text are hashed under it, and the permutations are its
  own; a signature is no text, and no signature is made of a text too short to be told from another.
- Digits, blanks and punctuation don't count: senders vary them from number to number.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from registry.keys import FIRST_EPOCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from registry.keys import KeyRing

PLACES, BANDS = 64, 16  # 16 bands of 4: of texts that are 70 % alike 99 in 100 meet in a band
_PIECE = 3
_SHORTEST = 8  # characters that count
_MOST = 600  # characters that are looked at


class Likeness:
    """Signatures under the key of this registry; texts seen lately are remembered."""

    def __init__(self, keys: KeyRing) -> None:
        from datasketch import MinHash  # noqa: PLC0415 - brings SciPy, which takes every program half a second to load

        self._key = keys.derive("at-rest", "text-likeness", FIRST_EPOCH)
        seed = int.from_bytes(hashlib.blake2b(b"permutations", key=self._key, digest_size=4).digest(), "big")
        self._empty = MinHash(PLACES, seed, hashfunc=self._hash())
        self._known: dict[str, NDArray[np.uint64] | None] = {}

    def _hash(self) -> Callable[[bytes], int]:
        key = self._key
        return lambda piece: int.from_bytes(hashlib.blake2b(piece, key=key, digest_size=4).digest(), "big")

    def signature(self, text: str) -> NDArray[np.uint64] | None:
        """The signature of a text (u64[PLACES]); None where it is too short."""
        plain = plain_text(text)
        if len(plain) < _SHORTEST:
            return None
        if plain not in self._known:
            if len(self._known) > 20_000:
                self._known.clear()
            made = self._empty.copy()
            made.update_batch(sorted({plain[at : at + _PIECE].encode() for at in range(len(plain) - _PIECE + 1)}))
            self._known[plain] = np.asarray(made.hashvalues, np.uint64)
        return self._known[plain]

    def bands(self, signature: NDArray[np.uint64]) -> list[bytes]:
        """The keys under which a signature is found (16 bytes each)."""
        rows = np.ascontiguousarray(signature).reshape(BANDS, -1)
        return [
            hashlib.blake2b(bytes([band]) + row.tobytes(), key=self._key, digest_size=16).digest()
            for band, row in enumerate(rows)
        ]


def plain_text(text: str) -> str:
    """What of a text counts: its letters and signs, in one form."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalpha())[:_MOST]


def alike(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> int:
    """How alike two texts are, in percent, by their signatures."""
    return int(np.count_nonzero(one == other)) * 100 // PLACES
