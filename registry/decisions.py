"""May this contact happen? The one ordered rule engine, for one contact and for arrays of them (DESIGN §5, rule 49).

Rules of this room:
- `STEPS` is the order; the first step that holds is the answer. One contact and many walk the same table: every
  condition is written with `&`, `|`, comparisons and shifts, so that it means the same for ints and for arrays.
- Same facts and same rulebook, same answer (rule 50); nothing here reads a clock, a table or a file.
- Whoever blocks is a carrier, which acts on recorded will only (rule 34); whoever contacts is a telemarketer, who also
  needs what the law asks for without any will recorded (rules 11, 63). A report is judged as its telemarketer stood.
- A refusal that is younger than the rulebook's grace does not count yet for who could not know it (rule 25).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from functools import cache
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from registry.errors import UnavailableError
from registry.numbering import CallerKind
from registry.preferences import ALL_CATEGORIES, NOTHING, Category, Channel, Preference, quiet_at
from registry.rulebook import Rulebook
from registry.times import local

__all__ = [
    "PERIODS", "REASONS", "STEPS", "Asker", "Calendar", "CallerKind", "ConsentTerm", "Contact", "Content", "Decision",
    "Facts", "Standing", "Step", "decide", "decide_many", "facts_of", "steps_allow",
]  # fmt: skip

Asker = Literal["carrier", "telemarketer"]
ZONE = "Asia/Shanghai"
_LONG_AGO = 1 << 40  # seconds; older than any grace
HOURS_AHEAD = 24 * 15
_OF_THE_HOUR = frozenset({"quiet_hours", "rest_hours"})
PERIODS = ("day", "week", "month")  # of a consent's frequency: of the calendar, local time, a week from Monday


class Content(IntEnum):
    """What a contact is about (rules 1-3, 7)."""

    COMMERCIAL = 0
    SERVICE = 1
    PUBLIC_INTEREST = 2

    @property
    def slug(self) -> str:
        """The word in files and the API."""
        return self.name.lower()


class Calendar(Protocol):
    """Tells public holidays."""

    def is_holiday(self, day: Any) -> bool:
        """Whether a local date is one. Raises UnavailableError holidays_unknown for years not in the data."""
        ...


@dataclass(frozen=True, slots=True)
class Contact:
    """One call or message. `at` aware; `recent_5min`, `recent_24h`: earlier contacts of this sender to this number;
    `in_period`: those in each of the present PERIODS."""

    at: datetime
    channel: Channel
    category: Category
    content: Content = Content.COMMERCIAL
    caller: CallerKind = CallerKind.PLAIN
    telemarketer: str | None = None
    licensed: bool = True
    recent_5min: int = 0
    recent_24h: int = 0
    in_period: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class ConsentTerm:
    """A consent granted to the contact's telemarketer (rule 16). Masks per channel; `most` contacts `per` one of
    PERIODS, 0: any; `valid`: explicit and evidenced (rules 12, 19, 20)."""

    calls: int
    robocalls: int
    messages: int
    decided: datetime
    until: datetime | None = None
    most: int = 0
    per: str = "month"
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """What stood for a number and one telemarketer at a moment.

    `preference` None: not registered. `since`: when it was chosen, None: long ago; `before`: what stood before it.
    `allowed`, `denied`: personal entries about the telemarketer as masks (calls, robocalls, messages); `refused`: the
    person refused or withdrew from this telemarketer, and `consents` holds none from before that (rules 25, 29, 30);
    `unanswered`: what the telemarketer asked for in vain, as masks; silence is no recorded will, so it binds who asked
    alone (rules 15, 34). What a valid consent covers is neither refused nor unanswered, while it lasts (rule 16).
    """

    preference: Preference | None = None
    since: datetime | None = None
    before: Preference | None = None
    consents: tuple[ConsentTerm, ...] = ()
    allowed: tuple[int, int, int] | None = None
    denied: tuple[int, int, int] | None = None
    refused: bool = False
    unanswered: tuple[int, int, int] | None = None


@dataclass(slots=True)
class Facts:
    """A contact, a standing and a rulebook as plain values; each is an int or an array of ints, all of one length.

    Masks are those of the contact's channel (u16). `quiet`, `quiet_before`: the person's quiet time covers the contact;
    `rest`: everybody's does. Consent: `consent` any valid one, `consent_covers`, `consent_lapsed`, `consent_later`
    (than the refusal), `consent_spent` (its frequency). Flags are 0 or 1.
    """

    carrier: Any
    content: Any
    caller: Any
    channel: Any
    category: Any
    licensed: Any
    declined: Any
    declined_before: Any
    quiet: Any
    quiet_before: Any
    young: Any  # the present preference is younger than the grace
    rest: Any
    allowed: Any
    denied: Any
    refused: Any
    consent: Any
    consent_covers: Any
    consent_lapsed: Any
    consent_later: Any
    consent_spent: Any
    consent_required: Any
    consent_beats: Any
    often: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of the order: when it holds, what it answers. `place` is its place in rule 49."""

    reason: str
    place: int
    rule: str
    allow: bool
    sentence: str
    holds: Callable[[Facts], Any]


