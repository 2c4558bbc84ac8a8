"""Signed envelopes (DSSE 1.0): a payload, its type, and signatures over both.

Rules of this room: one algorithm (Ed25519); a signature covers the type, so that a receipt never passes for a package;
it counts only for the key whose id it names; what is of another type is refused before anything is computed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct
from securesystemslib.dsse import Envelope as Pae

from registry.errors import InvalidInputError
from registry.receiptkeys import PublicKey, ReceiptKeys

TYPE = "application/vnd.decline-call.receipt+json"
_MOST_SIGNATURES = 8


class Signature(Struct, frozen=True):
    """A signature in base64, and the id of its key."""

    keyid: str
    sig: str


class Envelope(Struct, frozen=True, rename={"payload_type": "payloadType"}):
    """A DSSE envelope: the payload in base64, its type, its signatures."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def raw(self) -> bytes:
        """The payload, whoever signed it. Raises ValueError where it is no base64."""
        return base64.b64decode(self.payload, validate=True)


def seal(payload: bytes, keys: ReceiptKeys, *, type: str = TYPE) -> Envelope:
    """The envelope of a payload of a type, signed by the newest key."""
    keyid, signature = keys.sign(_signed(payload, type))
    return Envelope(_text(payload), type, (Signature(keyid, _text(signature)),))


def open_envelope(
    envelope: Envelope, keys: Iterable[PublicKey], *, type: str = TYPE, what: str = "receipt"
) -> tuple[bytes, PublicKey]:
    """The payload of an envelope of a type, and which of the keys signed it; `what` it is called.

    Raises InvalidInputError, with `what` before it: _type, _unreadable, _unsigned (by none of the keys), _altered.
    """
    if envelope.payload_type != type:
        raise InvalidInputError(f"This is a signed file of another kind, not a {what}.", code=f"{what}_type")
    payload = _raw(envelope.payload, what)
    by_id = {key.keyid: key for key in keys}
    named = [signature for signature in envelope.signatures[:_MOST_SIGNATURES] if signature.keyid in by_id]
    if not named:
        raise InvalidInputError(f"No key of this registry signed this {what}.", code=f"{what}_unsigned")
    for signature in named:
        key = by_id[signature.keyid]
        try:
            Ed25519PublicKey.from_public_bytes(key.raw()).verify(_raw(signature.sig, what), _signed(payload, type))
        except InvalidSignature:
            continue
        return payload, key
    raise InvalidInputError(
        f"The {what} was altered: its signature does not fit what it says.", code=f"{what}_altered"
    )


def _signed(payload: bytes, type: str) -> bytes:
    """The bytes that are signed (DSSE's pre-authentication encoding)."""
    return Pae(payload, type, {}).pae()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _raw(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
        if _text(raw) != text:  # bits beyond the last byte, which nothing signs
            raise ValueError("not as it is written")
        return raw
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError(f"The {what} cannot be read: this is not base64.", code=f"{what}_unreadable") from error
