"""Mending a carrier's list by what differs: leaves, digests of pieces, pieces, exceptions, from the registry's copy.

Rules of this room: whose list it is says the key that is presented, nothing in the address; questions and answers are
bounded, and questions are few, because each makes the registry hash buckets; nothing here is signed, because whoever
asks checks it against the root in the signed index.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response

from registry import repairs
from registry.errors import NotFoundError
from registry.limits import spend, subject_of
from registry.liststate import State
from web.api.edge import Operation, answer, operation, party_of, read
from web.api.feeds import hand_out
from web.api.messages import CopyAnswer, DigestsRequest, PiecesRequest
from web.api.metering import metered
from web.current import registry_of
from web.guard import key

blueprint = Blueprint("repairs", __name__)

MOST, PER_S = 120, 3600  # questions about pieces: a repair asks two, and begins again when the copy moves on
MOST_EPOCH = 2**31 - 1
_ROOT = re.compile(r"[0-9a-f]{64}")
_RAW = "application/octet-stream"
_PROBLEMS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


@blueprint.get("/api/v1/repair/<int:epoch>")
@operation(Operation(
    summary="Leaves of your list",
    chinese="本企业名单各分桶的摘要",
    tag="feeds",
    answers={200: CopyAnswer},
    problems=(401, 403, 404, 429),
    says="To mend a list whose root differs. 404 `no_copy`: fetch a full list instead.",
))
@key("feed")
@metered
def leaves(epoch: int) -> Response:
    """What the registry's copy of the caller's list stands on."""
    state = _copy(epoch)
    names = CopyAnswer.__struct_fields__
    return answer(CopyAnswer(**{name: getattr(state, name) for name in names}))


@blueprint.post("/api/v1/repair/<int:epoch>/digests")
@operation(Operation(
    summary="Digests of the pieces of buckets",
    chinese="分桶内各片段的摘要",
    tag="feeds",
    request=DigestsRequest,
    answers={200: bytes},
    gives=(_RAW,),
    problems=_PROBLEMS,
    says="For each bucket 256 × 8 bytes, the first 8 of SHA256(02 | records) of the tags with that second byte. "
    "409 `copy_moved`: ask for the leaves again.",
))
@key("feed")
@metered
def digests(epoch: int) -> Response:
    """Where buckets of the caller's list differ."""
    asked = read(DigestsRequest)
    party = _spend(epoch)
    found = repairs.digests(registry_of().copies, party=party, epoch=epoch, buckets=asked.buckets)
    return Response(found, mimetype=_RAW)


@blueprint.post("/api/v1/repair/<int:epoch>/pieces")
@operation(Operation(
    summary="Pieces of your list",
    chinese="名单片段的记录",
    tag="feeds",
    request=PiecesRequest,
    answers={200: bytes},
    gives=(_RAW,),
    problems=_PROBLEMS,
    says="For each piece u32be(rows) and its records of 18 bytes, in the order asked. About 16 MB at once: where the "
    "answer ends early, ask for the rest.",
))
@key("feed")
@metered
def pieces(epoch: int) -> Response:
    """The records of the pieces that differ."""
    asked = read(PiecesRequest)
    party = _spend(epoch)
    found = repairs.records(registry_of().copies, party=party, epoch=epoch, wanted=asked.pieces)
    return Response(found, mimetype=_RAW)


@blueprint.get("/api/v1/repair/<int:epoch>/exceptions/<root>")
@operation(Operation(
    summary="All exceptions of your list",
    chinese="本企业名单的全部例外",
    tag="feeds",
    answers={200: bytes, 206: bytes, 304: None},
    gives=(_RAW,),
    problems=(401, 403, 404, 409, 416, 429),
    says="Records of 23 bytes, sorted; `root` is theirs, from the leaves' answer.",
))
@key("feed")
@metered
def exceptions(epoch: int, root: str) -> Response:
    """The caller's exceptions, whole."""
    _copy(epoch)
    if not _ROOT.fullmatch(root):
        raise NotFoundError("There are no such exceptions.", code="not_found")
    copies = registry_of().copies
    return hand_out(copies, *repairs.exceptions_file(copies, party=party_of().party, epoch=epoch, root=root))


def _copy(epoch: int) -> State:
    """The copy of the caller's own list. Raises NotFoundError `no_copy`."""
    return repairs.copy_of(registry_of().copies, party=party_of().party, epoch=min(epoch, MOST_EPOCH))


def _spend(epoch: int) -> str:
    """Spend one question about pieces of the caller's own list; its party. Raises NotFoundError, TooManyError."""
    _copy(epoch)
    registry, party = registry_of(), party_of().party
    subject = subject_of(registry.keys, b"repair:" + party.encode())
    spend(registry.store, registry.clock, name="repair-hour", subject=subject, most=MOST, per_s=PER_S)
    return party
