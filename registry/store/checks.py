"""SQL about single checks: what stands for a few thousand numbers, read together."""

from __future__ import annotations

from collections.abc import Sequence

from registry.store.engine import Engine, Row

_AT_ONCE = 1_000  # numbers in one statement
_ANY = """SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM consent WHERE telemarketer = :telemarketer)
    OR EXISTS (SELECT 1 FROM personal_entry WHERE telemarketer = :telemarketer)"""


class Checks:
    """What checks read; inside `reading()`, so that all of it is one state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def preferences(self, numbers: Sequence[bytes]) -> list[Row]:
        """What those of some numbers that ever registered decline, and when that was said: number, masks, quiet,
        since."""
        return self._many(
            "SELECT number, calls, robocalls, messages, quiet, since FROM registration WHERE number IN :numbers",
            numbers,
        )

    def known_to(self, telemarketer: str, numbers: Sequence[bytes]) -> set[bytes]:
        """Those of some numbers that ever had a consent, a refusal or a personal entry about a telemarketer."""
        if self._engine.row(_ANY, telemarketer=telemarketer) is None:  # most have none from anybody
            return set()
        rows = self._many(
            """SELECT number FROM consent WHERE number IN :numbers AND telemarketer = :telemarketer
               UNION ALL SELECT number FROM personal_entry WHERE number IN :numbers AND telemarketer = :telemarketer""",
            numbers, telemarketer=telemarketer,
        )
        return {bytes(row["number"]) for row in rows}

    def _many(self, sql: str, numbers: Sequence[bytes], **values: str) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(numbers), _AT_ONCE):
            found += self._engine.rows(sql, numbers=tuple(numbers[start : start + _AT_ONCE]), **values)
        return found
