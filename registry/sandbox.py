"""The sandbox: magic numbers, what each declines at an edition, and the answers that must come of it: those that
carriers give, and those that telemarketers get.

Rules of this room:
- Everything stands in `sandbox.toml`; what a number declines is a pure function of the edition, so that full lists,
  deltas and expected answers agree without a table.
- Magic numbers lie in a range that nobody holds (docs/adr/0013), and a sandbox party meets no other numbers: nothing it
  does touches what is real.
- Whoever asks with a key of the sandbox stands as its first telemarketer, for which consents and entries are there.
- Expected answers name a reason; whether that allows, and by which rule, is the rule engine's to say.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from registry.decisions import REASONS, ConsentTerm, Content, Standing
from registry.editions import ALLOW, CONSENT, DENY
from registry.errors import InvalidInputError, SettingsError
from registry.numbering import load_plan
from registry.numbers import Number, parse_one
from registry.preferences import ALL_CATEGORIES, Category, Channel, Preference, category_of, channel_of, quiet_of
from registry.times import EPOCH

_FILE = Path(__file__).with_name("sandbox.toml")
_KINDS = {"allow": ALLOW, "deny": DENY, "consent": CONSENT}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Masks = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Telemarketer:
    """A telemarketer of sandbox feeds only, with its number in exception files."""

    party: str
    ordinal: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Exemption:
    """What a magic number allows, denies or consented to of one telemarketer; `until` in days since 1970, 0: open."""

    kind: int
    party: str
    masks: Masks
    until: int


@dataclass(frozen=True, slots=True)
class State:
    """What a magic number declines in some places of the cycle, and the exceptions beside it; `young`: for whoever asks
    it was chosen a moment ago."""

    places: frozenset[int]
    preference: Preference
    exceptions: tuple[Exemption, ...]
    young: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One question about a magic number, and the reason that must come back in some places of the cycle."""

    places: frozenset[int]
    channel: Channel
    category: Category
    content: Content
    at: datetime
    party: str  # of the telemarketer, "" for none
    reason: str

    @property
    def allow(self) -> bool:
        """Whether the contact may happen."""
        return REASONS[self.reason].allow

    @property
    def rule(self) -> str:
        """The rule that the answer stands on."""
        return REASONS[self.reason].rule


@dataclass(frozen=True, slots=True)
class Case:
    """A magic number: what it is for, in Chinese and English, its states and its answers."""

    id: str
    number: Number
    zh: str
    en: str
    states: tuple[State, ...]
    answers: tuple[Answer, ...]



@dataclass(frozen=True, slots=True)
class Check:
    """One question of a telemarketer about a magic number, and the reason and next hour allowed that it is told."""

    case: Case
    channel: Channel
    category: Category
    at: datetime
    reason: str
    next: datetime | None

    @property
    def allow(self) -> bool:
        """Whether the contact may happen."""
        return REASONS[self.reason].allow

    @property
    def rule(self) -> str:
        """The rule that the answer stands on."""
        return REASONS[self.reason].rule


@dataclass(frozen=True, slots=True)
class Invalid:
    """A text that is no number to a sandbox, and why."""

    text: str
    reason: str


@dataclass(frozen=True)
class Sandbox:
    """All magic numbers. Editions go round in a cycle of `cycle`; `checks` and `invalid` are what telemarketers are
    told at all of them."""

    cycle: int
    telemarketers: tuple[Telemarketer, ...]
    cases: tuple[Case, ...]
    checks: tuple[Check, ...]
    invalid: tuple[Invalid, ...]

    @property
    def asker(self) -> Telemarketer:
        """The telemarketer as which everybody asks who has a key of the sandbox."""
        return self.telemarketers[0]

    def place(self, edition: int) -> int:
        """Where an edition stands in its cycle."""
        return edition % self.cycle

    def state(self, case: Case, edition: int) -> State | None:
        """What a magic number has at an edition; None: it is not on the list and has no exceptions."""
        place = self.place(edition)
        return next((state for state in case.states if edition and place in state.places), None)

    def answers(self, case: Case, edition: int) -> tuple[Answer, ...]:
        """The answers of a case that must come back at an edition."""
        return tuple(answer for answer in case.answers if self.place(edition) in answer.places)

    def case_of(self, number: Number | None) -> Case | None:
        """The case of a number, None where it has none."""
        return next((case for case in self.cases if case.number == number), None)

    def ordinals(self) -> dict[int, str]:
        """The telemarketers by the number that stands for them in exception files."""
        return {each.ordinal: each.party for each in self.telemarketers}

    def standing(self, number: Number | None, *, edition: int, party: str | None, at: datetime) -> Standing:
        """What stands for a number and a telemarketer at an edition and a moment; nothing for one without a case."""
        case = self.case_of(number)
        state = self.state(case, edition) if case is not None else None
        if state is None:
            return Standing()
        today = (at.astimezone(UTC) - EPOCH).days
        mine = {
            each.kind: each.masks
            for each in state.exceptions
            if each.party == party and (not each.until or today <= each.until)
        }
        consents = (ConsentTerm(*mine[CONSENT], decided=EPOCH),) if CONSENT in mine else ()
        return Standing(
            preference=state.preference, consents=consents, allowed=mine.get(ALLOW), denied=mine.get(DENY)
        )

    def asked(self, number: Number | None, *, edition: int, at: datetime, grace: timedelta) -> Standing:
        """What stands for a number at an edition and a moment, for whoever asks with a key of the sandbox."""
        case = self.case_of(number)
        state = self.state(case, edition) if case is not None else None
        standing = self.standing(number, edition=edition, party=self.asker.party, at=at)
        return replace(standing, since=at - grace / 2) if state is not None and state.young else standing


