"""SQL about consent, personal_entry, exception, pending_exception.

Rules of this room: `exception` holds what of consents and personal entries is in force now, one row per number, company
and kind; whoever changes it makes the row pending for the next edition in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry.store.engine import Engine, Row

_MASKS = "calls, robocalls, messages"
_LOOKUP = 500  # numbers in one IN list


class Consents:
    """Rows of consent, personal_entry, exception, pending_exception."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # consents

    def put(self, values: Mapping[str, Any]) -> None:
        """Write a consent whole; the same (number, consent) is replaced."""
        columns = (
            "number", "consent", "telemarketer", "state", "calls", "robocalls", "messages", "most", "per", "starts",
            "until", "asked", "decided", "ended", "explicit", "evidence", "evidence_hash",
        )
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns[2:])
        self._engine.run(
            f"""INSERT INTO consent ({", ".join(columns)}) VALUES ({", ".join(f":{name}" for name in columns)})
            ON CONFLICT (number, consent) DO UPDATE SET {changes}""",  # noqa: S608 - fixed column names
            **{name: values[name] for name in columns},
        )

    def find(self, *, number: bytes, consent: str) -> Row | None:
        """One consent of a number."""
        return self._engine.row(
            "SELECT * FROM consent WHERE number = :number AND consent = :consent", number=number, consent=consent
        )

    def of_numbers(self, numbers: Sequence[bytes]) -> list[Row]:
        """Every consent and refusal ever recorded of some numbers, oldest request first."""
        return self._many("SELECT * FROM consent WHERE number IN :numbers ORDER BY number, asked, consent", numbers)

    def due(self, *, unanswered_before: int, now: int, most: int = 1000) -> list[Row]:
        """Requests asked before a moment and still unanswered, and granted consents whose period is over."""
        unanswered = self._engine.rows(
            "SELECT * FROM consent WHERE state = 'requested' AND ended IS NULL AND asked <= :before LIMIT :most",
            before=unanswered_before, most=most,
        )
        return unanswered + self._engine.rows(
            """SELECT * FROM consent
               WHERE state = 'granted' AND ended IS NULL AND until > 0 AND until <= :now LIMIT :most""",
            now=now, most=most,
        )

    def erase_evidence(self, *, since: int, before: int, most: int) -> int:
        """Empty the evidence of at most so many consents that were over in [since, before); how many."""
        return self._engine.run(
            """UPDATE consent SET evidence = '{}' WHERE (number, consent) IN (
                SELECT number, consent FROM consent WHERE state IN ('granted', 'withdrawn', 'expired')
                AND evidence <> '{}' AND CASE WHEN ended < until THEN ended ELSE until END >= :since
                AND CASE WHEN ended < until THEN ended ELSE until END < :before LIMIT :most)""",
            since=since, before=before, most=most,
        )

    # personal entries

    def add_entry(self, values: Mapping[str, Any]) -> None:
        """Add a personal entry: number, telemarketer, kind, since, masks, until."""
        self._engine.run(
            f"""INSERT INTO personal_entry (number, telemarketer, kind, since, {_MASKS}, until, ended)
            VALUES (:number, :telemarketer, :kind, :since, :calls, :robocalls, :messages, :until, NULL)
            ON CONFLICT (number, telemarketer, kind, since) DO UPDATE SET calls = excluded.calls,
                robocalls = excluded.robocalls, messages = excluded.messages, until = excluded.until,
                ended = NULL""",  # noqa: S608 - fixed column names
            **values,
        )

    def end_entries(self, *, number: bytes, telemarketer: str, at: int, due: int | None = None) -> int:
        """End the running entries of a number about a company, or only those whose time was over at `due`; how many."""
        return self._engine.run(
            f"""UPDATE personal_entry SET ended = :at
               WHERE number = :number AND telemarketer = :telemarketer AND ended IS NULL
               {"" if due is None else "AND until > 0 AND until <= :due"}""",  # noqa: S608 - fixed text
            number=number, telemarketer=telemarketer, at=at, due=due,
        )

    def count_entries(self, *, number: bytes, kind: int) -> int:
        """How many running entries of a kind a number has."""
        row = self._engine.row(
            """SELECT COUNT(*) AS count FROM personal_entry
               WHERE number = :number AND kind = :kind AND ended IS NULL""",
            number=number, kind=kind,
        )
        return int(row["count"]) if row else 0

    def entries_of_numbers(self, numbers: Sequence[bytes]) -> list[Row]:
        """Every personal entry ever made of some numbers, oldest first."""
        return self._many("SELECT * FROM personal_entry WHERE number IN :numbers ORDER BY number, since", numbers)

    def entries_due(self, *, now: int, most: int = 1000) -> list[Row]:
        """Running entries whose time is over."""
        return self._engine.rows(
            "SELECT * FROM personal_entry WHERE ended IS NULL AND until > 0 AND until <= :now LIMIT :most",
            now=now, most=most,
        )

    # what is in force

    def exceptions(self, number: bytes) -> list[Row]:
        """What is in force of a number."""
        return self._engine.rows("SELECT * FROM exception WHERE number = :number", number=number)

    def put_exception(self, values: Mapping[str, Any]) -> None:
        """Set what is in force (number, telemarketer, kind, masks, until) and make it pending."""
        self._engine.run(
            f"""INSERT INTO exception (number, telemarketer, kind, {_MASKS}, until)
            VALUES (:number, :telemarketer, :kind, :calls, :robocalls, :messages, :until)
            ON CONFLICT (number, telemarketer, kind) DO UPDATE SET calls = excluded.calls,
                robocalls = excluded.robocalls, messages = excluded.messages,
                until = excluded.until""",  # noqa: S608 - fixed column names
            **values,
        )
        self._pend(values["number"], values["telemarketer"], values["kind"])

    def remove_exception(self, *, number: bytes, telemarketer: str, kind: int) -> None:
        """Take back what was in force and make that pending."""
        self._engine.run(
            "DELETE FROM exception WHERE number = :number AND telemarketer = :telemarketer AND kind = :kind",
            number=number, telemarketer=telemarketer, kind=kind,
        )
        self._pend(number, telemarketer, kind)

    def outdate(self, numbers: Sequence[bytes], *, kind: int) -> None:
        """Take back all that is in force of a kind for some numbers."""
        for row in self._many(f"SELECT * FROM exception WHERE kind = {kind:d} AND number IN :numbers", numbers):  # noqa: S608
            self.remove_exception(number=row["number"], telemarketer=row["telemarketer"], kind=kind)

    def end_all(self, *, number: bytes, at: int) -> None:
        """End everything that a number's holder consented to, refused, allowed or denied until a moment (rule 45)."""
        self._engine.run(
            "UPDATE consent SET ended = :at WHERE number = :number AND ended IS NULL AND asked <= :at",
            number=number, at=at,
        )
        self._engine.run(
            "UPDATE personal_entry SET ended = :at WHERE number = :number AND ended IS NULL AND since <= :at",
            number=number, at=at,
        )
        since = self._engine.rows(
            """SELECT telemarketer FROM consent WHERE number = :number AND ended IS NULL
            UNION SELECT telemarketer FROM personal_entry WHERE number = :number AND ended IS NULL""",
            number=number,
        )
        kept = {row["telemarketer"] for row in since}  # what the next holder said, who came before we were told
        for row in self.exceptions(number):
            if row["telemarketer"] not in kept:
                self.remove_exception(number=number, telemarketer=row["telemarketer"], kind=row["kind"])

    def _pend(self, number: bytes, telemarketer: str, kind: int) -> None:
        self._engine.run(
            """INSERT INTO pending_exception (number, telemarketer, kind, edition)
               VALUES (:number, :telemarketer, :kind, NULL)
               ON CONFLICT (number, telemarketer, kind) DO UPDATE SET edition = NULL""",
            number=number, telemarketer=telemarketer, kind=kind,
        )

    def _many(self, sql: str, numbers: Sequence[bytes]) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(numbers), _LOOKUP):
            found += self._engine.rows(sql, numbers=tuple(numbers[start : start + _LOOKUP]))
        return found
