"""Drafts what one recipient gets next: the list files of its plan and the index that names them; shelves nothing.

Rules of this room:
- A delta comes from what the editions said, a full list from the base; where both are made, they must come to the same
  roots, or nothing is published: that is how a list that drifted in the registry itself is seen.
- A roll-up is composed of the change sets that were published; where one is gone from the shelf, it is made from what
  editions said.
- The same edition drafted again gives the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from registry import editions
from registry.editions import FeedEdition, FeedFile, FeedIndex, FeedPart, Records
from registry.errors import ConflictError, FeedError
from registry.keys import FIRST_EPOCH
from registry.liststate import State
from registry.store.feeds import Recipient
from registry.times import from_micros
from sync import bring, changes, rolling, sandbox
from sync.base import BasePart
from sync.build import FullList, build_full
from sync.changes import ChangeSet, Delta
from sync.listfiles import write_exceptions, write_list
from sync.mirror import Change, Mirror
from sync.plan import Plan, Span, kind_of, needed_times, plan_feed
from sync.source import ShelfSource

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.keys import SigningKeys


@dataclass
class Round:
    """One round of publishing: up to which edition, and what its recipients share (read once).

    `epochs` are the key epochs that lists are published under, the newest first. `resumed` is the newest edition that
    no list goes on across, `anew` names the parties whose feeds begin anew.
    """

    registry: Registry
    edition: int
    opened: datetime
    folder: Path
    signing: SigningKeys
    epochs: tuple[int, ...] = (FIRST_EPOCH,)
    resumed: int = 0
    anew: frozenset[str] = frozenset()
    _changes: dict[int, ChangeSet] = field(default_factory=dict)
    _exceptions: ChangeSet | None = None
    _base: tuple[BasePart, ...] | None = None

    def begins_anew(self, index: FeedIndex) -> bool:
        """Whether what a feed has come to says nothing about what comes next: the tables do not know its editions."""
        return index.newest <= self.resumed

    def changes(self, after: int) -> ChangeSet:
        """What the editions after one said, up to this round's."""
        if after not in self._changes:
            registry = self.registry
            self._changes[after] = changes.load(registry.store, registry.keys, after=after, upto=self.edition)
        return self._changes[after]

    def exceptions(self) -> ChangeSet:
        """What all editions up to this round's said of exceptions."""
        if self._exceptions is None:
            registry = self.registry
            self._exceptions = changes.load(
                registry.store, registry.keys, after=0, upto=self.edition, only_exceptions=True
            )
        return self._exceptions

    def base(self, scratch: Path) -> tuple[BasePart, ...]:
        """The parts of the base at this round's edition, which are what they should be. Raises FeedError."""
        if self._base is None:
            self._base = rolling.roll(self.registry, upto=self.edition, scratch=scratch)
            rolling.check(self.registry, self._base)
        return self._base

    def told(self, found: ChangeSet, recipient: Recipient, epoch: int) -> Delta:
        """What a recipient is told of a change set, under its list key of an epoch."""
        registry = self.registry
        key = registry.keys.list_key(recipient.party, epoch)
        return changes.of_recipient(found, recipient, key, registry.settings.publish.algorithm)


@dataclass(frozen=True)
class Draft:
    """What is to be published for one recipient. `folder` holds the new list files; `prepared` is what its mirror will
    be, None where the mirror begins anew from the full list."""

    index: FeedIndex
    entry: FeedEdition
    files: tuple[FeedFile, ...]
    delta: Delta | None
    folder: Path
    prepared: Change | None

    @property
    def staged(self) -> dict[str, bytes | Path]:
        """The new list files by their names in the feed."""
        parts = [part for file in self.files for part in (*file.parts, *file.exceptions)]
        return {f"lists/{part.name}": self.folder / part.name for part in parts}

    @property
    def rehearsal(self) -> Path:
        """A folder in which what was drafted is followed."""
        return self.folder / "rehearsal"

    @property
    def full(self) -> FeedFile | None:
        """The full list among the new files."""
        return next((file for file in self.files if file.kind == "full"), None)


def draft(
    work: Round, recipient: Recipient, epoch: int, index: FeedIndex | None, mirror: Mirror, folder: Path
) -> Draft | None:
    """What a recipient gets next in a key epoch, its list files written into a folder; None for nothing.

    Raises ConflictError `list_differs` where delta and full list do not come to the same, `tag_twice`.
    """
    registry = work.registry
    algorithm = registry.settings.publish.algorithm
    goes_on = index is not None and kind_of(index) == (epoch, algorithm, recipient.resellers)
    delta = work.told(work.changes(index.newest), recipient, epoch) if index is not None and goes_on else None
    plan = plan_feed(
        index, to=work.edition, changed=delta is not None and delta.rows > 0, times=_times(work, index), epoch=epoch,
        algorithm=algorithm, resellers=recipient.resellers, settings=registry.settings.publish,
    )
    if plan is None:
        return None
    files: list[FeedFile] = []
    prepared = None
    if plan.delta is not None and delta is not None and index is not None:
        files.append(_written(folder, "delta", plan.delta, epoch, delta))
        files += [
            _written(folder, "rollup", span, epoch, _rolled_up(work, recipient, index, span, delta))
            for span in plan.rollups
        ]
        prepared = mirror.prepare(delta.records, delta.exceptions)
    entry = _entry(work, prepared.after, epoch) if prepared is not None else None
    if plan.full:
        file, made = _full(work, recipient, epoch, folder)
        if entry is not None and _roots(entry) != _roots(made):
            detail = f"The full list of {recipient.party} differs from its deltas: base or mirror is damaged."
            raise ConflictError(detail, code="list_differs")
        files.append(file)
        entry = made
    assert entry is not None
    fresh = _index(work, recipient, plan, index, files, entry, delta)
    return Draft(fresh, entry, tuple(files), delta, folder, prepared)


