"""What changed since a call list was checked the last time: how many of its numbers decline now, or allow it again.

Rules of this room: the answers before are those that the receipt keeps, number by number; where they were erased nobody
knows, and nothing is said. Only counts come out of here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry import receipts
from registry.calllists.spool import BITS, PARTS
from registry.errors import NotFoundError
from registry.leaves import VERDICTS
from registry.scrubindex import keys_of
from registry.sealing import BLOCK

if TYPE_CHECKING:
    from registry.interfaces import Shelf
    from registry.keys import KeyRing
    from registry.scrub import LineAnswer
    from registry.scrubjobs import ScrubJob
    from registry.store import Store

_ROWS = 1 << 20
_DECLINED = VERDICTS.index("declined")
Rows = NDArray[np.void]


def since(
    store: Store, shelf: Shelf, keys: KeyRing, folder: Path, *, job: ScrubJob, distinct: Iterable[Rows],
    kinds: Sequence[LineAnswer],
) -> dict[str, int]:
    """Distinct numbers by what became of them since the scrub that `job` repeats; empty where nobody can say.

    `declined`: they decline now and did not then; `allowed`: the other way round; `same`; `new`: they were not on the
    list; `gone`: they were. `distinct` as `Spool.distinct()` gives it.
    """
    before = store.scrub_jobs.job(job.again) if job.again else None
    receipt = store.receipts.receipt(before.receipt) if before is not None and before.receipt else None
    if receipt is None or receipt.party != job.party:
        return {}
    try:
        with receipts.leaves_of(shelf, keys, receipt) as leaves, tempfile.TemporaryDirectory(dir=folder) as work:
            return _counted(leaves.rows(_ROWS), distinct, kinds, Path(work))
    except NotFoundError:
        return {}


def _counted(
    before: Iterable[Rows], distinct: Iterable[Rows], kinds: Sequence[LineAnswer], work: Path
) -> dict[str, int]:
    """Compared a 64th at a time, by the top bits of the sealed number, as a spool has them."""
    verdicts = np.array([VERDICTS.index(kind.verdict) if kind.verdict in VERDICTS else 0 for kind in kinds], np.uint8)
    found = dict.fromkeys(("declined", "allowed", "same", "new", "gone"), 0)
    for old, rows in zip(_parted(before, work), distinct):
        verdict = verdicts[rows["which"]]
        keys = keys_of(_bytes(rows["sealed"]))[verdict > 0]
        verdict = verdict[verdict > 0]
        place = np.searchsorted(old["key"], keys)
        known = place < len(old)
        known[known] = old["key"][place[known]] == keys[known]
        was, now = old["verdict"][place[known]], verdict[known]
        found["declined"] += int(((now == _DECLINED) & (was != _DECLINED)).sum())
        found["allowed"] += int(((now != _DECLINED) & (was == _DECLINED)).sum())
        found["same"] += int((now == was).sum())
        found["new"] += int((~known).sum())
        found["gone"] += len(old) - int(known.sum())
    return found


_OLD = np.dtype([("key", "<u8"), ("verdict", "u1")])


def _parted(before: Iterable[Rows], work: Path) -> Iterator[Rows]:
    """The answers before, in parts, by key; they come in the order of their salts."""
    paths = [work / f"before-{part:02d}" for part in range(PARTS)]
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for kept in before:
            rows = np.empty(len(kept), _OLD)
            rows["key"], rows["verdict"] = keys_of(_bytes(kept["sealed"])), kept["verdict"]
            rows = np.sort(rows, order="key")
            bounds = np.searchsorted(rows["key"] >> np.uint64(64 - BITS), np.arange(PARTS + 1))
            for number, file in enumerate(files):
                file.write(rows[bounds[number] : bounds[number + 1]].tobytes())
    for path in paths:
        yield np.sort(np.fromfile(path, _OLD), order="key")


def _bytes(column: Rows) -> NDArray[np.uint8]:
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, BLOCK)


