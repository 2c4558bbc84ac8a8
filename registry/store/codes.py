"""SQL about code."""

from __future__ import annotations

from registry.store.engine import Engine


class Codes:
    """Rows of code."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
