"""SQL about receipt_key: the public keys that ever signed receipts."""

from __future__ import annotations

from registry.store.engine import Engine, Row


class ReceiptKeyRows:
    """Rows of receipt_key; times in Micros, `until` NULL for the one that signs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Row]:
        """Every key that ever signed, the newest first."""
        return self._engine.rows("SELECT keyid, public, since, until FROM receipt_key ORDER BY since DESC, keyid")

    def begin(self, keyid: str, public: str, *, at: int) -> None:
        """Note that a key signs from now on; whichever signed before ends."""
        self._engine.run(
            "UPDATE receipt_key SET until = :at WHERE until IS NULL AND keyid <> :keyid", at=at, keyid=keyid
        )
        self._engine.run(
            """INSERT INTO receipt_key (keyid, public, since, until) VALUES (:keyid, :public, :at, NULL)
            ON CONFLICT (keyid) DO UPDATE SET until = NULL""",
            keyid=keyid, public=public, at=at,
        )

    def remove(self, keyid: str) -> bool:
        """Forget a key; whether it was there."""
        return self._engine.run("DELETE FROM receipt_key WHERE keyid = :keyid", keyid=keyid) > 0
