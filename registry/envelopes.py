"""Signed envelopes (DSSE 1.0): a payload, its type, and signatures over both.

Rules of this room: one type of payload, one algorithm (Ed25519); a signature counts only for the key whose id it names;
what is too large, nested or of another type is refused before anything is computed.
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


def seal(payload: bytes, keys: ReceiptKeys) -> Envelope:
    """The envelope of a payload, signed by the newest key."""
    keyid, signature = keys.sign(_signed(payload))
    return Envelope(_text(payload), TYPE, (Signature(keyid, _text(signature)),))


def open_envelope(envelope: Envelope, keys: Iterable[PublicKey]) -> tuple[bytes, PublicKey]:
    """The payload of an envelope, and which of the keys signed it.

    Raises InvalidInputError receipt_type, receipt_unreadable, receipt_unsigned (by none of the keys), receipt_altered.
    """
    if envelope.payload_type != TYPE:
        raise InvalidInputError("This is a signed file of another kind, not a receipt.", code="receipt_type")
    payload = _raw(envelope.payload)
    by_id = {key.keyid: key for key in keys}
    named = [signature for signature in envelope.signatures[:_MOST_SIGNATURES] if signature.keyid in by_id]
    if not named:
        raise InvalidInputError("No key of this registry signed this receipt.", code="receipt_unsigned")
    for signature in named:
        key = by_id[signature.keyid]
        try:
            Ed25519PublicKey.from_public_bytes(key.raw()).verify(_raw(signature.sig), _signed(payload))
        except InvalidSignature:
            continue
        return payload, key
    raise InvalidInputError(
        "The receipt was altered: its signature does not fit what it says.", code="receipt_altered"
    )


def _signed(payload: bytes) -> bytes:
    """The bytes that are signed (DSSE's pre-authentication encoding)."""
    return Pae(payload, TYPE, {}).pae()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("The receipt cannot be read: this is not base64.", code="receipt_unreadable") from error
