"""SQL about session, invitation. Only hashes of tokens are ever stored."""

from __future__ import annotations

from dataclasses import dataclass

from registry.sealing import SealedNumber
from registry.store.engine import Engine


@dataclass(frozen=True, slots=True)
class SessionRow:
    """An open session: of a person (`number`) or a member (`member`); `strong` once the second factor was proved."""

    kind: str
    number: SealedNumber | None
    member: str | None
    strong: bool


class Sessions:
    """Rows of session, invitation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self, *, session: bytes, kind: str, number: bytes | None, member: str | None, strong: bool, created: int,
        expires: int,
    ) -> None:
        """Add a session. Times are Micros."""
        self._engine.run(
            """INSERT INTO session (session, kind, number, member, strong, created, expires)
            VALUES (:session, :kind, :number, :member, :strong, :created, :expires)""",
            session=session, kind=kind, number=number, member=member, strong=int(strong), created=created,
            expires=expires,
        )

    def find(self, session: bytes, *, at: int) -> SessionRow | None:
        """The session of a hash if it has not ended at `at` (Micros)."""
        row = self._engine.row(
            "SELECT kind, number, member, strong FROM session WHERE session = :session AND expires > :at",
            session=session, at=at,
        )
        if row is None:
            return None
        number = SealedNumber(bytes(row["number"])) if row["number"] is not None else None
        return SessionRow(str(row["kind"]), number, row["member"], bool(row["strong"]))

    def close(self, session: bytes) -> bool:
        """Erase a session; whether there was one."""
        return self._engine.run("DELETE FROM session WHERE session = :session", session=session) > 0

    def close_all(self, member: str) -> int:
        """Erase all sessions of a member; how many."""
        return self._engine.run("DELETE FROM session WHERE member = :member", member=member)

    def close_number(self, number: bytes, *, before: int) -> int:
        """End the sessions of a number that were opened until a moment (Micros); how many."""
        return self._engine.run(
            "DELETE FROM session WHERE number = :number AND created <= :before", number=number, before=before
        )

    def close_party(self, party: str) -> int:
        """Erase all sessions of a party's members; how many."""
        return self._engine.run(
            "DELETE FROM session WHERE member IN (SELECT member FROM member WHERE party = :party)", party=party
        )

    def forget(self, *, at: int) -> int:
        """Erase sessions and unused invitations that ended before `at` (Micros); how many."""
        ended = self._engine.run("DELETE FROM session WHERE expires <= :at", at=at)
        return ended + self._engine.run("DELETE FROM invitation WHERE expires <= :at AND used IS NULL", at=at)

    # invitations

    def invite(self, *, invitation: bytes, member: str, expires: int) -> None:
        """Add an invitation in place of any open one of the same member."""
        self._engine.run("DELETE FROM invitation WHERE member = :member AND used IS NULL", member=member)
        self._engine.run(
            "INSERT INTO invitation (invitation, member, expires, used) VALUES (:invitation, :member, :expires, NULL)",
            invitation=invitation, member=member, expires=expires,
        )

    def invited(self, invitation: bytes, *, at: int) -> str | None:
        """The member whom an open invitation is for, or None."""
        row = self._engine.row(
            "SELECT member FROM invitation WHERE invitation = :invitation AND used IS NULL AND expires > :at",
            invitation=invitation, at=at,
        )
        return str(row["member"]) if row else None

    def use_invitation(self, invitation: bytes, *, at: int) -> str | None:
        """Use an open invitation up, once; the member it was for, or None."""
        row = self._engine.row(
            """UPDATE invitation SET used = :at WHERE invitation = :invitation AND used IS NULL AND expires > :at
            RETURNING member""",
            invitation=invitation, at=at,
        )
        return str(row["member"]) if row else None
