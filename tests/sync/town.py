"""A small registry for the tests of publishing and following: carriers, numbers, choices, exceptions, all real."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from registry import editions, epochs, registrations, roots, sealing, serving, tags
from registry.assembly import Registry
from registry.gathering import Gatherer
from registry.keys import KeyRing, SigningKeys
from registry.numbering import NumberPlan
from registry.numbering.draw import draw_numbers
from registry.preferences import EVERYTHING, NOTHING, Preference
from registry.quotas import Ledger
from registry.receiptkeys import ReceiptKeys
from registry.rulebook import Rulebooks, load_rulebooks
from registry.sealing import SealedNumber
from registry.settings import Settings
from registry.store import Store
from registry.watch import Watch
from sync import bring, changes, feed, trust
from sync.mirror import Mirror
from sync.source import ShelfSource
from tests.doubles import FakeClock, MemoryShelf, MemorySms

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
    sms: MemorySms = field(default_factory=MemorySms)
    settings: Settings = field(default_factory=Settings)
    signing: SigningKeys = field(default_factory=lambda: SigningKeys.from_seeds(b"r" * 32, b"o" * 32))
    receipt_keys: ReceiptKeys = field(default_factory=lambda: ReceiptKeys([b"c" * 32]))
    rulebooks: Rulebooks = field(default_factory=load_rulebooks)
    digits: list[int] = field(default_factory=list)
    calendar, fines = Registry.calendar, Registry.fines

    @cached_property
    def gatherer(self) -> Gatherer:
        return Gatherer(self.store, self.clock, self.keys, self.settings.cases, self.calendar)

    @cached_property
    def watch(self) -> Watch:
        return Watch(self.quotas, self.plan)

    @cached_property
    def quotas(self) -> Ledger:
        return Ledger(self.store, self.clock, self.shelf, self.keys, self.settings)

    def rotate(self, *, days: float = 0) -> int:
        """Begin another key epoch, with a master that everybody can guess; its number. `days` pass first."""
        self.clock.advance(days=days)
        epoch = epochs.current(self.store) + 1
        masters = {**self.keys.masters, epoch: bytes([epoch]) * 32}
        self.keys = KeyRing(masters, self.keys.storage, self.keys.source)
        return epochs.rotate(self.store, self.clock, self.keys, self.settings.keys).epoch

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
        return serving.serving_carrier(self.store, self.plan, self.digits[place], self.number(place))

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

    def port(self, place: int, carrier: str, overlap_hours: int = 0) -> None:
        serving.port(
            self.store, self.clock, self.plan, number=self.number(place), digits=self.digits[place], carrier=carrier,
            overlap=timedelta(hours=overlap_hours),
        )

    def listed(self, place: int) -> set[str]:
        """On whose lists a number should stand: who serves it, and who still has it after a porting."""
        rows = self.store.engine.rows("SELECT carrier FROM overlap WHERE number = :number", number=self.number(place))
        return {self.carrier(place), *(row["carrier"] for row in rows)}

    def carriers_of(self, party: str) -> set[str]:
        """Whose numbers are in a home feed: its own, and those of resellers that follow through it."""
        rows = self.store.engine.rows(
            "SELECT party FROM party WHERE host = :party AND follows != 'self'", party=party
        )
        return {party, *(row["party"] for row in rows)}

    def concerns(self, place: int, party: str) -> bool:
        """Whether a number belongs on a recipient's list, as the tables have it."""
        return CARRIERS.get(party, "home") == "national" or not self.carriers_of(party).isdisjoint(self.listed(place))

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


def build(
    store: Store, clock: FakeClock, keys: KeyRing, plan: NumberPlan, instance: Path, *, parties: tuple[str, ...] = ()
) -> Town:
    town = Town(store, clock, keys, plan, instance)
    town.digits = [int(d) for d in draw_numbers(plan, 2000, seed=5)]
    if not store.feeds.ordinals():
        town.add_parties({party: scope for party, scope in CARRIERS.items() if not parties or party in parties})
    return town


@dataclass
class Carrier:
    """A follower of one feed, straight from the shelf."""

    town: Town
    party: str
    folder: Path
    fetched: int = 0

    def follow(self) -> Mirror:
        shelf = self.town.shelf
        source = ShelfSource(getattr(shelf, "inner", shelf), self.party)
        index = trust.newest(
            source, self.folder / "metadata", source_root(shelf), self.town.clock.now(), recipient=self.party
        ).index
        mirror = Mirror.open(self.folder / "list")
        path = editions.cheapest_path(index, bring.have(mirror, index))
        (self.folder / "downloads").mkdir(exist_ok=True)
        self.fetched = bring.fetch(source, path, self.folder / "downloads")
        bring.take(mirror, index, path, self.folder / "downloads")
        return mirror


def source_root(shelf: Any) -> bytes:
    return getattr(shelf, "inner", shelf).get("trust/1.root.json")


def contents(
    town: Town, mirror: Mirror, party: str, places: int, key: bytes | None = None
) -> dict[int, tuple[int, ...]]:
    """What a list says of the first numbers of a town: place -> masks and quiet hours."""
    digits = np.array(town.digits[:places], np.uint64)
    found, rows = mirror.find_many(tags.tags_many(key or town.keys.list_key(party), digits))
    assert int(found.sum()) == mirror.entries
    return {place: rows[place].tolist()[1:] for place in range(places) if found[place]}


def truth(town: Town, party: str, places: int) -> dict[int, tuple[int, ...]]:
    """What the tables say of the same numbers."""
    said = {}
    for place in range(places):
        found = registrations.current(town.store, town.number(place))
        if found is not None and found.is_active and town.concerns(place, party):
            preference = found.preference
            said[place] = (preference.calls, preference.robocalls, preference.messages, preference.quiet)
    return said


def true_exceptions(town: Town, party: str, places: int) -> set[tuple[int, ...]]:
    """The exceptions that the tables hold for a recipient: (tag, ordinal, kind, three masks, day)."""
    ordinals = {name: ordinal for ordinal, name in town.store.feeds.ordinals().items()}
    said = set()
    for place in range(places):
        if not town.concerns(place, party):
            continue
        tag = int(tags.tags_many(town.keys.list_key(party), np.array([town.digits[place]], np.uint64))[0])
        for row in town.store.engine.rows("SELECT * FROM exception WHERE number = :number", number=town.number(place)):
            masks = (row["calls"], row["robocalls"], row["messages"])
            said.add((tag, ordinals[row["telemarketer"]], row["kind"], *masks, row["until"] // changes.DAY))
    return said


def index_of(town: Town, party: str) -> editions.FeedIndex:
    head = feed.read_head(town.shelf, party, roots.newest_root(town.shelf))
    assert head is not None
    return head.index


def assert_all_follow(town: Town, tmp_path: Path, places: int, parties: tuple[str, ...] = tuple(CARRIERS)) -> None:
    for party in parties:
        mirror = Carrier(town, party, tmp_path / f"follower-{party}").follow()
        assert contents(town, mirror, party, places) == truth(town, party, places)
        assert {tuple(row) for row in mirror.exceptions().tolist()} == true_exceptions(town, party, places)
        entry = index_of(town, party).edition(mirror.edition)
        assert (entry.content_root, entry.exceptions_root, entry.entries) == (
            mirror.content_root.hex(), mirror.exceptions_root.hex(), mirror.entries,
        )
