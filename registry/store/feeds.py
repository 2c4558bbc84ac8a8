"""SQL about feed_edition, acknowledgement, carrier_key."""

from __future__ import annotations

from registry.store.engine import Engine


class Feeds:
    """Rows of feed_edition, acknowledgement, carrier_key."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
