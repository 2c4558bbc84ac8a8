"""How a recipient's list keys reach it: wrapped for the public key it registered, per epoch (HPKE, RFC 9180).

Rules of this room: base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM; `info` binds a wrapped key to
this purpose, one party and one epoch, so that none can be passed off as another. Nobody but the recipient can unwrap,
officers included; what proves who registered a public key is the API key of the party.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from registry import audit, epochs
from registry.errors import ConflictError, FeedError, InvalidInputError
from registry.interfaces import Clock
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.keys import KeyRing
    from registry.settings import KeySettings
    from registry.store import Store

_PURPOSE = b"decline-call/v1 list-key"


@dataclass(frozen=True)
class WrappedKey:
    """The list key of one epoch that only its recipient can read."""

    epoch: int
    wrapped: bytes


def wrap(public_key: bytes, key: bytes, *, party: str, epoch: int) -> bytes:
    """A list key wrapped for a raw X25519 public key (32 bytes). Raises InvalidInputError `bad_public_key`."""
    try:
        return _suite().encrypt(key, X25519PublicKey.from_public_bytes(public_key), info=_info(party, epoch))
    except ValueError as error:
        raise InvalidInputError("No key can be wrapped for this public key.", code="bad_public_key") from error


def unwrap(private_key: bytes, wrapped: bytes, *, party: str, epoch: int) -> bytes:
    """The list key that was wrapped for a raw X25519 private key. Raises FeedError `key_not_ours`."""
    try:
        return _suite().decrypt(wrapped, X25519PrivateKey.from_private_bytes(private_key), info=_info(party, epoch))
    except (InvalidTag, ValueError) as error:
        raise FeedError("A list key that was delivered is not for this recipient.", code="key_not_ours") from error


def public_of(private_key: bytes) -> bytes:
    """The raw public key of a raw private one (32 bytes each)."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def register(store: Store, clock: Clock, *, party: str, public_key: str) -> None:
    """Keep a carrier's public key (base64 of 32 bytes); the same again changes nothing, another one is audited.

    Raises InvalidInputError `bad_public_key`.
    """
    try:
        raw = base64.b64decode(public_key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("A public key is the base64 form of 32 bytes.", code="bad_public_key") from error
    wrap(raw, b"", party=party, epoch=0)  # a point that no key can be agreed with is refused here, not at delivery
    known = store.feeds.key(party)
    if known is not None and hmac.compare_digest(known[0], raw):
        return
    with store.writing(about=f"carrier_key {party}"):
        store.feeds.put_key(party=party, public_key=raw, at=to_micros(clock.now()))
        audit.append(
            store, clock, actor=f"party:{party}", subject=f"party:{party}",
            action="public_key_changed" if known is not None else "public_key_registered",
            detail={"fingerprint": fingerprint(raw)},
        )


def fingerprint(public_key: bytes) -> str:
    """What two people compare by telephone: the first 16 hex digits of the public key's SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def deliver(
    store: Store, clock: Clock, keys: KeyRing, settings: KeySettings, *, party: str
) -> tuple[WrappedKey, ...]:
    """A carrier's list keys of all epochs that are not over, oldest first.

    Raises ConflictError `no_public_key`, UnavailableError `epoch_not_held` where this process lacks the newest master.
    """
    epochs.must_be_held(store, keys)
    known = store.feeds.key(party)
    if known is None:
        raise ConflictError("Register a public key first.", code="no_public_key")
    return tuple(
        WrappedKey(epoch, wrap(known[0], keys.list_key(party, epoch), party=party, epoch=epoch))
        for epoch in [each.epoch for each in epochs.all_of(store, clock, settings) if each.is_delivered]
        if epoch in keys.masters
    )


def known_since(store: Store, *, party: str) -> datetime | None:
    """Since when a carrier's public key is known, or None."""
    known = store.feeds.key(party)
    return from_micros(known[1]) if known else None


def _suite() -> Suite:
    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


def _info(party: str, epoch: int) -> bytes:
    """What a wrapped key is bound to: the purpose, the party (with its length) and the epoch (u32)."""
    name = party.encode()
    return _PURPOSE + len(name).to_bytes(2, "big") + name + epoch.to_bytes(4, "big")
