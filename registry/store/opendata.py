"""SQL about open_mark, open_counter, open_clearing: marks of reported callers, counted from handling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from registry.store.engine import Engine, Row

_COLUMNS = "number, kind, change, state, reason, reports, reporters, calls, messages, categories, first, last, updated"
_PERSON = "COALESCE(r.reporter, r.called)"
_PEOPLE = f"COUNT(DISTINCT {_PERSON}) + SUM(CASE WHEN {_PERSON} IS NULL THEN 1 ELSE 0 END)"
# the last time each number went to another holder, or was cleared
_PAST = """SELECT number, MAX(at) AS at FROM (
        SELECT number, at FROM number_event WHERE state = 'done' AND kind IN ('recycled', 'reassigned')
        UNION ALL SELECT number, at FROM registration_history WHERE event = 'recycled'
        UNION ALL SELECT number, at FROM open_clearing) told GROUP BY number"""
_COUNTED = f"""FROM handling h
    LEFT JOIN report r ON r.source = h.source AND r.source_id = h.source_id
    LEFT JOIN ({_PAST}) past ON past.number = h.caller
    WHERE h.received >= :since AND h.received <= :until AND h.caller IS NOT NULL AND h.held = ''
        AND h.state <> 'returned' AND h.outcome IN ('', 'violation') AND h.source NOT IN :trials
        AND (past.at IS NULL OR h.at >= past.at)"""


class OpenData:
    """Rows of open_mark, open_counter, open_clearing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # counting

    def counted(
        self, *, since: int, until: int, fewest: int, trials: Sequence[str], chunk: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Callers of reports received in [since, until] as (number, kind, reports, reporters, messages, first, last),
        in chunks; plain numbers only with so many reporters, reports of `trials` not at all."""
        return self._engine.stream(
            f"""SELECT h.caller, h.caller_kind, COUNT(*), {_PEOPLE},
            SUM(CASE WHEN h.kind = 'message' THEN 1 ELSE 0 END), MIN(h.at), MAX(h.at)
            {_COUNTED} GROUP BY h.caller, h.caller_kind
            HAVING h.caller_kind <> 1 OR {_PEOPLE} >= :fewest ORDER BY h.caller""",
            chunk=chunk, since=since, until=until, fewest=fewest, trials=("", *trials),
        )

    def categories(
        self, numbers: Sequence[bytes], *, since: int, until: int, trials: Sequence[str]
    ) -> list[Row]:
        """The reports of some callers by class and category: caller, class, category, n."""
        return self._engine.rows(
            f"""SELECT h.caller AS caller, h.class AS class, h.category AS category, COUNT(*) AS n {_COUNTED}
            AND h.caller IN :numbers GROUP BY h.caller, h.class, h.category""",
            since=since, until=until, trials=("", *trials), numbers=tuple(numbers),
        )

    def past(self, numbers: Sequence[bytes]) -> dict[bytes, int]:
        """Of those of some numbers that went to another holder, or were cleared: the last time."""
        rows = self._engine.rows(
            f"SELECT number, at FROM ({_PAST}) past WHERE number IN :numbers",  # noqa: S608 - fixed texts
            numbers=tuple(numbers),
        )
        return {row["number"]: int(row["at"]) for row in rows}

    # marks

    def marks_of(self, numbers: Sequence[bytes]) -> dict[bytes, Row]:
        """The rows of those of some numbers that have one, removed ones too."""
        rows = self._engine.rows(
            f"SELECT {_COLUMNS} FROM open_mark WHERE number IN :numbers",  # noqa: S608 - fixed texts
            numbers=tuple(numbers),
        )
        return {row["number"]: row for row in rows}

    def next_changes(self, count: int) -> int:
        """Take so many numbers of changes; the first of them."""
        row = self._engine.row(
            """INSERT INTO open_counter (counter, value) VALUES ('change', :count)
            ON CONFLICT (counter) DO UPDATE SET value = open_counter.value + excluded.value RETURNING value""",
            count=count,
        )
        assert row is not None
        return int(row["value"]) - count + 1

    def put(self, marks: Iterable[Mapping[str, Any]]) -> None:
        """Write rows whole."""
        self._engine.run_many(
            f"""INSERT INTO open_mark ({_COLUMNS}, seen) VALUES (:number, :kind, :change, :state, :reason, :reports,
                :reporters, :calls, :messages, :categories, :first, :last, :updated, :seen)
            ON CONFLICT (number) DO UPDATE SET kind = excluded.kind, change = excluded.change, state = excluded.state,
                reason = excluded.reason, reports = excluded.reports, reporters = excluded.reporters,
                calls = excluded.calls, messages = excluded.messages, categories = excluded.categories,
                first = excluded.first, last = excluded.last, updated = excluded.updated, seen = excluded.seen""",  # noqa: S608
            marks,
        )

    def saw(self, numbers: Sequence[bytes], *, at: int) -> None:
        """Note that marks still hold."""
        self._engine.run("UPDATE open_mark SET seen = :at WHERE number IN :numbers", at=at, numbers=tuple(numbers))

    def unseen(self, *, at: int, most: int) -> list[Row]:
        """Marks that a count did not find again."""
        return self._engine.rows(
            f"SELECT {_COLUMNS} FROM open_mark WHERE state = 'marked' AND seen < :at LIMIT :most",  # noqa: S608
            at=at, most=most,
        )

    def marked(self, *, after: int, most: int) -> list[Row]:
        """Marks after a change, in the order of changes."""
        return self._engine.rows(
            f"""SELECT {_COLUMNS} FROM open_mark WHERE change > :after AND state = 'marked'
            ORDER BY change LIMIT :most""",  # noqa: S608 - fixed texts
            after=after, most=most,
        )

    def changes(self, *, after: int, most: int) -> list[Row]:
        """The newest change of each number after a change, removals too, in the order of changes."""
        return self._engine.rows(
            f"SELECT {_COLUMNS} FROM open_mark WHERE change > :after ORDER BY change LIMIT :most",  # noqa: S608
            after=after, most=most,
        )

    def all_marked(self, *, chunk: int) -> Iterator[list[tuple[Any, ...]]]:
        """All marks in the order of their numbers' seals: (number, kind, reports, reporters, calls, messages,
        categories, first, last), in chunks."""
        return self._engine.stream(
            """SELECT number, kind, reports, reporters, calls, messages, categories, first, last FROM open_mark
            WHERE state = 'marked' ORDER BY number""",
            chunk=chunk,
        )

    def total(self) -> int:
        """How many marks there are."""
        row = self._engine.row("SELECT COUNT(*) AS n FROM open_mark WHERE state = 'marked'")
        return int(row["n"]) if row else 0

    def counter(self, counter: str) -> int:
        """A counter: `change`, the newest one; `forgotten`, the newest removal that is no longer told."""
        row = self._engine.row("SELECT value FROM open_counter WHERE counter = :counter", counter=counter)
        return int(row["value"]) if row else 0

    def forget_removed(self, *, before: int) -> int:
        """Delete removals from before a time, and remember up to which change; how many."""
        rows = self._engine.rows(
            "DELETE FROM open_mark WHERE state = 'removed' AND updated < :before RETURNING change", before=before
        )
        if rows:
            self._engine.run(
                """INSERT INTO open_counter (counter, value) VALUES ('forgotten', :last)
                ON CONFLICT (counter) DO UPDATE SET value = CASE WHEN excluded.value > open_counter.value
                    THEN excluded.value ELSE open_counter.value END""",
                last=max(int(row["change"]) for row in rows),
            )
        return len(rows)

    def clear(self, number: bytes, *, at: int) -> None:
        """Let reports from before a time say nothing about a number any longer."""
        self._engine.run(
            """INSERT INTO open_clearing (number, at) VALUES (:number, :at)
            ON CONFLICT (number) DO UPDATE SET at = excluded.at WHERE excluded.at > open_clearing.at""",
            number=number, at=at,
        )

    # appeals

    def add_appeal(self, *, appeal: str, number: bytes, state: str, asked: int, decided: int) -> None:
        """Insert an appeal."""
        self._engine.run(
            """INSERT INTO mark_appeal (appeal, number, state, asked, decided, actor, why)
            VALUES (:appeal, :number, :state, :asked, :decided, '', '')""",
            appeal=appeal, number=number, state=state, asked=asked, decided=decided,
        )

    def appeal(self, appeal: str) -> Row | None:
        """One appeal."""
        return self._engine.row("SELECT * FROM mark_appeal WHERE appeal = :appeal", appeal=appeal)

    def appeals_of(self, number: bytes) -> list[Row]:
        """The appeals of a number, newest first."""
        return self._engine.rows(
            "SELECT * FROM mark_appeal WHERE number = :number ORDER BY asked DESC, appeal", number=number
        )

    def appeals_in(self, state: str, *, most: int) -> list[Row]:
        """Appeals in a state, the oldest first."""
        return self._engine.rows(
            "SELECT * FROM mark_appeal WHERE state = :state ORDER BY asked, appeal LIMIT :most", state=state, most=most
        )

    def settle_appeal(self, appeal: str, *, state: str, decided: int, actor: str, why: str) -> None:
        """Write an officer's word about an appeal."""
        self._engine.run(
            """UPDATE mark_appeal SET state = :state, decided = :decided, actor = :actor, why = :why
            WHERE appeal = :appeal""",
            appeal=appeal, state=state, decided=decided, actor=actor, why=why,
        )
