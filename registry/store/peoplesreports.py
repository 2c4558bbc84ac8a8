"""SQL about peoples_report, evidence_file, sms_in: what people say beyond a report's row, their files, texts seen."""

from __future__ import annotations

from typing import Any

from registry.store.engine import Engine, Row

_NAMES = (
    "source", "source_id", "reporter", "kind", "class", "enterprise", "province", "consent", "missing", "same",
    "received",
)  # fmt: skip
_FILE = ("file", "source", "source_id", "type", "bytes", "sha256", "at", "whole")


class PeoplesReports:
    """Rows of peoples_report, evidence_file, sms_in."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, **values: Any) -> None:
        """Keep what a person said beyond the report's row, every column given."""
        self._engine.run(_insert("peoples_report", _NAMES), **values)

    def one(self, source: str, source_id: str) -> Row | None:
        """What was said beyond a report's row."""
        return self._engine.row(
            f"SELECT {', '.join(_NAMES)} FROM peoples_report WHERE source = :source AND source_id = :id",  # noqa: S608
            source=source, id=source_id,
        )  # fmt: skip

    def report(self, source: str, source_id: str) -> Row | None:
        """The row of a report."""
        return self._engine.row(
            "SELECT * FROM report WHERE source = :source AND source_id = :id", source=source, id=source_id
        )

    def said_since(self, same: bytes, *, since: int) -> bool:
        """Whether the same was said by the same person from a time on."""
        found = self._engine.row(
            "SELECT 1 AS n FROM peoples_report WHERE same = :same AND received > :since LIMIT 1",
            same=same, since=since,
        )  # fmt: skip
        return found is not None

    def complete(self, source: str, source_id: str, *, consent: int, missing: str, report: dict[str, Any]) -> None:
        """Write what was missing into a report and beside it; `report`: columns of the report's row."""
        self._engine.run(
            """UPDATE peoples_report SET consent = :consent, missing = :missing
            WHERE source = :source AND source_id = :id""",
            consent=consent, missing=missing, source=source, id=source_id,
        )  # fmt: skip
        sets = ", ".join(f"{name} = :{name}" for name in report)
        self._engine.run(
            f"UPDATE report SET {sets} WHERE source = :source AND source_id = :source_id",  # noqa: S608 - column names
            source=source, source_id=source_id, **report,
        )  # fmt: skip

    def ask_for(self, source: str, source_id: str, *, missing: str) -> None:
        """Write down what a report lacks, for its sender to complete it."""
        self._engine.run(
            "UPDATE peoples_report SET missing = :missing WHERE source = :source AND source_id = :id",
            missing=missing, source=source, id=source_id,
        )

    def purge(self, *, most: int) -> int:
        """Delete what belongs to reports that are gone, at most so many; how many."""
        return self._engine.run(
            """DELETE FROM peoples_report WHERE (source, source_id) IN (SELECT source, source_id FROM peoples_report
                WHERE NOT EXISTS (SELECT 1 FROM report WHERE report.source = peoples_report.source
                    AND report.source_id = peoples_report.source_id) LIMIT :most)""",
            most=most,
        )

    # evidence

    def add_file(self, **values: Any) -> None:
        """Keep that a file of evidence is on its way, every column given."""
        self._engine.run(_insert("evidence_file", _FILE), **values)

    def arrived(self, file: str) -> None:
        """A file of evidence lies on the shelf, whole."""
        self._engine.run("UPDATE evidence_file SET whole = 1 WHERE file = :file", file=file)

    def forget_file(self, file: str) -> None:
        """Delete the row of a file."""
        self._engine.run("DELETE FROM evidence_file WHERE file = :file", file=file)

    def files(self, source: str, source_id: str) -> list[Row]:
        """The files of a report that are whole, in the order in which they came."""
        return self._engine.rows(
            f"""SELECT {', '.join(_FILE)} FROM evidence_file
            WHERE source = :source AND source_id = :id AND whole = 1 ORDER BY at, file""",  # noqa: S608 - names
            source=source, id=source_id,
        )  # fmt: skip

    def count_files(self, source: str, source_id: str) -> int:
        """How many files a report has, on their way or whole."""
        row = self._engine.row(
            "SELECT COUNT(*) AS n FROM evidence_file WHERE source = :source AND source_id = :id",
            source=source, id=source_id,
        )  # fmt: skip
        return int(row["n"]) if row else 0

    def files_over(self, *, unfinished_before: int, most: int) -> list[str]:
        """Files whose report is gone, or that never arrived whole."""
        rows = self._engine.rows(
            """SELECT file FROM evidence_file WHERE (whole = 0 AND at < :before) OR NOT EXISTS (SELECT 1 FROM report
                WHERE report.source = evidence_file.source AND report.source_id = evidence_file.source_id)
            ORDER BY file LIMIT :most""",
            before=unfinished_before, most=most,
        )  # fmt: skip
        return [row["file"] for row in rows]

    # texts that came

    def has_seen(self, message: bytes) -> bool:
        """Whether a text came in before."""
        return self._engine.row("SELECT at FROM sms_in WHERE message = :message", message=message) is not None

    def see_text(self, message: bytes, *, at: int) -> bool:
        """Remember a text that came in; False where it came before."""
        return bool(
            self._engine.run(
                "INSERT INTO sms_in (message, at) VALUES (:message, :at) ON CONFLICT (message) DO NOTHING",
                message=message, at=at,
            )
        )  # fmt: skip

    def forget_texts(self, *, before: int) -> int:
        """Forget texts that came before a time; how many."""
        return self._engine.run("DELETE FROM sms_in WHERE at < :before", before=before)


def _insert(table: str, columns: tuple[str, ...]) -> str:
    marks = ", ".join(f":{name}" for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
