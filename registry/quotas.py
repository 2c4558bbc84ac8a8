"""Quotas: for how many distinct numbers a telemarketer may ask, a day and a calendar month, and what is left of it.

Rules of this room:
- A number counts once in a month (the epoch), however often it is asked for, on the day on which it was asked first.
  Invalid, duplicate and failed lines, and scrubs that bring no result, cost nothing.
- What is charged is exact, whoever asks at the same time, and never above the limit: it is decided under one lock a
  party. Running scrubs reserve before they answer (`meter.py`); a reservation ends when its worker is dead.
- Who asked for which number is kept as keys that only the registry can make (`quotakeys.py`), for this month and the
  last; small checks wait in a table until the clockwork folds them into the file of the month.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry import guardlanes, sealing
from registry.errors import ConflictError, FeedError, NotFoundError
from registry.keys import FIRST_EPOCH
from registry.logs import log
from registry.naming import new_id
from registry.quotakeys import Keys, SortedKeys, distinct, open_keys, write_keys
from registry.times import EPOCH, local, to_micros

if TYPE_CHECKING:
    from registry.guardsettings import Tier
    from registry.interfaces import Clock, Shelf
    from registry.keys import KeyRing
    from registry.parties import Party
    from registry.settings import ScrubSettings, Settings
    from registry.store import Store

FOLDED_AT_ONCE = 1_000  # small checks that become part of a file in one go
_REMEMBERED = 256  # parties of which a process knows the newest keys


@dataclass(frozen=True, slots=True)
class Period:
    """A day and the calendar month around it: `epoch` is 202611, `day` counts from 1970."""

    epoch: int
    day: int
    day_ends: datetime
    epoch_ends: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """What is used of a limit, and when it is whole again."""

    limit: int
    used: int
    renews: datetime

    @property
    def left(self) -> int:
        """Distinct numbers that may still be asked for."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Balance:
    """What a party may still ask for today and in this month, and the lane it is in (usual, slow, held)."""

    party: str
    tier: str
    day: Window
    epoch: Window
    lane: str = "usual"
    slow_hour: int = 0

    @property
    def left(self) -> int:
        """Distinct numbers that may be asked for now."""
        return min(self.day.left, self.epoch.left)


@dataclass(frozen=True, slots=True)
class Charged:
    """What a scrub cost: distinct numbers asked for the first time in this month, those asked before, those that were
    not answered because the quota was reached (blocks may have counted one several times)."""

    numbers: int = 0
    free: int = 0
    refused: int = 0


@dataclass
class Ledger:
    """What quotas are kept with: collaborators, and what this process remembers of the newest keys of parties."""

    store: Store
    clock: Clock
    shelf: Shelf
    keys: KeyRing
    settings: Settings
    _known: dict[tuple[str, int], _Known] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @cached_property
    def key(self) -> bytes:
        """The key under which sealed numbers become keys of quotas."""
        return self.keys.derive("at-rest", "quota", FIRST_EPOCH)

    def period(self) -> Period:
        """The day and month of this moment."""
        return period_of(self.clock.now(), self.settings.numbers.zone)

    def known(self, party: str, epoch: int) -> _Known:
        """The keys that a party was charged for in an epoch, as they stand; inside the party's transaction."""
        store = self.store.quotas
        file, _ = store.file(party, epoch=epoch)
        with self._lock:
            known = self._known.get((party, epoch))
            if known is None or known.file != file:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                known = self._known[party, epoch] = _Known(*self.file(party, epoch))
        place, asked = store.recent_keys(party, epoch=epoch, after=known.place)
        known.add(place, np.frombuffer(asked, np.uint64))
        return known


    def file(self, party: str, epoch: int) -> tuple[str, SortedKeys]:
        """The name of the file of a month, and the keys in it, mapped; those of small checks since are not in it.

        One that is gone or damaged (an older backup of the database points to it) counts as empty: numbers are paid
        for twice rather than not answered.
        """
        while True:
            file, _ = self.store.quotas.file(party, epoch=epoch)
            try:
                return file, _mapped(self.shelf, file)
            except (NotFoundError, FeedError) as error:
                if self.store.quotas.file(party, epoch=epoch)[0] == file:  # else it was replaced meanwhile
                    log("quotas").warning("keys_lost", party=party, epoch=epoch, code=error.code)
                    return file, SortedKeys()


