"""SQL about report, quarantine, batch, outbox."""

from __future__ import annotations

from registry.store.engine import Engine


class Reports:
    """Rows of report, quarantine, batch, outbox."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
