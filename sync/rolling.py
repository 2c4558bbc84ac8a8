"""Rolls the registry's base forward: the old base and what later editions said, merged, put on the shelf, noted.

Rules of this room: base files lie under `base/`, each under its own digest, so rolling may be killed at any place and
done again; the row that names a base is written when all its files are there; a part that nothing changed is shared by
the bases before and after, and is deleted when no base names it any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from registry import scrubbases
from registry.errors import FeedError, NotFoundError
from registry.store.editions import BaseRow
from registry.times import from_micros, to_micros
from sync import changes
from sync.base import BasePart, BaseRows, base_rows, merge_base
from sync.listfiles import digest

if TYPE_CHECKING:
    from registry.assembly import Registry

FOLDER = "base/"
KEPT = 2  # bases whose files stay


def newest(registry: Registry) -> tuple[int, tuple[BasePart, ...]]:
    """The newest base: its edition (0: none yet) and its parts."""
    bases = registry.store.editions.bases()
    if not bases:
        return 0, ()
    return bases[0].edition, parts_of(bases[0])


def parts_of(base: BaseRow) -> tuple[BasePart, ...]:
    """The parts that a base consists of."""
    return msgspec.json.decode(base.parts, type=tuple[BasePart, ...])


@contextmanager
def files(registry: Registry, parts: tuple[BasePart, ...], folder: Path) -> Iterator[list[Path]]:
    """Base parts by their own names in a folder, to be read as long as the context lasts."""
    with ExitStack() as stack:
        for part in parts:
            place = folder / part.name
            place.unlink(missing_ok=True)
            place.symlink_to(stack.enter_context(registry.shelf.path(FOLDER + part.name)).absolute())
        yield [folder / part.name for part in parts]


def roll(registry: Registry, *, upto: int, scratch: Path) -> tuple[BasePart, ...]:
    """The parts of the base at an edition, made from the newest base and what was said since; made once.

    `scratch` is a folder for the work. Raises FeedError where a file of the old base is damaged.
    """
    edition, parts = newest(registry)
    if edition >= upto:
        return parts
    check(registry, parts)
    found = changes.load(registry.store, registry.keys, after=edition, upto=upto)
    with files(registry, parts, scratch):
        made = merge_base(
            parts, as_base_rows(found), scratch, rows_per_part=registry.settings.publish.rows_per_part
        )
        for part in made:
            if registry.shelf.size(FOLDER + part.name) != part.bytes:
                registry.shelf.put(FOLDER + part.name, scratch / part.name)
    row = BaseRow(
        edition=upto,
        rows=sum(part.rows for part in made),
        parts=msgspec.json.encode(made).decode(),
        made=to_micros(registry.clock.now()),
    )
    with registry.store.writing(about="base"):
        registry.store.editions.put_base(row)
    return made


def check(registry: Registry, parts: tuple[BasePart, ...]) -> None:
    """Whether base files are what their names say. Raises FeedError `base_damaged`, which names one that is not."""
    for part in parts:
        try:
            with registry.shelf.path(FOLDER + part.name) as path:
                sound = digest(path) == part.sha256
        except NotFoundError:
            sound = False
        if not sound:
            detail = (
                f"The base file {part.name[:12]}… on the shelf is missing or damaged; "
                "`decline-sync base rebuild` makes the base anew from the tables."
            )
            raise FeedError(detail, code="base_damaged")


def is_due(registry: Registry) -> bool:
    """Whether the base is to be rolled forward: enough has changed since, or it is a day old and something has."""
    bases = registry.store.editions.bases()
    edition, made = (bases[0].edition, bases[0].made) if bases else (0, 0)
    count = registry.store.editions.how_many(after=edition, upto=registry.store.editions.newest())
    old = registry.clock.now() - from_micros(made) >= timedelta(days=1)
    return count >= registry.settings.publish.base_changes or (old and count > 0)


def drop_old(registry: Registry) -> int:
    """Forget all bases but the newest few and delete the files that only those named; how many files."""
    bases = registry.store.editions.bases()
    if len(bases) > KEPT:
        with registry.store.writing(about="base"):
            registry.store.editions.drop_bases(before=bases[KEPT - 1].edition)
    kept = {FOLDER + part.name for base in bases[:KEPT] for part in parts_of(base)}
    indexes = tuple(scrubbases.prefix_of(base) for base in bases[:KEPT])
    there = registry.shelf.names(FOLDER) if bases else ()
    old = [name for name in there if name not in kept and not name.startswith(indexes)]
    for name in old:
        registry.shelf.delete(name)
    return len(old)


def as_base_rows(found: changes.ChangeSet) -> BaseRows:
    """What editions said of numbers, as changes to a base; the last word about a number counts."""
    carriers = (*found.names, "")
    unknown = len(carriers) - 1
    carrier = np.where(found.changes.carrier == changes.NOBODY, unknown, found.changes.carrier)
    return base_rows(found.changes.sealed, found.changes.columns, carrier, carriers)
