"""Answers offline: may this contact happen, by the list that a follower keeps, its exceptions and the one rule engine.

Rules of this room:
- The same `decide()` as everywhere, asked as a carrier; a number that is not on the list has no recorded will.
- The list says what stands, not since when: what it says is old enough for everybody (no grace).
- An exception holds through its last day (UTC). A consent travels only where it counts: it is later than the refusal.
- Answers without exceptions depend on few things; they are remembered for a quarter of an hour of contact time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registry.decisions import CallerKind, ConsentTerm, Contact, Content, Decision, Standing, decide
from registry.editions import ALLOW, CONSENT, DENY, FeedIndex, decode_feed
from registry.errors import NotFoundError
from registry.numbering import NumberPlan, load_plan
from registry.numbers import Number
from registry.preferences import Category, Channel, Preference
from registry.rulebook import Rulebooks, load_rulebooks
from registry.tags import Algorithm, tag_one
from registry.times import EPOCH
from sync import listkeys
from sync.finder import Entry
from sync.follow import INDEX, STATUS
from sync.mirror import Mirror
from sync.state import StateFolder, Status

QUARTER_S = 900
REMEMBERED = 50_000
_REFUSED = EPOCH  # when a refusal on the list was made: before every consent that travels with it
_CONSENTED = EPOCH + timedelta(days=1)
Masks = tuple[int, int, int]


@dataclass(frozen=True)
class Freshness:
    """Which edition answers, whether its feed has expired, and what was refused last (a code, or nothing)."""

    edition: int
    expired: bool
    refused: str


class Lookup:
    """The list of one state folder, open for lookups; several threads may share it."""

    def __init__(
        self, folder: StateFolder, mirror: Mirror, key: bytes, index: FeedIndex, plan: NumberPlan, rulebooks: Rulebooks
    ) -> None:
        self.folder, self.mirror = folder, mirror
        self._key = key
        self._algorithm: Algorithm = index.algorithm
        self._ordinals = {party: ordinal for ordinal, party in index.parties.items()}
        self._plan, self._rulebooks = plan, rulebooks
        self._remembered: dict[tuple[object, ...], Decision] = {}

    @classmethod
    def open(cls, folder: StateFolder, plan: NumberPlan | None = None, rulebooks: Rulebooks | None = None) -> Lookup:
        """The list that was followed into a folder. Raises NotFoundError `no_list`, FeedError `state_damaged`."""
        mirror, status = Mirror.open(folder.list), folder.read(STATUS, Status)
        raw, party = folder.raw(INDEX), status.party if status is not None else ""
        key = listkeys.key_of(folder, party, mirror.state.epoch)
        if not mirror.edition or raw is None or key is None:
            raise NotFoundError("There is no list in this folder yet: run `decline-sync follow` first.", code="no_list")
        return cls(folder, mirror, key, decode_feed(raw), plan or load_plan(), rulebooks or load_rulebooks())

    def decide(
        self,
        number: Number,
        *,
        at: datetime,
        channel: Channel = Channel.CALLS,
        category: Category = Category.OTHER,
        content: Content = Content.COMMERCIAL,
        caller: CallerKind = CallerKind.PLAIN,
        party: str | None = None,
    ) -> Decision:
        """May this contact happen? `at` aware; `party` is the telemarketer's id. Raises UnavailableError
        `holidays_unknown` where somebody declines public holidays and the year is not in the data."""
        tag = tag_one(self._key, number, self._algorithm)
        entry = self.mirror.find(tag)
        if party is not None:
            standing = self._standing(tag, entry, party, at)
            if standing is not None:
                contact = Contact(at, channel, category, content, caller, party)
                return decide(contact, standing, self._rulebooks.at(at), holidays=self._plan.holidays)
        said = entry[1:] if entry is not None else None
        asked = (said, channel, category, content, caller, int(at.timestamp()) // QUARTER_S)
        found = self._remembered.get(asked)
        if found is None:
            contact = Contact(at, channel, category, content, caller)
            standing = Standing(preference=Preference(*said) if said is not None else None)
            found = decide(contact, standing, self._rulebooks.at(at), holidays=self._plan.holidays)
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[asked] = found
        return found

    def refresh(self) -> None:
        """See what the follower has brought since."""
        fresh = Lookup.open(self.folder, self._plan, self._rulebooks)
        self.__dict__.update(fresh.__dict__)

    def freshness(self, now: datetime) -> Freshness:
        """What a carrier must know about the list besides its answers."""
        status = self.folder.read(STATUS, Status)
        expired = status is None or status.expires is None or status.expires <= now
        return Freshness(self.mirror.edition, expired, status.refused if status is not None else "")

    def _standing(self, tag: int, entry: Entry | None, party: str, at: datetime) -> Standing | None:
        """What stands for a number and a party; None where no exception speaks of the two."""
        ordinal, today = self._ordinals.get(party), (at.astimezone(UTC) - EPOCH).days
        if ordinal is None:
            return None
        masks: dict[int, Masks] = {}
        for row in self.mirror.exceptions_of(tag):
            until = int(row["until"])
            if int(row["party"]) == ordinal and (not until or today <= until):
                masks[int(row["kind"])] = (int(row["calls"]), int(row["robocalls"]), int(row["messages"]))
        if not masks:
            return None
        consent = masks.get(CONSENT)
        return Standing(
            preference=Preference(*entry[1:]) if entry is not None else None,
            since=_REFUSED,
            consents=(ConsentTerm(*consent, decided=_CONSENTED),) if consent is not None else (),
            allowed=masks.get(ALLOW),
            denied=masks.get(DENY),
        )
