"""Sandbox feeds: what one says at an edition, from the magic numbers alone (registry/sandbox.py, docs/adr/0013).

Rules of this room: records are a pure function of edition and list key, never of a table; a change set names every
number that said something else at any edition it spans, so that it may be applied at each of them, as a real one; a
sandbox feed is as old as its newest edition, so an edition is wanted when that is too long ago.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from registry import editions
from registry.editions import EXCEPTION, MASKS, RECORD, Records
from registry.sandbox import Case, Sandbox, load
from registry.tags import Algorithm, tag_one
from registry.times import from_micros, to_micros
from sync.build import FullList
from sync.listfiles import write_list

if TYPE_CHECKING:
    from registry.assembly import Registry

EVERY = timedelta(minutes=10)  # how long a sandbox feed may stand still
Said = tuple[Records, Records]  # of the list and of the exceptions beside it


def content(edition: int, key: bytes, algorithm: Algorithm) -> Said:
    """The whole of a sandbox feed at an edition: its list and its exceptions, sorted."""
    sandbox = load()
    return _rows(sandbox, sandbox.cases, edition, key, algorithm)


def told(after: int, upto: int, key: bytes, algorithm: Algorithm) -> Said:
    """What a sandbox feed says of the editions (after, upto]: numbers that did not say the same all the time."""
    sandbox = load()
    earlier = {after, *range(max(after, upto - sandbox.cycle), upto)}
    states = {case.id: sandbox.state(case, upto) for case in sandbox.cases}
    moved = [case for case in sandbox.cases if any(sandbox.state(case, e) != states[case.id] for e in earlier)]
    now = _rows(sandbox, moved, upto, key, algorithm)
    before = [_rows(sandbox, moved, edition, key, algorithm) for edition in sorted(earlier)]
    records = editions.compose([*(_removed(rows) for rows, _ in before), now[0]])
    return records, editions.compose([*(_removed(rows) for _, rows in before), now[1]])


def full(edition: int, folder: Path, key: bytes, algorithm: Algorithm) -> FullList:
    """The full list of a sandbox feed at an edition, written into a folder."""
    records = content(edition, key, algorithm)[0]
    parts = (write_list(folder, records),) if len(records) else ()
    return FullList(parts, len(records), tuple(editions.leaf(bucket) for bucket in editions.split(records)))


def ordinals() -> dict[int, str]:
    """The telemarketers of sandbox feeds by the number that stands for them in exception files."""
    return load().ordinals()


def move_on(registry: Registry) -> None:
    """Want another edition where a sandbox feed has stood still for too long, so that deltas can be tried."""
    if not any(each.sandbox for each in registry.store.feeds.recipients()):
        return
    newest, now = registry.store.editions.edition(registry.store.editions.newest()), registry.clock.now()
    if newest is not None and now - from_micros(newest.opened) >= EVERY:
        with registry.store.writing(about="edition"):
            registry.store.editions.want("sandbox feeds move on", at=to_micros(now))


def _rows(sandbox: Sandbox, cases: Iterable[Case], edition: int, key: bytes, algorithm: Algorithm) -> Said:
    ordinals = {party: ordinal for ordinal, party in sandbox.ordinals().items()}
    records, exceptions = [], []
    for case in cases:
        state = sandbox.state(case, edition)
        if state is None:
            continue
        tag, said = tag_one(key, case.number, algorithm), state.preference
        if not said.nothing:
            records.append((tag, said.calls, said.robocalls, said.messages, said.quiet))
        exceptions += [(tag, ordinals[each.party], each.kind, *each.masks, each.until) for each in state.exceptions]
    return editions.arranged(np.array(records, RECORD)), editions.arranged(np.array(exceptions, EXCEPTION))


def _removed(records: Records) -> Records:
    gone = records.copy()
    for name in (*MASKS, "quiet") if records.dtype == RECORD else (*MASKS, "until"):
        gone[name] = 0
    return gone
