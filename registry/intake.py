"""Rows of any kind on their way in, in batches: each stored once, counted as a duplicate, or quarantined.

Rules of this room:
- No row vanishes: rows in = accepted + duplicates + quarantined, also after a crash between two chunks.
- A row is unique by its source and the source's own id; a quarantined row by its source and its text.
- A chunk is one transaction together with the batch's counts; who sends the same body again under the same idempotency
  key goes on where it stopped, and gets the same answers for what was done.
- What rows are about is the desk's matter: it reads them, judges them before the chunk's transaction begins, so that
  writers wait for the writing alone, and stores them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from registry.batch_results import ranges_of
from registry.errors import ConflictError, InvalidInputError
from registry.readers.rows import Progress, Row, Unreadable
from registry.report_batches import Batch, begin, chunks, close
from registry.report_rows import Refusal
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.store import Store

Outcome = Literal["accepted", "duplicate", "quarantined"]


class Entry(Protocol):
    """A row as a desk has read it: what it says, or the refusal; `name` stands for its text, `kept_id` for its id."""

    line: int
    row: Row | Unreadable
    id: str
    refusal: Refusal | None
    name: str
    kept_id: str


class Judged(Protocol):
    """What a desk found about a row it accepts; `verdict` is the word by which accepted rows are counted."""

    @property
    def verdict(self) -> str:
        """The word."""


E = TypeVar("E", bound=Entry)
V = TypeVar("V", bound=Judged)


class Reading(Protocol[E]):
    """How a desk reads rows, names their texts, and keeps them sealed."""

    def entries(self, rows: Sequence[Row | Unreadable], now: int) -> list[E]:
        """The entries of rows, in their order. `now` is Micros."""

    def name(self, raw: bytes) -> str:
        """The name of a row's text."""

    def sealed_row(self, row: Row | Unreadable) -> bytes:
        """A row as quarantine keeps it."""


