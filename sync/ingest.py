"""The pull job: carriers' reports from their inbox folders and HTTP outboxes, taken in like those they push.

Rules of this room: a party that is not active is left alone; each source has a lease of its own, so that any number of
clockworks share them and no slow or failing carrier delays another; running it twice at once does no row twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from registry.outside.guarded import Resolve, resolved
from registry.reports import Intake
from registry.times import to_micros
from sync.inbox import forget, has_work, party_folders, take_folder
from sync.outbox import take_outbox
from sync.sharing import Due, Shared, summed

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.report_rows import Kind
    from registry.store.reports import Outbox

Keep = Callable[[], None]


def _nothing() -> None:
    """Keeps no lease."""


def ingest_due(registry: Registry, keep: Keep = _nothing, resolve: Resolve = resolved) -> dict[str, int]:
    """Take in what lies in all inboxes and what outboxes that are due have; the counts, by name.

    Counts: files, pages, rows, accepted, duplicates, quarantined, refused (files), failed (folders and outboxes).
    `keep` is called now and then, to renew a lease; what it raises stops the job, and the next one goes on there.
    Raises UnavailableError where the database does not serve.
    """
    for folder in party_folders(registry.instance / "inbox"):
        try:
            forget(folder, time.time())
        except OSError:  # what can't be deleted now is deleted another time
            continue
    shared = Shared(
        registry, "source", lambda: _due(registry), lambda name, held: take_source(registry, name, held, resolve),
        threads=registry.settings.outboxes.threads, again_s=registry.settings.jobs.ingest_s, keep=keep,
    )  # fmt: skip
    return summed(shared.run())


def _due(registry: Registry) -> Iterator[Due]:
    """Active sources whose folder holds files or whose outbox is to be asked now."""
    now = to_micros(registry.clock.now())
    boxes = {box.source: box for box in registry.store.reports.outboxes()}
    folders = {folder.name: folder for folder in party_folders(registry.instance / "inbox")}
    for party in registry.store.parties.all():
        if party.state != "active":
            continue
        box, folder = boxes.get(party.party), folders.get(party.party)
        asked = box is not None and bool(box.address) and box.next <= now
        if asked or (folder is not None and _may_have_work(folder)):
            yield Due(party.party, slow=box is not None and box.failures > 0)


def _may_have_work(folder: Path) -> bool:
    try:
        return has_work(folder)
    except OSError:
        return True  # it can't be read, which is counted where it is taken in


def take_source(registry: Registry, name: str, keep: Keep, resolve: Resolve = resolved) -> Counter[str]:
    """Take in what one source has, from its folder and its outbox; call it under the lease of that source."""
    counts: Counter[str] = Counter()
    country = registry.settings.numbers.country
    box = registry.store.reports.outbox(name)
    folder = next((each for each in party_folders(registry.instance / "inbox") if each.name == name), None)
    if folder is not None:
        try:
            taken = take_folder(registry, folder, kind=_kind(box), country=country, keep=keep)
            _count(counts, "files", "refused", taken)
        except OSError:  # a folder that can't be read or written; what was picked up stays picked up
            counts["failed"] += 1
    if box is not None and box.address and box.next <= to_micros(registry.clock.now()):
        pages = take_outbox(registry, box, country=country, keep=keep, resolve=resolve)
        _count(counts, "pages", "failed", pages)
    return counts


def _count(counts: Counter[str], good: str, bad: str, outcomes: Iterable[Intake | Exception]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Intake):
            counts[good] += 1
            for name in ("rows", "accepted", "duplicates", "quarantined"):
                counts[name] += getattr(outcome, name)
        else:
            counts[bad] += 1


def _kind(box: Outbox | None) -> Kind:
    return "ftc" if box and box.kind == "ftc" else "carrier"
