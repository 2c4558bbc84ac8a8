"""Parts of call lists as they arrive: stored, noted, and put in the place of those that were sent before.

Rules of this room: what was noted is what lies there, whoever sends the same part at the same time, and what comes
after the submission changes nothing: each arrival is a file of its own, and the row that is written last says which one
counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from registry import scrubfiles, scrubjobs
from registry.naming import new_id
from registry.scrubfiles import file_of, part_name
from registry.scrubjobs import Part, ScrubJob

if TYPE_CHECKING:
    from registry.interfaces import Shelf
    from registry.keys import KeyRing
    from registry.store import Store


def receive(
    store: Store, shelf: Shelf, keys: KeyRing, work: Path, *, job: ScrubJob, part: int, source: Iterable[bytes],
    length: int | None, most: int, sha256: str | None = None,
) -> Part:
    """Take a part in, whole or not at all. Raises as `scrubfiles.store_part` and `scrubjobs.add_part`."""
    name = f"{part_name(job.scrub, part)}-{new_id()}"
    size, digest = scrubfiles.store_part(
        shelf, keys, work, name=name, source=source, length=length, most=most, sha256=sha256
    )
    taken = Part(part, size, digest, name)
    try:
        before = scrubjobs.add_part(store, job=job, part=taken)
    except BaseException:
        shelf.delete(name)
        raise
    if before is not None:
        shelf.delete(file_of(job.scrub, before))
    return taken
