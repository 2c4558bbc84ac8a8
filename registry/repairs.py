"""What a follower asks to mend its list: leaves, digests of pieces, pieces, from the publisher's copy (ADR 0009).

Rules of this room:
- Only reads. A copy is not trusted by whoever asks either: what is mended must come to the root in the signed index.
- The copy may move to the next edition between two questions; then the buckets that were asked for are gone
  (ConflictError `copy_moved`), and the follower begins again. Where no copy lies here it fetches a full list.
- An answer is bounded: as many of the pieces as fit, in the order asked; the rest is asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from registry import pieces
from registry.editions import BUCKETS, EMPTY_ROOT, RECORD, Records
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.interfaces import Shelf
from registry.liststate import BUCKET_NAME, STATE, State, copy_place, exceptions_name

MOST_BYTES = 16 << 20  # of one answer, but for its last piece
MOST_PIECES = 8192  # of one question


def copy_of(copies: Shelf, *, party: str, epoch: int) -> State:
    """What the publisher's copy of a recipient's list stands on. Raises NotFoundError `no_copy`."""
    try:
        state = msgspec.json.decode(copies.get(f"{copy_place(party, epoch)}/{STATE}"), type=State)
    except (NotFoundError, msgspec.DecodeError) as error:
        raise NotFoundError("There is no copy of this list here.", code="no_copy") from error
    if not state.edition or state.epoch != epoch:
        raise NotFoundError("There is no copy of this list here.", code="no_copy")
    return state


def digests(copies: Shelf, *, party: str, epoch: int, buckets: Sequence[str]) -> bytes:
    """The digests of the pieces of some buckets, named as the state names them: 256 × 8 bytes each, in their order.

    Raises InvalidInputError `bad_bucket`, ConflictError `copy_moved`.
    """
    if len(buckets) > BUCKETS:
        raise InvalidInputError(f"At most {BUCKETS} buckets at once.", code="bad_bucket")
    return b"".join(pieces.digests(_bucket(copies, party, epoch, name)) for name in buckets)


def records(copies: Shelf, *, party: str, epoch: int, wanted: Mapping[str, Sequence[int]]) -> bytes:
    """Pieces of some buckets, framed (`pieces.frame`), in the order of the question; at least one, then as many as fit.

    `wanted` maps names of buckets to second bytes of tags. Raises InvalidInputError `bad_bucket`, `bad_piece`,
    ConflictError `copy_moved`.
    """
    if len(wanted) > BUCKETS or sum(map(len, wanted.values())) > MOST_PIECES:
        raise InvalidInputError(f"At most {MOST_PIECES} pieces at once.", code="bad_piece")
    found: list[bytes] = []
    size = 0
    for name, places in wanted.items():
        if any(not 0 <= place < pieces.PIECES for place in places):
            raise InvalidInputError("A piece is a byte from 0 to 255.", code="bad_piece")
        parts = pieces.cut(_bucket(copies, party, epoch, name))
        for place in places:
            if size >= MOST_BYTES:
                return b"".join(found)
            found.append(pieces.frame(parts[place]))
            size += len(found[-1])
    return b"".join(found)


def exceptions_file(copies: Shelf, *, party: str, epoch: int, root: str) -> tuple[str, int]:
    """Name and bytes of the file among the copies that holds the exceptions with this root (64 hex digits).

    Raises ConflictError `copy_moved`.
    """
    name = f"{copy_place(party, epoch)}/{exceptions_name(root)}"
    size = copies.size(name)
    if size is None or root == EMPTY_ROOT.hex():
        raise _moved()
    return name, size


def _bucket(copies: Shelf, party: str, epoch: int, name: str) -> Records:
    if not BUCKET_NAME.fullmatch(name):
        raise InvalidInputError("This is not the name of a bucket.", code="bad_bucket")
    try:
        with copies.path(f"{copy_place(party, epoch)}/{name}") as path:
            return np.fromfile(path, RECORD)
    except (NotFoundError, FileNotFoundError) as error:
        raise _moved() from error


def _moved() -> ConflictError:
    return ConflictError("The copy has moved to another edition: ask for its leaves again.", code="copy_moved")
