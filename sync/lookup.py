"""Answers offline: may this contact happen, by the list that a follower keeps, its exceptions and the one rule engine.

Rules of this room:
- The same `decide()` as everywhere, asked as a carrier; a number that is not on the list has no recorded will.
- The list says what stands, not since when: what it says is old enough for everybody (no grace).
- An exception holds through its last day (UTC). A consent travels only where it counts: it is later than the refusal.
- An answer comes from one list alone: state, key and algorithm that belong together (`_List`). Where a follower has
  moved on, to another edition or another key epoch, and the files are gone, the new list is asked, with its own key.
- Answers without exceptions depend on few things; they are remembered for a quarter of an hour of contact time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from registry.decisions import CallerKind, ConsentTerm, Contact, Content, Decision, Standing, decide
from registry.editions import ALLOW, CONSENT, DENY, decode_feed
from registry.errors import NotFoundError
from registry.liststate import State
from registry.numbering import NumberPlan, load_plan
from registry.numbers import Number
from registry.preferences import Category, Channel, Preference
from registry.rulebook import Rulebooks, load_rulebooks
from registry.tags import Algorithm, tag_one
from registry.times import EPOCH
from sync import listkeys
from sync.finder import Entry, Finder
from sync.follow import INDEX, STATUS
from sync.liststate import damaged, read_state
from sync.mirror import Mirror
from sync.state import StateFolder, Status

QUARTER_S = 900
REMEMBERED = 50_000
_REFUSED = EPOCH  # when a refusal on the list was made: before every consent that travels with it
_CONSENTED = EPOCH + timedelta(days=1)
MOVES = 20  # how often a follower may move on while one question is asked
Masks = tuple[int, int, int]
Exceptional = tuple[int, int, Masks]  # kind, last day (0: open), what it covers


@dataclass(frozen=True)
class Freshness:
    """Which edition answers, whether its feed has expired, and what was refused last (a code, or nothing)."""

    edition: int
    expired: bool
    refused: str


@dataclass(frozen=True)
class _List:
    """One state of a list, and what is needed to ask it."""

    state: State
    finder: Finder
    key: bytes
    ordinals: dict[str, int]

    def tag(self, number: Number) -> int:
        """The tag of a number in this list."""
        return tag_one(self.key, number, _algorithm(self.state))


class Lookup:
    """The list of one state folder, open for lookups; several threads may share it."""

    def __init__(self, folder: StateFolder, plan: NumberPlan, rulebooks: Rulebooks) -> None:
        self.folder = folder
        self._plan, self._rulebooks = plan, rulebooks
        self._remembered: dict[tuple[object, ...], Decision] = {}
        self._list = _open(folder)

    @classmethod
    def open(cls, folder: StateFolder, plan: NumberPlan | None = None, rulebooks: Rulebooks | None = None) -> Lookup:
        """The list that was followed into a folder. Raises NotFoundError `no_list`, FeedError `state_damaged`."""
        return cls(folder, plan or load_plan(), rulebooks or load_rulebooks())

    @property
    def edition(self) -> int:
        """The edition that answers."""
        return self._list.state.edition

    @property
    def epoch(self) -> int:
        """The key epoch of the list that answers."""
        return self._list.state.epoch

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
        entry, exceptions = self._look(number, party)
        if party is not None:
            standing = _standing(entry, exceptions, at)
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
        self._list = _open(self.folder)

    def freshness(self, now: datetime) -> Freshness:
        """What a carrier must know about the list besides its answers."""
        status = self.folder.read(STATUS, Status)
        expired = status is None or status.expires is None or status.expires <= now
        return Freshness(self.edition, expired, status.refused if status is not None else "")

    def _look(self, number: Number, party: str | None) -> tuple[Entry | None, list[Exceptional]]:
        """What the list says of a number, and of the number and a party."""
        for _ in range(MOVES):
            asked = self._list
            try:
                tag = asked.tag(number)
                entry = asked.finder.find(tag)
                ordinal = asked.ordinals.get(party) if party is not None else None
                if ordinal is None:
                    return entry, []
                rows = asked.finder.exceptions_of(tag)
                return entry, [_exceptional(row) for row in rows if int(row["party"]) == ordinal]
            except FileNotFoundError:  # the follower has moved on
                if asked is self._list:  # else another thread has seen it already
                    self.refresh()
        raise damaged("a list that changes faster than it can be read")


def _open(folder: StateFolder) -> _List:
    """The list as it stands, with the key that belongs to it. Raises as `Lookup.open`."""
    for _ in range(MOVES):
        state, status = Mirror.open(folder.list).state, folder.read(STATUS, Status)
        raw, party = folder.raw(INDEX), status.party if status is not None else ""
        key = listkeys.key_of(folder, party, state.epoch)
        if state.edition and raw is not None and key is not None:
            ordinals = {party: ordinal for ordinal, party in decode_feed(raw).parties.items()}
            return _List(state, Finder(folder.list, state), key, ordinals)
        if read_state(folder.list).epoch == state.epoch:  # else the follower has moved on between our looks
            break
    raise NotFoundError("There is no list in this folder yet: run `decline-sync follow` first.", code="no_list")


def _exceptional(row: Any) -> Exceptional:
    return int(row["kind"]), int(row["until"]), (int(row["calls"]), int(row["robocalls"]), int(row["messages"]))


def _algorithm(state: State) -> Algorithm:
    return "sm4-cmac-64" if state.algorithm == "sm4-cmac-64" else "aes-cmac-64"


def _standing(entry: Entry | None, exceptions: list[Exceptional], at: datetime) -> Standing | None:
    """What stands for a number and a party; None where no exception speaks of the two."""
    today = (at.astimezone(UTC) - EPOCH).days
    masks = {kind: covered for kind, until, covered in exceptions if not until or today <= until}
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
