"""Checking a receipt, or the proof of one answer of it, from the file and public keys alone.

Rules of this room: what is checked is said in words, and what fails is named; a file is bounded before it is read, and
nothing in it is believed before its signature was checked; a number is shown only by a proof that is about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from msgspec import Struct

from registry import leaves
from registry.envelopes import Envelope, open_envelope
from registry.errors import InvalidInputError
from registry.leaves import ENTRY, VERDICTS
from registry.merkle import is_proved, leaf_hash
from registry.numbers import Number
from registry.receiptforms import FORMAT, TREE, Payload, Proof
from registry.receiptkeys import PublicKey
from registry.sealing import BLOCK, KINDS

S = TypeVar("S", bound=Struct)

MOST_BYTES = 256 * 1024
_LONGEST_PATH = 64


class _File(Struct, frozen=True):
    """A receipt file or a proof file."""

    envelope: Envelope
    salt_key: str = ""
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The proved answer for one number. `holds`: whether it still does."""

    number: Number
    verdict: str
    reason: str
    until: datetime
    holds: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """A receipt whose signature is right: what it says, whose key signed it, whether its answers still hold, and what
    was proved of one number."""

    payload: Payload
    key: PublicKey
    holds: bool
    answer: Answer | None = None


def check(raw: bytes, keys: Sequence[PublicKey], *, now: datetime) -> Checked:
    """What a receipt or proof file says, checked.

    Raises InvalidInputError receipt_too_large, receipt_unreadable, receipt_type, receipt_unsigned, receipt_altered,
    proof_wrong (the number and its answer do not belong to this receipt).
    """
    if len(raw) > MOST_BYTES:
        raise InvalidInputError("This file is too large for a receipt.", code="receipt_too_large")
    file = _read(raw, _File)
    said, key = open_envelope(file.envelope, keys)
    payload = _read(said, Payload)
    if payload.format != FORMAT or payload.tree.hash != TREE:
        raise InvalidInputError("This receipt is of a version that is not known here.", code="receipt_type")
    answer = None if file.proof is None else _proved(payload, file.proof, now)
    return Checked(payload, key, now < payload.valid_until, answer)


def _proved(payload: Payload, proof: Proof, now: datetime) -> Answer:
    try:
        entry, path = bytes.fromhex(proof.entry), [bytes.fromhex(node) for node in proof.path[: _LONGEST_PATH + 1]]
        root = bytes.fromhex(payload.tree.root)
    except ValueError as error:
        raise _wrong() from error
    said = leaves.pieces(entry)
    proved = len(path) <= _LONGEST_PATH and is_proved(
        root=root, size=payload.tree.size, leaf=proof.place, leaf_digest=leaf_hash(entry), path=path
    )
    if said is None or not proved or not said.reason < len(payload.reasons) or not 0 < said.verdict < len(VERDICTS):
        raise _wrong()
    start = ENTRY.fields["number"][1] if ENTRY.fields else 0
    until = datetime.fromtimestamp(said.until, UTC)
    return Answer(
        _number(entry[start : start + BLOCK]), VERDICTS[said.verdict], payload.reasons[said.reason], until, now < until
    )


def _number(block: bytes) -> Number:
    if block[0] != 1 or block[1] not in KINDS or any(block[2:8]):
        raise _wrong()
    return Number(block[1], int.from_bytes(block[8:], "big"))


def _wrong() -> InvalidInputError:
    return InvalidInputError("The number and its answer do not belong to this receipt.", code="proof_wrong")


def _read(raw: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError("This is not a receipt: it cannot be read.", code="receipt_unreadable") from error
