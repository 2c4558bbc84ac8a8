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
from registry.scrubindex import ASK, PREFERENCE, Keys, PreferenceTable, ScrubIndex, index_of, keys_of
from registry.sealing import BLOCK
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.store import Store


def lists_of(
    store: Store, index: ScrubIndex, *, at: datetime, telemarketer: str | None, grace: timedelta
) -> Lists:
    """The lists as they stand now, for contacts of a telemarketer at a moment (refusals younger than the grace are
    asked for one by one)."""
    with store.reading():
        edition = store.editions.newest()
        keys, columns = _columns(store.scrubs.changed(after=index.edition))
        asked = [_keys(store.scrubs.young(since=to_micros(at - grace)))]
        if telemarketer is not None:
            asked.append(_keys(store.scrubs.known_to(telemarketer)))
    table = PreferenceTable(index.preferences)
    layers = [index, _layer(keys, table.codes(columns))]
    special = np.unique(np.concatenate(asked))
    layers.append(index_of(special, np.full(len(special), ASK, np.uint32), table.table()))
    return Lists(tuple(layers), edition)


def _layer(keys: Keys, codes: NDArray[np.uint32]) -> ScrubIndex:
    """A layer of keys that ascend; those that two numbers share are asked for."""
    same = np.flatnonzero(keys[1:] == keys[:-1])
    codes[same] = codes[same + 1] = ASK
    return index_of(keys, codes, np.empty(0, PREFERENCE))


def _columns(pages: Iterable[list[tuple[Any, ...]]]) -> tuple[Keys, dict[str, NDArray[Any]]]:
    keys, values = [np.empty(0, np.uint64)], [np.empty((len(MASKS) + 1, 0), np.uint32)]
    for page in pages:
        turned = list(zip(*page))
        keys.append(_of(turned[0]))
        values.append(np.array(turned[1:], np.uint32))
    return np.concatenate(keys), dict(zip((*MASKS, "quiet"), np.concatenate(values, axis=1)))


def _keys(pages: Iterable[list[tuple[Any, ...]]]) -> Keys:
    return np.concatenate([np.empty(0, np.uint64), *(_of([row[0] for row in page]) for page in pages)])


def _of(numbers: Iterable[bytes]) -> Keys:
    return keys_of(np.frombuffer(b"".join(bytes(number) for number in numbers), np.uint8).reshape(-1, BLOCK))
