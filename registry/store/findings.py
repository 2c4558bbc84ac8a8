"""SQL about finding: what carriers found in their lists when these were repaired."""

from __future__ import annotations

from dataclasses import dataclass

from registry.findings import Findings
from registry.store.engine import Engine, Row

_REAL = "recipient NOT IN (SELECT party FROM party WHERE sandbox = 1)"  # a sandbox's list blocks nobody's calls


@dataclass(frozen=True)
class FindingRow:
    """What one carrier found at one edition; `seen` by an officer, `by` whom and with which `note`. Micros."""

    finding: str
    recipient: str
    edition: int
    epoch: int
    at: int
    found: Findings
    seen: int | None
    seen_by: str
    note: str


class FindingRows:
    """Rows of finding."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, *, finding: str, recipient: str, edition: int, epoch: int, at: int, found: Findings) -> None:
        """Keep a finding; one that is known stays as it is."""
        self._engine.run(
            """INSERT INTO finding (finding, recipient, edition, epoch, at, lost, weakened, strengthened, "foreign",
                                    exceptions, repaired_bytes, anew, seen, seen_by, note)
               VALUES (:finding, :recipient, :edition, :epoch, :at, :lost, :weakened, :strengthened, :foreign,
                       :exceptions, :repaired_bytes, :anew, NULL, '', '')
               ON CONFLICT (finding) DO NOTHING""",
            finding=finding, recipient=recipient, edition=edition, epoch=epoch, at=at,
            **{**vars(found), "anew": int(found.anew)},
        )

    def find(self, finding: str) -> FindingRow | None:
        """One finding."""
        row = self._engine.row("SELECT * FROM finding WHERE finding = :finding", finding=finding)
        return _finding(row) if row else None

    def newest(self, *, limit: int) -> tuple[FindingRow, ...]:
        """The newest findings of everybody but sandbox parties, newest first."""
        rows = self._engine.rows(
            f"SELECT * FROM finding WHERE {_REAL} ORDER BY at DESC, finding LIMIT :limit",  # noqa: S608
            limit=limit,
        )
        return tuple(_finding(row) for row in rows)

    def of(self, recipient: str, *, limit: int) -> tuple[FindingRow, ...]:
        """The newest findings of one recipient, newest first."""
        rows = self._engine.rows(
            "SELECT * FROM finding WHERE recipient = :recipient ORDER BY at DESC, finding LIMIT :limit",
            recipient=recipient, limit=limit,
        )
        return tuple(_finding(row) for row in rows)

    def unseen(self) -> tuple[FindingRow, ...]:
        """What weakened a refusal and no officer has seen yet, oldest first; sandbox parties' lists refuse nobody."""
        rows = self._engine.rows(
            f"SELECT * FROM finding WHERE seen IS NULL AND lost + weakened > 0 AND {_REAL} ORDER BY at, finding"  # noqa: S608
        )
        return tuple(_finding(row) for row in rows)

    def see(self, *, finding: str, at: int, by: str, note: str) -> None:
        """Mark a finding as seen."""
        self._engine.run(
            "UPDATE finding SET seen = :at, seen_by = :by, note = :note WHERE finding = :finding",
            finding=finding, at=at, by=by, note=note,
        )

    def forget(self, *, before: int) -> int:
        """Forget findings from before a moment (Micros) that need nobody's eye any more; how many."""
        return self._engine.run(
            f"""DELETE FROM finding
               WHERE at < :before AND (seen IS NOT NULL OR lost + weakened = 0 OR NOT ({_REAL}))""",  # noqa: S608
            before=before,
        )


def _finding(row: Row) -> FindingRow:
    found = Findings(**{name: row[name] for name in vars(Findings()) if name != "anew"}, anew=bool(row["anew"]))
    return FindingRow(found=found, **{name: value for name, value in row.items() if name not in vars(found)})
