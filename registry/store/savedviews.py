"""SQL about saved_view: what members of the regulator keep of their queues under a name."""

from __future__ import annotations

from registry.store.engine import Engine, Row


class SavedViews:
    """Rows of saved_view."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, queue: str, member: str) -> list[Row]:
        """The views that a member keeps of a queue: name, query."""
        return self._engine.rows(
            "SELECT name, query FROM saved_view WHERE queue = :queue AND member = :member ORDER BY name",
            queue=queue, member=member,
        )

    def keep(self, queue: str, member: str, name: str, query: str) -> None:
        """Keep a view under a name, in the place of one that has it."""
        self._engine.run(
            """INSERT INTO saved_view (queue, member, name, query) VALUES (:queue, :member, :name, :query)
            ON CONFLICT (queue, member, name) DO UPDATE SET query = excluded.query""",
            queue=queue, member=member, name=name, query=query,
        )

    def forget(self, queue: str, member: str, name: str) -> int:
        """Forget a view; how many there were."""
        return self._engine.run(
            "DELETE FROM saved_view WHERE queue = :queue AND member = :member AND name = :name",
            queue=queue, member=member, name=name,
        )
