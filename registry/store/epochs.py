"""SQL about key_epoch: which epochs of list keys there are, and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass

from registry.store.engine import Engine


@dataclass(frozen=True)
class EpochRow:
    """One key epoch: since when (0: from the first day on), since when another took its place, and since when its
    master is no more. Micros."""

    epoch: int
    began: int
    ended: int | None
    destroyed: int | None


class Epochs:
    """Rows of key_epoch."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> tuple[EpochRow, ...]:
        """All epochs, oldest first; there is always at least the first."""
        rows = self._engine.rows("SELECT epoch, began, ended, destroyed FROM key_epoch ORDER BY epoch")
        return tuple(EpochRow(**row) for row in rows)

    def begin(self, *, epoch: int, at: int) -> None:
        """A new epoch, which ends the one before."""
        self._engine.run("UPDATE key_epoch SET ended = :at WHERE ended IS NULL", at=at)
        self._engine.run("INSERT INTO key_epoch (epoch, began) VALUES (:epoch, :at)", epoch=epoch, at=at)

    def destroy(self, *, epoch: int, at: int) -> None:
        """The master of an epoch is no more."""
        self._engine.run(
            "UPDATE key_epoch SET destroyed = :at WHERE epoch = :epoch AND destroyed IS NULL", epoch=epoch, at=at
        )
