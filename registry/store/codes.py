"""SQL about code: one row per number and purpose; a new code takes the old one's place."""

from __future__ import annotations

from registry.store.engine import Engine, Row


class Codes:
    """Rows of code; `guesses` counts those that are left, `used` is 0 or the moment of use."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(
        self, *, number: bytes, purpose: str, mac: bytes, nonce: bytes, created: int, expires: int, guesses: int
    ) -> None:
        """Write a code in place of an older one."""
        self._engine.run(
            """INSERT INTO code (number, purpose, mac, nonce, created, expires, guesses, used)
            VALUES (:number, :purpose, :mac, :nonce, :created, :expires, :guesses, 0)
            ON CONFLICT (number, purpose) DO UPDATE SET mac = excluded.mac, nonce = excluded.nonce,
                created = excluded.created, expires = excluded.expires, guesses = excluded.guesses, used = 0""",
            number=number, purpose=purpose, mac=mac, nonce=nonce, created=created, expires=expires, guesses=guesses,
        )

    def find(self, *, number: bytes, purpose: str) -> Row | None:
        """The code of a number for a purpose."""
        return self._engine.row(
            "SELECT * FROM code WHERE number = :number AND purpose = :purpose", number=number, purpose=purpose
        )

    def spend_guess(self, *, number: bytes, purpose: str, now: int) -> Row | None:
        """Spend a guess of a code that can still be guessed; its row after that, None where there is no such code."""
        return self._engine.row(
            """UPDATE code SET guesses = guesses - 1
            WHERE number = :number AND purpose = :purpose AND used = 0 AND guesses > 0 AND expires > :now
            RETURNING *""",
            number=number, purpose=purpose, now=now,
        )

    def use(self, *, number: bytes, purpose: str, now: int) -> None:
        """Mark a code as used."""
        self._engine.run(
            "UPDATE code SET used = :now WHERE number = :number AND purpose = :purpose",
            number=number, purpose=purpose, now=now,
        )

    def remove(self, *, number: bytes, purpose: str, nonce: bytes) -> None:
        """Remove this very code; one that has taken its place stays."""
        self._engine.run(
            "DELETE FROM code WHERE number = :number AND purpose = :purpose AND nonce = :nonce",
            number=number, purpose=purpose, nonce=nonce,
        )

    def remove_all(self, *, number: bytes, before: int) -> None:
        """Remove all codes of a number that were made until a moment (Micros)."""
        self._engine.run("DELETE FROM code WHERE number = :number AND created <= :before",
                         number=number, before=before)

    def expire(self, *, now: int) -> int:
        """Remove codes whose time is over; how many."""
        return self._engine.run("DELETE FROM code WHERE expires <= :now", now=now)
