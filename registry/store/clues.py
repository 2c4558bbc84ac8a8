"""SQL about clue, clue_batch, clue_move, and the reports and cases that become clues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import msgspec

from registry.clues import Batch, Clue
from registry.sealing import SealedNumber
from registry.store.bulletins import HELD, OUTCOME
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_CLUE = tuple(field.name.rstrip("_") for field in fields(Clue))
_BATCH = tuple(field.name for field in fields(Batch))
_CLUE_TIMES, _BATCH_TIMES = ("withdrawn", "fed_back", "settled"), ("sent", "received", "due")
_LOOKUP = 500

_REPORT = """SELECT h.source, h.source_id, h.reference, h.class, h.category, h.mode, h.channel, h.at, h.received,
    h.caller, h.province, h.carrier, h.provider, h.content, h.case_id, h.outcome, p.kind AS harassment,
    p.enterprise AS named,
    r.rule, (SELECT COUNT(*) FROM evidence_file AS e WHERE e.source = h.source AND e.source_id = h.source_id
    AND e.whole = 1) AS evidence FROM handling AS h
    LEFT JOIN peoples_report AS p ON p.source = h.source AND p.source_id = h.source_id
    LEFT JOIN report AS r ON r.source = h.source AND r.source_id = h.source_id
    WHERE h.source NOT IN (SELECT party FROM party WHERE sandbox <> 0) AND """
_NEW = """NOT EXISTS (SELECT 1 FROM clue AS k WHERE k.kind = 'report' AND k.source = h.source
    AND k.source_id = h.source_id {which})"""
_UPHELD = f"""(SELECT CASE WHEN o.it IN ('violation', 'find_violation') OR (o.it = '' AND h.verdict = 'violation')
    THEN 1 ELSE 0 END FROM (SELECT {OUTCOME} AS it) AS o) = 1"""  # noqa: S608 - fixed texts
_CASE = """SELECT c.case_id, c.enterprise, c.category, c.opened, c.reports, c.numbers, c.first, c.last, c.state
    FROM case_file AS c WHERE c.reports > 0 AND NOT EXISTS (SELECT 1 FROM clue AS k WHERE k.kind = 'case'
    AND k.source = 'case' AND k.source_id = c.case_id AND k.class = :class) AND """
_ENDED = "('closed', 'merged')"
_STATE_THEN = """COALESCE((SELECT m.state FROM case_move AS m WHERE m.case_id = c.case_id AND m.at < :cutoff
    ORDER BY m.place DESC LIMIT 1), 'open')"""


class Clues:
    """Rows of clue, clue_batch and clue_move."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # what becomes a clue

    def upheld(
        self, *, first: int, after: int, cutoff: int, class_: str, categories: Sequence[int]
    ) -> list[Row]:
        """Reports of a class and categories that were received from `first` until `after` (Micros) and stood as upheld
        at the cut-off, and that no department was told of."""
        return self._engine.rows(
            f"""{_REPORT} h.received >= :first AND h.received < :after AND h.received < :cutoff AND h.class = :class
            AND h.category IN :categories AND {HELD} = 'release' AND {_UPHELD} AND {_NEW.format(which="")}
            ORDER BY h.received, h.reference""",
            first=first, after=after, cutoff=cutoff, categories=tuple(categories), **{"class": class_},
        )

    def unlawful(self, department: str, *, since: int, until: int, limit: int) -> list[Row]:
        """Complete reports of what is unlawful, received between two times (Micros), that a department was not told
        of."""
        which = "AND k.department = :department"
        return self._engine.rows(
            f"""{_REPORT} h.class = 'unlawful' AND h.received >= :since AND h.received <= :until
            AND h.held = '' AND h.state NOT IN ('submitted', 'returned') AND h.outcome NOT IN ('unfounded', 'not_ours')
            AND {_NEW.format(which=which)} ORDER BY h.received, h.reference LIMIT :limit""",
            department=department, since=since, until=until, limit=limit,
        )

    def cases(self, *, since: int, after: int, cutoff: int, categories: Sequence[int]) -> list[Row]:
        """Cases of some categories, opened between two times (Micros), that were not over at the cut-off and that no
        department was told of."""
        return self._engine.rows(
            f"""{_CASE} c.opened >= :since AND c.opened < :after AND c.category IN :categories
            AND {_STATE_THEN} NOT IN {_ENDED} ORDER BY c.opened, c.case_id""",
            since=since, after=after, cutoff=cutoff, categories=tuple(categories), **{"class": "commercial"},
        )

    def unlawful_cases(self, *, since: int) -> list[Row]:
        """Cases with unlawful reports, received since a time (Micros), that nobody was told of as such."""
        return self._engine.rows(
            f"""{_CASE} c.state NOT IN {_ENDED} AND c.case_id IN (SELECT h.case_id FROM handling AS h
            WHERE h.class = 'unlawful' AND h.received >= :since AND h.case_id <> '' AND h.held = '')
            ORDER BY c.opened, c.case_id""",  # noqa: S608 - fixed texts
            since=since, **{"class": "unlawful"},
        )

    def case_row(self, case_id: str) -> Row:
        """The columns of a case that a package speaks of."""
        (row,) = self._engine.rows(
            "SELECT state, reports, numbers, first, last FROM case_file WHERE case_id = :case_id", case_id=case_id
        )
        return row

    # clues

    def put(self, clues: Iterable[Clue]) -> None:
        """Write clues, new or changed."""
        marks = ", ".join(f":{name}" for name in _CLUE)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _CLUE[1:])
        self._engine.run_many(
            f"""INSERT INTO clue ({", ".join(_CLUE)}) VALUES ({marks})
            ON CONFLICT (clue) DO UPDATE SET {changes}""",  # noqa: S608 - fixed names
            map(_columns, clues),
        )

    def has_subject(self, clue: Clue) -> bool:
        """Whether the department of a clue was told of the same before."""
        row = self._engine.row(
            """SELECT 1 AS yes FROM clue WHERE kind = :kind AND source = :source AND source_id = :source_id
            AND department = :department""",
            kind=clue.kind, source=clue.source, source_id=clue.source_id, department=clue.department,
        )
        return row is not None

    def told_of(self, kind: str, source: str, source_id: str) -> list[Row]:
        """To which departments a report, case or fine goes, the first one first: department, batch, feedback, outcome,
        settled, withdrawn, and of the batch (None: it waits) state and sent."""
        return self._engine.rows(
            """SELECT c.department, c.batch, c.feedback, c.outcome, c.settled, c.withdrawn, b.state, b.sent
            FROM clue AS c LEFT JOIN clue_batch AS b ON b.batch = c.batch
            WHERE c.kind = :kind AND c.source = :source AND c.source_id = :source_id ORDER BY c.added, c.clue""",
            kind=kind, source=source, source_id=source_id,
        )

    def progress(self, batch: str) -> tuple[int, int]:
        """How many clues of a batch have feedback, and how many need nothing more."""
        row = self._engine.row(
            """SELECT COUNT(CASE WHEN feedback <> '' THEN 1 END) AS answered,
            COUNT(CASE WHEN settled > 0 THEN 1 END) AS settled FROM clue WHERE batch = :batch""",
            batch=batch,
        )
        return (row["answered"], row["settled"]) if row else (0, 0)

    def these(self, batch: str, clues: Iterable[str]) -> dict[str, Clue]:
        """Clues of a batch by name."""
        wanted, found = sorted(set(clues)), dict[str, Clue]()
        for start in range(0, len(wanted), _LOOKUP):
            some = tuple(wanted[start : start + _LOOKUP])
            rows = self._clues("batch = :batch AND clue IN :some", batch=batch, some=some)
            found |= {each.clue: each for each in rows}
        return found

    def of_batch(self, batch: str, *, after: int = 0, limit: int = 1 << 30) -> tuple[Clue, ...]:
        """The clues of a batch in their order, beyond a place."""
        return self._clues(
            "batch = :batch AND place > :after ORDER BY place LIMIT :limit", batch=batch, after=after, limit=limit
        )

    def waiting(self, department: str) -> tuple[Clue, ...]:
        """Clues that were referred or passed on to a department and wait for its next batch."""
        return self._clues("batch = '' AND department = :department ORDER BY added, clue", department=department)

    def waiting_counts(self) -> dict[str, int]:
        """How many clues wait, by department."""
        rows = self._engine.rows("SELECT department, COUNT(*) AS n FROM clue WHERE batch = '' GROUP BY department")
        return {row["department"]: row["n"] for row in rows}

    def fallen(self, department: str) -> tuple[Clue, ...]:
        """Clues of a department that stand no longer, which it was not told of yet."""
        return self._clues(
            "department = :department AND told = '' AND withdrawn > 0 AND batch <> '' ORDER BY clue",
            department=department,
        )

    def count_fallen(self, batch: str) -> int:
        """How many clues of a batch stand no longer."""
        row = self._engine.row("SELECT COUNT(*) AS n FROM clue WHERE batch = :batch AND withdrawn > 0", batch=batch)
        return int(row["n"]) if row else 0

    def told_in(self, batch: str) -> tuple[Clue, ...]:
        """The clues of which a batch says that they stand no longer."""
        return self._clues(
            """told = :batch AND withdrawn > 0 AND department = (SELECT department FROM clue_batch
            WHERE batch = :batch) ORDER BY clue""",
            batch=batch,
        )

    def to_withdraw(self) -> tuple[str, ...]:
        """Clues in batches whose report was found to be none, or is held now."""
        rows = self._engine.rows(
            """SELECT c.clue FROM clue AS c JOIN handling AS h ON h.source = c.source AND h.source_id = c.source_id
            WHERE c.kind = 'report' AND c.withdrawn = 0 AND c.batch <> ''
            AND (h.held <> '' OR h.outcome IN ('unfounded', 'not_ours'))"""
        )
        return tuple(row["clue"] for row in rows)

    def withdraw(self, clues: Iterable[str], *, at: int) -> int:
        """Mark clues that stand no longer; how many."""
        return self._engine.run_many(
            "UPDATE clue SET withdrawn = :at WHERE clue = :clue AND withdrawn = 0",
            ({"clue": clue, "at": at} for clue in clues),
        )

    def set_free(self, batch: str) -> None:
        """Let go of the clues of a batch that is discarded: what was found is found anew, what was referred waits."""
        self._engine.run("DELETE FROM clue WHERE batch = :batch AND reason = ''", batch=batch)
        self._engine.run("UPDATE clue SET batch = '', place = 0 WHERE batch = :batch", batch=batch)
        self._engine.run("UPDATE clue SET told = '' WHERE told = :batch AND withdrawn > 0", batch=batch)

    # batches

    def put_batch(self, batch: Batch) -> None:
        """Write a batch, new or moved on."""
        row: dict[str, Any] = {name: getattr(batch, name) for name in _BATCH}
        row |= {name: to_micros(row[name]) if row[name] else 0 for name in _BATCH_TIMES}
        row |= {name: to_micros(row[name]) for name in ("cutoff", "made")}
        marks = ", ".join(f":{name}" for name in _BATCH)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _BATCH[1:])
        self._engine.run(
            f"""INSERT INTO clue_batch ({", ".join(_BATCH)}, code_until, guesses) VALUES ({marks}, 0, 0)
            ON CONFLICT (batch) DO UPDATE SET {changes}""",  # noqa: S608 - fixed names
            **row,
        )

    def batch(self, batch: str) -> Batch | None:
        """One batch."""
        found = self._batches("batch = :batch", batch=batch)
        return found[0] if found else None

    def parts(self, quarter: str, kind: str, topic: str) -> tuple[Batch, ...]:
        """The batches that were made for a topic of a quarter, the newest first."""
        return self._batches(
            "quarter = :quarter AND kind = :kind AND topic = :topic ORDER BY part DESC",
            quarter=quarter, kind=kind, topic=topic,
        )

    def discarded(self, quarter: str) -> tuple[str, ...]:
        """Topics of a quarter of which every batch was discarded."""
        rows = self._engine.rows(
            """SELECT topic FROM clue_batch WHERE quarter = :quarter AND kind = 'quarter' GROUP BY topic
            HAVING SUM(CASE WHEN state = 'discarded' THEN 0 ELSE 1 END) = 0 ORDER BY topic""",
            quarter=quarter,
        )
        return tuple(row["topic"] for row in rows)

    def batches(self, *, limit: int, after: int = 0, **picked: Any) -> tuple[Batch, ...]:
        """Batches, the newest first; `picked`: columns, `states`, `overdue_at` (Micros)."""
        where, values = _where(picked)
        return self._batches(
            f"{where} ORDER BY made DESC, department, batch LIMIT :limit OFFSET :after", limit=limit, after=after,
            **values,
        )

    def counts(self, *, at: int) -> dict[str, int]:
        """How many batches stand in each state, and under "overdue" how many deadlines ran out by a time (Micros)."""
        rows = self._engine.rows(
            """SELECT state, COUNT(*) AS n, SUM(CASE WHEN due > 0 AND due <= :at THEN 1 ELSE 0 END) AS late
            FROM clue_batch GROUP BY state""",
            at=at,
        )
        return {row["state"]: row["n"] for row in rows} | {"overdue": sum(int(row["late"]) for row in rows)}

    def quarters(self) -> tuple[str, ...]:
        """Quarters of which there are batches, the newest first."""
        rows = self._engine.rows("SELECT DISTINCT quarter FROM clue_batch ORDER BY quarter DESC")
        return tuple(row["quarter"] for row in rows)

    def results(self, **picked: Any) -> dict[str, int]:
        """What became of the clues that departments have: by outcome, else by feedback, else "" (nothing said yet)."""
        where, values = _where(picked)
        rows = self._engine.rows(
            f"""SELECT CASE WHEN outcome <> '' THEN outcome ELSE feedback END AS result, COUNT(*) AS n FROM clue
            WHERE batch IN (SELECT batch FROM clue_batch WHERE {where} AND received > 0)
            GROUP BY CASE WHEN outcome <> '' THEN outcome ELSE feedback END""",  # noqa: S608 - fixed texts
            **values,
        )
        return {row["result"]: row["n"] for row in rows}

    def unreceived(self, kind: str) -> tuple[Batch, ...]:
        """Batches of a kind that no department has acknowledged yet, the oldest first."""
        return self._batches(
            "state IN ('made', 'reviewed', 'sent') AND kind = :kind ORDER BY made, batch", kind=kind
        )

    def newest_of(self, kind: str) -> Batch | None:
        """The batch of a kind that was made last."""
        found = self._batches("kind = :kind ORDER BY made DESC LIMIT 1", kind=kind)
        return found[0] if found else None

    def note(self, batch: Batch, *, at: int, actor: str, action: str, note: str) -> None:
        """Keep one move."""
        self._engine.run(
            """INSERT INTO clue_move (batch, place, at, actor, action, state, note)
            SELECT :batch, COALESCE(MAX(place), 0) + 1, :at, :actor, :action, :state, :note
            FROM clue_move WHERE batch = :batch""",
            batch=batch.batch, at=at, actor=actor, action=action, state=batch.state, note=note,
        )

    def moves(self, batch: str) -> list[Row]:
        """All moves of a batch, in order: place, at, actor, action, state, note."""
        return self._engine.rows(
            "SELECT place, at, actor, action, state, note FROM clue_move WHERE batch = :batch ORDER BY place",
            batch=batch,
        )

    # codes to fetch a package with

    def code(self, batch: str) -> Row | None:
        """The code of a batch: code (its hash, or None), code_until, guesses."""
        return self._engine.row("SELECT code, code_until, guesses FROM clue_batch WHERE batch = :batch", batch=batch)

    def set_code(self, batch: str, *, code: bytes | None, until: int = 0, guesses: int = 0) -> None:
        """Give a batch a code, or take it away."""
        self._engine.run(
            "UPDATE clue_batch SET code = :code, code_until = :until, guesses = :guesses WHERE batch = :batch",
            batch=batch, code=code, until=until, guesses=guesses,
        )

    def purge(self, *, before: int) -> int:
        """Delete batches that were made before a time (Micros), with their clues and moves; how many clues."""
        old = "(SELECT batch FROM clue_batch WHERE made < :before)"
        self._engine.run(f"DELETE FROM clue_move WHERE batch IN {old}", before=before)  # noqa: S608 - fixed text
        gone = self._engine.run(f"DELETE FROM clue WHERE batch IN {old}", before=before)  # noqa: S608 - fixed text
        self._engine.run("DELETE FROM clue_batch WHERE made < :before", before=before)
        return gone

    def _clues(self, where: str, **values: Any) -> tuple[Clue, ...]:
        rows = self._engine.rows(f"SELECT {', '.join(_CLUE)} FROM clue WHERE {where}", **values)  # noqa: S608
        return tuple(map(_clue, rows))

    def _batches(self, where: str, **values: Any) -> tuple[Batch, ...]:
        rows = self._engine.rows(f"SELECT {', '.join(_BATCH)} FROM clue_batch WHERE {where}", **values)  # noqa: S608
        return tuple(map(_batch, rows))


