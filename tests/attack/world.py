"""A small country: ranges of numbers, which of them are in use, who of those has registered; and lists of customers.

How full a range of 10,000 is differs from range to range, as in life; who lives where and who registered is drawn from
a seed. Everything is synthetic.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry import parties, sealing
from registry.guardsettings import GuardSettings
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.outside.shelf import FolderShelf
from registry.parties import Party
from registry.quotas import Ledger
from registry.registrations import load_many
from registry.settings import ScrubSettings, Settings
from registry.store import Store
from registry.store.engine import SqliteEngine
from registry.watch import Watch
from tests.doubles import FakeClock

GROUP = 10_000
Digits = NDArray[np.uint64]


def drawn(digits: Digits, seed: int) -> NDArray[np.float64]:
    """A number from 0 to 1 for each number, the same each time."""
    mixed = (digits + np.uint64(seed * 7919 + 1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed ^ (mixed >> np.uint64(31))).astype(np.float64) / 2.0**64


class Country:
    """`prefixes` ranges of a million numbers each; `in_use` of them on average, of which `share` are registered."""

    def __init__(
        self, plan: NumberPlan, *, prefixes: int, share: float, seed: int, in_use: float = 0.4,
        unevenness: float = 0.25, held_back: int = 0,
    ) -> None:
        random = np.random.default_rng(seed)
        held = np.flatnonzero((plan.mobile_carrier >= 0) & ~plan.mobile_special)
        self.plan, self.seed, self.share, self.random = plan, seed, share, random
        self.prefixes = np.sort(random.choice(held, prefixes, replace=False)).astype(np.uint64)
        self.groups: Digits = (
            np.uint64(plan.calling_code * 10**7) + np.repeat(self.prefixes * np.uint64(100), 100)
            + np.tile(np.arange(100, dtype=np.uint64), prefixes)
        )  # fmt: skip
        alpha = ((1 - in_use) / unevenness - in_use)  # a beta distribution of that mean and relative variance
        self.fill = random.beta(alpha, alpha * (1 - in_use) / in_use, len(self.groups))
        self.held_back = random.choice(self.groups, held_back, replace=False) if held_back else np.empty(0, np.uint64)
        self.fill[np.isin(self.groups, self.held_back)] = 0.0

    @property
    def size(self) -> int:
        """How many numbers carriers have."""
        return len(self.groups) * GROUP

    def is_used(self, digits: Digits) -> NDArray[np.bool_]:
        """Which numbers somebody holds."""
        place = np.minimum(np.searchsorted(self.groups, digits // np.uint64(GROUP)), len(self.groups) - 1)
        inside = self.groups[place] == digits // np.uint64(GROUP)
        return inside & (drawn(digits, self.seed) < self.fill[place])

    def is_registered(self, digits: Digits) -> NDArray[np.bool_]:
        """Which numbers decline calls."""
        return self.is_used(digits) & (drawn(digits, self.seed + 1) < self.share)

    def all(self) -> Iterator[Digits]:
        """All numbers that carriers have, held or not, a prefix at a time."""
        for start in range(0, len(self.groups), 100):
            yield (self.groups[start : start + 100, None] * np.uint64(GROUP)
                   + np.arange(GROUP, dtype=np.uint64)).reshape(-1)  # fmt: skip

    def customers(self, count: int, random: np.random.Generator, *, regions: float = 1.0) -> Digits:
        """Numbers in use, of a share of the ranges: an honest list."""
        weight = self.fill * (random.random(len(self.groups)) < regions)
        groups = random.choice(self.groups, 4 * count, p=weight / weight.sum())
        digits = groups * np.uint64(GROUP) + random.integers(0, GROUP, 4 * count).astype(np.uint64)
        found = np.unique(digits[self.is_used(digits)])
        return np.sort(random.permutation(found)[:count])


class Scene:
    """A registry of a country: store, meter, watch, a clock that stands until it is moved."""

    def __init__(self, country: Country, folder: Path) -> None:
        self.country, self.folder, self.clock = country, folder, FakeClock()
        self.own: Digits = np.empty(0, np.uint64)  # what the attacker knew before
        self.store = Store(SqliteEngine(folder / "registry.db", synchronous="OFF"))
        self.store.migrate(at=0)
        self.keys = KeyRing(masters={1: bytes(range(32))})
        used = int(country.fill.sum() * GROUP)
        ranges = [str(group)[2:] for group in country.held_back.tolist()]
        settings = Settings(
            scrubs=ScrubSettings(), guard=GuardSettings(subscribers=max(1, used), decoy_ranges=ranges)
        )
        shelf = FolderShelf(folder / "shelf")
        self.watch = Watch(Ledger(self.store, self.clock, shelf, self.keys, settings), country.plan)
        self._parties = 0

    def register(self) -> int:
        """Register everybody who declines calls; how many."""
        count = 0
        for digits in self.country.all():
            mine = digits[self.country.is_registered(digits)]
            everything = np.full(len(mine), 0xFFFF)
            count += load_many(
                self.store, self.clock, sealed=self.seal(mine), calls=everything, robocalls=everything,
                messages=everything, quiet=np.zeros(len(mine), np.int64), source="web",
            )
        return count

    def seal(self, digits: Digits) -> NDArray[np.uint8]:
        return sealing.seal_many(self.keys.at_rest, digits)

    def party(self, tier: str = "basic", *, days_ago: int = 0) -> Party:
        """One more telemarketer."""
        self._parties += 1
        now = self.clock.moment
        self.clock.advance(days=-days_ago)
        added = parties.add_party(
            self.store, self.clock, party=f"seller{self._parties}", kind="telemarketer", name_zh="某公司", name_en="Co",
            tier=tier,
        )
        self.clock.moment = now
        return added


@contextmanager
def scene(country: Country, *, database: Path | None = None, empty: bool = False) -> Iterator[Scene]:
    """A registry of a country in a folder that goes away; `database`: one in which everybody is registered already."""
    with tempfile.TemporaryDirectory() as folder:
        if database is not None:
            shutil.copy(database, Path(folder) / "registry.db")
        found = Scene(country, Path(folder))
        if database is None and not empty:
            found.register()
        yield found
        found.store.close()


def registered(country: Country, path: Path, *, really: bool = True) -> Path:
    """Write a database in which everybody who declines calls is registered, for `scene`; or nobody is."""
    with (
        scene(country, empty=not really) as found, closing(sqlite3.connect(found.folder / "registry.db")) as source,
        closing(sqlite3.connect(path)) as copy,
    ):
        source.backup(copy)
    return path
