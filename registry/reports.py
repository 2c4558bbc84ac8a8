"""Reports of calls and messages: taken in row by row (`intake`), judged, stored or quarantined, and answered about.

Rules of this room:
- A report is unique by its source and the source's own id.
- Verdicts are found before the chunk's transaction begins, so that writers wait for the writing alone.
- What becomes of a report begins with it (`routing.py`), in the same transaction; nothing becomes of a sandbox party's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from registry import citing, intake
from registry.decisions import ZONE
from registry.errors import InvalidInputError
from registry.handling import Tools
from registry.intake import Intake, RowResult
from registry.judging import Verdict, judge
from registry.limits import Limit, spend_inside, subject_of
from registry.logs import without_numbers
from registry.readers.rows import Row, Unreadable
from registry.report_entries import Entry, Reading
from registry.report_rows import Kind, Refusal
from registry.routing import begin_inside
from registry.times import to_micros
from registry.trials import trial_of
from registry.webhook_events import REPORT_JUDGED, emit

if TYPE_CHECKING:
    from datetime import datetime

    from registry.interfaces import Clock, Shelf
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.rulebook import Rulebooks
    from registry.sealing import SealedNumber
    from registry.store import Store

__all__ = ["CHUNK", "Intake", "RowResult", "purge", "read_again", "stream_in", "take_in", "take_one"]

Beside = Callable[[dict[str, Any]], dict[str, Any]]
CHUNK = 2000
REPORTS_A_DAY = 50  # of one person; who sends more is a program
_DAY_S = 86_400


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
    about: str = "reports"
    shelf: Shelf | None = None
    zone: str = ZONE

    def known(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return self.store.reports.known(self.source, ids)

    def judge(self, entries: list[Entry]) -> dict[int, Verdict]:
        return _judge(self, entries)

    def add(self, batch: str, entries: Sequence[Entry], verdicts: Mapping[int, Verdict], now: datetime) -> None:
        self.keep([_report(self, batch, entry, verdicts[id(entry)], now) for entry in entries])

    def keep(self, rows: Sequence[dict[str, Any]], beside: Beside | None = None) -> None:
        """Store rows of reports and begin their handling."""
        self.store.reports.add(rows)
        if beside is not None:
            rows = [row | beside(row) for row in rows]
        if self.reading.trial is None:
            tools = Tools(self.store, self.clock, self.keys, self.plan, self.rulebooks, self.zone)
            begin_inside(tools, rows, kind=self.kind)

    def accepted(self, entry: Entry, verdict: Verdict) -> RowResult:
        return _accepted(entry, verdict)

    def stored(self, entry: Entry, row: Mapping[str, Any]) -> RowResult:
        return _accepted(entry, Verdict(row["verdict"], row["reason"], row["rule"], row["rulebook"]))


def stream_in(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, rulebooks: Rulebooks, *, source: str, kind: Kind,
    rows: Iterable[Row | Unreadable], format: str = "", country: str = "CN", idempotency: str | None = None,
    origin: str = "api", reporter: SealedNumber | None = None, shelf: Shelf | None = None, zone: str = ZONE,
) -> Iterator[RowResult | Intake]:
    """Take rows in while they arrive: one RowResult each, in their order, and the Intake last.

    `source` is the party that reports; rows of kind ftc name no called number and count towards the caller only.
    `rows` may be a `readers.Rows`, whose progress is then kept. Nothing of a chunk is answered before it is stored.
    Raises ConflictError (idempotency_reused, batch_in_progress) and whatever reading the rows raises; chunks before
    that stay, and the batch can be continued under its idempotency key. `shelf`: where receipts' leaves lie, which
    verdicts cite; without it they cite none. `zone`: of working days.
    """  # fmt: skip
    reading = Reading(plan=plan, kind=kind, country=country, keys=keys, trial=trial_of(store, keys, source))
    desk = _Desk(store, keys, clock, plan, rulebooks, source, kind, reporter, reading, shelf=shelf,
                 zone=zone)
    return intake.stream(desk, rows, format=format, idempotency=idempotency, origin=origin, most=CHUNK)


def take_in(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, rulebooks: Rulebooks, *, source: str, kind: Kind,
    rows: Iterable[Row | Unreadable], format: str = "", country: str = "CN", idempotency: str | None = None,
    origin: str = "api", reporter: SealedNumber | None = None, shelf: Shelf | None = None, zone: str = ZONE,
) -> Intake:
    """Take all rows in and answer with the counts alone; parameters and errors as in `stream_in`."""  # fmt: skip
    return intake.last_of(
        stream_in(
            store, keys, clock, plan, rulebooks, source=source, kind=kind, rows=rows, format=format, country=country,
            idempotency=idempotency, origin=origin, reporter=reporter, shelf=shelf, zone=zone,
        )
    )  # fmt: skip


def take_one(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, rulebooks: Rulebooks, *, source: str, kind: Kind,
    fields: dict[str, Any], country: str = "CN", reporter: SealedNumber | None = None, batch: str = "", line: int = 1,
    shelf: Shelf | None = None, zone: str = ZONE, beside: Beside | None = None,
) -> RowResult:
    """Take one report in that somebody waits for: a person's, or a corrected row.

    Raises InvalidInputError with the refusal's slug and sentence instead of quarantining; TooManyError too_many where
    a `reporter` has sent `REPORTS_A_DAY`. `beside` is called in the same transaction with the row that was stored: it
    keeps what else belongs to it, and gives what its handling needs to know beyond it.
    """  # fmt: skip
    trial = trial_of(store, keys, source)
    desk = _Desk(
        store, keys, clock, plan, rulebooks, source, kind, reporter,
        Reading(plan=plan, kind=kind, country=country, keys=keys, trial=trial), shelf=shelf, zone=zone,
    )  # fmt: skip
    now = clock.now()
    entry, verdict = _read_one(desk, Row(line, b"", fields, typed=False), now)
    with store.writing(about=f"reports {source}"):
        if store.reports.known(source, [entry.kept_id]):
            return RowResult(line, entry.id, "duplicate")
        if reporter is not None:
            own = Limit("reports-number-day", subject_of(keys, b"number:" + reporter), REPORTS_A_DAY, _DAY_S)
            spend_inside(store, now, limits=(own,))
        row = _report(desk, batch, entry, verdict, now)
        desk.keep([row], beside)
        judged = {"batch": batch, "origin": "one", "rows": 1, "accepted": 1, "duplicates": 0, "quarantined": 0}
        emit(store, clock, type=REPORT_JUDGED, party=source, data={**judged, "verdicts": {verdict.verdict: 1}})
    return _accepted(entry, verdict)


def read_again(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, rulebooks: Rulebooks, *, source: str, kind: Kind,
    fields: dict[str, Any], country: str = "CN", shelf: Shelf | None = None,
) -> dict[str, Any]:
    """The row of table report that a person's report is with what was missing; nothing is stored.

    Raises InvalidInputError with the refusal's slug and sentence.
    """  # fmt: skip
    reading = Reading(plan=plan, kind=kind, country=country, keys=keys)
    desk = _Desk(store, keys, clock, plan, rulebooks, source, kind, None, reading, shelf=shelf)
    now = clock.now()
    entry, verdict = _read_one(desk, Row(1, b"", fields, typed=False), now)
    return _report(desk, "", entry, verdict, now)


def purge(store: Store, clock: Clock, rulebooks: Rulebooks) -> dict[str, int]:
    """Erase reports and quarantined rows that the rulebook of today keeps no longer (rules 76a, 106), and what gathered
    from them; how many."""
    now = clock.now()
    kept = rulebooks.at(now).retention
    erased = dict[str, int]()
    for name, erase, days, about in (
        ("reports", store.reports.purge, kept.reports, "reports purge"),
        ("handlings", store.handling.purge, kept.reports, "cases"),
        ("quarantined", store.reports.purge_quarantine, kept.quarantine, "reports purge"),
        ("duplicates", store.batch_rows.purge_duplicates, kept.reports, "reports purge"),
        ("texts", store.gathering.purge_texts, kept.reports, "gathering"),
        ("campaigns", store.gathering.purge_campaigns, kept.reports, "cases"),
    ):
        erased[name] = 0
        before, count = to_micros(now - timedelta(days=days)), CHUNK
        while count == CHUNK:
            with store.writing(about=about):
                count = erase(before=before, most=CHUNK)
            erased[name] += count
    return erased


# what a desk of reports does


def _judge(desk: _Desk, entries: list[Entry]) -> dict[int, Verdict]:
    """The verdicts by id() of their entries; an entry that can't be judged yet turns into a refused one."""
    verdicts = {}
    for entry, found in zip(entries, _judged(desk, entries)):
        if isinstance(found, Refusal):
            desk.reading.refuse(entry, found)
        else:
            verdicts[id(entry)] = found
    return verdicts


def _judged(desk: _Desk, entries: list[Entry]) -> list[Verdict | Refusal]:
    trial = desk.reading.trial
    judged = judge(desk.store, desk.plan, desk.rulebooks, entries, kind=desk.kind, trial=trial)
    if desk.shelf is None or trial is not None:
        return judged
    return citing.weigh(desk.store, desk.shelf, desk.keys, desk.rulebooks, entries, judged)


def _read_one(desk: _Desk, row: Row, now: datetime) -> tuple[Entry, Verdict]:
    """One row read and judged. Raises InvalidInputError."""
    entry = desk.reading.entries([row], to_micros(now))[0]
    if entry.refusal:
        raise InvalidInputError(entry.refusal.detail, code=entry.refusal.reason)
    with desk.store.reading():
        verdict = _judged(desk, [entry])[0]
    if isinstance(verdict, Refusal):
        raise InvalidInputError(verdict.detail, code=verdict.reason)
    return entry, verdict


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


def _accepted(entry: Entry, verdict: Verdict) -> RowResult:
    return RowResult(
        entry.line, entry.id, "accepted", verdict.verdict, verdict.reason, verdict.rule, verdict.rulebook
    )
