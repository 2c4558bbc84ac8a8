"""SQL about report, quarantine, batch, outbox.

Lists in lookups are asked for in slices of one size, so that their statements are the same text every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from registry.store.engine import Engine, Row

_SLICE = 500
REAL = "source NOT IN (SELECT party FROM party WHERE sandbox = 1)"  # what sandbox parties send is in no figure
T = TypeVar("T")

_REPORT = (
    "source", "source_id", "batch", "line", "reporter", "called", "caller", "channel", "category", "content", "at",
    "duration", "mode", "telemarketer", "description", "received", "verdict", "reason", "rule", "rulebook",
)  # fmt: skip
_QUARANTINE = (
    "source", "quarantine", "batch", "line", "format", "raw", "reason", "detail", "at", "state", "resolved", "note",
    "about",
)  # fmt: skip
_OUTBOX = (
    "source", "kind", "address", "every", "position", "etag", "next", "failures", "failure", "credential", "answered",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outbox:
    """Where a party's reports are fetched from: `kind` of rows (carrier, ftc), how often (seconds), how far we are.

    `address` is empty where the party only has an inbox folder; `next` and `answered` (0: never) are Micros,
    `credential` is sealed.
    """

    source: str
    kind: str
    address: str
    every: int
    position: str
    etag: str
    next: int
    failures: int
    failure: str
    credential: bytes | None = None
    answered: int = 0


def _insert(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join(f":{name}" for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


def _slices(items: Sequence[T]) -> Iterator[tuple[T, ...]]:
    for start in range(0, len(items), _SLICE):
        part = tuple(items[start : start + _SLICE])
        yield part + part[-1:] * (_SLICE - len(part) if len(part) > 8 else 0)


class Reports:
    """Rows of report, quarantine, batch, outbox."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # taking in

    def known(self, source: str, ids: Sequence[str]) -> dict[str, Row]:
        """Reports of a source that are there already, by the source's id: batch, line and the verdict's columns."""
        sql = """SELECT source_id, batch, line, verdict, reason, rule, rulebook FROM report
            WHERE source = :source AND source_id IN :ids"""
        return {
            row["source_id"]: row
            for part in _slices(ids)
            for row in self._engine.rows(sql, source=source, ids=part)
        }

    def known_quarantined(self, source: str, names: Sequence[str]) -> dict[str, Row]:
        """Quarantined rows of a source, by name: batch, line, state, reason, detail."""
        sql = """SELECT quarantine, batch, line, state, reason, detail FROM quarantine
            WHERE source = :source AND quarantine IN :names"""
        return {
            row["quarantine"]: row
            for part in _slices(names)
            for row in self._engine.rows(sql, source=source, names=part)
        }

    def contacts(self, called: Sequence[bytes], *, since: int, until: int) -> Iterator[tuple[bytes, bytes, int]]:
        """(called, caller, at) of the reports about these numbers in [since, until)."""
        sql = """SELECT called, caller, at FROM report
            WHERE called IN :called AND at >= :since AND at < :until AND caller IS NOT NULL"""
        for part in _slices(called):
            for row in self._engine.rows(sql, called=part, since=since, until=until):
                yield row["called"], row["caller"], row["at"]

    def add(self, reports: Iterable[Mapping[str, Any]]) -> int:
        """Insert reports, every column given; how many."""
        return self._engine.run_many(_insert("report", _REPORT), reports)

    def add_quarantined(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert quarantined rows, every column given; how many."""
        return self._engine.run_many(_insert("quarantine", _QUARANTINE), rows)

    # batches

    def batch_of(self, source: str, idempotency: str) -> Row | None:
        """The batch that was begun under an idempotency key."""
        return self._engine.row(
            "SELECT * FROM batch WHERE source = :source AND idempotency = :idempotency",
            source=source, idempotency=idempotency,
        )  # fmt: skip

    def open_batch(
        self, *, source: str, batch: str, idempotency: str | None, origin: str, started: int, about: str = "reports"
    ) -> None:
        """Begin a batch with no rows yet."""
        self._engine.run(
            """INSERT INTO batch (source, batch, idempotency, state, rows, accepted, duplicates, quarantined, origin,
                started, finished, answer, about)
            VALUES (:source, :batch, :idempotency, 'open', 0, 0, 0, 0, :origin, :started, NULL, NULL, :about)""",
            source=source, batch=batch, idempotency=idempotency, origin=origin, started=started, about=about,
        )  # fmt: skip

    def advance_batch(
        self, *, source: str, batch: str, after: int, accepted: int, duplicates: int, quarantined: int, answer: str
    ) -> bool:
        """Count a chunk; False where the batch no longer stands at `after` rows, or is not open."""
        return bool(
            self._engine.run(
                """UPDATE batch SET rows = rows + :rows, accepted = accepted + :accepted,
                    duplicates = duplicates + :duplicates, quarantined = quarantined + :quarantined, answer = :answer
                WHERE source = :source AND batch = :batch AND rows = :after AND state = 'open'""",
                source=source, batch=batch, after=after, rows=accepted + duplicates + quarantined, accepted=accepted,
                duplicates=duplicates, quarantined=quarantined, answer=answer,
            )
        )  # fmt: skip

    def close_batch(self, *, source: str, batch: str, state: str, finished: int, answer: str) -> bool:
        """End a batch: done or refused; False where it was ended before."""
        return bool(
            self._engine.run(
                """UPDATE batch SET state = :state, finished = :finished, answer = :answer
                WHERE source = :source AND batch = :batch AND state = 'open'""",
                source=source, batch=batch, state=state, finished=finished, answer=answer,
            )
        )  # fmt: skip

    def batch(self, source: str, batch: str) -> Row | None:
        """One batch."""
        return self._engine.row(
            "SELECT * FROM batch WHERE source = :source AND batch = :batch", source=source, batch=batch
        )

    def forget_batch(self, source: str, batch: str) -> None:
        """Delete a batch that holds no rows."""
        self._engine.run(
            "DELETE FROM batch WHERE source = :source AND batch = :batch AND rows = 0", source=source, batch=batch
        )

    def batches(self, source: str, *, limit: int) -> list[Row]:
        """The newest batches of a source."""
        return self._engine.rows(
            """SELECT batch, state, rows, accepted, duplicates, quarantined, origin, started, finished, answer
            FROM batch WHERE source = :source ORDER BY started DESC, batch LIMIT :limit""",
            source=source, limit=limit,
        )  # fmt: skip

    def totals(self, source: str) -> Row:
        """Rows, accepted, duplicates, quarantined of all batches of a source."""
        row = self._engine.row(
            """SELECT COALESCE(SUM(rows), 0) AS rows, COALESCE(SUM(accepted), 0) AS accepted,
                COALESCE(SUM(duplicates), 0) AS duplicates, COALESCE(SUM(quarantined), 0) AS quarantined
            FROM batch WHERE source = :source""",
            source=source,
        )
        assert row is not None
        return {name: int(value) for name, value in row.items()}

    # quarantine

    def quarantine_rows(self, source: str, *, state: str, limit: int, after: int = 0) -> list[Row]:
        """Quarantined rows of a source, oldest first, from `after` rows on."""
        return self._engine.rows(
            """SELECT * FROM quarantine WHERE source = :source AND state = :state
            ORDER BY at, batch, line, quarantine LIMIT :limit OFFSET :after""",
            source=source, state=state, limit=limit, after=after,
        )  # fmt: skip

    def quarantined(self, source: str, name: str) -> Row | None:
        """One quarantined row."""
        return self._engine.row(
            "SELECT * FROM quarantine WHERE source = :source AND quarantine = :name", source=source, name=name
        )

    def resolve(self, *, source: str, name: str, state: str, resolved: int, note: str) -> bool:
        """End an open quarantined row (released, discarded); False where it is not open."""
        return bool(
            self._engine.run(
                """UPDATE quarantine SET state = :state, resolved = :resolved, note = :note
                WHERE source = :source AND quarantine = :name AND state = 'open'""",
                source=source, name=name, state=state, resolved=resolved, note=note,
            )
        )  # fmt: skip

    def quarantine_reasons(self, source: str | None = None) -> dict[str, int]:
        """How many rows are open, by reason; of one source or of all."""
        where = f"state = 'open' AND {REAL}" if source is None else "state = 'open' AND source = :source"
        rows = self._engine.rows(
            f"SELECT reason, COUNT(*) AS n FROM quarantine WHERE {where} GROUP BY reason ORDER BY n DESC, reason",  # noqa: S608
            **({} if source is None else {"source": source}),
        )
        return {row["reason"]: row["n"] for row in rows}

    # what pages ask

    def about(self, number: bytes, *, limit: int) -> list[Row]:
        """The newest reports in which a number was called or reported, newest first."""
        return self._engine.rows(
            """SELECT * FROM (SELECT * FROM report WHERE called = :number
                UNION SELECT * FROM report WHERE reporter = :number) AS found
            ORDER BY at DESC, source, source_id LIMIT :limit""",
            number=number, limit=limit,
        )  # fmt: skip

    def verdicts_per_day(self, *, since: int, until: int, offset: int) -> list[Row]:
        """day (whole days since 1970 after adding `offset` micros), verdict, reports, by when they were received."""
        return self._engine.rows(
            f"""SELECT (received + :offset) / 86400000000 AS day, verdict, COUNT(*) AS reports FROM report
            WHERE received >= :since AND received < :until AND {REAL}
            GROUP BY (received + :offset) / 86400000000, verdict ORDER BY 1, 2""",  # noqa: S608 - fixed
            since=since, until=until, offset=offset,
        )  # fmt: skip

    def verdicts(self, *, since: int) -> dict[str, int]:
        """Reports received since a time, by verdict."""
        rows = self._engine.rows(
            f"SELECT verdict, COUNT(*) AS n FROM report WHERE received >= :since AND {REAL} GROUP BY verdict",  # noqa: S608
            since=since,
        )
        return {row["verdict"]: row["n"] for row in rows}

    def callers(self, *, since: int, limit: int) -> list[Row]:
        """The callers most reported since a time: caller, reports, violations."""
        return self._engine.rows(
            f"""SELECT caller, COUNT(*) AS reports,
                CAST(SUM(CASE WHEN verdict = 'violation' THEN 1 ELSE 0 END) AS INTEGER) AS violations
            FROM report WHERE received >= :since AND caller IS NOT NULL AND {REAL}
            GROUP BY caller ORDER BY reports DESC, caller LIMIT :limit""",  # noqa: S608 - fixed
            since=since, limit=limit,
        )  # fmt: skip

    def newest_of_caller(self, caller: bytes) -> int:
        """When a caller's newest reported contact was (Micros); -1 where there is none."""
        row = self._engine.row("SELECT COALESCE(MAX(at), -1) AS at FROM report WHERE caller = :caller", caller=caller)
        return int(row["at"]) if row else -1

    def caller_count(self, caller: bytes) -> int:
        """How many reports name a caller."""
        row = self._engine.row(f"SELECT COUNT(*) AS n FROM report WHERE caller = :caller AND {REAL}", caller=caller)  # noqa: S608
        return int(row["n"]) if row else 0

    def purge(self, *, before: int, most: int) -> int:
        """Delete reports received before a time, at most so many; how many."""
        return self._engine.run(
            """DELETE FROM report WHERE (source, source_id) IN
                (SELECT source, source_id FROM report WHERE received < :before LIMIT :most)""",
            before=before, most=most,
        )  # fmt: skip

    def purge_quarantine(self, *, before: int, most: int) -> int:
        """Delete quarantined rows of whatever state that came before a time, at most so many; how many."""
        return self._engine.run(
            """DELETE FROM quarantine WHERE (source, quarantine) IN
                (SELECT source, quarantine FROM quarantine WHERE at < :before LIMIT :most)""",
            before=before, most=most,
        )  # fmt: skip

    # outboxes

    def outboxes(self) -> list[Outbox]:
        """All outboxes, by source."""
        rows = self._engine.rows(f"SELECT {', '.join(_OUTBOX)} FROM outbox ORDER BY source")  # noqa: S608
        return [Outbox(**row) for row in rows]

    def outbox(self, source: str) -> Outbox | None:
        """The outbox of a source."""
        row = self._engine.row(f"SELECT {', '.join(_OUTBOX)} FROM outbox WHERE source = :source", source=source)  # noqa: S608
        return Outbox(**row) if row else None

    def remove_outbox(self, source: str) -> bool:
        """Delete the outbox of a source; False where there is none."""
        return bool(self._engine.run("DELETE FROM outbox WHERE source = :source", source=source))

    def set_outbox(self, box: Outbox) -> None:
        """Write an outbox, new or changed."""
        changes = ", ".join(f"{name} = excluded.{name}" for name in _OUTBOX[1:])
        self._engine.run(
            f"{_insert('outbox', _OUTBOX)} ON CONFLICT (source) DO UPDATE SET {changes}",
            **{name: getattr(box, name) for name in _OUTBOX},
        )

    def move_outbox(self, box: Outbox) -> bool:
        """Write how far an outbox is; False where its address was changed or it was removed meanwhile."""
        return bool(
            self._engine.run(
                """UPDATE outbox SET position = :position, etag = :etag, next = :next, failures = :failures,
                    failure = :failure, answered = :answered
                WHERE source = :source AND address = :address""",
                source=box.source, address=box.address, position=box.position, etag=box.etag, next=box.next,
                failures=box.failures, failure=box.failure, answered=box.answered,
            )
        )  # fmt: skip
