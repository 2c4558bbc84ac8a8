"""What a party may do with a scrub it had: have the same call list checked again, have its files deleted at once.

Rules of this room: a scrub that is made again is a scrub of its own, with a copy of the call list sealed for it; who
deletes needs no files to be there, and what was counted stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from registry import audit, scrubfiles, scrubjobs
from registry.errors import ConflictError, NotFoundError
from registry.outside.sealedfile import SealedReader
from registry.scrubfiles import file_of, key_of
from registry.scrubjobs import ENDED, ScrubJob
from registry.scrubparts import receive

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock, Shelf
    from registry.keys import KeyRing
    from registry.settings import ScrubSettings
    from registry.store import Store

_PIECE = 1 << 20


def again(
    store: Store, clock: Clock, settings: ScrubSettings, shelf: Shelf, keys: KeyRing, work: Path, *, actor: Actor,
    job: ScrubJob, idempotency: str = "", submit: bool = True,
) -> ScrubJob:
    """Have the call list of a scrub checked again, for the same kind of contact, as things stand now.

    Without `submit` it is not sent off: what it is asked for may be changed first (`scrubasks`).
    Raises as `scrubjobs.begin`, ConflictError not_submitted, NotFoundError call_list_deleted.
    """
    if job.state == "uploading":
        raise ConflictError("This scrub was not submitted yet.", code="not_submitted")
    parts = store.scrub_jobs.parts(job.scrub)
    if not parts:
        raise _deleted()
    made = scrubjobs.begin(
        store, clock, settings, actor=actor, ask=replace(job.ask, at=None), name=job.name, origin=job.origin,
        idempotency=idempotency, again=job.scrub,
    )
    if made.state != "uploading":
        return made
    for part in parts:
        name = file_of(job.scrub, part)
        try:
            with shelf.open(name) as file:
                receive(
                    store, shelf, keys, work, job=made, part=part.part, source=_pieces(file, key_of(keys, name)),
                    length=part.size, most=part.size, sha256=part.sha256,
                )
        except NotFoundError:
            scrubjobs.cancel(store, clock, job=made, actor=actor)
            raise _deleted() from None
    if job.keep:
        with store.writing(about=f"scrub {made.scrub}"):
            store.scrub_jobs.change(made.scrub, states=("uploading",), keep=1)
    return scrubjobs.submit(store, clock, settings, job=made) if submit else made


def delete(store: Store, clock: Clock, shelf: Shelf, *, job: ScrubJob, actor: Actor) -> None:
    """Stop a scrub where it has not ended, else delete its call list and result at once. Twice is once."""
    if job.state == "deleted":
        return
    if job.state not in ENDED:
        scrubjobs.cancel(store, clock, job=job, actor=actor)
        if job.state == "running":
            return  # the clockwork deletes what a stopped scrub leaves
    with store.writing(about=f"scrub {job.scrub}"):
        if store.scrub_jobs.change(job.scrub, states=ENDED, state="deleted", result=""):
            store.scrub_jobs.forget_parts(job.scrub)
            audit.append(store, clock, actor=actor.name, action="scrub_deleted", subject=f"scrub:{job.scrub}")
    scrubfiles.delete(shelf, job.scrub)


def _pieces(file: IO[bytes], key: bytes) -> Iterator[bytes]:
    reader = SealedReader(file, key)
    while piece := reader.read(_PIECE):
        yield piece


def _deleted() -> NotFoundError:
    return NotFoundError("The call list was deleted; its time was over.", code="call_list_deleted")
