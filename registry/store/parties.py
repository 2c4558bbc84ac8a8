"""SQL about party, member, api_key, invitation."""

from __future__ import annotations

from registry.store.engine import Engine


class Parties:
    """Rows of party, member, api_key, invitation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
