"""The lists that scrubs read: the index of the newest base, what was said since, and whom only the tables know.

Rules of this room: what is read here is one state of the tables; a number that changed since the base is in a layer of
its own, so that a scrub knows every choice that was confirmed before it began, published or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from registry.editions import MASKS
from registry.scrub import Lists
from registry.scrubindex import ASK, PREFERENCE, PreferenceTable, ScrubIndex, index_of, keys_of
from registry.sealing import BLOCK
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.store import Store

Sealed = NDArray[np.uint8]


def lists_of(
    store: Store, index: ScrubIndex, *, at: datetime, telemarketer: str | None, grace: timedelta
) -> Lists:
    """The lists as they stand now, for contacts of a telemarketer at a moment (refusals younger than the grace are
    asked for one by one)."""
    with store.reading():
        edition = store.editions.newest()
        changed = list(store.scrubs.changed(after=index.edition))
        asked = list(store.scrubs.young(since=to_micros(at - grace)))
        if telemarketer is not None:
            asked += list(store.scrubs.known_to(telemarketer))
    table = PreferenceTable(index.preferences)
    keys, columns = _columns(changed)
    layers = [index, _layer(keys, table.codes(columns))]
    special = np.unique(keys_of(_sealed(asked)))
    layers.append(index_of(special, np.full(len(special), ASK, np.uint32), table.table()))
    return Lists(tuple(layers), edition)


def _layer(keys: NDArray[np.uint64], codes: NDArray[np.uint32]) -> ScrubIndex:
    """A layer of keys that ascend; those that two numbers share are asked for."""
    same = np.flatnonzero(keys[1:] == keys[:-1])
    codes[same] = codes[same + 1] = ASK
    return index_of(keys, codes, np.empty(0, PREFERENCE))


def _columns(pages: Iterable[list[tuple[Any, ...]]]) -> tuple[NDArray[np.uint64], dict[str, NDArray[Any]]]:
    sealed, values = [], []
    for page in pages:
        turned = list(zip(*page))
        sealed.append(_joined(turned[0]))
        values.append(np.array(turned[1:], np.int64))
    table = np.concatenate(values, axis=1) if values else np.empty((len(MASKS) + 1, 0), np.int64)
    keys = keys_of(np.concatenate(sealed)) if sealed else np.empty(0, np.uint64)
    return keys, dict(zip((*MASKS, "quiet"), table))


def _sealed(pages: Iterable[list[tuple[Any, ...]]]) -> Sealed:
    found = [_joined([row[0] for row in page]) for page in pages]
    return np.concatenate(found) if found else np.empty((0, BLOCK), np.uint8)


def _joined(numbers: Iterable[bytes]) -> Sealed:
    return np.frombuffer(b"".join(bytes(number) for number in numbers), np.uint8).reshape(-1, BLOCK)
