"""SQL about single checks: what stands for a few thousand numbers, read together."""

from __future__ import annotations

from collections.abc import Sequence

from registry.store.engine import Engine, Row

_AT_ONCE = 500  # numbers in one statement, each a parameter of its own; SQLite looks a name up among all of them


class Checks:
    """What checks read; inside `reading()`, so that all of it is one state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def preferences(self, numbers: Sequence[bytes]) -> list[Row]:
        """What those of some numbers that are registered decline: number, masks, quiet."""
        return self._many(
            """SELECT number, calls, robocalls, messages, quiet FROM registration
               WHERE number IN :numbers AND (calls > 0 OR robocalls > 0 OR messages > 0 OR quiet > 0)""",
            numbers,
        )

    def special(self, numbers: Sequence[bytes], *, telemarketer: str, since: int) -> set[bytes]:
        """Those of some numbers of which more stands than a preference: something was said after a moment (Micros), or
        there ever was a consent, a refusal or a personal entry about the telemarketer."""
        rows = self._many(
            """SELECT number FROM registration_history WHERE number IN :numbers AND at > :since
               UNION ALL SELECT number FROM consent WHERE number IN :numbers AND telemarketer = :telemarketer
               UNION ALL SELECT number FROM personal_entry WHERE number IN :numbers AND telemarketer = :telemarketer""",
            numbers, since=since, telemarketer=telemarketer,
        )
        return {bytes(row["number"]) for row in rows}

    def _many(self, sql: str, numbers: Sequence[bytes], **values: int | str) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(numbers), _AT_ONCE):
            found += self._engine.rows(sql, numbers=tuple(numbers[start : start + _AT_ONCE]), **values)
        return found
