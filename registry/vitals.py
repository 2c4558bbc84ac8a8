"""What shows whether the registry is well: health for supervisors, figures for operators, tallies of events.

Rules of this room: figures come from the database, so that all processes give the same ones; nothing here names a
person or a number; a tally may run a second behind, never ahead.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.errors import RegistryError, UnavailableError
from registry.followers import FeedState, feed_states
from registry.jobs import last_runs
from registry.times import to_micros

if TYPE_CHECKING:
    from datetime import datetime

    from registry.interfaces import Clock, Shelf, SmsGateway
    from registry.numbers import Number
    from registry.settings import Settings
    from registry.store import Store

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
SENT, REFUSED, SPENT = "sms_sent", "sms_refused", "sms_spent"


@dataclass(frozen=True)
class Health:
    """One part of the registry: whether it is well, and a word about it."""

    part: str
    well: bool
    word: str


@dataclass(frozen=True)
class JobFigure:
    """The newest run of a job: seconds it took, seconds since it began, whether it failed."""

    job: str
    seconds: float
    age_s: float
    failed: bool


@dataclass(frozen=True)
class Figures:
    """All figures of one moment; ages and lags in seconds."""

    edition: int
    edition_age_s: float
    waiting: int
    waiting_s: float
    followers: tuple[FeedState, ...]
    verdicts: dict[str, int]  # reports of the last 24 hours
    intake: dict[str, int]  # report rows ever
    texts: dict[str, int]  # text messages ever: sent, refused by the gateway, refused by an allowance
    jobs: tuple[JobFigure, ...]
    events: dict[str, int]  # number events by state


def health(store: Store, shelf: Shelf, clock: Clock, *, settings: Settings) -> tuple[Health, ...]:
    """Database, shelf and clockwork; words hold no secret and no path."""
    return (_database(store), _shelf(shelf), _clockwork(store, clock.now(), settings))


def _database(store: Store) -> Health:
    try:
        well = store.vitals.answers()
    except RegistryError as error:
        return Health("database", False, error.code)
    return Health("database", well, "answers" if well else "no_schema")


def _shelf(shelf: Shelf) -> Health:
    try:
        shelf.size("health")
    except RegistryError as error:
        return Health("shelf", False, error.code)
    except OSError:
        return Health("shelf", False, "shelf_error")
    return Health("shelf", True, "answers")


def _clockwork(store: Store, now: datetime, settings: Settings) -> Health:
    """Fresh while some job began within three cadences, or three minutes where that is longer."""
    try:
        runs = last_runs(store)
    except RegistryError as error:
        return Health("clockwork", False, error.code)
    if not runs:
        return Health("clockwork", False, "never_ran")
    age = (to_micros(now) - max(run.started for run in runs)) / _SECOND
    fresh = age <= max(180, 3 * settings.publish.every_s)
    return Health("clockwork", fresh, "runs" if fresh else "stands_still")


def figures(store: Store, clock: Clock) -> Figures:
    """All figures now."""
    now = to_micros(clock.now())
    vitals = store.vitals
    with store.reading():
        edition, published = vitals.newest_edition()
        waiting, since = vitals.waiting()
        verdicts, intake, tallies = vitals.verdicts(since=now - _DAY), vitals.intake(), vitals.tallies()
        runs, events = last_runs(store), store.number_events.counts()
    return Figures(
        edition=edition,
        edition_age_s=_age(now, published),
        waiting=waiting,
        waiting_s=_age(now, since),
        followers=feed_states(store, clock),
        verdicts=verdicts,
        intake=intake,
        texts={name: tallies.get(name, 0) for name in (SENT, REFUSED, SPENT)},
        jobs=tuple(
            JobFigure(run.job, run.seconds or 0.0, _age(now, run.started), run.outcome == "failed") for run in runs
        ),
        events=events,
    )


def _age(now: int, since: int) -> float:
    """Seconds since a moment in Micros; 0 where there is none."""
    return max(0, now - since) / _SECOND if since else 0.0


class Tallies:
    """Counts events of one process and writes them to the database, at most once a second."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._written = 0

    def add(self, name: str) -> None:
        """Count one event."""
        with self._lock:
            self._counted[name] += 1

    def write(self, *, at_once: bool = False) -> None:
        """Write what was counted, unless that was done within the last second; never raises for a busy database."""
        now = to_micros(self._clock.now())
        with self._lock:
            if not self._counted or (not at_once and abs(now - self._written) < _SECOND):
                return
            taken, self._counted, self._written = self._counted, Counter(), now
        try:
            with self._store.writing(about="tally"):
                self._store.vitals.add(taken)
        except RegistryError:
            with self._lock:
                self._counted.update(taken)


class CountedGateway:
    """An SMS gateway whose messages are counted, sent or refused."""

    def __init__(self, gateway: SmsGateway, tallies: Tallies) -> None:
        self.name = gateway.name
        self._gateway = gateway
        self._tallies = tallies

    def send(self, number: Number, text: str) -> None:
        """Hand one message over and count what came of it. Raises UnavailableError when it is not taken."""
        try:
            self._gateway.send(number, text)
        except UnavailableError:
            self._tallies.add(REFUSED)
            raise
        self._tallies.add(SENT)
