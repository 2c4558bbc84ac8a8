"""Receipts: `/api/v1/receipts`, the proof of one answer of them, and the public keys that sign them.

Rules of this room: a receipt of another party is as one that does not exist; a number is in a body alone; what is
public here (the keys) needs no key.
"""

from __future__ import annotations

from flask import Blueprint, Response

from registry import receipts
from registry.numbers import parse_one
from registry.receiptforms import ProofFile, Receipt, ReceiptFile
from registry.receiptkeys import public_keys
from registry.times import to_micros
from web.api.edge import (
    JSON,
    Operation,
    answer,
    newest_first,
    newest_first_parameters,
    only,
    operation,
    party_of,
    read,
)
from web.api.metering import metered
from web.api.receipt_messages import (
    ProofRequest,
    ReceiptKeyMessage,
    ReceiptKeysAnswer,
    ReceiptMessage,
    ReceiptsAnswer,
)
from web.current import registry_of
from web.guard import actor_of_request, key, public

blueprint = Blueprint("receipts_api", __name__)

_AT_ONCE = 200
_FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


@blueprint.get("/api/v1/receipt-keys")
@operation(Operation(
    summary="The keys that sign receipts",
    chinese="查询回执签名公钥",
    tag="receipts",
    answers={200: ReceiptKeysAnswer},
    says="Ed25519. Keep them beside your receipts: with a key a receipt is checked without asking anybody.",
))
@public
def show_keys() -> Response:
    """All keys, the one that signs now first."""
    registry = registry_of()
    found = public_keys(registry.store, registry.receipt_keys)
    return answer(ReceiptKeysAnswer(keys=[ReceiptKeyMessage.of(each) for each in found]), headers=_FOR_AN_HOUR)


@blueprint.get("/api/v1/receipts")
@operation(Operation(
    summary="Your receipts",
    chinese="本企业的回执",
    tag="receipts",
    answers={200: ReceiptsAnswer},
    problems=(401, 403, 422, 429),
    parameters=newest_first_parameters(_AT_ONCE),
))
@(key("read") | key("scrub"))
@metered
def show_all() -> Response:
    """The party's receipts, newest first."""
    before, limit = newest_first(_AT_ONCE)
    found = receipts.receipts_of(
        registry_of().store, party=party_of().party, before=before, limit=limit,
        sandbox=actor_of_request().sandbox,
    )
    rest = to_micros(found[-1].issued) if len(found) == limit else None
    return answer(ReceiptsAnswer(receipts=[ReceiptMessage.of(each) for each in found], next=rest))


@blueprint.get("/api/v1/receipts/<receipt>")
@operation(Operation(
    summary="Fetch a receipt",
    chinese="下载回执",
    tag="receipts",
    answers={200: ReceiptFile},
    problems=(401, 403, 404, 429),
    says="The file to keep: the signed envelope, and the salt key with which its leaves are found again.",
))
@(key("read") | key("scrub"))
@metered
def show(receipt: str) -> Response:
    """A receipt's file."""
    return Response(receipts.file_of(registry_of().keys, _own(receipt)), mimetype=JSON)


@blueprint.post("/api/v1/receipts/<receipt>/proofs")
@operation(Operation(
    summary="Prove the answer for one number",
    chinese="为单个号码出具证明",
    tag="receipts",
    request=ProofRequest,
    answers={200: ProofFile},
    problems=(400, 401, 403, 404, 413, 415, 422, 429),
    says="A file that shows this one answer and nothing of the others. 404 `not_in_receipt` for a number that was not "
    "asked about, `leaves_erased` when the time for which answers are kept is over.",
))
@(key("read") | key("scrub"))
@metered
def prove(receipt: str) -> Response:
    """The proof file of one number."""
    only()
    asked, registry = read(ProofRequest), registry_of()
    number = parse_one(str(asked.number), registry.plan, country=asked.country)
    raw = receipts.prove(registry.shelf, registry.keys, receipt=_own(receipt), number=number)
    return Response(raw, mimetype=JSON)


def _own(receipt: str) -> Receipt:
    return receipts.receipt_of(
        registry_of().store, party=party_of().party, receipt=receipt, sandbox=actor_of_request().sandbox
    )
