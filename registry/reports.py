"""Reports of calls and messages: taken in row by row, judged, stored or quarantined, and answered about.

Rules of this room:
- No row vanishes: rows in = accepted + duplicates + quarantined, also after a crash between two chunks.
- A report is unique by its source and the source's own id; a quarantined row by its source and its text.
- A chunk is one transaction together with the batch's counts; who sends the same body again under the same idempotency
  key goes on where it stopped, and gets the same answers for what was done.
- Verdicts are found before the chunk's transaction begins, so that writers wait for the writing alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from registry.batch_results import ranges_of
from registry.errors import ConflictError, InvalidInputError
from registry.judging import Verdict, judge
from registry.limits import Limit, spend_inside, subject_of
from registry.logs import without_numbers
from registry.readers.rows import Progress, Row, Unreadable
from registry.report_batches import Batch, begin, chunks, close
from registry.report_entries import Entry, Reading
from registry.report_rows import Kind, Refusal
from registry.times import to_micros
from registry.webhook_events import REPORT_JUDGED, emit

if TYPE_CHECKING:
    from datetime import datetime

    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.rulebook import Rulebooks
    from registry.sealing import SealedNumber
    from registry.store import Store

CHUNK = 2000
REPORTS_A_DAY = 50  # of one person; who sends more is a program
_DAY_S = 86_400
Outcome = Literal["accepted", "duplicate", "quarantined"]


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


@dataclass(frozen=True)
class _Desk:
    """Where one batch is worked on: the collaborators and what stays the same for all its chunks."""

    store: Store
    keys: KeyRing
    clock: Clock
    plan: NumberPlan
    rulebooks: Rulebooks
    source: str
    kind: Kind
    reporter: SealedNumber | None
    reading: Reading


def stream_in(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, rulebooks: Rulebooks, *, source: str, kind: Kind,
    rows: Iterable[Row | Unreadable], format: str = "", country: str = "CN", idempotency: str | None = None,
    origin: str = "api", reporter: SealedNumber | None = None,
) -> Iterator[RowResult | Intake]:
    """Take rows in while they arrive: one RowResult each, in their order, and the Intake last.

    `source` is the party that reports; rows of kind ftc name no called number and count towards the caller only.
    `rows` may be a `readers.Rows`, whose progress is then kept. Nothing of a chunk is answered before it is stored.
    Raises ConflictError (idempotency_reused, batch_in_progress) and whatever reading the rows raises; chunks before
    that stay, and the batch can be continued under its idempotency key.
    """  # fmt: skip
    progress = getattr(rows, "progress", None) or Progress(format)
    reading = Reading(plan=plan, kind=kind, country=country, keys=keys)
    desk = _Desk(store, keys, clock, plan, rulebooks, source, kind, reporter, reading)
    batch = begin(store, keys, clock, source=source, idempotency=idempotency, origin=origin)
    try:
        for chunk in chunks(rows, batch, CHUNK):
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


def take_in(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, rulebooks: Rulebooks, *, source: str, kind: Kind,
    rows: Iterable[Row | Unreadable], format: str = "", country: str = "CN", idempotency: str | None = None,
    origin: str = "api", reporter: SealedNumber | None = None,
) -> Intake:
    """Take all rows in and answer with the counts alone; parameters and errors as in `stream_in`."""  # fmt: skip
    for last in stream_in(
        store, keys, clock, plan, rulebooks, source=source, kind=kind, rows=rows, format=format, country=country,
        idempotency=idempotency, origin=origin, reporter=reporter,
    ):  # fmt: skip
        if isinstance(last, Intake):
            return last
    raise AssertionError("an intake ends with its counts")


def take_one(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, rulebooks: Rulebooks, *, source: str, kind: Kind,
    fields: dict[str, Any], country: str = "CN", reporter: SealedNumber | None = None, batch: str = "", line: int = 1,
) -> RowResult:
    """Take one report in that somebody waits for: a person's, or a corrected row.

    Raises InvalidInputError with the refusal's slug and sentence instead of quarantining; TooManyError too_many where
    a `reporter` has sent `REPORTS_A_DAY`.
    """  # fmt: skip
    desk = _Desk(
        store, keys, clock, plan, rulebooks, source, kind, reporter,
        Reading(plan=plan, kind=kind, country=country, keys=keys),
    )  # fmt: skip
    now = clock.now()
    entry = desk.reading.entries([Row(line, b"", fields, typed=False)], to_micros(now))[0]
    if entry.refusal:
        raise InvalidInputError(entry.refusal.detail, code=entry.refusal.reason)
    with store.reading():
        verdict = judge(store, plan, rulebooks, [entry], kind=kind)[0]
    if isinstance(verdict, Refusal):
        raise InvalidInputError(verdict.detail, code=verdict.reason)
    with store.writing(about=f"reports {source}"):
        if store.reports.known(source, [entry.kept_id]):
            return RowResult(line, entry.id, "duplicate")
        if reporter is not None:
            own = Limit("reports-number-day", subject_of(keys, b"number:" + reporter), REPORTS_A_DAY, _DAY_S)
            spend_inside(store, now, limits=(own,))
        store.reports.add([_report(desk, batch, entry, verdict, now)])
        judged = {"batch": batch, "origin": "one", "rows": 1, "accepted": 1, "duplicates": 0, "quarantined": 0}
        emit(store, clock, type=REPORT_JUDGED, party=source, data={**judged, "verdicts": {verdict.verdict: 1}})
    return _accepted(entry, verdict)


def purge(store: Store, clock: Clock, rulebooks: Rulebooks) -> dict[str, int]:
    """Erase reports and quarantined rows that the rulebook of today keeps no longer (rules 76a, 106); how many."""
    now = clock.now()
    kept = rulebooks.at(now).retention
    erased = {"reports": 0, "quarantined": 0, "duplicates": 0}
    for name, erase, days in (
        ("reports", store.reports.purge, kept.reports),
        ("quarantined", store.reports.purge_quarantine, kept.quarantine),
        ("duplicates", store.batch_rows.purge_duplicates, kept.reports),
    ):
        before, count = to_micros(now - timedelta(days=days)), CHUNK
        while count == CHUNK:
            with store.writing(about="reports purge"):
                count = erase(before=before, most=CHUNK)
            erased[name] += count
    return erased


# one chunk


def _intake(store: Store, source: str, batch: Batch, *, repeated: bool) -> Intake:
    row, answer = store.reports.batch(source, batch.name), batch.answer
    assert row is not None
    return Intake(
        batch.name, row["rows"], row["accepted"], row["duplicates"], row["quarantined"], answer.verdicts,
        answer.reasons, answer.encoding, answer.cut, repeated,
    )  # fmt: skip


def _replay(desk: _Desk, batch: Batch, chunk: list[Row | Unreadable]) -> Iterator[RowResult]:
    """The answers to rows that were taken in before, read back from what is stored."""
    batch.read(chunk)
    if batch.position == batch.answer.first_rows:
        batch.must_be(batch.answer.first)
    if batch.position == batch.done:
        batch.must_be(batch.answer.digest)
    reports = desk.store.reports
    entries = desk.reading.entries(chunk, to_micros(desk.clock.now()))
    names = [entry.name or desk.reading.name(entry.row.raw) for entry in entries]  # a refusal may no longer hold
    with desk.store.reading():
        known = reports.known(desk.source, [entry.kept_id for entry in entries if entry.id])
        kept = reports.known_quarantined(desk.source, names)
    for entry, name in zip(entries, names):
        row, held = known.get(entry.kept_id), kept.get(name)
        if row and (row["batch"], row["line"]) == (batch.name, entry.line):
            yield _accepted(entry, Verdict(row["verdict"], row["reason"], row["rule"], row["rulebook"]))
        elif held and (held["batch"], held["line"]) == (batch.name, entry.line):
            yield _quarantined(entry, name, held["reason"], held["detail"])
        else:
            yield RowResult(entry.line, entry.id, "duplicate")


def _take(desk: _Desk, batch: Batch, chunk: list[Row | Unreadable], progress: Progress) -> Iterator[RowResult]:
    """Judge and store one chunk, then answer."""
    if batch.closed:
        batch.must_be("")
    now = desk.clock.now()
    entries = desk.reading.entries(chunk, to_micros(now))
    with desk.store.reading():
        new, held = _sort(desk, entries)
        verdicts = _judge(desk, new)
    fresh = sorted([*new, *held], key=_line)
    after = batch.position
    batch.read(chunk)
    with desk.store.writing(about=f"reports {desk.source}"):
        new, held = _sort(desk, fresh)  # again, because others may have written since
        desk.store.reports.add(_report(desk, batch.name, entry, verdicts[id(entry)], now) for entry in new)
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
            yield _accepted(entry, verdicts[id(entry)])
        elif id(entry) in refused:
            assert entry.refusal
            yield _quarantined(entry, entry.name, entry.refusal.reason, entry.refusal.detail)
        else:
            yield RowResult(entry.line, entry.id, "duplicate")


def _judge(desk: _Desk, entries: list[Entry]) -> dict[int, Verdict]:
    """The verdicts by id() of their entries; an entry that can't be judged yet turns into a refused one."""
    verdicts = {}
    for entry, found in zip(entries, judge(desk.store, desk.plan, desk.rulebooks, entries, kind=desk.kind)):
        if isinstance(found, Refusal):
            desk.reading.refuse(entry, found)
        else:
            verdicts[id(entry)] = found
    return verdicts


