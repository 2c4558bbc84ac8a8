"""The job that makes the scrub index of the newest base, so that call lists of millions are answered from a file.

Rules of this room: it is made from the base's files, a row group at a time, and lies beside them; until it is there
scrubs stand on the index before it and what was said since; those of earlier bases go when the newest one is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from registry import scrubbases
from registry.editions import MASKS
from registry.outside.shelf import refused
from registry.scrubindex import write_index
from sync import rolling
from sync.base import row_groups, sealed_of
from sync.listfiles import digest

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.store.editions import BaseRow

Keep = Callable[[], None]
Chunk = tuple[NDArray[np.uint8], dict[str, NDArray[Any]]]


def make(registry: Registry, *, keep: Keep) -> int:
    """Make the index of the newest base unless it is there; how many were made.

    Raises FeedError where a file of the base is damaged, UnavailableError where the disk takes no more.
    """
    bases = registry.store.editions.bases()
    if not bases or not bases[0].rows or scrubbases.there(registry.shelf, bases[0]) is not None:
        return 0
    base, parts = bases[0], rolling.parts_of(bases[0])
    rolling.check(registry, parts)
    keep()
    with _scratch(registry) as folder, rolling.files(registry, parts, folder) as paths:
        made = folder / "index"
        try:
            write_index(made, _chunks(paths, keep), edition=base.edition, rows=base.rows)
        except OSError as error:
            raise refused(error, "publisher") from error
        registry.shelf.put(scrubbases.name_of(base, digest(made)), made)
    drop_old(registry, bases)
    return 1


def drop_old(registry: Registry, bases: tuple[BaseRow, ...]) -> int:
    """Delete all indexes but that of the newest base that has one; how many. Who has one mapped goes on."""
    newest = next(filter(None, (scrubbases.there(registry.shelf, base) for base in bases)), None)
    old = [name for name in registry.shelf.names(scrubbases.FOLDER)
           if name.endswith(scrubbases.ENDING) and name != newest]  # fmt: skip
    for name in old:
        registry.shelf.delete(name)
    return len(old)


def _chunks(paths: list[Path], keep: Keep) -> Iterator[Chunk]:
    for path in paths:
        for table in row_groups(path):
            keep()
            columns = {name: table[name].combine_chunks().to_numpy() for name in (*MASKS, "quiet")}
            yield sealed_of(table), columns


@contextmanager
def _scratch(registry: Registry) -> Iterator[Path]:
    """A fresh folder; what an earlier life left goes."""
    folder = registry.instance / "work" / "index"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise refused(error, "publisher") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