class Desk(Protocol, Generic[E, V]):
    """Where rows of one kind (`about`) from one source are worked on."""

    @property
    def store(self) -> Store:
        """Where everything lies."""

    @property
    def keys(self) -> KeyRing:
        """The keys that ids and texts are kept under."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def source(self) -> str:
        """The party that sends."""

    @property
    def about(self) -> str:
        """What the rows are: `reports`, `number-events`."""

    @property
    def reading(self) -> Reading[E]:
        """How rows are read."""

    def known(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Rows of the source that are there already, by kept id; `batch` and `line` among their columns."""

    def judge(self, entries: list[E]) -> dict[int, V]:
        """The verdicts by id() of their entries, inside `reading()`; what can't be judged turns into a refused one."""

    def add(self, batch: str, entries: Sequence[E], verdicts: Mapping[int, V], now: datetime) -> None:
        """Store accepted rows, inside `writing()`."""

    def accepted(self, entry: E, verdict: V) -> RowResult:
        """The answer about a row that was accepted now."""

    def stored(self, entry: E, row: Mapping[str, Any]) -> RowResult:
        """The answer about a row that was accepted before, from its columns."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row: `verdict`, `rule`, `rulebook` of an accepted one, `detail` of a quarantined one.

    `reason` is the decision's or the refusal's slug; `quarantine` names the quarantined row. Holds no number but what
    the source put into its own id.
    """

    line: int
    id: str
    result: Outcome
    verdict: str = ""
    reason: str = ""
    rule: str = ""
    rulebook: str = ""
    detail: str = ""
    quarantine: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of a whole batch. `reasons` counts quarantined rows by slug, `verdicts` accepted ones by verdict.

    `cut` says why the file ended early ("" when it did not, see `readers.Progress`); `repeated` that all of it had been
    taken in before under the same idempotency key.
    """

    batch: str
    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    verdicts: dict[str, int]
    reasons: dict[str, int]
    encoding: str = ""
    cut: str = ""
    repeated: bool = False


def stream(
    desk: Desk[E, V], rows: Iterable[Row | Unreadable], *, format: str, idempotency: str | None, origin: str, most: int
) -> Iterator[RowResult | Intake]:
    """Take rows in while they arrive: one RowResult each, in their order, and the Intake last; `most` in a chunk.

    `rows` may be a `readers.Rows`, whose progress is then kept. Nothing of a chunk is answered before it is stored.
    Raises ConflictError (idempotency_reused, batch_in_progress) and whatever reading the rows raises; chunks before
    that stay, and the batch can be continued under its idempotency key.
    """
    store, clock, source = desk.store, desk.clock, desk.source
    progress = getattr(rows, "progress", None) or Progress(format)
    batch = begin(store, desk.keys, clock, source=source, idempotency=idempotency, origin=origin, about=desk.about)
    try:
        for chunk in chunks(rows, batch, most):
            if batch.position < batch.done:
                yield from _replay(desk, batch, chunk)
            else:
                yield from _take(desk, batch, chunk, progress)
    except InvalidInputError:
        if not batch.position and not batch.done:
            close(store, clock, source=source, batch=batch, state="refused")
        raise
    repeated = batch.closed
    if repeated or batch.position < batch.done:
        batch.must_be(batch.answer.digest)
    else:
        batch.answer.encoding, batch.answer.cut = progress.encoding, progress.cut
        batch.answer.digest = batch.digest()
        close(store, clock, source=source, batch=batch, state="done")
    yield _intake(store, source, batch, repeated=repeated)


def last_of(results: Iterable[RowResult | Intake]) -> Intake:
    """Go through what `stream` answers, to its counts."""
    for last in results:
        if isinstance(last, Intake):
            return last
    raise AssertionError("an intake ends with its counts")


# one chunk


def _intake(store: Store, source: str, batch: Batch, *, repeated: bool) -> Intake:
    row, answer = store.reports.batch(source, batch.name), batch.answer
    assert row is not None
    return Intake(
        batch.name, row["rows"], row["accepted"], row["duplicates"], row["quarantined"], answer.verdicts,
        answer.reasons, answer.encoding, answer.cut, repeated,
    )  # fmt: skip


def _replay(desk: Desk[E, V], batch: Batch, chunk: list[Row | Unreadable]) -> Iterator[RowResult]:
    """The answers to rows that were taken in before, read back from what is stored."""
    batch.read(chunk)
    if batch.position == batch.answer.first_rows:
        batch.must_be(batch.answer.first)
    if batch.position == batch.done:
        batch.must_be(batch.answer.digest)
    entries = desk.reading.entries(chunk, to_micros(desk.clock.now()))
    names = [entry.name or desk.reading.name(entry.row.raw) for entry in entries]  # a refusal may no longer hold
    with desk.store.reading():
        known = desk.known([entry.kept_id for entry in entries if entry.id])
        kept = desk.store.reports.known_quarantined(desk.source, names)
    for entry, name in zip(entries, names):
        row, held = known.get(entry.kept_id), kept.get(name)
        if row and (row["batch"], row["line"]) == (batch.name, entry.line):
            yield desk.stored(entry, row)
        elif held and (held["batch"], held["line"]) == (batch.name, entry.line):
            yield _quarantined(entry, name, held["reason"], held["detail"])
        else:
            yield RowResult(entry.line, entry.id, "duplicate")


def _take(desk: Desk[E, V], batch: Batch, chunk: list[Row | Unreadable], progress: Progress) -> Iterator[RowResult]:
    """Judge and store one chunk, then answer."""
    if batch.closed:
        batch.must_be("")
    now = desk.clock.now()
    entries = desk.reading.entries(chunk, to_micros(now))
    with desk.store.reading():
        new, held = _sort(desk, entries)
        verdicts = desk.judge(new)
    fresh = sorted([*new, *held], key=_line)
    after = batch.position
    batch.read(chunk)
    with desk.store.writing(about=f"{desk.about} {desk.source}"):
        new, held = _sort(desk, fresh)  # again, because others may have written since
        desk.add(batch.name, new, verdicts, now)
        desk.store.reports.add_quarantined(
            _held(desk, batch.name, entry, progress.format, now) for entry in held
        )
        batch.count(
            Counter(verdicts[id(entry)].verdict for entry in new),
            Counter(entry.refusal.reason for entry in held if entry.refusal),
        )
        duplicates = len(entries) - len(new) - len(held)
        own = set(map(id, new)) | set(map(id, held))
        desk.store.batch_rows.add_duplicates(
            source=desk.source, batch=batch.name,
            ranges=ranges_of(entry.line for entry in entries if id(entry) not in own),
        )  # fmt: skip
        if not desk.store.reports.advance_batch(
            source=desk.source, batch=batch.name, after=after, accepted=len(new), duplicates=duplicates,
            quarantined=len(held), answer=batch.answer.encoded(),
        ):  # fmt: skip
            raise ConflictError("This batch is being taken in by another request.", code="batch_in_progress")
    taken, refused = set(map(id, new)), set(map(id, held))
    for entry in entries:
        if id(entry) in taken:
            yield desk.accepted(entry, verdicts[id(entry)])
        elif id(entry) in refused:
            assert entry.refusal
            yield _quarantined(entry, entry.name, entry.refusal.reason, entry.refusal.detail)
        else:
            yield RowResult(entry.line, entry.id, "duplicate")


def _sort(desk: Desk[E, V], entries: list[E]) -> tuple[list[E], list[E]]:
    """Entries to accept and entries to quarantine; all others are duplicates."""
    seen = set(desk.known([entry.kept_id for entry in entries if entry.id]))
    names = [entry.name for entry in entries if entry.refusal]
    kept = set(desk.store.reports.known_quarantined(desk.source, names))
    new, held = [], []
    for entry in entries:
        if entry.id and entry.kept_id in seen:
            continue
        if entry.refusal is None:
            seen.add(entry.kept_id)
            new.append(entry)
        elif entry.name not in kept:
            kept.add(entry.name)
            held.append(entry)
    return new, held


def _line(entry: E) -> int:
    return entry.line


def _held(desk: Desk[E, V], batch: str, entry: E, format: str, now: datetime) -> dict[str, Any]:
    assert entry.refusal is not None
    return {
        "source": desk.source, "quarantine": entry.name, "batch": batch, "line": entry.line, "format": format,
        "raw": desk.reading.sealed_row(entry.row), "reason": entry.refusal.reason, "detail": entry.refusal.detail,
        "at": to_micros(now), "state": "open", "resolved": None, "note": "", "about": desk.about,
    }  # fmt: skip


def _quarantined(entry: E, name: str, reason: str, detail: str) -> RowResult:
    return RowResult(entry.line, entry.id, "quarantined", reason=reason, detail=detail, quarantine=name)