def _times(work: Round, index: FeedIndex | None) -> dict[int, datetime]:
    opened = work.registry.store.editions.opened(needed_times(index))
    said = {listed.edition: listed.at for listed in index.editions} if index is not None else {}
    known = {edition: from_micros(at) for edition, at in opened.items()}
    # an edition that neither the tables nor the index know is taken for new: what it ends at stays
    return {**dict.fromkeys(needed_times(index), work.opened), **said, **known, work.edition: work.opened}


def _written(folder: Path, kind: Literal["delta", "rollup"], span: Span, epoch: int, rows: Delta) -> FeedFile:
    parts = (write_list(folder, rows.records),) if len(rows.records) else ()
    return FeedFile(kind, span.from_, span.to, epoch, parts, _exceptions_file(folder, rows.exceptions))


def _exceptions_file(folder: Path, exceptions: Records) -> tuple[FeedPart, ...]:
    return (write_exceptions(folder, exceptions),) if len(exceptions) else ()


def _rolled_up(work: Round, recipient: Recipient, index: FeedIndex, span: Span, newest: Delta) -> Delta:
    """All change sets from an earlier edition on, and the newest one, as one."""
    sets = FeedIndex(
        recipient=index.recipient, algorithm=index.algorithm, epoch=index.epoch, newest=index.newest,
        files=tuple(file for file in index.files if file.kind != "full"),
    )
    scratch = work.folder / "rollup"
    scratch.mkdir(exist_ok=True)
    try:
        path = editions.cheapest_path(sets, editions.Edition(span.from_))
        bring.fetch(ShelfSource(work.registry.shelf, recipient.party), path, scratch)
        before = bring.change_set(path, scratch)
    except FeedError:
        return work.told(
            changes.load(work.registry.store, work.registry.keys, after=span.from_, upto=span.to), recipient,
            index.epoch,
        )
    return Delta(
        editions.compose([before.records, newest.records]), editions.compose([before.exceptions, newest.exceptions])
    )


def _full(work: Round, recipient: Recipient, epoch: int, folder: Path) -> tuple[FeedFile, FeedEdition]:
    """The full list at this round's edition, and what it holds."""
    registry = work.registry
    scratch = work.folder / "base"
    scratch.mkdir(exist_ok=True)
    parts = work.base(scratch)
    with rolling.files(registry, parts, scratch) as base:
        made: FullList = build_full(
            base, folder, at_rest=registry.keys.at_rest, key=registry.keys.list_key(recipient.party, epoch),
            algorithm=registry.settings.publish.algorithm,
            carriers=recipient.carriers,
            rows_per_part=registry.settings.publish.rows_per_part,
        )
    if recipient.sandbox:
        key, algorithm = registry.keys.list_key(recipient.party, epoch), registry.settings.publish.algorithm
        made = sandbox.full(work.edition, folder, key, algorithm)
    told = work.told(work.exceptions(), recipient, epoch).exceptions
    exceptions = told[~editions.removes(told)]
    entry = FeedEdition(
        work.edition, made.entries, made.content_root.hex(), len(exceptions),
        editions.exceptions_root(exceptions).hex(), work.opened, epoch,
    )
    return FeedFile("full", 0, work.edition, epoch, made.parts, _exceptions_file(folder, exceptions)), entry


def _entry(work: Round, state: State, epoch: int) -> FeedEdition:
    return FeedEdition(
        work.edition, state.entries, state.content_root, state.exceptions, state.exceptions_root, work.opened, epoch
    )


def _roots(entry: FeedEdition) -> tuple[int, str, int, str]:
    return entry.entries, entry.content_root, entry.exceptions, entry.exceptions_root


def _index(
    work: Round, recipient: Recipient, plan: Plan, index: FeedIndex | None, files: Sequence[FeedFile],
    entry: FeedEdition, delta: Delta | None,
) -> FeedIndex:
    """The next feed.json: the files that stay and the new ones, and what the list holds where each of them ends."""
    registry = work.registry
    listed = (*plan.keep, *files)
    wanted = editions.editions_to_list(listed, work.edition)
    before = index.editions if index is not None else ()
    kept = tuple(e for e in before if (e.edition, e.epoch) in wanted and e.edition != entry.edition)
    return FeedIndex(
        recipient=recipient.party,
        algorithm=registry.settings.publish.algorithm,
        epoch=entry.epoch,
        newest=work.edition,
        files=listed,
        editions=(*kept, entry),
        resellers=recipient.resellers,
        parties=_parties(work, recipient, entry.epoch, plan, index, delta),
    )


def _parties(
    work: Round, recipient: Recipient, epoch: int, plan: Plan, index: FeedIndex | None, delta: Delta | None
) -> dict[int, str]:
    """The parties that exceptions of this feed speak of, by ordinal; a full list begins to count anew."""
    known = sandbox.ordinals() if recipient.sandbox else work.registry.store.feeds.ordinals()
    anew = plan.full or delta is None
    exceptions = (work.told(work.exceptions(), recipient, epoch) if anew or delta is None else delta).exceptions
    named = set(np.unique(exceptions["party"]).tolist())
    if index is not None and not plan.full:
        named |= set(index.parties)
    return {ordinal: known[ordinal] for ordinal in sorted(named) if ordinal in known}
