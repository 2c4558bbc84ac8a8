"""Evidence that people send with a report: pictures and sounds on the shelf, sealed, for the regulator's eyes alone.

Rules of this room:
- At most `MOST_BYTES` each and `MOST_FILES` a report; a type is told by content, what tells of place and device goes
  out (`evidencetypes`); the name that the sender gave a file is not kept at all, nor ever used.
- In memory while it comes, sealed from then on, under a key of its own; no part of it in clear on any disk.
- A look at it by the regulator stands in the audit trail; it goes when its report goes (rules 76a, 106).
- The row stands before the file does: what breaks off leaves a row that is not whole, and is swept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from registry import audit
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.evidencetypes import TYPES, cleaned, type_of
from registry.naming import new_id
from registry.outside.sealedfile import SealedReader
from registry.scrubfiles import key_of, sealed_at
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from pathlib import Path

    from registry.access import Actor
    from registry.handling import Handling
    from registry.interfaces import Clock, Shelf
    from registry.keys import KeyRing
    from registry.store import Store

MOST_BYTES = 10 * 1024 * 1024
MOST_FILES = 5
_UNFINISHED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file of evidence: `type` as in HTTP, size and SHA-256 of what is kept."""

    file: str
    type: str
    bytes: int
    sha256: str
    at: datetime

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture; a sound otherwise."""
        return self.type.startswith("image/")

    @property
    def name(self) -> str:
        """The name under which it is handed out: ours, never the sender's."""
        return f"evidence-{self.file}.{TYPES[self.type]}"


def files_of(store: Store, found: Handling) -> tuple[EvidenceFile, ...]:
    """The evidence of a report, in the order in which it came."""
    rows = store.peoples_reports.files(found.source, found.source_id)
    return tuple(
        EvidenceFile(row["file"], row["type"], row["bytes"], row["sha256"], from_micros(row["at"])) for row in rows
    )


def add(
    store: Store, keys: KeyRing, clock: Clock, shelf: Shelf, work: Path, *, found: Handling, source: Iterable[bytes]
) -> EvidenceFile:
    """Take a file in for a report; the same file again is the one that is there.

    Raises InvalidInputError evidence_empty, evidence_too_large, evidence_type, evidence_broken, ConflictError
    evidence_full, report_closed.
    """
    held = bytearray()
    for piece in source:
        held += piece
        if len(held) > MOST_BYTES:
            raise InvalidInputError("A file of evidence has at most 10 MB.", code="evidence_too_large")
    if not held:
        raise InvalidInputError("The file is empty.", code="evidence_empty")
    type_ = type_of(bytes(held[: 64 * 1024]))
    if not type_:
        detail = "Evidence is a picture (JPEG, PNG, WebP, GIF) or a sound (MP3, M4A, AAC, AMR, WAV, OGG)."
        raise InvalidInputError(detail, code="evidence_type")
    content = cleaned(bytes(held), type_)
    del held
    made = EvidenceFile(
        new_id(20), type_, len(content), hashlib.sha256(content).hexdigest(),
        clock.now(),
    )  # fmt: skip
    with store.writing(about=f"evidence {found.reference}"):
        for there in files_of(store, found):
            if there.sha256 == made.sha256:
                return there
        if found.state == "closed":
            raise ConflictError("The report is closed.", code="report_closed")
        if store.peoples_reports.count_files(found.source, found.source_id) >= MOST_FILES:
            raise ConflictError("A report has at most five files of evidence.", code="evidence_full")
        store.peoples_reports.add_file(
            file=made.file, source=found.source, source_id=found.source_id, type=made.type, bytes=made.bytes,
            sha256=made.sha256, at=to_micros(made.at), whole=0,
        )
    name = _place(made.file)
    with sealed_at(work, key_of(keys, name)) as (path, writer):
        writer.write(content)
        writer.close()
        shelf.put(name, path)
    with store.writing(about=f"evidence {found.reference}"):
        store.peoples_reports.arrived(made.file)
    return made


def content_of(
    store: Store, keys: KeyRing, clock: Clock, shelf: Shelf, *, found: Handling, file: str, actor: Actor
) -> tuple[EvidenceFile, bytes]:
    """A file of evidence; that the regulator looked at it is written down first, the sender's own look is not.

    Raises NotFoundError no_such_file, also for a file of another report.
    """
    made = next((each for each in files_of(store, found) if each.file == file), None)
    if made is None:
        raise NotFoundError("There is no such file.", code="no_such_file")
    if actor.kind != "person":
        with store.writing(about="audit"):
            audit.append(
                store, clock, actor=actor.name, action="evidence_seen", subject=f"report:{found.reference}",
                detail={"file": made.file},
            )  # fmt: skip
    name = _place(made.file)
    with shelf.open(name) as sealed:
        reader = SealedReader(sealed, key_of(keys, name))
        return made, reader.read()


def purge(store: Store, clock: Clock, shelf: Shelf, *, most: int = 1000) -> int:
    """Erase evidence whose report is gone, or that broke off on its way; how many files. The file goes first."""
    before, erased = to_micros(clock.now() - _UNFINISHED), 0
    while due := store.peoples_reports.files_over(unfinished_before=before, most=most):
        for file in due:
            shelf.delete(_place(file))
        with store.writing(about="evidence purge"):
            for file in due:
                store.peoples_reports.forget_file(file)
        erased += len(due)
    return erased


def _place(file: str) -> str:
    """Where a file lies on the shelf, which no site serves."""
    return f"evidence/{file}"
