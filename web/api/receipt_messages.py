"""The wire format of receipts: which there are, which keys sign them, for which number a proof is wanted.

Rules of this room: as in `messages.py`; receipt files and proof files are those of `registry.receiptforms`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from registry.receiptforms import Receipt
from registry.receiptkeys import PublicKey
from web.api.messages import In, Out, Root
from web.api.scrub_messages import Country, Typed


class ReceiptMessage(Out, frozen=True, kw_only=True):
    """One receipt. `distinct`: how many numbers can be proved by it; `file`: where the whole file is."""

    receipt: str
    scrub: str
    campaign: str
    on_behalf: str
    channel: str
    category: str
    at: datetime
    issued: datetime
    valid_until: datetime
    distinct: int
    sandbox: bool
    file: str

    @classmethod
    def of(cls, found: Receipt) -> ReceiptMessage:
        """A receipt as it is kept."""
        return cls(
            receipt=found.receipt, scrub=found.scrub, campaign=found.campaign, on_behalf=found.on_behalf,
            channel=found.channel, category=found.category, at=found.at, issued=found.issued,
            valid_until=found.valid_until, distinct=found.size, sandbox=found.sandbox,
            file=f"/api/v1/receipts/{found.receipt}",
        )


class ReceiptsAnswer(Out, frozen=True, kw_only=True):
    """Your receipts, newest first; ask again with `before` = `next` for older ones."""

    receipts: list[ReceiptMessage]
    next: int | None


class ReceiptKeyMessage(Out, frozen=True, kw_only=True):
    """A public key that receipts are signed with. `since`, `until`: when it signed; without an end it signs now."""

    keyid: Root
    algorithm: Literal["ed25519"]
    public: Annotated[str, Meta(description="32 bytes in base64.")]
    since: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, key: PublicKey) -> ReceiptKeyMessage:
        """A key as it is known."""
        return cls(keyid=key.keyid, algorithm="ed25519", public=key.public, since=key.since, until=key.until)


class ReceiptKeysAnswer(Out, frozen=True, kw_only=True):
    """All keys that receipts were ever signed with, the one that signs now first."""

    keys: list[ReceiptKeyMessage]


class ProofRequest(In, frozen=True, kw_only=True):
    """The number whose answer is to be proved."""

    number: Typed
    country: Country = "CN"
