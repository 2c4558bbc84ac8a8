"""Reminders: the answers to a campaign's call list end soon, and have to be asked for again.

Rules of this room: of each campaign, list and kind of contact only the last scrub counts; who checked it again needs no
reminder, and nobody is told twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from registry.times import iso, to_micros
from registry.webhook_events import SCRUB_EXPIRING, emit

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.scrubjobs import ScrubJob
    from registry.settings import ScrubSettings
    from registry.store import Store

_AT_ONCE = 200


def due_reminders(
    store: Store, clock: Clock, settings: ScrubSettings, *, party: str
) -> tuple[ScrubJob, ...]:
    """A party's scrubs whose answers end soon and that were not made again, the first to end first."""
    now = clock.now()
    with store.reading():
        found = store.scrub_jobs.of_party(party, before=to_micros(now) + 1, limit=_AT_ONCE)
        ending = [job for job in found if not job.sandbox and _is_due(job, now, settings)]
        return tuple(sorted(
            (job for job in ending if not store.scrub_jobs.repeated(job)), key=lambda job: job.valid_until or now
        ))  # fmt: skip


def remind(store: Store, clock: Clock, settings: ScrubSettings) -> int:
    """Tell parties' endpoints of answers that end soon, of each once; how many were told of."""
    now, told = clock.now(), 0
    soon = now + timedelta(days=settings.remind_days)
    with store.reading():
        ending = store.scrub_jobs.ending(after=to_micros(now), until=to_micros(soon), limit=_AT_ONCE)
    for job in ending:
        if not _is_due(job, now, settings):
            continue
        with store.writing(about=f"scrub {job.scrub}"):
            if not store.scrub_jobs.change(job.scrub, states=(job.state,), reminded=1):
                continue
            if not store.scrub_jobs.repeated(job):
                told += 1
                ends = iso(job.valid_until) if job.valid_until is not None else ""
                data = {"scrub": job.scrub, "campaign": job.ask.campaign, "valid_until": ends}
                emit(store, clock, type=SCRUB_EXPIRING, party=job.party, data=data)
    return told


def _is_due(job: ScrubJob, now: datetime, settings: ScrubSettings) -> bool:
    """Whether its answers end within the days of the setting, and in the second half of their time."""
    if job.valid_until is None or job.finished is None or job.state not in ("done", "deleted"):
        return False
    before = min(timedelta(days=settings.remind_days), (job.valid_until - job.finished) / 2)
    return job.valid_until - before <= now < job.valid_until
