"""Attackers: what each asks for, and how far each comes before it is stopped or its quota is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from registry import charging, watch, watchtogether
from registry.errors import NotAllowedError, TooManyError
from registry.meter import Meter
from registry.parties import Party
from registry.preferences import Category, Channel
from registry.scrubjobs import Ask, ScrubJob
from tests.attack.world import GROUP, Country, Digits, Scene

Guesses = Iterator[Digits]
PACE_S = 1  # between two calls
COMPARED_EVERY = 60  # lists between two looks at parties side by side
FOLD_EVERY = 100  # calls of checks between two rounds of the clockwork: asked as quickly as it goes


@dataclass
class Learned:
    """How far an attack came: numbers asked and answered, registered ones among them, days, what stopped it."""

    asked: int = 0
    answered: int = 0
    registered: int = 0
    days: int = 1
    stopped: set[str] = field(default_factory=set)
    lanes: set[str] = field(default_factory=set)

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped by anything else than its quota."""
        return bool(self.stopped - {"quota"})


# what they ask for


def sequential(country: Country, size: int, random: np.random.Generator, *, step: int = 1) -> Guesses:
    """Number by number, or every so-manieth."""
    start = int(random.choice(country.groups)) * GROUP
    while True:
        yield np.uint64(start) + np.arange(0, size * step, step, dtype=np.uint64)
        start += size * step


def anything(_country: Country, size: int, random: np.random.Generator) -> Guesses:
    """Whatever looks like a mobile number."""
    while True:
        yield np.uint64(86 * 10**11) + random.integers(13 * 10**9, 2 * 10**10, size).astype(np.uint64)


def assigned(country: Country, size: int, random: np.random.Generator, *, ranges: float = 1.0) -> Guesses:
    """Numbers of ranges that carriers have, or of a part of them."""
    groups = random.choice(country.groups, max(1, int(len(country.groups) * ranges)), replace=False)
    while True:
        yield random.choice(groups, size) * np.uint64(GROUP) + random.integers(0, GROUP, size).astype(np.uint64)


def where_people_are(country: Country, size: int, random: np.random.Generator) -> Guesses:
    """Numbers drawn as customers lie: more from full ranges, which the attacker knows somehow."""
    weight = country.fill / country.fill.sum()
    while True:
        groups = random.choice(country.groups, size, p=weight)
        yield groups * np.uint64(GROUP) + random.integers(0, GROUP, size).astype(np.uint64)


def shared_out(country: Country, size: int, random: np.random.Generator, *, parties: int) -> list[Guesses]:
    """Some ranges, dealt out to several parties at random, each number to one."""
    groups = random.permutation(country.groups)[: max(2, len(country.groups) // 20)]
    every = (groups[:, None] * np.uint64(GROUP) + np.arange(GROUP, dtype=np.uint64)).reshape(-1)
    dealt = random.integers(0, parties, len(every))

    def one(mine: Digits) -> Guesses:
        for start in range(0, len(mine), size):
            yield mine[start : start + size]

    return [one(random.permutation(every[dealt == i])) for i in range(parties)]


def hidden(country: Country, size: int, random: np.random.Generator, *, guessed: float, own: Digits) -> Guesses:
    """A sequence hidden among real customers; `guessed` is its share."""
    guesses, mine = sequential(country, max(1, int(size * guessed)), random), size - int(size * guessed)
    for start in range(0, len(own) - mine + 1, mine):
        yield np.concatenate([next(guesses), own[start : start + mine]])


# how they ask


def by_scrubs(scene: Scene, attackers: Sequence[tuple[Party, Guesses]], *, most: int = 1 << 60) -> Learned:
    """Lists, one after the other, the parties in turn."""
    return _play(scene, attackers, _scrub, most)


def by_checks(scene: Scene, attackers: Sequence[tuple[Party, Guesses]], *, most: int = 1 << 60) -> Learned:
    """Checks of as many numbers as come at once, the parties in turn."""
    return _play(scene, attackers, _check, most)


Way = Callable[[Scene, Party, Digits, Learned, int], bool]


def _play(scene: Scene, attackers: Sequence[tuple[Party, Guesses]], way: Way, most: int) -> Learned:
    found, turn, alive = Learned(), 0, list(attackers)
    month = scene.watch.ledger.period().epoch
    while alive and found.asked < most:
        spent = 0
        for party, guesses in list(alive):
            turn += 1
            scene.clock.advance(seconds=PACE_S)
            batch = next(guesses, None)
            if batch is None:
                alive.remove((party, guesses))
                continue
            before = found.answered
            if not way(scene, party, batch, found, turn):
                alive.remove((party, guesses))
            spent += found.answered == before
        if alive and spent == len(alive):  # their quotas are spent for today
            watch.fold_due(scene.watch, scene.folder)
            watchtogether.compare(scene.watch)
            scene.clock.advance(seconds=timedelta(days=1).total_seconds())
            alive = [each for each in alive if _goes_on(scene, each[0], found)]
            if scene.watch.ledger.period().epoch != month:
                found.stopped.add("quota")
                break
            found.days += 1
    return found


def _scrub(scene: Scene, party: Party, digits: Digits, found: Learned, turn: int) -> bool:
    plan, watching = scene.country.plan, scene.watch
    good = plan.mobile_carrier[(digits // np.uint64(10**6) % np.uint64(10**5)).astype(np.int64)] != -2
    valid, sample = digits[good], watching.sample()
    found.asked += len(digits)
    job = ScrubJob(f"scrub{turn}", party.party, "key:x", False, "api", "running", "usual", "list",
                   Ask(Channel.CALLS, Category.LOAN), scene.clock.now(), scene.clock.now())  # fmt: skip
    with Meter(watching.ledger, party=party, scrub=job.scrub, work=scene.folder, see=sample.see) as meter:
        admitted = meter.admit(scene.seal(valid)) if len(valid) else np.zeros(0, bool)
        ruling = watch.judge(watching, job=job, sample=sample, counts={"invalid/unassigned": int((~good).sum())})
        if ruling.lane != "usual":
            found.stopped |= set(ruling.kinds)
            found.lanes.add(ruling.lane)
            return False
        meter.close(done=True)
    _learn(scene, valid[admitted], found)
    if turn % COMPARED_EVERY == 0:
        watchtogether.compare(watching)
    return _goes_on(scene, party, found)


def _check(scene: Scene, party: Party, digits: Digits, found: Learned, turn: int) -> bool:
    plan, watching = scene.country.plan, scene.watch
    good = plan.mobile_carrier[(digits // np.uint64(10**6) % np.uint64(10**5)).astype(np.int64)] != -2
    valid = digits[good]
    found.asked += len(digits)
    try:
        admitted = charging.charge_few(
            watching.ledger, party=party, sealed=scene.seal(valid), unassigned=int((~good).sum())
        )
    except (NotAllowedError, TooManyError):
        return _goes_on(scene, party, found)
    _learn(scene, valid[admitted], found)
    if turn % FOLD_EVERY == 0:
        watch.fold_due(watching, scene.folder)
        watchtogether.compare(watching)
    return _goes_on(scene, party, found)


def _learn(scene: Scene, digits: Digits, found: Learned) -> None:
    found.answered += len(digits)
    new = np.setdiff1d(digits, scene.own)
    found.registered += int(scene.country.is_registered(new).sum())


def _goes_on(scene: Scene, party: Party, found: Learned) -> bool:
    lane = scene.store.guard.lane(party.party)
    if lane != "usual":
        found.lanes.add(lane)
        for row in scene.store.guard.open_alarms(party.party):
            found.stopped |= set(row.kind.split())
    return lane == "usual"