@cache
def load() -> Sandbox:
    """The magic numbers of sandbox.toml. Raises SettingsError `sandbox` where the file contradicts itself."""
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    plan = load_plan().with_sandbox()
    try:
        places = frozenset(range(data["cycle"]))
        sellers = tuple(Telemarketer(**each) for each in data["telemarketer"])
        cases = tuple(_case(each, data, places, parse_one(each["number"], plan)) for each in data["case"])
        checks = tuple(_check(each, data, {case.id: case for case in cases}) for each in data["check"])
        invalid = tuple(Invalid(**each) for each in data["invalid"])
    except (KeyError, TypeError, ValueError, InvalidInputError) as error:
        raise SettingsError(f"sandbox.toml: {error}", code="sandbox") from error
    known = {each.party for each in sellers}
    for case in cases:
        named = {each.party for state in case.states for each in state.exceptions}
        named |= {answer.party for answer in case.answers} - {""}
        if not plan.is_sandbox(case.number) or named - known:
            raise SettingsError(f"sandbox.toml: {case.id} is no sandbox number or names nobody", code="sandbox")
    if len({case.id for case in cases} | {case.number for case in cases}) != 2 * len(cases):
        raise SettingsError("sandbox.toml: a case stands there twice", code="sandbox")
    return Sandbox(data["cycle"], sellers, cases, checks, invalid)


def _case(said: dict[str, Any], data: dict[str, Any], places: frozenset[int], number: Number) -> Case:
    states = tuple(_state(each, places) for each in said["state"])
    answers = tuple(_answer({**{k: data[k] for k in ("at", "channel", "category")}, **each}, places)
                    for each in said["answer"])
    return Case(said["id"], number, said["zh"], said["en"], states, answers)


def _state(said: dict[str, Any], places: frozenset[int]) -> State:
    quiet = quiet_of(
        said.get("hours", ()), [_DAYS.index(day) for day in said.get("weekdays", ())],
        holidays=said.get("holidays", False),
    )
    exceptions = tuple(
        Exemption(_KINDS[each["kind"]], each["party"], _masks(each), _days(each.get("until")))
        for each in said.get("exceptions", ())
    )
    return State(_places(said, places), Preference(*_masks(said), quiet), exceptions, said.get("young", False))


def _answer(said: dict[str, Any], places: frozenset[int]) -> Answer:
    at = datetime.fromisoformat(said["at"])
    if at.tzinfo is None or said["reason"] not in REASONS:
        raise ValueError(f"no moment with a zone or no such reason: {said['at']}, {said['reason']}")
    return Answer(
        _places(said, places), channel_of(said["channel"]), category_of(said["category"]),
        Content[said.get("content", "commercial").upper()], at, said.get("party", ""), said["reason"],
    )


def _check(said: dict[str, Any], data: dict[str, Any], cases: dict[str, Case]) -> Check:
    values = {**{k: data[k] for k in ("at", "channel", "category")}, **said}
    if said["reason"] not in REASONS:
        raise ValueError(f"no such reason: {said['reason']}")
    return Check(
        cases[said["case"]], channel_of(values["channel"]), category_of(values["category"]),
        datetime.fromisoformat(values["at"]), said["reason"],
        datetime.fromisoformat(said["next"]) if "next" in said else None,
    )


def _places(said: dict[str, Any], places: frozenset[int]) -> frozenset[int]:
    found = frozenset(said.get("in", places))
    if not found <= places:
        raise ValueError(f"a cycle has no place {sorted(found - places)}")
    return found


def _masks(said: dict[str, Any]) -> Masks:
    calls, robocalls, messages = (_mask(said.get(channel.slug, ())) for channel in Channel)
    return calls, robocalls, messages


def _mask(said: Any) -> int:
    if said == "all":
        return ALL_CATEGORIES
    mask = 0
    for slug in said:
        mask |= category_of(slug).bit
    return mask


def _days(until: str | None) -> int:
    return (date.fromisoformat(until) - EPOCH.date()).days if until else 0
