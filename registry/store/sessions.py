"""SQL about session, invitation."""

from __future__ import annotations

from registry.store.engine import Engine


class Sessions:
    """Rows of session, invitation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
