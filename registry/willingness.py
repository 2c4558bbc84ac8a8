"""Willingness: how many people decline what, per category, channel and province, as aggregates (part 11).

Rules of this room:
- Only what may be shown is kept: cells of fewer than ten people are hidden, and where that leaves one alone to be found
  by subtraction from the total of all provinces, the next smallest one too (`quarters.shown`). So are cells of whom
  nearly all in a province are, since those who are not would be few.
- Provinces are those of landlines; mobile numbers say nothing of where somebody is and count as unknown.
- One pass over what stands, in bounded memory; nothing of a single number leaves this room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from registry.errors import NotFoundError
from registry.numbering.provinces import load_provinces
from registry.preferences import Category, Channel
from registry.quarters import SMALLEST, shown
from registry.sealing import BLOCK, unseal_many

if TYPE_CHECKING:
    from registry.interfaces import Clock, Shelf
    from registry.keys import KeyRing
    from registry.store import Store

PLACE = "open/willingness.json"
HEADS = ("province", "channel", "category", "registrations", "declined")
_BITS = np.arange(len(Category))


class Cell(msgspec.Struct, frozen=True):
    """How many decline one category on one channel in one province; None: too few to be shown."""

    province: str
    channel: str
    category: str
    declined: int | None


class Willingness(msgspec.Struct, frozen=True):
    """All that is shown: `registrations` in all, `declined` in all by channel and category, `provinces` with their
    registrations, and the cells of provinces."""

    at: datetime
    registrations: int | None
    declined: dict[str, dict[str, int | None]]
    provinces: dict[str, int | None]
    cells: tuple[Cell, ...]

    def rows(self) -> Iterator[tuple[str, str, str, int | str, int | str]]:
        """Rows of `HEADS`, first those of all provinces; empty where too few."""
        for channel, of_channel in self.declined.items():
            for category, count in of_channel.items():
                yield "all", channel, category, _text(self.registrations), _text(count)
        for cell in self.cells:
            yield cell.province, cell.channel, cell.category, _text(self.provinces[cell.province]), _text(cell.declined)


def _text(count: int | None) -> int | str:
    return "" if count is None else count


def count(store: Store, clock: Clock, keys: KeyRing, keep: Callable[[], None] = lambda: None) -> Willingness:
    """Count what all who are registered decline."""
    provinces = load_provinces()
    people = np.zeros(len(provinces.names), np.int64)
    declined = np.zeros((len(provinces.names), len(Channel), len(Category)), np.int64)
    for chunk in store.registrations.active():
        sealed = np.frombuffer(b"".join(row[0] for row in chunk), np.uint8).reshape(-1, BLOCK)
        where = provinces.of_many(*unseal_many(keys.at_rest, sealed))
        masks = np.array([row[1:4] for row in chunk], np.int64)
        people += np.bincount(where, minlength=len(people))
        for channel in Channel:
            bits = masks[:, channel, None] >> _BITS & 1
            for place in np.unique(where):
                declined[place, channel] += bits[where == place].sum(axis=0)
        keep()
    return _shown(clock.now(), provinces.names, people, declined)


def _shown(
    at: datetime, names: tuple[str, ...], people: NDArray[np.int64], declined: NDArray[np.int64]
) -> Willingness:
    held = {name: int(count) for name, count in zip(names, people) if count}
    seen = shown(held)
    whole = sum(held.values())
    totals = {
        channel.slug: {
            category.slug: _cell(int(declined[:, channel, category].sum()), whole) for category in Category
        }
        for channel in Channel
    }  # fmt: skip
    cells = []
    for channel in Channel:
        for category in Category:
            counts = {name: int(declined[names.index(name), channel, category]) for name in held}
            for name, count in _row(counts, held, seen).items():
                cells.append(Cell(name, channel.slug, category.slug, count))
    return Willingness(at, whole if whole >= SMALLEST or not whole else None, totals, seen, tuple(cells))


def _row(
    counts: Mapping[str, int], held: Mapping[str, int], seen: Mapping[str, int | None]
) -> dict[str, int | None]:
    """One category's and channel's counts by province, with what must be hidden as None."""
    hidden = {name for name, count in counts.items() if seen[name] is None or _cell(count, held[name]) is None}
    rest = sorted((name for name in counts if name not in hidden and counts[name]), key=lambda name: counts[name])
    if len(hidden) == 1 and rest:
        hidden.add(rest[0])
    return {name: None if name in hidden else count for name, count in counts.items()}


def _cell(count: int, whole: int) -> int | None:
    """A count where neither those who do nor those who do not are too few."""
    return None if 0 < count < SMALLEST or 0 < whole - count < SMALLEST else count


def publish(store: Store, clock: Clock, keys: KeyRing, shelf: Shelf, keep: Callable[[], None] = lambda: None) -> int:
    """Count and keep what may be shown; how many cells."""
    made = count(store, clock, keys, keep)
    shelf.put(PLACE, msgspec.json.encode(made))
    return len(made.cells)


def latest(shelf: Shelf) -> Willingness | None:
    """What was counted last; None before the first time."""
    try:
        return msgspec.json.decode(shelf.get(PLACE), type=Willingness)
    except NotFoundError:
        return None
