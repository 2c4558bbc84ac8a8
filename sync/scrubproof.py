"""What the receipt of a scrub says: who asked, for whom and for what, and what came in and went out.

Rules of this room: leaves are kept for as long as reports are, so that a report about a call can be judged by them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from registry.errors import NotFoundError
from registry.organisations import organisation_of, principal_of
from registry.receiptforms import Facts, Organisation, Stream
from registry.scrubjobs import verdicts_of

if TYPE_CHECKING:
    from datetime import datetime

    from registry.assembly import Registry
    from registry.parties import Party
    from registry.scrubjobs import ScrubJob
    from registry.scrubwork import Done


def facts_of(registry: Registry, job: ScrubJob, party: Party, done: Done, at: datetime) -> Facts:
    """The facts of a scrub that was answered for a moment."""
    kept = timedelta(days=registry.rulebooks.at(registry.clock.now()).retention.reports)
    own = organisation_of(registry.store, party.party)
    return Facts(
        job.scrub,
        Organisation(party.party, party.name_zh, party.name_en, str(own.company) if own is not None else ""),
        job.ask.campaign, job.ask.channel.slug, job.ask.category.slug, at, done.valid_until, done.edition,
        done.rulebook, Stream(done.input_sha256, job.size), Stream(done.result_sha256, done.result_size), done.lines,
        verdicts_of(done.counts), _principal(registry, job), job.sandbox, max(done.valid_until, at + kept),
    )  # fmt: skip


def _principal(registry: Registry, job: ScrubJob) -> Organisation | None:
    if not job.ask.on_behalf:
        return None
    try:
        found = principal_of(registry.store, job.party, job.ask.on_behalf)
    except NotFoundError:
        return Organisation(job.ask.on_behalf)
    return Organisation(found.principal, found.name, "", str(found.company))
