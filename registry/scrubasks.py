"""What a scrub is asked for, said after its call list came: on a page one sees the columns before one chooses.

Rules of this room: as in `scrubjobs`; once submitted, a scrub is asked for what it is asked for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from registry import scrubjobs
from registry.organisations import must_act_for
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.scrubjobs import Ask, ScrubJob
    from registry.settings import ScrubSettings
    from registry.store import Store


def wait_for_ask(store: Store, clock: Clock, settings: ScrubSettings, *, job: ScrubJob) -> None:
    """A list that came waits so long to be asked for as a result is kept; a list that nobody asks for is soon gone."""
    expires = clock.now() + timedelta(hours=settings.kept_hours)
    with store.writing(about=f"scrub {job.scrub}"):
        store.scrub_jobs.change(job.scrub, states=("uploading",), expires=to_micros(expires))


def ask_for(
    store: Store, clock: Clock, settings: ScrubSettings, *, job: ScrubJob, ask: Ask, found: str = "",
    keep: bool = False,
) -> ScrubJob:
    """Say what a scrub whose list came is to be asked for, how the list is laid out (`calllist.stored`), and whether
    its files are kept while its answers hold.

    Raises as `scrubjobs.tidied`, and ConflictError not_uploading, InvalidInputError bad_on_behalf.
    """
    ask = scrubjobs.tidied(ask, clock.now())
    if ask.on_behalf:
        must_act_for(store, job.party, ask.on_behalf, at=ask.at or clock.now())
    with store.writing(about=f"scrub {job.scrub}"):
        scrubjobs.must_be(store, job.scrub, "uploading")
        store.scrub_jobs.change(
            job.scrub, states=("uploading",), channel=int(ask.channel), category=int(ask.category),
            campaign=ask.campaign, on_behalf=ask.on_behalf, at=to_micros(ask.at) if ask.at else 0,
            country=ask.country, wanted=ask.wanted, found=found, keep=int(keep),
            expires=to_micros(job.created + timedelta(days=settings.kept_days)),
        )
    return scrubjobs.job_of(store, party=job.party, scrub=job.scrub)
