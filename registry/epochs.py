"""Key epochs of lists: which one is new, which still runs beside it, which is kept, which is over (docs/adr/0007).

Rules of this room:
- The database says which epochs there are; a master without its row is only one that is about to begin, or was left by
  a rotation that was killed: nothing is published or delivered under it.
- An epoch that ended is published on for the overlap, so that carriers come over by themselves; its master is kept for
  the retention, then destroyed for good. At most two epochs are published at a time.
- Who lacks the master of the newest epoch publishes nothing and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from registry import audit, webhook_events
from registry.errors import ConflictError, SettingsError, UnavailableError
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.settings import KeySettings
    from registry.store import Store
    from registry.store.epochs import EpochRow

State = Literal["current", "overlap", "retained", "over", "destroyed"]


@dataclass(frozen=True)
class Epoch:
    """One key epoch: its state, since when it is (None: from the first day on), until when that state lasts (None: open
    end), and since when its master is no more."""

    epoch: int
    state: State
    began: datetime | None
    until: datetime | None
    destroyed: datetime | None

    @property
    def is_published(self) -> bool:
        """Whether lists are published under it."""
        return self.state in {"current", "overlap"}

    @property
    def is_delivered(self) -> bool:
        """Whether carriers are given its list keys."""
        return self.state in {"current", "overlap", "retained"}


def all_of(store: Store, clock: Clock, settings: KeySettings) -> tuple[Epoch, ...]:
    """All epochs as they stand now, oldest first."""
    return tuple(_stands(row, clock.now(), settings) for row in store.epochs.all())


def published(store: Store, clock: Clock, settings: KeySettings) -> tuple[int, ...]:
    """The epochs that lists are published under now, the newest first: one, or two while an overlap runs."""
    return tuple(each.epoch for each in reversed(all_of(store, clock, settings)) if each.is_published)


def current(store: Store) -> int:
    """The newest epoch."""
    return store.epochs.all()[-1].epoch


def must_be_held(store: Store, keys: KeyRing) -> int:
    """The newest epoch, whose master this process holds. Raises UnavailableError `epoch_not_held`."""
    keys.look_again()
    epoch = current(store)
    if epoch not in keys.masters:
        detail = (
            f"This process lacks the master of key epoch {epoch}, which lists are published under now. Bring its file "
            "into the folder of keys; where masters come from the environment, set it there and start anew."
        )
        raise UnavailableError(detail, code="epoch_not_held")
    return epoch


def rotate(store: Store, clock: Clock, keys: KeyRing, settings: KeySettings, *, actor: str = "operator") -> Epoch:
    """Begin a new epoch: a new master (unless the environment has one for it), its row, a next edition that is wanted.

    Raises ConflictError `overlap_runs` while two epochs are published, SettingsError where no master can be made.
    """
    newest = _may_rotate(all_of(store, clock, settings))
    _make(keys, newest.epoch + 1)
    with store.writing(about="key_epoch"):
        newest = _may_rotate(all_of(store, clock, settings))  # another may have been quicker
        epoch, at = newest.epoch + 1, to_micros(clock.now())
        if epoch not in keys.masters:
            raise ConflictError("Another rotation has just begun an epoch.", code="overlap_runs")
        store.epochs.begin(epoch=epoch, at=at)
        store.editions.want(f"epoch {epoch}", at=at)
        webhook_events.emit(store, clock, type=webhook_events.KEY_ROTATED, party="", data={"epoch": epoch})
        store.webhooks.set_told(webhook_events.KEY_ROTATED, epoch)
        audit.append(store, clock, actor=actor, action="key_epoch_began", subject=f"key_epoch:{epoch}")
    return all_of(store, clock, settings)[-1]


def destroy_due(store: Store, clock: Clock, keys: KeyRing, settings: KeySettings) -> int:
    """Destroy the masters of the epochs whose retention is over; how many.

    One that came back (a backup of the folder) is destroyed again. Raises UnavailableError `master_in_environment` when
    all is done but a master cannot be destroyed by us.
    """
    count, stays = 0, []
    for each in all_of(store, clock, settings):
        if each.state not in {"over", "destroyed"}:
            continue
        if keys.source is not None and not keys.source.destroy(each.epoch):
            stays.append(str(each.epoch))
        if each.state == "over":
            with store.writing(about="key_epoch"):
                store.epochs.destroy(epoch=each.epoch, at=to_micros(clock.now()))
                audit.append(
                    store, clock, actor="clockwork", action="key_epoch_destroyed",
                    subject=f"key_epoch:{each.epoch}", detail={"in_environment": str(each.epoch) in stays},
                )
            count += 1
    keys.look_again()
    if stays:
        detail = (
            f"The master of key epoch {', '.join(stays)} is over but stands in the environment, where it cannot be "
            "destroyed from here: remove the variable and start anew."
        )
        raise UnavailableError(detail, code="master_in_environment", destroyed=count)
    return count


def _make(keys: KeyRing, epoch: int) -> None:
    keys.look_again()
    if epoch in keys.masters:
        return
    if keys.source is None:
        raise SettingsError("There is no folder that a new master could be written to.", code="no_master")
    keys.source.make(epoch)
    keys.look_again()


def _may_rotate(epochs: tuple[Epoch, ...]) -> Epoch:
    """The newest epoch, where another may begin."""
    for each in epochs:
        if each.state == "overlap":
            until = f"{each.until:%Y-%m-%d %H:%M} UTC" if each.until else "later"
            detail = f"Epoch {each.epoch} still runs beside the newest one, until {until}; rotate after that."
            raise ConflictError(detail, code="overlap_runs")
    return epochs[-1]


def _stands(row: EpochRow, now: datetime, settings: KeySettings) -> Epoch:
    began = from_micros(row.began) if row.began else None
    state: State = "current"
    until = None
    if row.destroyed is not None:
        return Epoch(row.epoch, "destroyed", began, None, from_micros(row.destroyed))
    if row.ended is not None:
        ended = from_micros(row.ended)
        overlap, retention = (ended + timedelta(days=days) for days in (settings.overlap_days, settings.retention_days))
        state, until = ("overlap", overlap) if now < overlap else ("retained", retention)
        if now >= max(overlap, retention):
            state, until = "over", None
    return Epoch(row.epoch, state, began, until, None)
