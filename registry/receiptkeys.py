"""The keys that sign receipts (Ed25519), and the public ones that whoever checks a receipt needs.

Rules of this room: the newest key signs; its public half is noted before it signs for the first time, so that it
goes on proving what it signed, also when its file is gone; a private key never leaves the process that signs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.store import Store


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public receipt key: its id (SHA-256 of its 32 bytes, hex) and the 32 bytes in base64.

    `since`: when it began to sign, None: it has not yet; `until`: when another took over, None: it signs.
    """

    keyid: str
    public: str
    since: datetime | None = None
    until: datetime | None = None

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


def note(store: Store, clock: Clock, signing: ReceiptKeys) -> None:
    """Note which key signs from now on; nothing is written where that is noted already."""
    newest = signing.public[0]
    if not any(row["keyid"] == newest.keyid and row["until"] is None for row in store.receipt_keys.all()):
        with store.writing(about="receipt keys"):
            store.receipt_keys.begin(newest.keyid, newest.public, at=to_micros(clock.now()))


def public_keys(store: Store, signing: ReceiptKeys) -> tuple[PublicKey, ...]:
    """Every key that receipts may be signed with: those that have signed, and those whose file is there; the one that
    signs first."""
    noted = {
        row["keyid"]: PublicKey(
            row["keyid"], row["public"], from_micros(row["since"]),
            from_micros(row["until"]) if row["until"] is not None else None,
        )
        for row in store.receipt_keys.all()
    }
    newest, *older = signing.public
    found = {newest.keyid: noted.get(newest.keyid, newest)} | noted
    return tuple((found | {key.keyid: found.get(key.keyid, key) for key in older}).values())
