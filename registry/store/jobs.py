"""SQL about lease, job_run."""

from __future__ import annotations

from registry.store.engine import Engine


class Jobs:
    """Rows of lease, job_run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
