"""SQL about audit."""

from __future__ import annotations

from registry.store.engine import Engine


class Audit:
    """Rows of audit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
