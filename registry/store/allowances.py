"""SQL about allowance."""

from __future__ import annotations

from registry.store.engine import Engine


class Allowances:
    """Rows of allowance."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
