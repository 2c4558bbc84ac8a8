"""What a receipt says, and the files that carry it: the payload that is signed, receipt files, proof files.

Rules of this room: no field holds a number, but for the entry of a proof, which is about one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from msgspec import Struct

from registry.envelopes import Envelope

FORMAT: Literal["decline-call/receipt/1"] = "decline-call/receipt/1"
TREE = "RFC6962-SHA256"


class Organisation(Struct, frozen=True, omit_defaults=True):
    """Who asked, or on whose behalf: id, names, registration number."""

    id: str
    name_zh: str = ""
    name_en: str = ""
    registration: str = ""


class Stream(Struct, frozen=True):
    """A file that came in or went out: SHA-256 (hex), bytes."""

    sha256: str
    bytes: int


class Tree(Struct, frozen=True):
    """The tree over the leaves: how it is hashed, how many leaves, its root (hex)."""

    hash: str
    size: int
    root: str


class Payload(Struct, frozen=True):
    """What a receipt says. Times are RFC 3339 in UTC; `reasons`: by the number that leaves have, from 0."""

    format: Literal["decline-call/receipt/1"]
    id: str
    issued: datetime
    party: Organisation
    on_behalf: Organisation | None
    campaign: str
    channel: str
    category: str
    at: datetime
    valid_until: datetime
    edition: int
    rulebook: str
    input: Stream
    result: Stream
    lines: int
    counts: dict[str, int]
    reasons: tuple[str, ...]
    tree: Tree
    sandbox: bool = False


@dataclass(frozen=True)
class Facts:
    """What a receipt is to say of a scrub that was answered; `counts`: lines by verdict, and `distinct` numbers."""

    scrub: str
    party: Organisation
    campaign: str
    channel: str
    category: str
    at: datetime
    valid_until: datetime
    edition: int
    rulebook: str
    input: Stream
    result: Stream
    lines: int
    counts: Mapping[str, int]
    on_behalf: Organisation | None = None
    sandbox: bool = False
    kept_until: datetime | None = None  # None: as long as answers hold


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it is stored; `kept_until`: then its leaves go, and nothing can be proved by the registry."""

    receipt: str
    party: str
    scrub: str
    campaign: str
    on_behalf: str
    channel: str
    category: str
    at: datetime
    valid_until: datetime
    issued: datetime
    size: int
    sandbox: bool
    kept_until: datetime
    envelope: str = field(repr=False)


class ReceiptFile(Struct, frozen=True):
    """What a telemarketer keeps: the envelope and the receipt's salt key (base64)."""

    envelope: Envelope
    salt_key: str


class Proof(Struct, frozen=True):
    """The answer for one number: its leaf's place and entry (hex), and the path to the root (hex)."""

    place: int
    entry: str
    path: tuple[str, ...]


class ProofFile(Struct, frozen=True):
    """A receipt and the proof of one of its answers; it shows nothing of the others."""

    envelope: Envelope
    proof: Proof
