"""Tags: the keyed 64-bit hash of a number for one recipient and key epoch, for one and for many (DESIGN §3).

Rules of this room:
- Tag = first 8 bytes of `CMAC(K_list, B(n))` (RFC 4493, NIST SP 800-38B), as a big-endian u64. `aes-cmac-64` is
  AES-256; `sm4-cmac-64` is SM4 under the first 16 bytes of the same list key.
- The message is exactly one block, so CMAC is `E(B xor K1)`: one XOR and one pass of the cipher over many at once.
- Whoever holds key and list can try every number. A tag protects a file that leaks without its key and makes a leak
  traceable; it does not hide numbers from the recipient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NewType, get_args

import numpy as np
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.cmac import CMAC
from numpy.typing import NDArray

from registry.numbers import Number
from registry.sealing import BLOCK, block, blocks

Tag = NewType("Tag", int)  # 0 .. 2^64 - 1
Algorithm = Literal["aes-cmac-64", "sm4-cmac-64"]
ALGORITHMS: tuple[str, ...] = get_args(Algorithm)
TAG_BYTES = 8
_CHUNK = 1 << 15  # blocks that stay in the processor's cache together with what becomes of them
_REDUCTION = 0x87  # of the 128-bit field in RFC 4493


def _cipher(key: bytes, algorithm: Algorithm) -> BlockCipherAlgorithm:
    if algorithm == "aes-cmac-64":
        return AES(key)
    if algorithm == "sm4-cmac-64":
        return SM4(key[:16])
    raise ValueError(f"no such tag algorithm: {algorithm}")


def mac_one(cipher: BlockCipherAlgorithm, message: bytes) -> bytes:
    """The whole 16-byte CMAC of a message of any length."""
    mac = CMAC(cipher)
    mac.update(message)
    return mac.finalize()


class BlockMac:
    """CMAC of many one-block messages under one key; its buffers are used again and again, so one per thread."""

    def __init__(self, cipher: BlockCipherAlgorithm) -> None:
        self._context = Cipher(cipher, ECB()).encryptor()  # noqa: S305 - CMAC is built from the raw block cipher
        zero = int.from_bytes(self._context.update(bytes(BLOCK)), "big")
        doubled = (zero << 1) & ((1 << 128) - 1) ^ (_REDUCTION if zero >> 127 else 0)
        self._subkey = np.frombuffer(doubled.to_bytes(BLOCK, "big"), np.uint64)
        self._whitened = np.empty((_CHUNK, 2), np.uint64)
        self._macs = np.empty(_CHUNK * BLOCK + BLOCK - 1, np.uint8)  # update_into asks for a block more than it fills

    def macs(self, messages: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The whole CMACs of at most 2^15 blocks, u8[n, 16] -> u8[n, 16], valid until the next call."""
        count = len(messages)
        whitened = np.bitwise_xor(messages.view(np.uint64), self._subkey, out=self._whitened[:count])
        self._context.update_into(whitened.view(np.uint8).reshape(-1).data, self._macs.data)
        return self._macs[: count * BLOCK].reshape(-1, BLOCK)

    def tags(self, count: int, messages: Callable[[slice], NDArray[np.uint8]]) -> NDArray[np.uint64]:
        """The tags of as many blocks, asked for slice by slice -> u64[count]."""
        tags = np.empty(count, np.uint64)
        for start in range(0, count, _CHUNK):
            part = slice(start, min(start + _CHUNK, count))
            tags[part] = self.macs(messages(part)).view(">u8")[:, 0]
        return tags


def tag_one(key: bytes, number: Number, algorithm: Algorithm = "aes-cmac-64") -> Tag:
    """The tag of one number under `KeyRing.list_key`. Raises ValueError for an unknown algorithm."""
    return Tag(int.from_bytes(mac_one(_cipher(key, algorithm), block(number))[:TAG_BYTES], "big"))


def tags_of_blocks(key: bytes, rows: NDArray[np.uint8], algorithm: Algorithm = "aes-cmac-64") -> NDArray[np.uint64]:
    """The tags of blocks `B(n)`, C-contiguous u8[n, 16] -> u64[n], in the order given."""
    return BlockMac(_cipher(key, algorithm)).tags(len(rows), lambda part: rows[part])


def tags_many(
    key: bytes, digits: NDArray[np.uint64], kind: int | NDArray[np.uint8] = 1, algorithm: Algorithm = "aes-cmac-64"
) -> NDArray[np.uint64]:
    """The tags of many numbers: digits u64[n], kind (one for all, or u8[n]) -> u64[n], in the order given."""
    words = np.empty((_CHUNK, 2), ">u8")

    def rows(part: slice) -> NDArray[np.uint8]:
        return blocks(digits[part], kind if isinstance(kind, int) else kind[part], out=words)

    return BlockMac(_cipher(key, algorithm)).tags(len(digits), rows)
