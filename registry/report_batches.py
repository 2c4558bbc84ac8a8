"""Batches of report rows: one body that a source sends, which may be sent again under the same idempotency key.

Rules of this room: a batch remembers how many of its rows are stored and a keyed digest of their text; the same body
goes on after them or is answered again, another body under the same key is refused.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from registry.errors import ConflictError
from registry.keys import FIRST_EPOCH
from registry.naming import new_id
from registry.readers.rows import Row, Unreadable
from registry.times import to_micros
from registry.webhook_events import QUARANTINE_ADDED, REPORT_JUDGED, emit

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.store import Store
    from registry.store.engine import Row as StoredRow


@dataclass
class Answer:
    """What a batch keeps beside its counts, as JSON: digests of what was read, and the tallies."""

    first_rows: int = 0  # how many rows `first` is the digest of
    first: str = ""
    digest: str = ""
    verdicts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    encoding: str = ""
    cut: str = ""

    def encoded(self) -> str:
        """The JSON that is stored."""
        return msgspec.json.encode(self).decode()


@dataclass
class Batch:
    """A batch while it runs. `done`: rows stored before; `closed`: all of it was; `position`: rows gone through now."""

    name: str
    done: int
    closed: bool
    answer: Answer
    hash: Any
    position: int = 0
    about: str = "reports"

    def digest(self) -> str:
        """The digest of all rows gone through so far."""
        return str(self.hash.copy().hexdigest())

    def read(self, chunk: list[Row | Unreadable]) -> None:
        """Go through further rows."""
        for row in chunk:
            self.hash.update(b"%d:" % len(row.raw))
            self.hash.update(row.raw)
        self.position += len(chunk)

    def count(self, verdicts: Counter[str], reasons: Counter[str]) -> None:
        """Tally the chunk that was gone through last."""
        answer = self.answer
        answer.verdicts = dict(Counter(answer.verdicts) + verdicts)
        answer.reasons = dict(Counter(answer.reasons) + reasons)
        answer.digest = self.digest()
        if not answer.first:
            answer.first_rows, answer.first = self.position, answer.digest

    def must_be(self, digest: str) -> None:
        """Raises ConflictError idempotency_reused where what was gone through is not what the key was used for."""
        if digest != self.digest():
            raise ConflictError(
                "This idempotency key was used for other content. Send new content under a new key.",
                code="idempotency_reused",
            )


def begin(
    store: Store, keys: KeyRing, clock: Clock, *, source: str, idempotency: str | None, origin: str,
    about: str = "reports",
) -> Batch:
    """The batch of a source's idempotency key, or a new one. The key is kept as a keyed hash: it may hold a number."""
    own = keys.derive("at-rest", "report-rows", FIRST_EPOCH)
    digest = hashlib.blake2b(key=own, digest_size=16)
    kept = None
    if idempotency:
        text = idempotency if about == "reports" else f"{about} {idempotency}"  # each kind of rows has keys of its own
        kept = hashlib.blake2b(text.encode(), key=own, person=b"idempotency").hexdigest()
    with store.writing(about=f"{about} {source}"):
        found = store.reports.batch_of(source, kept) if kept else None
        if found and found["state"] != "refused":
            answer = msgspec.json.decode(found["answer"], type=Answer) if found["answer"] else Answer()
            return Batch(found["batch"], found["rows"], found["state"] == "done", answer, digest, about=about)
        if found:
            store.reports.forget_batch(source, found["batch"])
        name = new_id()
        store.reports.open_batch(
            source=source, batch=name, idempotency=kept, origin=origin, started=to_micros(clock.now()),
            about=about,
        )  # fmt: skip
    return Batch(name, 0, False, Answer(), digest, about=about)


def chunks(rows: Iterable[Row | Unreadable], batch: Batch, most: int) -> Iterator[list[Row | Unreadable]]:
    """Rows in chunks of at most `most`, none of which lies on both sides of what was done before."""
    source = iter(rows)
    while chunk := list(itertools.islice(source, most)):
        ahead = batch.done - batch.position
        if 0 < ahead < len(chunk):
            yield chunk[:ahead]
            yield chunk[ahead:]
        else:
            yield chunk


def close(store: Store, clock: Clock, *, source: str, batch: Batch, state: str) -> None:
    """End a batch that is open: done (its source is told), or refused as a whole (then its key may be used again)."""
    with store.writing(about=f"{batch.about} {source}"):
        closed = store.reports.close_batch(
            source=source, batch=batch.name, state=state, finished=to_micros(clock.now()),
            answer=batch.answer.encoded(),
        )  # fmt: skip
        row = store.reports.batch(source, batch.name) if closed and state == "done" else None
        if row and row["rows"]:
            _tell(store, clock, source, batch, row)


def _tell(store: Store, clock: Clock, source: str, batch: Batch, row: StoredRow) -> None:
    """Write what a source is told of a whole batch: counts, however many rows it had."""
    counts = {name: row[name] for name in ("rows", "accepted", "duplicates", "quarantined")}
    judged = {"batch": batch.name, "origin": row["origin"], **counts, "verdicts": batch.answer.verdicts}
    if batch.about == "reports":
        emit(store, clock, type=REPORT_JUDGED, party=source, data=judged)
    if row["quarantined"]:
        held = {"batch": batch.name, "rows": row["quarantined"], "reasons": batch.answer.reasons}
        emit(store, clock, type=QUARANTINE_ADDED, party=source, data=held)
