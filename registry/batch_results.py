"""What became of each row of a batch, read back from what is stored: for the pages and files of the party that sent it.

Rules of this room: numbers leave masked; rows come in the order of their lines, in pages that go by line, so that a
batch of a million rows costs no more memory than one of ten; of a duplicate only its line is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from registry.errors import NotFoundError
from registry.report_batches import Answer
from registry.sealing import SealedNumber, unseal_one
from registry.times import from_micros

if TYPE_CHECKING:
    from registry.keys import KeyRing
    from registry.store import Store
    from registry.store.engine import Row

VERDICTS = ("violation", "allowed", "counted")
RESULTS = ("accepted", *VERDICTS, "quarantined", "duplicate")  # what rows may be picked by
PAGE = 2_000  # rows read at once for a file


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as its source sees it; `verdicts` counts accepted rows by verdict, `reasons` quarantined ones by slug."""

    batch: str
    state: str  # open, done, refused
    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    origin: str
    started: datetime
    finished: datetime | None
    verdicts: dict[str, int]
    reasons: dict[str, int]
    encoding: str
    cut: str

    def count(self, result: str) -> int:
        """How many rows have a result of `RESULTS`, as they were when the batch was taken in."""
        counted = {"accepted": self.accepted, "quarantined": self.quarantined, "duplicate": self.duplicates}
        return counted.get(result, self.verdicts.get(result, 0))


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One row: `result` accepted, quarantined or duplicate; `state` says what became of a quarantined one since.

    A quarantined row that was released has the verdict it got then; `called` and `caller` are masked.
    """

    line: int
    result: str
    id: str = ""
    called: str = ""
    caller: str = ""
    channel: int | None = None
    category: int | None = None
    at: datetime | None = None
    verdict: str = ""
    reason: str = ""
    rule: str = ""
    rulebook: str = ""
    detail: str = ""
    quarantine: str = ""
    state: str = ""


def ranges_of(lines: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive lines; lines ascend."""
    first = last = None
    for line in lines:
        if last is not None and line == last + 1:
            last = line
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = line
    if first is not None and last is not None:
        yield first, last


def batch_of(store: Store, *, source: str, batch: str) -> Batch:
    """One batch of a source. Raises NotFoundError no_such_batch."""
    row = store.reports.batch(source, batch)
    if row is None:
        raise NotFoundError("There is no such batch.", code="no_such_batch")
    return _batch(row)


def batches_of(
    store: Store, *, source: str, only: str = "", before: datetime | None = None, limit: int = 50
) -> tuple[Batch, ...]:
    """Batches of a source, newest first; `only` as in `BatchRows.batches`."""
    micros = None if before is None else round(before.timestamp() * 1_000_000)
    rows = store.batch_rows.batches(source=source, only=only, before=micros, limit=limit)
    return tuple(map(_batch, rows))


def rows_of(
    store: Store, keys: KeyRing, *, source: str, batch: str, result: str = "", after: int = 0, limit: int = 100
) -> list[BatchRow]:
    """The rows of a batch after a line, of one of `RESULTS` or of all ("")."""
    found: dict[int, BatchRow] = {}
    with store.reading():
        where: dict[str, Any] = {"source": source, "batch": batch, "after": after, "limit": limit}
        if result in ("", "duplicate"):
            ranges = store.batch_rows.duplicates(**where)
            lines = (line for first, last in ranges for line in range(max(first, after + 1), last + 1))
            found |= {line: BatchRow(line, "duplicate") for line in itertools.islice(lines, limit)}
        if result in ("", "quarantined"):
            found |= {row.line: row for row in _quarantined(store, keys, where)}
        if result in ("", "accepted", *VERDICTS):
            verdict = result if result in VERDICTS else ""
            for row in store.batch_rows.accepted(**where, verdict=verdict):
                found[row["line"]] = BatchRow(row["line"], "accepted", **_judged(row, keys))
    return [found[line] for line in sorted(found)[:limit]]


def every_row(store: Store, keys: KeyRing, *, source: str, batch: str, result: str = "") -> Iterator[BatchRow]:
    """All rows of a batch, as `rows_of` picks them, read page by page."""
    after = 0
    while page := rows_of(store, keys, source=source, batch=batch, result=result, after=after, limit=PAGE):
        yield from page
        after = page[-1].line


def _quarantined(store: Store, keys: KeyRing, where: dict[str, Any]) -> Iterator[BatchRow]:
    rows = store.batch_rows.quarantined(**where)
    names = tuple(row["quarantine"] for row in rows if row["state"] == "released")
    released = store.batch_rows.released(source=where["source"], names=names) if names else {}
    for row in rows:
        judged = released.get(row["quarantine"])
        more = _judged(judged, keys) if judged else {"reason": row["reason"]}
        yield BatchRow(
            row["line"], "quarantined", detail=row["detail"], quarantine=row["quarantine"], state=row["state"], **more
        )


def _judged(row: Row, keys: KeyRing) -> dict[str, Any]:
    return {
        "id": row["source_id"], "called": _masked(row["called"], keys), "caller": _masked(row["caller"], keys),
        "channel": row["channel"], "category": row["category"], "at": from_micros(row["at"]),
        "verdict": row["verdict"], "reason": row["reason"], "rule": row["rule"], "rulebook": row["rulebook"],
    }  # fmt: skip


def _masked(sealed: bytes | None, keys: KeyRing) -> str:
    return "" if sealed is None else unseal_one(keys.at_rest, SealedNumber(sealed)).masked


def _batch(row: Row) -> Batch:
    answer = msgspec.json.decode(row["answer"], type=Answer) if row["answer"] else Answer()
    return Batch(
        row["batch"], row["state"], row["rows"], row["accepted"], row["duplicates"], row["quarantined"], row["origin"],
        from_micros(row["started"]), None if row["finished"] is None else from_micros(row["finished"]),
        answer.verdicts, answer.reasons, answer.encoding, answer.cut,
    )  # fmt: skip
