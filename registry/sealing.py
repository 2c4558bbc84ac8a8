"""Sealed numbers: the encrypted 16-byte form in which numbers are stored, for one and for many (DESIGN §3).

Rules of this room:
- Block `B(n) = 01 | kind | 00×6 | u64be(digits)`; sealed number = `AES-256(K_at_rest, B(n))`, one raw block. Numbers
  are found again by their sealed form, so it has to be deterministic; and a message of exactly one block needs no mode.
- On unsealing, the header is checked: a wrong key or a foreign block is told apart with certainty 1 - 2^-56.
- Texts (raw quarantined lines, descriptions) need no lookup: AES-256-GCM under a random nonce.
"""

from __future__ import annotations

import secrets
from typing import NewType

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from numpy.typing import NDArray

from registry.errors import InvalidInputError
from registry.numbers import Number

SealedNumber = NewType("SealedNumber", bytes)  # 16 bytes

BLOCK = 16
KINDS = (1, 2)  # without gaps
_VERSION = 1
_CHUNK = 1 << 22  # blocks handed to the cipher at once; its buffers are limited to 2 GB
_NONCE = 12
_NOT_SEALED = "This is not a sealed number of this registry."


def block(number: Number) -> bytes:
    """`B(n)`: the 16-byte block of one number. Raises ValueError for a kind or digits that do not fit."""
    if number.kind not in KINDS:
        raise ValueError("no such kind of number")
    header = bytes((_VERSION, number.kind, 0, 0, 0, 0, 0, 0))
    return header + number.digits.to_bytes(8, "big")


def blocks(
    digits: NDArray[np.uint64], kind: int | NDArray[np.uint8] = 1, out: NDArray[np.uint64] | None = None
) -> NDArray[np.uint8]:
    """`B(n)` of many: digits u64[n], kind (one for all, or u8[n]) -> u8[n, 16], C-contiguous.

    `out` is an array >u8[at least n, 2] to fill and use again. Raises ValueError for a kind that there is not.
    """
    known = kind in KINDS if isinstance(kind, int) else not len(kind) or (kind.min() > 0 and kind.max() <= KINDS[-1])
    if not known:
        raise ValueError("no such kind of number")
    words = np.empty((len(digits), 2), ">u8") if out is None else out[: len(digits)]
    words[:, 0] = (kind if isinstance(kind, int) else kind.astype(np.uint64)) << 48 | _VERSION << 56
    words[:, 1] = digits
    return words.view(np.uint8)


def _through(context: CipherContext, rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    flat = np.ascontiguousarray(rows, np.uint8).reshape(-1)
    out = np.empty(len(flat) + BLOCK - 1, np.uint8)  # update_into asks for a block more than it fills
    for start in range(0, len(flat), _CHUNK * BLOCK):
        part = flat[start : start + _CHUNK * BLOCK]
        context.update_into(part.data, out[start : start + len(part) + BLOCK - 1].data)
    return out[: len(flat)].reshape(-1, BLOCK)


def seal_one(key: bytes, number: Number) -> SealedNumber:
    """The sealed form of one number under `KeyRing.at_rest`."""
    context = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - the raw cipher, one block: see above
    return SealedNumber(context.update(block(number)))


def unseal_one(key: bytes, sealed: bytes) -> Number:
    """The number of a sealed form. Raises InvalidInputError (`not_sealed`) for anything else than ours."""
    if len(sealed) != BLOCK:
        raise InvalidInputError(_NOT_SEALED, code="not_sealed")
    plain = Cipher(AES(key), ECB()).decryptor().update(sealed)  # noqa: S305 - the raw cipher, one block: see above
    if plain[0] != _VERSION or plain[1] not in KINDS or any(plain[2:8]):
        raise InvalidInputError(_NOT_SEALED, code="not_sealed")
    return Number(kind=plain[1], digits=int.from_bytes(plain[8:], "big"))


def seal_many(key: bytes, digits: NDArray[np.uint64], kind: int | NDArray[np.uint8] = 1) -> NDArray[np.uint8]:
    """The sealed forms of many numbers: digits u64[n], kind (one for all, or u8[n]) -> u8[n, 16], C-contiguous."""
    return _through(Cipher(AES(key), ECB()).encryptor(), blocks(digits, kind))  # noqa: S305 - as above


def unseal_blocks(key: bytes, sealed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The blocks `B(n)` of sealed numbers, both u8[n, 16]. Raises InvalidInputError: `not_sealed`."""
    plain = _through(Cipher(AES(key), ECB()).decryptor(), sealed)  # noqa: S305 - the raw cipher, one block each: see above
    header = plain.view(">u8")[:, 0]
    known = np.zeros(len(header), bool)
    for kind in KINDS:
        known |= header == np.uint64(_VERSION << 56 | kind << 48)
    if not known.all():
        raise InvalidInputError(_NOT_SEALED, code="not_sealed")
    return plain


def unseal_many(key: bytes, sealed: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """The numbers of many sealed forms u8[n, 16] -> digits u64[n], kind u8[n]. Raises as `unseal_blocks`."""
    plain = unseal_blocks(key, sealed)
    return plain.view(">u8")[:, 1].astype(np.uint64), plain[:, 1].copy()


def blind_many(key: bytes, sealed: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Sealed numbers u8[n, 16] under another key, the first half of each -> u64[n]; evenly spread, told from `sealed`
    by nobody without the key."""
    twice = _through(Cipher(AES(key), ECB()).encryptor(), sealed)  # noqa: S305 - as above
    return twice.view(">u8")[:, 0].astype(np.uint64)


def seal_text(key: bytes, text: str) -> bytes:
    """A text sealed under `derive("at-rest", scope)`: nonce (12 bytes) | ciphertext | AES-GCM tag (16 bytes)."""
    return seal_bytes(key, text.encode("utf-8", "surrogatepass"))


def unseal_text(key: bytes, sealed: bytes) -> str:
    """The text of `seal_text`. Raises InvalidInputError (`not_sealed`) for anything else than ours."""
    try:
        return unseal_bytes(key, sealed).decode("utf-8", "surrogatepass")
    except ValueError as error:
        raise InvalidInputError("This is not a sealed text of this registry.", code="not_sealed") from error


def seal_bytes(key: bytes, content: bytes) -> bytes:
    """Bytes sealed as `seal_text` does it."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, None)


def unseal_bytes(key: bytes, sealed: bytes) -> bytes:
    """The bytes of `seal_bytes`. Raises InvalidInputError (`not_sealed`) for anything else than ours."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
    except (InvalidTag, ValueError) as error:
        raise InvalidInputError("This is not a sealed text of this registry.", code="not_sealed") from error
