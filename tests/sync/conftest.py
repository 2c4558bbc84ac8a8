"""A small registry for the tests of publishing and following: carriers, numbers, choices, exceptions, all real."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry import registrations, sealing
from registry.keys import KeyRing, SigningKeys
from registry.numbering import NumberPlan
from registry.numbering.draw import draw_numbers
from registry.preferences import EVERYTHING, NOTHING, Preference
from registry.sealing import SealedNumber
from registry.settings import Settings
from registry.store import Store
from tests.doubles import FakeClock, MemoryShelf

CARRIERS = {"cmcc": "home", "ctcc": "home", "cucc": "home", "cbn": "home", "all": "national"}
TELEMARKETERS = ("acme", "globex")


@dataclass
class Town:
    """A registry as `assembly.Registry` has it, and short ways to change what its numbers decline."""

    store: Store
    clock: FakeClock
    keys: KeyRing
    plan: NumberPlan
    instance: Path
    shelf: Any = field(default_factory=MemoryShelf)
    settings: Settings = field(default_factory=Settings)
    signing: SigningKeys = field(default_factory=lambda: SigningKeys.from_seeds(b"r" * 32, b"o" * 32))
    digits: list[int] = field(default_factory=list)

    def add_parties(self, carriers: dict[str, str]) -> None:
        rows = [(party, "carrier", scope) for party, scope in carriers.items()]
        rows += [(party, "telemarketer", "home") for party in TELEMARKETERS]
        with self.store.writing():
            for ordinal, (party, kind, scope) in enumerate(rows, 1):
                self.store.engine.run(
                    """INSERT INTO party (party, ordinal, kind, name_zh, name_en, state, scope, licensed, created)
                       VALUES (:party, :ordinal, :kind, :party, :party, 'active', :scope, 1, 0)""",
                    party=party, ordinal=ordinal, kind=kind, scope=scope,
                )

    def number(self, place: int) -> SealedNumber:
        found = sealing.seal_many(self.keys.at_rest, np.array([self.digits[place]], np.uint64))
        return SealedNumber(found.tobytes())

    def carrier(self, place: int) -> str:
        return registrations.serving_carrier(self.store, self.plan, self.digits[place], self.number(place))

    def decline(self, place: int, preference: Preference = EVERYTHING) -> None:
        """Register, change or (NOTHING) withdraw, whichever it takes."""
        number = self.number(place)
        if preference != NOTHING:
            registrations.register(
                self.store, self.clock, number=number, preference=preference, source="web", language="en"
            )
            return
        found = registrations.current(self.store, number)
        if found is not None and found.is_active:
            registrations.withdraw(self.store, self.clock, number=number, source="web")

    def port(self, place: int, carrier: str) -> None:
        registrations.port(
            self.store, self.clock, self.plan, number=self.number(place), digits=self.digits[place], carrier=carrier
        )

    def allow(self, place: int, telemarketer: str = "acme", kind: int = 1, masks: int = 0xFFFF, until: int = 0) -> None:
        """Set an exception, or (masks 0) take it back."""
        values = {"number": self.number(place), "telemarketer": telemarketer, "kind": kind}
        with self.store.writing():
            self.store.engine.run(
                "DELETE FROM exception WHERE number = :number AND telemarketer = :telemarketer AND kind = :kind",
                **values,
            )
            if masks:
                self.store.engine.run(
                    """INSERT INTO exception (number, telemarketer, kind, calls, robocalls, messages, until)
                       VALUES (:number, :telemarketer, :kind, :masks, :masks, :masks, :until)""",
                    **values, masks=masks, until=until,
                )
            self.store.engine.run(
                """INSERT INTO pending_exception (number, telemarketer, kind, edition)
                   VALUES (:number, :telemarketer, :kind, NULL)
                   ON CONFLICT (number, telemarketer, kind) DO UPDATE SET edition = NULL""",
                **values,
            )

    def load(self, count: int) -> None:
        """Register the first numbers at once, all declining everything."""
        sealed = sealing.seal_many(self.keys.at_rest, np.array(self.digits[:count], np.uint64))
        mask, quiet = np.full(count, 0xFFFF), np.zeros(count, np.int64)
        registrations.load_many(
            self.store, self.clock, sealed=sealed, calls=mask, robocalls=mask, messages=mask, quiet=quiet, source="load"
        )


def build(store: Store, clock: FakeClock, keys: KeyRing, plan: NumberPlan, instance: Path) -> Town:
    town = Town(store, clock, keys, plan, instance)
    town.digits = [int(d) for d in draw_numbers(plan, 2000, seed=5)]
    town.add_parties(CARRIERS)
    return town


@pytest.fixture
def town(sqlite_store: Store, clock: FakeClock, keys: KeyRing, plan: NumberPlan, tmp_path: Path) -> Town:
    return build(sqlite_store, clock, keys, plan, tmp_path / "instance")


@pytest.fixture
def any_town(store: Store, clock: FakeClock, keys: KeyRing, plan: NumberPlan, tmp_path: Path) -> Town:
    """A town on each of the two engines."""
    return build(store, clock, keys, plan, tmp_path / "instance")