def _sort(desk: _Desk, entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Entries to accept and entries to quarantine; all others are duplicates."""
    reports = desk.store.reports
    seen = set(reports.known(desk.source, [entry.kept_id for entry in entries if entry.id]))
    kept = set(reports.known_quarantined(desk.source, [entry.name for entry in entries if entry.refusal]))
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


def _line(entry: Entry) -> int:
    return entry.line


def _report(desk: _Desk, batch: str, entry: Entry, verdict: Verdict, now: datetime) -> dict[str, Any]:
    claim = entry.claim
    assert claim is not None
    return {
        "source": desk.source, "source_id": entry.kept_id, "batch": batch, "line": entry.line,
        "reporter": desk.reporter, "called": entry.called, "caller": entry.caller, "channel": claim.channel,
        "category": claim.category, "content": claim.content, "at": claim.at, "duration": claim.duration,
        "mode": claim.mode, "telemarketer": claim.telemarketer and without_numbers(claim.telemarketer),
        "description": entry.description, "received": to_micros(now), "verdict": verdict.verdict,
        "reason": verdict.reason, "rule": verdict.rule, "rulebook": verdict.rulebook,
    }  # fmt: skip


def _held(desk: _Desk, batch: str, entry: Entry, format: str, now: datetime) -> dict[str, Any]:
    assert entry.refusal is not None
    return {
        "source": desk.source, "quarantine": entry.name, "batch": batch, "line": entry.line, "format": format,
        "raw": desk.reading.sealed_row(entry.row), "reason": entry.refusal.reason, "detail": entry.refusal.detail,
        "at": to_micros(now), "state": "open", "resolved": None, "note": "",
    }  # fmt: skip


def _accepted(entry: Entry, verdict: Verdict) -> RowResult:
    return RowResult(
        entry.line, entry.id, "accepted", verdict.verdict, verdict.reason, verdict.rule, verdict.rulebook
    )


def _quarantined(entry: Entry, name: str, reason: str, detail: str) -> RowResult:
    return RowResult(entry.line, entry.id, "quarantined", reason=reason, detail=detail, quarantine=name)