# Plain ints: reading a member of an enum costs more than the comparison.
_COMMERCIAL, _SERVICE, _PUBLIC_INTEREST = (int(content) for content in Content)
_MESSAGES = int(Channel.MESSAGES)
_EMERGENCY, _HIDDEN, _UNASSIGNED = int(CallerKind.EMERGENCY), int(CallerKind.HIDDEN), int(CallerKind.UNASSIGNED)
_UNREGISTERED_PORT, _SERVICE_PORT = int(CallerKind.UNREGISTERED_PORT), int(CallerKind.SERVICE_PORT)
_CALL_CENTRE = int(CallerKind.CALL_CENTRE)


def _bit(mask: Any, f: Facts) -> Any:
    return mask >> f.category & 1


def _refusal(f: Facts) -> Any:
    """The category is declined, not only since a moment ago, and no consent beats that."""
    stands = _bit(f.declined, f) & (_bit(f.declined_before, f) | (f.young == 0))
    return stands & ((f.consent_beats & f.consent_covers & f.consent_later) == 0)


def _relies_on_consent(f: Facts) -> Any:
    return (f.consent_required | (f.consent_beats & _bit(f.declined, f))) & f.consent & (f.carrier == 0)


STEPS: tuple[Step, ...] = (
    Step("public_interest", 1, "3", True, "It is of public interest: never suppressed by a preference.",
         lambda f: f.content == _PUBLIC_INTEREST),
    Step("emergency_number", 1, "43", True, "Emergency, government and carriers' service numbers are never blocked.",
         lambda f: f.caller == _EMERGENCY),
    Step("caller_hidden", 2, "65", False, "The caller's number is missing, altered or false.",
         lambda f: f.caller == _HIDDEN),
    Step("caller_unassigned", 2, "65", False, "The caller's number belongs to a range that nobody holds.",
         lambda f: f.caller == _UNASSIGNED),
    Step("port_unregistered", 2, "72", False, "The message came from a port that is not registered.",
         lambda f: f.caller == _UNREGISTERED_PORT),
    Step("sender_unlicensed", 2, "53", False, "The sender has no licence for commercial calls or messages.",
         lambda f: f.licensed == 0),
    Step("service", 3, "7", True, "It is a service message or call, which nobody may restrict without reason.",
         lambda f: f.content == _SERVICE),
    Step("commercial_on_service_port", 3, "64", False, "Service ports and lines may not carry commercial content.",
         lambda f: f.caller == _SERVICE_PORT),
    Step("call_centre_marketing", 4, "60", False, "Call centres may not market by outbound calls, even with consent.",
         lambda f: (f.caller == _CALL_CENTRE) & (f.channel != _MESSAGES)),
    Step("personal_allow", 5, "40", True, "The person allows this company.",
         lambda f: _bit(f.allowed, f)),
    Step("merchant_refused", 6, "15", False, "The person refused this company, which binds all its numbers.",
         lambda f: f.refused),
    Step("personal_deny", 6, "40", False, "The person has put this company on the personal deny list.",
         lambda f: _bit(f.denied, f)),
    Step("everything_declined", 7, "49(7)", False, "The person declines all commercial contacts of this kind.",
         lambda f: (f.declined == ALL_CATEGORIES) & _refusal(f)),
    Step("category_declined", 7, "49(7)", False, "The person declines commercial contacts of this industry.",
         _refusal),
    Step("no_consent", 8, "11", False, "Such a contact needs consent, and none is recorded.",
         lambda f: f.consent_required & (f.carrier == 0) & (f.consent == 0)),
    Step("consent_lapsed", 9, "17", False, "The consent had ended by then; it does not renew itself.",
         lambda f: _relies_on_consent(f) & f.consent_lapsed),
    Step("outside_consent", 9, "16", False, "The consent does not cover this kind of contact.",
         lambda f: _relies_on_consent(f) & (f.consent_covers == 0)),
    Step("consent_spent", 9, "16", False, "The consent allows fewer contacts than that.",
         lambda f: _relies_on_consent(f) & f.consent_spent),
    Step("too_often", 9, "70", False, "The same sender has called this number too often.",
         lambda f: f.often & (f.channel != _MESSAGES)),
    Step("quiet_hours", 9, "49(9)", False, "It falls into the person's quiet time.",
         lambda f: f.quiet & (f.quiet_before | (f.young == 0))),
    Step("rest_hours", 9, "63", False, "It falls into everybody's hours of rest.",
         lambda f: f.rest & (f.carrier == 0)),
    Step("within_grace", 10, "25", True, "The refusal was too young to be known everywhere.",
         lambda f: f.young & (_bit(f.declined, f) | f.quiet)),
    Step("consented", 10, "49(10)", True, "The person consented.",
         lambda f: f.consent_covers),
    Step("no_recorded_will", 10, "34", True, "Nobody has recorded a will against it.",
         lambda f: f.content == _COMMERCIAL),
)  # fmt: skip
REASONS: dict[str, Step] = {step.reason: step for step in STEPS}


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer: `reason` is a slug of REASONS; `violation`: it would break a rule if it happened all the same.

    `next_allowed`: where only quiet time or hours of rest stand against it, the next full hour in which it may happen.
    """

    allow: bool
    violation: bool
    reason: str
    rule: str
    rulebook: str
    next_allowed: datetime | None = None


def decide(
    contact: Contact, standing: Standing, rulebook: Rulebook, *, holidays: Calendar, asker: Asker = "carrier"
) -> Decision:
    """The answer for one contact. Raises UnavailableError holidays_unknown only where holidays matter to it."""
    step = _first(facts_of(contact, standing, rulebook, holidays=holidays, asker=asker))
    answer = _answer(step.reason, rulebook.name)
    if step.reason in _OF_THE_HOUR:
        return replace(answer, next_allowed=_next_allowed(contact, standing, rulebook, holidays, asker))
    return answer


@cache
def _answer(reason: str, rulebook: str) -> Decision:
    """The decision of a step without its next moment; there are few, so each is made once."""
    step = REASONS[reason]
    return Decision(step.allow, not step.allow, step.reason, step.rule, rulebook)


def decide_many(facts: Facts, count: int) -> npt.NDArray[np.uint8]:
    """The answers for `count` contacts: indexes into STEPS (u8[count]). Values of `facts` are arrays[count] or ints."""
    answer = np.full(count, len(STEPS) - 1, np.uint8)
    for index in range(len(STEPS) - 2, -1, -1):
        holds = STEPS[index].holds(facts)
        if isinstance(holds, np.ndarray):
            np.copyto(answer, np.uint8(index), where=holds.astype(bool, copy=False))
        elif holds:
            answer[:] = index
    return answer


def facts_of(
    contact: Contact, standing: Standing, rulebook: Rulebook, *, holidays: Calendar, asker: Asker = "carrier"
) -> Facts:
    """One contact and one standing as plain ints."""
    channel, category = int(contact.channel), int(contact.category)
    now, before = standing.preference or NOTHING, standing.before or NOTHING
    when = local(contact.at, ZONE)
    hour, weekday = when.hour, when.weekday()
    holiday = bool((now.quiet | before.quiet) >> 31) and holidays.is_holiday(when.date())
    grace = rulebook.grace.carriers if asker == "carrier" else rulebook.grace.telemarketers
    age = _LONG_AGO if standing.since is None else (contact.at - standing.since).total_seconds()
    consent, covers, lapsed, later, spent = _consent_facts(contact, standing)
    limits = rulebook.frequency
    return Facts(
        carrier=int(asker == "carrier"),
        content=int(contact.content),
        caller=int(contact.caller),
        channel=channel,
        category=category,
        licensed=int(contact.licensed),
        declined=(now.calls, now.robocalls, now.messages)[channel],
        declined_before=(before.calls, before.robocalls, before.messages)[channel],
        quiet=int(now.quiet and quiet_at(now.quiet, hour, weekday, holiday=holiday)),
        quiet_before=int(before.quiet and quiet_at(before.quiet, hour, weekday, holiday=holiday)),
        young=int(age < grace),
        rest=rulebook.rest_bits(channel) >> hour & 1,
        allowed=standing.allowed[channel] if standing.allowed else 0,
        denied=standing.denied[channel] if standing.denied else 0,
        refused=int(not covers or spent) and _refused(standing, channel, category, asker),
        consent=consent,
        consent_covers=covers,
        consent_lapsed=lapsed,
        consent_later=later,
        consent_spent=spent,
        consent_required=int(rulebook.requires_consent(channel)),
        consent_beats=int(rulebook.consent.beats_refusal),
        often=int(contact.recent_5min >= limits.in_5_minutes or contact.recent_24h >= limits.in_24_hours),
    )


def _refused(standing: Standing, channel: int, category: int, asker: Asker) -> int:
    """Whether the telemarketer was refused, or, where it asks itself, got no answer to such a request."""
    if standing.refused or standing.unanswered is None or asker == "carrier":
        return int(standing.refused)
    return standing.unanswered[channel] >> category & 1


def _consent_facts(contact: Contact, standing: Standing) -> tuple[int, int, int, int, int]:
    """Of the valid consents: any, one that covers, all that would cover have lapsed, a covering one is later than the
    refusal, all that cover are spent."""
    valid = [term for term in standing.consents if term.valid and term.decided <= contact.at]
    if not valid:
        return 0, 0, 0, 0, 0
    fits = [t for t in valid if (t.calls, t.robocalls, t.messages)[contact.channel] >> contact.category & 1]
    running = [term for term in fits if term.until is None or contact.at < term.until]
    later = any(standing.since is None or term.decided > standing.since for term in running)
    made = dict(zip(PERIODS, contact.in_period))
    spent = bool(running) and all(term.most and made[term.per] >= term.most for term in running)
    return 1, int(bool(running)), int(bool(fits) and not running), int(later), int(spent)


def _first(facts: Facts) -> Step:
    for step in STEPS:
        if step.holds(facts):
            return step
    raise AssertionError("the last steps of the order leave nothing out")


def _next_allowed(
    contact: Contact, standing: Standing, rulebook: Rulebook, holidays: Calendar, asker: Asker
) -> datetime | None:
    """The next full hour that is neither quiet nor rest, where nothing else stands against it then.

    None: there is none within two weeks, or the calendar ends before it.
    """
    start = contact.at.replace(minute=0, second=0, microsecond=0)
    for hours in range(1, HOURS_AHEAD):
        moved = replace(contact, at=start + timedelta(hours=hours))
        try:
            step = _first(facts_of(moved, standing, rulebook, holidays=holidays, asker=asker))
        except UnavailableError:  # the holidays of next year are not known yet
            return None
        if step.reason not in _OF_THE_HOUR:
            return moved.at if step.allow else None
    return None


@cache
def steps_allow() -> npt.NDArray[np.bool_]:
    """Whether each of STEPS allows (bool[len(STEPS)]): for turning answers of `decide_many` into a column."""
    return np.array([step.allow for step in STEPS])
