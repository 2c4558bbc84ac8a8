"""SQL about consent, personal_entry, exception, pending_exception."""

from __future__ import annotations

from registry.store.engine import Engine


class Consents:
    """Rows of consent, personal_entry, exception, pending_exception."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
