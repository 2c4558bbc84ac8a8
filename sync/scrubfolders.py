"""The private folders in which scrubs are worked on, one for each attempt, and what is left of those that were killed.

Rules of this room: a folder goes with its attempt; what lies in it is sealed, or holds sealed numbers only.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from registry.outside.shelf import refused

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.scrubjobs import ScrubJob

_FOLDER = "scrub-"
_STALE_S = 86_400  # an upload takes no longer


@contextmanager
def folder_of(registry: Registry, job: ScrubJob) -> Iterator[Path]:
    """A private folder for one attempt. Raises UnavailableError where it cannot be made."""
    folder = registry.instance / "work" / f"{_FOLDER}{job.scrub}-{job.attempts}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise refused(error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tidy(registry: Registry) -> int:
    """Delete what killed workers and broken uploads left in the folder for work here; how many."""
    deleted, old = 0, time.time() - _STALE_S
    work = registry.instance / "work"
    for place in sorted(work.glob(f"{_FOLDER}*")) if work.is_dir() else ():
        scrub, _, attempt = place.name.removeprefix(_FOLDER).rpartition("-")
        job = registry.store.scrub_jobs.job(scrub) if place.is_dir() else None
        if job is not None and (job.state, str(job.attempts)) == ("running", attempt):
            continue
        with suppress(OSError):  # whoever else deletes it is right
            if place.is_dir():
                shutil.rmtree(place)
            elif place.stat().st_mtime < old:
                place.unlink()
            else:
                continue
            deleted += 1
    return deleted
