"""What editions said, as arrays, and what of it one recipient is told (DESIGN §4, scope).

Rules of this room:
- `national`: every change. `home`: a number that the recipient serves, or served until lately (the overlap of a
  porting), comes with its row; one that has left it, with a row that removes it; of all others it learns nothing.
- Of several editions the last word about a number counts, so one change set may span any number of editions.
- An exception's end becomes a day (UTC); at a carrier it holds through that day, and the edition that ends it comes
  anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from registry import editions, sealing, tags
from sync import sandbox

if TYPE_CHECKING:
    from registry.keys import KeyRing
    from registry.store import Store
    from registry.store.feeds import Recipient

DAY = 86_400_000_000  # Micros
NOBODY = -1


@dataclass(frozen=True)
class Rows:
    """Rows of some editions in their order: sealed numbers and their blocks u8[n, 16], who has and who lost the
    number i32[n] (into the change set's names, of which one may stand for several carriers; NOBODY for none), and the
    columns of the list record by name."""

    sealed: NDArray[np.uint8]
    blocks: NDArray[np.uint8]
    carrier: NDArray[np.int32]
    left: NDArray[np.int32]
    columns: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class ChangeSet:
    """What the editions (after, upto] said: of numbers and of exceptions, and the carriers that are named in it."""

    after: int
    upto: int
    changes: Rows
    exceptions: Rows
    names: dict[str, int]


@dataclass(frozen=True)
class Delta:
    """What one recipient is told: RECORD[n] and EXCEPTION[n], sorted, each key once."""

    records: editions.Records
    exceptions: editions.Records

    @property
    def rows(self) -> int:
        """How many rows in all."""
        return len(self.records) + len(self.exceptions)


def load(
    store: Store, keys: KeyRing, *, after: int, upto: int, only_exceptions: bool = False,
    numbers: tuple[bytes, bytes] | None = None,
) -> ChangeSet:
    """Read what the editions (after, upto] said, of numbers and of exceptions, unsealed in bulk.

    `numbers`: of the numbers in [low, high) alone, without exceptions.
    """
    names: dict[str, int] = {}
    with store.reading():
        said = store.editions.changes(after=after, upto=after if only_exceptions else upto, numbers=numbers)
        changes = _rows(said, keys.at_rest, names, (*editions.MASKS, "quiet"))
        said = store.editions.exceptions(after=after, upto=after if numbers else upto)
        exceptions = _rows(said, keys.at_rest, names, ("party", "kind", *editions.MASKS, "until"))
    exceptions.columns["until"] = exceptions.columns["until"] // DAY
    return ChangeSet(after, upto, changes, exceptions, names)


def of_recipient(
    found: ChangeSet, recipient: Recipient, key: bytes, algorithm: tags.Algorithm
) -> Delta:
    """What a recipient is told, under its list key."""
    if recipient.sandbox:
        return Delta(*sandbox.told(found.after, found.upto, key, algorithm))
    return Delta(
        _told(found.changes, found.names, recipient, key, algorithm, editions.RECORD),
        _told(found.exceptions, found.names, recipient, key, algorithm, editions.EXCEPTION),
    )


def _told(
    rows: Rows, names: dict[str, int], recipient: Recipient, key: bytes, algorithm: tags.Algorithm, dtype: np.dtype[Any]
) -> editions.Records:
    mine = [place for name, place in names.items() if recipient.is_told_of(name)]
    served = np.ones(len(rows.carrier), bool) if recipient.carriers is None else np.isin(rows.carrier, mine)
    picked = np.flatnonzero(served | np.isin(rows.left, mine))
    stays = served[picked]
    records = np.zeros(len(stays), dtype)
    records["tag"] = tags.tags_of_blocks(key, np.ascontiguousarray(rows.blocks[picked]), algorithm)
    for name, column in rows.columns.items():
        records[name] = column[picked] if name in {"party", "kind"} else np.where(stays, column[picked], 0)
    return editions.compose([records])


def _rows(pages: Any, at_rest: bytes, names: dict[str, int], columns: tuple[str, ...]) -> Rows:
    """Pages of tuples (number, columns…, carrier, left_carrier) as arrays."""
    numbers, carriers, left, values = [], [], [], []
    for page in pages:
        turned = list(zip(*page))
        numbers.append(np.frombuffer(b"".join(turned[0]), np.uint8).reshape(-1, sealing.BLOCK))
        carriers.append(_indexes(turned[-2], names))
        left.append(_indexes(turned[-1], names))
        values.append(np.array(turned[1:-2], np.int64))
    if not numbers:
        none, nobody = np.zeros((0, sealing.BLOCK), np.uint8), np.zeros(0, np.int32)
        return Rows(none, none, nobody, nobody, {name: np.zeros(0, np.int64) for name in columns})
    table, sealed = np.concatenate(values, axis=1), np.concatenate(numbers)
    return Rows(
        sealed,
        sealing.unseal_blocks(at_rest, sealed),
        np.concatenate(carriers),
        np.concatenate(left),
        dict(zip(columns, table)),
    )


def _indexes(parties: tuple[str | None, ...], names: dict[str, int]) -> NDArray[np.int32]:
    return np.fromiter(
        (NOBODY if not party else names.setdefault(party, len(names)) for party in parties), np.int32, len(parties)
    )
