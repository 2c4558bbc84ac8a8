"""SQL about case_file, case_move, case_report: cases, and the reports that speak for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from registry.cases import Case
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name for field in fields(Case))
_ALL = ", ".join(_NAMES)
_TIMES = ("opened", "updated", "due", "first", "last", "proposed", "runs")
_TRUTHS = ("escalated", "undated")
SORTS: Mapping[str, str] = {"due": "CASE WHEN due = 0 THEN 1 ELSE 0 END, due", "opened": "opened",
                            "reports": "reports", "updated": "updated"}  # fmt: skip
SHOWN = """h.reference, h.state, h.kind, h.channel, h.category, h.caller_kind, h.carrier, h.provider,
    h.content AS content_party, h.resource, h.rulebook, h.verdict, h.reason, h.outcome, h.cluster, h.received, r.called,
    r.content, r.telemarketer, r.description, r.rule"""  # of a report with its handling, as pages show it
_LOOKUP = 500


class Cases:
    """Rows of case_file, case_move, case_report."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, case: Case) -> None:
        """Write a case, new or changed."""
        row: dict[str, Any] = {name: getattr(case, name) for name in _NAMES}
        row |= {name: to_micros(row[name]) if row[name] else 0 for name in _TIMES}
        row |= {name: int(row[name]) for name in _TRUTHS}
        marks = ", ".join(f":{name}" for name in _NAMES)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])
        self._engine.run(
            f"INSERT INTO case_file ({_ALL}) VALUES ({marks}) ON CONFLICT (case_id) DO UPDATE SET {changes}",  # noqa: S608
            **row,
        )

    def case(self, case_id: str) -> Case | None:
        """One case."""
        found = self._many("case_id = :case_id", case_id=case_id)
        return found[0] if found else None

    def of_enterprise(self, enterprise: str) -> tuple[Case, ...]:
        """The cases of an enterprise, newest first."""
        return self._many("enterprise = :enterprise ORDER BY opened DESC, case_id", enterprise=enterprise)

    def queue(
        self, *, states: Sequence[str], sort: str, descending: bool, limit: int, after: int, **picked: Any
    ) -> tuple[Case, ...]:
        """Cases in some states, in an order of SORTS; `picked`: see `_where`."""
        where, values = _where(states, picked)
        order = f"{SORTS[sort]}{' DESC' if descending else ''}, case_id"
        return self._many(f"{where} ORDER BY {order} LIMIT :limit OFFSET :after", limit=limit, after=after, **values)

    def counts(self, **picked: Any) -> dict[str, int]:
        """How many cases stand in each state."""
        where, values = _where((), picked)
        rows = self._engine.rows(f"SELECT state, COUNT(*) AS n FROM case_file WHERE {where} GROUP BY state", **values)  # noqa: S608
        return {row["state"]: row["n"] for row in rows}

    def opened_of(self, states: Sequence[str]) -> list[tuple[str, datetime]]:
        """The cases that stand in some states: state, and when it was opened."""
        rows = self._engine.rows("SELECT state, opened FROM case_file WHERE state IN :states", states=tuple(states))
        return [(row["state"], from_micros(row["opened"])) for row in rows]

    def overdue(self, *, at: int) -> int:
        """How many cases are past their time (Micros)."""
        row = self._engine.row("SELECT COUNT(*) AS n FROM case_file WHERE due > 0 AND due <= :at", at=at)
        return int(row["n"]) if row else 0

    def lately_due(self, *, at: int, limit: int) -> tuple[Case, ...]:
        """Cases whose deadline ended by a time (Micros) and that nobody was told of, the oldest first."""
        return self._many("escalated = 0 AND due > 0 AND due <= :at ORDER BY due LIMIT :limit", at=at, limit=limit)

    def undated(self, *, limit: int) -> tuple[Case, ...]:
        """Cases whose deadline the calendar could not say, the oldest first."""
        return self._many("undated = 1 ORDER BY opened LIMIT :limit", limit=limit)

    def count_undated(self) -> int:
        """How many cases wait for the calendar."""
        row = self._engine.row("SELECT COUNT(*) AS n FROM case_file WHERE undated = 1")
        return int(row["n"]) if row else 0

    def count_escalated(self) -> int:
        """How many cases were escalated, and are worked on still."""
        row = self._engine.row("SELECT COUNT(*) AS n FROM case_file WHERE escalated = 1 AND due > 0")
        return int(row["n"]) if row else 0

    def note(self, case: Case, *, at: int, actor: str, action: str, note: str) -> None:
        """Keep one move."""
        self._engine.run(
            """INSERT INTO case_move (case_id, place, at, actor, action, state, note)
            SELECT :case_id, COALESCE(MAX(place), 0) + 1, :at, :actor, :action, :state, :note
            FROM case_move WHERE case_id = :case_id""",
            case_id=case.case_id, at=at, actor=actor, action=action, state=case.state, note=note,
        )

    def moves(self, case_id: str) -> list[Row]:
        """All moves of a case, in order: place, at, actor, action, state, note."""
        return self._engine.rows(
            "SELECT place, at, actor, action, state, note FROM case_move WHERE case_id = :case_id ORDER BY place",
            case_id=case_id,
        )

    def was_heard(self, case_id: str) -> bool:
        """Whether the party was heard."""
        row = self._engine.row(
            """SELECT 1 AS yes FROM case_move WHERE case_id = :case_id AND action = 'hear'
            UNION ALL SELECT 1 FROM penalty WHERE case_id = :case_id AND heard > 0 LIMIT 1""",
            case_id=case_id,
        )
        return row is not None

    # reports

    def reports(self, case_id: str, *, limit: int, after: int = 0) -> list[Row]:
        """The newest reports of a case with their handling: reference, state, at, cluster, …, description, files."""
        return self._engine.rows(
            f"""SELECT c.source, c.source_id, c.campaign, c.at, c.caller, {SHOWN}
                , (SELECT COUNT(*) FROM evidence_file AS f
                    WHERE f.source = c.source AND f.source_id = c.source_id AND f.whole = 1) AS files
            FROM case_report AS c
            JOIN handling AS h ON h.source = c.source AND h.source_id = c.source_id
            LEFT JOIN report AS r ON r.source = c.source AND r.source_id = c.source_id
            WHERE c.case_id = :case_id ORDER BY c.at DESC, c.source, c.source_id LIMIT :limit OFFSET :after""",  # noqa: S608
            case_id=case_id, limit=limit, after=after,
        )

    def reports_called(self, case_id: str, references: Sequence[str]) -> list[tuple[str, str]]:
        """Reports of a case by their references: (source, source's id)."""
        wanted, found = sorted(set(references)), list[tuple[str, str]]()
        for start in range(0, len(wanted), _LOOKUP):
            rows = self._engine.rows(
                """SELECT c.source, c.source_id FROM handling AS h
                JOIN case_report AS c ON c.source = h.source AND c.source_id = h.source_id
                WHERE h.reference IN :some AND c.case_id = :case_id""",
                some=tuple(wanted[start : start + _LOOKUP]), case_id=case_id,
            )
            found += [(row["source"], row["source_id"]) for row in rows]
        return found

    def move_reports(self, reports: Iterable[tuple[str, str]], case_id: str) -> None:
        """Let reports belong to a case."""
        given = [{"source": source, "id": id_, "case_id": case_id} for source, id_ in reports]
        for table in ("case_report", "handling"):
            self._engine.run_many(
                f"UPDATE {table} SET case_id = :case_id WHERE source = :source AND source_id = :id", given  # noqa: S608
            )

    def hand_over(self, case_id: str, into: str) -> None:
        """Let all reports and campaigns of a case belong to another, those too that are erased."""
        self._engine.run(
            """UPDATE case_file SET erased = erased + (SELECT erased FROM case_file WHERE case_id = :case_id)
            WHERE case_id = :into""",
            case_id=case_id, into=into,
        )
        for table in ("case_report", "handling", "campaign"):
            self._engine.run(
                f"UPDATE {table} SET case_id = :into WHERE case_id = :case_id", case_id=case_id, into=into  # noqa: S608
            )

    def take_waiting(self, case_id: str, enterprise: str) -> None:
        """Let all reports of an enterprise that gather without a case belong to one, and what comes of them."""
        self._engine.run(
            """UPDATE handling SET case_id = :case_id WHERE (source, source_id) IN
                (SELECT source, source_id FROM case_report WHERE enterprise = :enterprise AND case_id = '')""",
            case_id=case_id, enterprise=enterprise,
        )
        for table in ("case_report", "campaign"):
            self._engine.run(
                f"UPDATE {table} SET case_id = :case_id WHERE enterprise = :enterprise AND case_id = ''",  # noqa: S608
                case_id=case_id, enterprise=enterprise,
            )

    def let_go(self, case_id: str) -> None:
        """Let what comes after gather anew."""
        self._engine.run("UPDATE campaign SET case_id = '' WHERE case_id = :case_id", case_id=case_id)

    def recount(self, case_id: str) -> Case:
        """Count the reports of a case again, with those that are erased; the case."""
        self._engine.run(
            """UPDATE case_file SET
                reports = erased + (SELECT COUNT(*) FROM case_report WHERE case_id = :case_id),
                numbers = (SELECT COUNT(DISTINCT caller) FROM case_report WHERE case_id = :case_id),
                first = COALESCE((SELECT MIN(at) FROM case_report WHERE case_id = :case_id), 0),
                last = COALESCE((SELECT MAX(at) FROM case_report WHERE case_id = :case_id), 0),
                category = COALESCE((SELECT h.category FROM handling AS h WHERE h.case_id = :case_id
                    ORDER BY h.received DESC LIMIT 1), -1),
                kind = COALESCE((SELECT h.kind FROM handling AS h WHERE h.case_id = :case_id
                    ORDER BY h.received DESC LIMIT 1), '')
            WHERE case_id = :case_id""",
            case_id=case_id,
        )
        found = self.case(case_id)
        assert found is not None
        return found

    def _many(self, where: str, **values: Any) -> tuple[Case, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM case_file WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(map(_case, rows))


def _where(states: Sequence[str], picked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Conditions: columns equal to what is picked (assigned, enterprise, …) or one of it; `overdue_at`,
    `proposed_only`."""
    parts, values = [], dict[str, Any]()
    if states:
        parts.append("state IN :states")
        values["states"] = tuple(states)
    for name, value in picked.items():
        if name == "overdue_at":
            parts.append("due > 0 AND due <= :overdue_at")
        elif name == "proposed_only":
            parts.append("proposal <> ''")
            continue
        else:
            parts.append(f"{name} {'IN' if isinstance(value, tuple) else '='} :{name}")
        values[name] = value
    return " AND ".join(parts) or "1 = 1", values


def _case(row: Row) -> Case:
    values: dict[str, Any] = dict(row)
    values |= {name: from_micros(values[name]) if values[name] else None for name in _TIMES}
    values |= {name: bool(values[name]) for name in _TRUTHS}
    return Case(**values)
