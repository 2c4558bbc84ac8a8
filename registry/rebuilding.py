"""The tree behind a receipt, built again from what its telemarketer kept: the receipt's salt key and the result.

Rules of this room: nothing is asked of anybody; what does not come to the root that was signed proves nothing; a number
that stands in the result several times got one answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry.errors import InvalidInputError, NotFoundError
from registry.leaves import KEPT, UNIT, VERDICTS, entries_of, salts_of
from registry.merkle import tree_of, tree_of_leaves
from registry.numbers import Number, parse_many
from registry.receiptforms import Payload, Proof
from registry.sealing import block, blocks

if TYPE_CHECKING:
    from registry.calllists.rereading import Said
    from registry.numbering import NumberPlan


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """The entries of a receipt u8[n, 44] in their order, their salts u8[n, 16], the node above each UNIT of them."""

    entries: NDArray[np.uint8]
    salts: NDArray[np.uint8]
    nodes: Sequence[bytes]
    salt_key: bytes

    def prove(self, number: Number) -> Proof:
        """The proof of the answer for one number. Raises NotFoundError not_in_receipt."""
        salt = salts_of(self.salt_key, np.frombuffer(block(number), np.uint8).reshape(1, -1))[0]
        places = np.flatnonzero((self.salts == salt).all(axis=1))
        if not len(places):
            raise NotFoundError("This receipt says nothing of this number.", code="not_in_receipt")
        place = int(places[0])
        unit, within = divmod(place, UNIT)
        path = tree_of(self.entries[unit * UNIT : (unit + 1) * UNIT]).proof(within)
        path += tree_of_leaves(self.nodes).proof(unit)
        return Proof(place, self.entries[place].tobytes().hex(), tuple(node.hex() for node in path))


def rebuild(
    payload: Payload, salt_key: bytes, said: Iterable[Sequence[Said]], plan: NumberPlan, *, country: str
) -> Rebuilt:
    """The tree of a receipt whose signature was checked. Raises InvalidInputError result_differs."""
    parts = [_rows(some, payload.reasons, plan, country) for some in said]
    digits = np.concatenate([part[0] for part in parts]) if parts else np.empty(0, np.uint64)
    rows = np.concatenate([part[1] for part in parts]) if parts else np.empty(0, KEPT)
    digits, first = np.unique(digits, return_index=True)
    plain, kept = blocks(digits), rows[first]
    salts = salts_of(salt_key, plain)
    words = salts.view(">u8").reshape(-1, 2)
    order = np.lexsort((words[:, 1], words[:, 0]))
    salts, entries = salts[order], entries_of(salts[order], plain[order], kept[order])
    nodes = [tree_of(entries[at : at + UNIT]).root for at in range(0, len(entries), UNIT)]
    root = tree_of_leaves(nodes).root.hex()
    if len(entries) != payload.tree.size or not compare_digest(root, payload.tree.root):
        raise _differs()
    return Rebuilt(entries, salts, nodes, salt_key)


def _rows(
    said: Sequence[Said], reasons: Sequence[str], plan: NumberPlan, country: str
) -> tuple[NDArray[np.uint64], NDArray[np.void]]:
    numbers = parse_many([each[0] for each in said], plan, country=country)
    if not numbers.ok.all():
        raise _differs()
    kinds: dict[tuple[str, str, int], int] = {}
    which = np.fromiter((kinds.setdefault(each[1:], len(kinds)) for each in said), np.int64, len(said))
    table = np.zeros(len(kinds), KEPT)
    for place, (verdict, reason, until) in enumerate(kinds):
        if reason not in reasons:
            raise _differs()
        table["verdict"][place], table["reason"][place] = VERDICTS.index(verdict), reasons.index(reason)
        table["until"][place] = until
    return numbers.digits, table[which]


def _differs() -> InvalidInputError:
    return InvalidInputError(
        "The answers in this result are not those that the receipt stands for.", code="result_differs"
    )