def _where(picked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    parts, values = ["1 = 1"], dict[str, Any]()
    for name, value in picked.items():
        if name == "states":
            parts.append("state IN :states")
            value = tuple(value)
        elif name == "overdue_at":
            parts.append("due > 0 AND due <= :overdue_at")
        else:
            parts.append(f"{name} = :{name}")
        values[name] = value
    return " AND ".join(parts), values


def _columns(clue: Clue) -> dict[str, Any]:
    row: dict[str, Any] = {field.name.rstrip("_"): getattr(clue, field.name) for field in fields(Clue)}
    row |= {name: to_micros(row[name]) if row[name] else 0 for name in _CLUE_TIMES}
    row |= {name: to_micros(row[name]) for name in ("at", "added")}
    return row | {"facts": msgspec.json.encode(clue.facts, order="sorted").decode()}


def _clue(row: Row) -> Clue:
    values: dict[str, Any] = dict(row)
    values |= {name: from_micros(values[name]) if values[name] else None for name in _CLUE_TIMES}
    values |= {name: from_micros(values[name]) for name in ("at", "added")}
    values |= {"facts": msgspec.json.decode(values["facts"], type=dict[str, str]), "class_": values.pop("class")}
    return Clue(**values | {"caller": SealedNumber(values["caller"]) if values["caller"] else None})


def _batch(row: Row) -> Batch:
    values: dict[str, Any] = dict(row)
    values |= {name: from_micros(values[name]) if values[name] else None for name in _BATCH_TIMES}
    return Batch(**values | {name: from_micros(values[name]) for name in ("cutoff", "made")})
