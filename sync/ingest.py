"""The pull job: carriers' reports from their inbox folders and HTTP outboxes, taken in like those they push.

Rules of this room: a party that is not active is left alone; one party's trouble is nobody else's; running it twice at
once does no row twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from registry.reports import Intake
from registry.times import to_micros
from sync.inbox import party_folders, take_folder
from sync.outbox import take_outbox

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.report_rows import Kind
    from registry.store.reports import Outbox


def _nothing() -> None:
    """Keeps no lease."""


def ingest_due(registry: Registry, keep: Callable[[], None] = _nothing) -> dict[str, int]:
    """Take in what lies in all inboxes and what outboxes that are due have; the counts, by name.

    Counts: files, pages, rows, accepted, duplicates, quarantined, refused (files), failed (folders and outboxes).
    `keep` is called now and then, to renew a lease; what it raises stops the job, and the next one goes on there.
    Raises UnavailableError where the database does not serve.
    """
    counts: Counter[str] = Counter()
    active = {party.party for party in registry.store.parties.all() if party.state == "active"}
    country = registry.settings.numbers.country
    boxes = {box.source: box for box in registry.store.reports.outboxes()}
    for folder in party_folders(registry.instance / "inbox"):
        if folder.name not in active:
            continue
        kind = _kind(boxes.get(folder.name))
        try:
            _count(counts, "files", "refused", take_folder(registry, folder, kind=kind, country=country, keep=keep))
        except OSError:  # a folder that can't be read or written; what was picked up stays picked up
            counts["failed"] += 1
    now = to_micros(registry.clock.now())
    for box in boxes.values():
        if box.address and box.next <= now and box.source in active:
            _count(counts, "pages", "failed", take_outbox(registry, box, country=country, keep=keep))
            keep()
    return dict(counts)


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
