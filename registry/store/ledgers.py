"""SQL about ledger, ledger_row, resource_finding: lists that were taken in, and what is found in what they left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry.sealing import SealedNumber
from registry.store.engine import Engine, Row
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.ledgers import Ledger

_ALL = "ledger, carrier, day, taken, actor, counted, added, changed, unchanged, held, refused, ended, withheld, cut"
_SOME = 500


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row that was not taken: its line, `held` or `refused`, why, and what it was about, where that could be read."""

    line: int
    result: str
    reason: str
    prefix: str
    number: SealedNumber | None


class Ledgers:
    """Rows of ledger, ledger_row, resource_finding."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, done: Ledger, *, taken: int, actor: str) -> None:
        """Keep that a ledger was taken in, and what came of it."""
        marks = ", ".join(f":{name}" for name in _ALL.split(", "))
        self._engine.run(
            f"INSERT INTO ledger ({_ALL}) VALUES ({marks})",  # noqa: S608 - fixed names
            ledger=done.ledger, carrier=done.carrier, day=to_micros(done.day), taken=taken, actor=actor,
            counted=done.rows, added=done.added, changed=done.changed, unchanged=done.unchanged, held=done.held,
            refused=done.refused, ended=done.ended, withheld=done.withheld, cut=done.cut,
        )

    def newest_day(self, carrier: str) -> int | None:
        """The day (Micros) of the newest ledger of a carrier, None before the first."""
        row = self._engine.row("SELECT MAX(day) AS day FROM ledger WHERE carrier = :carrier", carrier=carrier)
        return None if row is None else row["day"]

    def ledger(self, ledger: str) -> Row | None:
        """One ledger."""
        return self._engine.row(f"SELECT {_ALL} FROM ledger WHERE ledger = :ledger", ledger=ledger)  # noqa: S608

    def all(self, *, carrier: str = "", limit: int, after: int = 0) -> list[Row]:
        """The ledgers of a carrier or of all, the one taken last first."""
        return self._engine.rows(
            f"""SELECT {_ALL} FROM ledger WHERE carrier = :carrier OR :carrier = ''
            ORDER BY taken DESC, ledger LIMIT :limit OFFSET :after""",  # noqa: S608 - fixed names
            carrier=carrier, limit=limit, after=after,
        )

    # rows that were not taken

    def keep_rows(self, ledger: str, rows: Iterable[KeptRow]) -> int:
        """Keep rows of a ledger that were not taken; how many."""
        return self._engine.run_many(
            """INSERT INTO ledger_row (ledger, line, result, reason, prefix, number)
            VALUES (:ledger, :line, :result, :reason, :prefix, :number) ON CONFLICT (ledger, line) DO NOTHING""",
            ({"ledger": ledger, "line": row.line, "result": row.result, "reason": row.reason, "prefix": row.prefix,
              "number": row.number} for row in rows),
        )  # fmt: skip

    def rows(self, ledger: str, *, reason: str = "", after: int = 0, limit: int) -> tuple[KeptRow, ...]:
        """The kept rows of a ledger by line, from behind one on; of all reasons or of one."""
        of_reason = "AND reason = :reason" if reason else ""
        found = self._engine.rows(
            f"""SELECT line, result, reason, prefix, number FROM ledger_row
            WHERE ledger = :ledger AND line > :after {of_reason} ORDER BY line LIMIT :limit""",  # noqa: S608 - fixed
            ledger=ledger, after=after, limit=limit, **({"reason": reason} if reason else {}),
        )
        return tuple(KeptRow(**row) for row in found)

    def reasons(self, ledger: str) -> dict[str, int]:
        """How many kept rows of a ledger have each reason, the most first."""
        rows = self._engine.rows(
            """SELECT reason, COUNT(*) AS n FROM ledger_row WHERE ledger = :ledger
            GROUP BY reason ORDER BY n DESC, reason""",
            ledger=ledger,
        )
        return {row["reason"]: row["n"] for row in rows}

    def forget_rows(self, carrier: str, *, but: int) -> None:
        """Forget the kept rows of a carrier's ledgers but for its newest ones."""
        self._engine.run(
            """DELETE FROM ledger_row WHERE ledger IN (SELECT ledger FROM ledger WHERE carrier = :carrier
                ORDER BY taken DESC, ledger LIMIT 1000 OFFSET :but)""",
            carrier=carrier, but=but,
        )

    # findings

    def codes(self) -> Iterable[list[tuple[Any, ...]]]:
        """All entries of codes and ports by their digits: resource, prefix, provider, carrier, since, until."""
        return self._engine.stream(
            """SELECT resource, prefix, provider, carrier, since, until FROM resource WHERE prefix <> ''
            ORDER BY prefix, since, resource"""
        )

    def found(self, kind: str) -> dict[str, str]:
        """All findings of a kind: the entry, and the other one."""
        pages = self._engine.stream(
            "SELECT resource, other FROM resource_finding WHERE kind = :kind ORDER BY resource", kind=kind
        )
        return {resource: other for page in pages for resource, other in page}

    def put_findings(self, kind: str, findings: Iterable[tuple[str, str, str, int]]) -> int:
        """Write findings (the entry, the other one, its carrier, since when), new or changed; how many."""
        return self._engine.run_many(
            """INSERT INTO resource_finding (kind, resource, other, carrier, since)
            VALUES (:kind, :resource, :other, :carrier, :since)
            ON CONFLICT (kind, resource) DO UPDATE SET other = excluded.other, since = excluded.since""",
            ({"kind": kind, "resource": resource, "other": other, "carrier": carrier, "since": since}
             for resource, other, carrier, since in findings),
        )  # fmt: skip

    def drop_findings(self, kind: str, resources: Collection[str]) -> None:
        """Take findings about entries away."""
        wanted: Sequence[str] = sorted(resources)
        for start in range(0, len(wanted), _SOME):
            self._engine.run(
                "DELETE FROM resource_finding WHERE kind = :kind AND resource IN :some",
                kind=kind, some=tuple(wanted[start : start + _SOME]),
            )

    def findings(self, kind: str, *, carrier: str = "", limit: int, after: int = 0) -> list[tuple[str, str]]:
        """Findings of a kind, of all carriers or of one, the newest first: the entry, and the other one."""
        own = "AND carrier = :carrier" if carrier else ""
        rows = self._engine.rows(
            f"""SELECT resource, other FROM resource_finding WHERE kind = :kind {own}
            ORDER BY since DESC, resource DESC LIMIT :limit OFFSET :after""",  # noqa: S608 - fixed texts
            kind=kind, limit=limit, after=after, **({"carrier": carrier} if carrier else {}),
        )
        return [(row["resource"], row["other"]) for row in rows]