@dataclass
class _Known:
    """The keys of a file, and of the small checks since, in runs that double in size."""

    file: str
    keys: SortedKeys
    place: int = 0
    runs: list[Keys] = field(default_factory=list)

    def add(self, place: int, asked: Keys) -> None:
        if len(asked):
            self.place = place
            self.runs.append(distinct(asked.copy()))
        while len(self.runs) > 1 and 2 * len(self.runs[-1]) > len(self.runs[-2]):
            last = self.runs.pop()
            self.runs[-1] = distinct(np.concatenate([self.runs[-1], last]))

    def contains(self, asked: Keys) -> NDArray[np.bool_]:
        found = self.keys.contains(asked)
        for run in self.runs:
            found |= SortedKeys(run).contains(asked)
        return found


def _mapped(shelf: Shelf, file: str) -> SortedKeys:
    if not file:
        return SortedKeys()
    with shelf.path(file) as path:
        return SortedKeys(open_keys(path))


# rules


def period_of(moment: datetime, zone: str) -> Period:
    """The day and the calendar month of a moment, as a wall clock in `zone` has them."""
    day = local(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    first = day.replace(day=1)
    month = (first + timedelta(days=32)).replace(day=1)
    return Period(
        epoch=day.year * 100 + day.month, day=day.date().toordinal() - EPOCH.date().toordinal(),
        day_ends=(day + timedelta(days=1)).astimezone(EPOCH.tzinfo), epoch_ends=month.astimezone(EPOCH.tzinfo),
    )  # fmt: skip


def epoch_before(epoch: int) -> int:
    """The month before one."""
    return epoch - 1 if epoch % 100 > 1 else epoch - 89


def tier_of(settings: ScrubSettings, party: Party) -> tuple[str, Tier]:
    """The tier of a party's licence; one that the settings do not name counts as the smallest of all."""
    name = getattr(party, "tier", "")
    if name in settings.tiers:
        return name, settings.tiers[name]
    return min(settings.tiers.items(), key=lambda item: (item[1].epoch, item[1].day))


def room_inside(ledger: Ledger, party: str, tier: Tier, period: Period, *, but: str = "") -> int:
    """`room` as it stands now, inside the party's transaction; the reservation `but` left out."""
    rows, now = ledger.store.quotas, to_micros(ledger.clock.now())
    used, held = rows.used(party, epoch=period.epoch), rows.held(party, epoch=period.epoch, at=now, but=but)
    return room(tier, period, used, held)


def room(tier: Tier, period: Period, used: Mapping[int, int], held: Mapping[int, int]) -> int:
    """How many more distinct numbers may be asked for; `used` and `held` by day of the epoch."""
    day = tier.day - used.get(period.day, 0) - held.get(period.day, 0)
    return max(0, min(day, tier.epoch - sum(used.values()) - sum(held.values())))


# use cases


def balance(store: Store, clock: Clock, settings: Settings, party: Party) -> Balance:
    """What a party may still ask for. What running scrubs have reserved counts when they are done."""
    period = period_of(clock.now(), settings.numbers.zone)
    name, tier = tier_of(settings.scrubs, party)
    used = store.quotas.used(party.party, epoch=period.epoch)
    return Balance(
        party.party, name, Window(tier.day, used.get(period.day, 0), period.day_ends),
        Window(tier.epoch, sum(used.values()), period.epoch_ends),
        guardlanes.lane_of(store, party.party), tier.slow_hour,
    )  # fmt: skip


def charge_runs(
    ledger: Ledger, *, party: str, tier: Tier, period: Period, hold: str, parts: tuple[Keys, ...], work: Path
) -> int:
    """Charge for all keys of some ascending arrays, and let the reservation go; how many of them were new.

    The file of the month is written anew beside the old one, outside the transaction; where somebody else was quicker
    it is written again. Raises ConflictError hold_lost where the reservation ended and the quota does not bear it.
    """
    store = ledger.store
    while True:
        file, old = ledger.file(party, period.epoch)
        with _written(ledger, party, period.epoch, (old.keys, *parts), work) as (new, name):
            with store.writing(about=about(party)):
                if store.quotas.file(party, epoch=period.epoch)[0] != file:
                    continue
                _, small = store.quotas.recent_keys(party, epoch=period.epoch)
                waiting = np.frombuffer(small, np.uint64)
                charged = len(new) - len(old) - int((new.contains(waiting) & ~old.contains(waiting)).sum())
                if charged > room_inside(ledger, party, tier, period, but=hold):
                    raise ConflictError("The reservation of this scrub has ended.", code="hold_lost")
                store.quotas.put_file(party, epoch=period.epoch, file=name, numbers=len(new))
                store.quotas.use(party, epoch=period.epoch, day=period.day, numbers=charged)
                store.quotas.release(hold)
            _replaced(ledger, file)
            return charged


def fold(
    ledger: Ledger, *, party: str, epoch: int, work: Path, see: Callable[[NDArray[np.uint8], int], None]
) -> int:
    """Put the oldest small checks of a party into the file of their month; how many checks there were.

    `see` is shown their sealed numbers u8[n, 16] before, and how many lines were unassigned; again where the work was
    cut off.
    """
    store = ledger.store
    recents = store.quotas.recents(party, epoch=epoch, limit=FOLDED_AT_ONCE)
    asked = [distinct(np.frombuffer(each.asked, np.uint64).copy()) for each in recents]
    if not asked:
        return 0
    sealed = np.frombuffer(b"".join(each.sealed for each in recents), np.uint8).reshape(-1, sealing.BLOCK)
    see(sealed, sum(each.unassigned for each in recents))
    while True:
        file, old = ledger.file(party, epoch)
        with _written(ledger, party, epoch, (old.keys, *asked), work) as (new, name):
            with store.writing(about=about(party)):
                if store.quotas.file(party, epoch=epoch)[0] != file:
                    continue
                store.quotas.put_file(party, epoch=epoch, file=name, numbers=len(new))
                store.quotas.forget_recent(party, epoch=epoch, upto=recents[-1].place)
            _replaced(ledger, file)
            return len(recents)


def forget(ledger: Ledger) -> int:
    """Forget the months before the last one; how many files are deleted."""
    store, now = ledger.store, ledger.clock.now()
    oldest = epoch_before(ledger.period().epoch)
    with store.writing(about="quotas"):
        store.quotas.forget_before(epoch=oldest, at=to_micros(now))
    gone = [name for name in ledger.shelf.names("quotas/") if int(name.split("/")[2]) < oldest]
    for name in gone:
        ledger.shelf.delete(name)
    return len(gone)


def about(party: str) -> str:
    """What transactions about a party's quota are about."""
    return f"quota {party}"


@contextmanager
def _written(
    ledger: Ledger, party: str, epoch: int, parts: Sequence[Keys], work: Path
) -> Iterator[tuple[SortedKeys, str]]:
    """The union of some arrays as a file on the shelf, mapped, and its name; deleted again unless it is pointed to."""
    name = f"quotas/{party}/{epoch}/{new_id()}"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        path = Path(folder) / "asked"
        write_keys(path, parts)
        ledger.shelf.put(name, path)
        try:
            yield SortedKeys(open_keys(path)), name
        finally:
            if ledger.store.quotas.file(party, epoch=epoch)[0] != name:
                ledger.shelf.delete(name)


def _replaced(ledger: Ledger, file: str) -> None:
    if file:
        ledger.shelf.delete(file)
