"""SQL about scrubs: which numbers changed since a base, and of whom more stands than a preference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from registry.store.engine import Engine


class Scrubs:
    """What scrubs read; inside `reading()`, so that all of it is one state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def changed(self, *, after: int) -> Iterator[list[tuple[Any, ...]]]:
        """Numbers that editions after one, or none yet, speak of, as they stand: number, masks, quiet; ascending."""
        return self._engine.stream(
            """SELECT c.number, COALESCE(r.calls, 0), COALESCE(r.robocalls, 0), COALESCE(r.messages, 0),
                      COALESCE(r.quiet, 0)
               FROM (SELECT number FROM edition_change WHERE edition > :after
                     UNION SELECT number FROM pending) c
               LEFT JOIN registration r ON r.number = c.number ORDER BY c.number""",
            after=after,
        )

    def young(self, *, since: int) -> Iterator[list[tuple[Any, ...]]]:
        """Numbers of which something was said after a moment (Micros), ascending."""
        return self._engine.stream(
            "SELECT DISTINCT number FROM registration_history WHERE at > :since ORDER BY number", since=since
        )

    def known_to(self, telemarketer: str) -> Iterator[list[tuple[Any, ...]]]:
        """Numbers that ever had a consent, a refusal or a personal entry about a telemarketer, ascending."""
        return self._engine.stream(
            """SELECT number FROM consent WHERE telemarketer = :telemarketer
               UNION SELECT number FROM personal_entry WHERE telemarketer = :telemarketer ORDER BY number""",
            telemarketer=telemarketer,
        )
