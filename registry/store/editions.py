"""SQL about edition, edition_change, edition_exception, base."""

from __future__ import annotations

from registry.store.engine import Engine


class Editions:
    """Rows of edition, edition_change, edition_exception, base."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
