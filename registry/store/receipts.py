"""SQL about receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from registry.receiptforms import Receipt
from registry.store.engine import Engine, Row
from registry.times import from_micros, to_micros

_NAMES = tuple(field.name for field in fields(Receipt))
_ALL = ", ".join(_NAMES)
_TIMES = ("at", "valid_until", "issued", "kept_until")


class Receipts:
    """Rows of receipt."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, receipt: Receipt) -> None:
        """Write a receipt; one of the same id that was issued before a break is replaced."""
        row: dict[str, Any] = {name: getattr(receipt, name) for name in _NAMES}
        row |= {name: to_micros(row[name]) for name in _TIMES} | {"sandbox": int(receipt.sandbox)}
        marks = ", ".join(f":{name}" for name in _NAMES)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])
        self._engine.run(
            f"""INSERT INTO receipt ({_ALL}, erased) VALUES ({marks}, 0)
            ON CONFLICT (receipt) DO UPDATE SET {changes}, erased = 0""",  # noqa: S608 - fixed names
            **row,
        )

    def receipt(self, receipt: str) -> Receipt | None:
        """One receipt."""
        found = self._many("receipt = :receipt", receipt=receipt)
        return found[0] if found else None

    def of_party(self, party: str, *, before: int, limit: int, sandbox: bool = False) -> tuple[Receipt, ...]:
        """A party's receipts issued before a time (Micros), newest first; those of the sandbox alone."""
        return self._many(
            """party = :party AND issued < :before AND sandbox >= :sandbox
            ORDER BY issued DESC, receipt LIMIT :limit""",
            party=party, before=before, limit=limit, sandbox=int(sandbox),
        )

    def between(
        self, party: str, *, channel: str, category: str, first: int, last: int, limit: int, skip: int = 0
    ) -> tuple[Receipt, ...]:
        """A party's receipts for a kind of contact that were held in [first, last] (Micros), newest first."""
        return self._many(
            """party = :party AND channel = :channel AND category = :category AND valid_until > :first AND at <= :last
            AND issued <= :last AND sandbox = 0 AND erased = 0 ORDER BY issued DESC, receipt
            LIMIT :limit OFFSET :skip""",
            party=party, channel=channel, category=category, first=first, last=last, limit=limit, skip=skip,
        )

    def holders(self, parties: Sequence[str], *, since: int) -> set[str]:
        """Those of some parties who hold receipts whose answers held at a time (Micros) or later."""
        rows = self._engine.rows(
            """SELECT party FROM party WHERE party IN :parties AND EXISTS (SELECT 1 FROM receipt WHERE
            receipt.party = party.party AND valid_until > :since AND sandbox = 0 AND erased = 0)""",
            parties=tuple(parties), since=since,
        )
        return {row["party"] for row in rows}

    def signed_by(self, keyid: str, *, limit: int) -> list[tuple[str, str]]:
        """Receipts that a key signed, with their envelopes."""
        rows = self._engine.rows(
            "SELECT receipt, envelope FROM receipt WHERE envelope LIKE :sign ORDER BY receipt LIMIT :limit",
            sign=f'%"{keyid}"%', limit=limit,
        )
        return [(row["receipt"], row["envelope"]) for row in rows]

    def replace_envelope(self, receipt: str, envelope: str) -> None:
        """Write a receipt's envelope anew."""
        self._engine.run(
            "UPDATE receipt SET envelope = :envelope WHERE receipt = :receipt", envelope=envelope, receipt=receipt
        )

    def due(self, *, at: int, limit: int) -> list[str]:
        """Receipts whose leaves are to be erased by a time (Micros)."""
        rows = self._engine.rows(
            "SELECT receipt FROM receipt WHERE erased = 0 AND kept_until <= :at ORDER BY kept_until LIMIT :limit",
            at=at, limit=limit,
        )
        return [row["receipt"] for row in rows]

    def erased(self, receipt: str) -> None:
        """Note that the leaves of a receipt are gone."""
        self._engine.run("UPDATE receipt SET erased = 1 WHERE receipt = :receipt", receipt=receipt)

    def _many(self, where: str, **values: Any) -> tuple[Receipt, ...]:
        rows = self._engine.rows(f"SELECT {_ALL} FROM receipt WHERE {where}", **values)  # noqa: S608 - fixed texts
        return tuple(_receipt(row) for row in rows)


def _receipt(row: Row) -> Receipt:
    values: dict[str, Any] = dict(row) | {name: from_micros(row[name]) for name in _TIMES}
    return Receipt(**values | {"sandbox": bool(row["sandbox"])})
