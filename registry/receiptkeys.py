"""The keys that sign receipts (Ed25519), and the public ones that whoever checks a receipt needs.

Rules of this room: the newest key signs; older ones go on proving what they signed, for as long as their file is there;
a private key never leaves the process that signs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public receipt key: its id (SHA-256 of its 32 bytes, hex) and the 32 bytes in base64."""

    keyid: str
    public: str

    def raw(self) -> bytes:
        """The 32 bytes. Raises ValueError for anything else."""
        found = base64.b64decode(self.public, validate=True)
        if len(found) != 32:
            raise ValueError("an Ed25519 public key has 32 bytes")
        return found


@dataclass(frozen=True)
class ReceiptKeys:
    """The private keys of receipts, the one that signs first."""

    seeds: Sequence[bytes] = field(repr=False)

    @property
    def public(self) -> tuple[PublicKey, ...]:
        """The public keys, that of the signing one first."""
        return tuple(public_of(_private(seed).public_key()) for seed in self.seeds)

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """The id of the newest key, and its signature (64 bytes)."""
        key = _private(self.seeds[0])
        return public_of(key.public_key()).keyid, key.sign(message)


def public_of(key: Ed25519PublicKey) -> PublicKey:
    """A public key as it is published."""
    return known(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def known(raw: bytes) -> PublicKey:
    """A public key by its 32 bytes."""
    return PublicKey(hashlib.sha256(raw).hexdigest(), base64.b64encode(raw).decode())


def _private(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)
