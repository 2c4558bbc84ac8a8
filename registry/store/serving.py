"""SQL about overlap and number_block: who still has a number that moved, and which prefixes resellers serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.store.engine import Engine

_LOOKUP = 500  # numbers in one IN list


@dataclass(frozen=True, slots=True)
class Block:
    """A prefix of national digits that a reseller serves since a moment (Micros); `reseller` "": it no longer does.

    `moved`: the numbers in it that were registered before have been moved.
    """

    prefix: str
    reseller: str
    since: int
    moved: bool


class Serving:
    """Rows of overlap and number_block."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # overlaps

    def keep_on(self, *, number: bytes, carrier: str, until: int) -> None:
        """A carrier keeps a number on its list until a moment (Micros)."""
        self._engine.run(
            """INSERT INTO overlap (number, carrier, until) VALUES (:number, :carrier, :until)
            ON CONFLICT (number, carrier) DO UPDATE SET until = excluded.until""",
            number=number, carrier=carrier, until=until,
        )

    def end(self, *, number: bytes, carrier: str) -> None:
        """An overlap is over, because the carrier serves the number again."""
        self._engine.run("DELETE FROM overlap WHERE number = :number AND carrier = :carrier",
                         number=number, carrier=carrier)

    def any_overlap(self) -> bool:
        """Whether there is any overlap at all."""
        return self._engine.row("SELECT 1 AS one FROM overlap LIMIT 1") is not None

    def overlaps(self, numbers: Sequence[bytes]) -> dict[bytes, list[str]]:
        """The carriers that still have those of some numbers that moved, by name."""
        found: dict[bytes, list[str]] = {}
        for start in range(0, len(numbers), _LOOKUP):
            rows = self._engine.rows(
                "SELECT number, carrier FROM overlap WHERE number IN :numbers ORDER BY number, carrier",
                numbers=tuple(numbers[start : start + _LOOKUP]),
            )
            for row in rows:
                found.setdefault(row["number"], []).append(str(row["carrier"]))
        return found

    def end_due(self, *, now: int, most: int) -> list[bytes]:
        """End at most so many overlaps whose time is over; their numbers."""
        rows = self._engine.rows(
            """DELETE FROM overlap WHERE until <= :now AND (number, carrier) IN
                (SELECT number, carrier FROM overlap WHERE until <= :now ORDER BY until LIMIT :most)
            RETURNING number""",
            now=now, most=most,
        )
        return [row["number"] for row in rows]

    # blocks

    def blocks(self) -> tuple[Block, ...]:
        """All blocks by prefix, those that ended and are not moved back yet among them."""
        rows = self._engine.rows("SELECT prefix, reseller, since, moved FROM number_block ORDER BY prefix")
        return tuple(Block(**{**row, "moved": bool(row["moved"])}) for row in rows)

    def block_of(self, prefixes: Sequence[str]) -> str:
        """The reseller of the block that one of some prefixes is; "" where none is."""
        row = self._engine.row(
            "SELECT reseller FROM number_block WHERE prefix IN :prefixes AND reseller != ''", prefixes=tuple(prefixes)
        )
        return str(row["reseller"]) if row else ""

    def put_block(self, block: Block) -> None:
        """Write a block, new or changed."""
        self._engine.run(
            """INSERT INTO number_block (prefix, reseller, since, moved) VALUES (:prefix, :reseller, :since, :moved)
            ON CONFLICT (prefix) DO UPDATE SET reseller = excluded.reseller, since = excluded.since,
                moved = excluded.moved""",
            prefix=block.prefix, reseller=block.reseller, since=block.since, moved=int(block.moved),
        )

    def moved(self, block: Block) -> None:
        """The numbers of a block have been moved; one that ended is forgotten. Nothing where it changed meanwhile."""
        sql = "UPDATE number_block SET moved = 1 WHERE" if block.reseller else "DELETE FROM number_block WHERE"
        sql += " prefix = :prefix AND reseller = :reseller AND since = :since"
        self._engine.run(sql, prefix=block.prefix, reseller=block.reseller, since=block.since)
