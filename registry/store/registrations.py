"""SQL about registration, registration_history, pending, porting."""

from __future__ import annotations

from registry.store.engine import Engine


class Registrations:
    """Rows of registration, registration_history, pending, porting."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
