"""Scrubbing: which numbers of a call list may be contacted, why others not, and until when the answers hold.

Rules of this room:
- The one rule engine answers (`decisions.py`). A preference decides together with nothing else for nearly all numbers,
  and there are few different ones: each is judged once, and numbers only look up which is theirs.
- Whoever has more than a preference (a consent, a personal entry, a refusal that is younger than the grace, a key that
  two numbers share) is judged by what stands in the tables, one by one, as a single check is.
- An answer holds until the verdict would change: an hour of quiet or rest begins or ends, a consent ends, another
  rulebook comes into force, or the time is over for which answers are given at all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from registry import sealing
from registry.decisions import (
    HOURS_AHEAD,
    REASONS,
    STEPS,
    ZONE,
    Calendar,
    Contact,
    Standing,
    decide,
    decide_many,
    facts_of,
    steps_allow,
)
from registry.editions import MASKS
from registry.errors import UnavailableError
from registry.numbering.reading import E164, Reason
from registry.preferences import ALL_CATEGORIES
from registry.rulebook import Rulebook, Rulebooks
from registry.scrubindex import ASK, Codes, Keys, ScrubIndex, keys_of
from registry.sealing import SealedNumber
from registry.standing import Question, standings_of
from registry.times import EPOCH, local

if TYPE_CHECKING:
    from registry.numbers import NumberArray
    from registry.store import Store

Verdict = Literal["allowed", "declined", "invalid"]
_HOUR = timedelta(hours=1)
_ASKED_AT_ONCE = 5_000
_REMEMBERED = 50_000
_EARLIER, _SINCE, _LATER = EPOCH, EPOCH + timedelta(days=1), EPOCH + timedelta(days=2)
_OF_THE_HOUR = [STEPS.index(REASONS[reason]) for reason in ("quiet_hours", "rest_hours")]
_UNKNOWN = 254


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """What one line is told. `until`: how long it holds; `next_allowed`: where only quiet time or rest stands against
    it, the next full hour in which the contact may happen. An invalid line has a reason alone."""

    verdict: Verdict
    reason: str
    rule: str = ""
    until: datetime | None = None
    next_allowed: datetime | None = None


@dataclass(frozen=True, eq=False)
class Answered:
    """The answers to many lines: `which` u32[n] counts into the different answers that there are, `kinds`.

    `sealed` u8[k, 16]: the numbers of the k lines that are not invalid, in their order.
    """

    kinds: tuple[LineAnswer, ...]
    which: NDArray[np.uint32]
    sealed: NDArray[np.uint8]

    def __getitem__(self, line: int) -> LineAnswer:
        return self.kinds[int(self.which[line])]

    def counts(self) -> dict[LineAnswer, int]:
        """How many lines got each answer."""
        counted = np.bincount(self.which, minlength=len(self.kinds)).tolist()
        return {kind: count for kind, count in zip(self.kinds, counted) if count}


@dataclass(frozen=True, eq=False)
class Lists:
    """Who declines what at one moment, in layers: a later one has the last word about a number. All count into one
    table of preferences."""

    layers: tuple[ScrubIndex, ...]
    edition: int

    @property
    def preferences(self) -> NDArray[np.void]:
        """PREFERENCE[m] by code: that of the last layer, which knows all codes of those before."""
        return self.layers[-1].preferences

    def codes(self, keys: Keys) -> Codes:
        """The code of each key u64[n] -> u32[n]."""
        found = np.zeros(len(keys), np.uint32)
        for layer in self.layers:
            layer.find(keys, found)
        return found


class Scrubber:
    """Answers many numbers for one kind of contact; made once for a call list, and shared by threads.

    `valid` is how long answers hold at most. What raises UnavailableError `holidays_unknown`: somebody declines public
    holidays and the year of the contact is not in the data.
    """

    def __init__(
        self, store: Store | None, lists: Lists, contact: Contact, rulebooks: Rulebooks, *, at_rest: bytes,
        holidays: Calendar, valid: timedelta,
    ) -> None:
        self.lists, self.contact = lists, contact
        self._store, self._at_rest = store, at_rest
        self._judge = Judge(contact, rulebooks, holidays, valid)
        self._kinds = _Kinds()
        self._invalid = np.array(
            [self._kinds.place(LineAnswer("invalid", reason.slug)) for reason in Reason], np.uint32
        )
        self._by_code = np.array(
            [self._kinds.place(answer) for answer in self._judge.of_preferences(lists.preferences)], np.uint32
        )

    @property
    def kinds(self) -> tuple[LineAnswer, ...]:
        """The different answers that were given so far; more may come, their places stay."""
        return self._kinds.all

    @property
    def valid_until(self) -> datetime:
        """Until when any answer holds at most."""
        return self._judge.limit

    @property
    def rulebook(self) -> str:
        """The name of the rulebook that is judged by."""
        return self._judge.rulebook.name

    def place(self, answer: LineAnswer) -> int:
        """The place of an answer that a line gets for another reason than its number."""
        return self._kinds.place(answer)

    def answer(self, numbers: NumberArray) -> Answered:
        """The answer to each number."""
        which = self._invalid[numbers.reason]
        good = np.flatnonzero(numbers.ok)
        kinds = numbers.kind[good]
        kind = E164 if (kinds == E164).all() else kinds
        sealed = sealing.seal_many(self._at_rest, numbers.digits[good], kind)
        codes = self.lists.codes(keys_of(sealed))
        which[good] = self._by_code[codes]
        asked = np.flatnonzero(codes == ASK)
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            part = asked[start : start + _ASKED_AT_ONCE]
            which[good[part]] = self._of_tables(sealed[part])
        return Answered(self._kinds.all, which, sealed)

    def standings(self, sealed: NDArray[np.uint8]) -> Sequence[Standing]:
        """What stands for sealed numbers u8[n, 16] that the lists cannot answer for."""
        assert self._store is not None
        questions = [
            Question(SealedNumber(number.tobytes()), self.contact.at, self.contact.telemarketer) for number in sealed
        ]
        return standings_of(self._store, questions)

    def _of_tables(self, sealed: NDArray[np.uint8]) -> list[int]:
        return [self._kinds.place(self._judge.of_standing(found)) for found in self.standings(sealed)]


def answer_one(
    standing: Standing, contact: Contact, rulebooks: Rulebooks, *, holidays: Calendar, valid: timedelta
) -> LineAnswer:
    """The answer to one number, of which all that stands is known. Raises as `Scrubber`."""
    return Judge(contact, rulebooks, holidays, valid).of_standing(standing)


class _Kinds:
    """The different answers, in the order in which they were given first."""

    def __init__(self) -> None:
        self._places: dict[LineAnswer, int] = {}
        self._lock = threading.Lock()

    def place(self, answer: LineAnswer) -> int:
        with self._lock:
            return self._places.setdefault(answer, len(self._places))

    @property
    def all(self) -> tuple[LineAnswer, ...]:
        with self._lock:
            return tuple(self._places)


class Judge:
    """Judges for one kind of contact, at its moment and for as long as answers hold: `limit` at most."""

    def __init__(self, contact: Contact, rulebooks: Rulebooks, holidays: Calendar, valid: timedelta) -> None:
        self._contact, self._holidays = contact, holidays
        self.rulebook: Rulebook = rulebooks.at(contact.at)
        self._grace = timedelta(seconds=self.rulebook.grace.telemarketers)
        self._known: dict[Standing, LineAnswer] = {}
        self._valid, self._ends = valid, [
            end for pack, _, end in rulebooks.periods() if pack.name == self.rulebook.name and end is not None
        ]
        self.limit = self.limit_of(contact.at)
        first = contact.at.replace(minute=0, second=0, microsecond=0) + _HOUR
        self._hours = [first + i * _HOUR for i in range(max(HOURS_AHEAD - 1, int(valid / _HOUR)))]

    def limit_of(self, at: datetime) -> datetime:
        """Until when answers of a moment under the same rulebook hold at most."""
        return min([at + self._valid, *self._ends])

    def of_standing(self, standing: Standing) -> LineAnswer:
        """Of one number, whatever stands for it; what makes no difference is left out, so that answers are shared."""
        plain = self._plain(standing)
        found = self._known.get(plain)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[plain] = self._judged(plain)
        return found

    def _plain(self, standing: Standing) -> Standing:
        """The same standing for this judge: of moments long ago only their order counts, of late ones nothing."""
        at, since = self._contact.at, standing.since
        if since is not None and at - since < self._grace:
            return standing
        far = max(self.limit, self._hours[-1])
        terms = tuple(
            replace(
                term, decided=_LATER if since is None or term.decided > since else _EARLIER,
                until=None if term.until is None or term.until > far else term.until,
            )
            for term in standing.consents
            if term.decided <= at
        )
        return replace(standing, since=_SINCE, before=None, consents=terms)

    def _judged(self, standing: Standing) -> LineAnswer:
        found = decide(
            self._contact, standing, self.rulebook, holidays=self._holidays, asker="telemarketer"
        )
        moments = [moment for moment in self._turns(standing) if self._contact.at < moment < self.limit]
        return LineAnswer(
            "allowed" if found.allow else "declined", found.reason, found.rule,
            next((at for at in moments if self._allows(standing, at) != found.allow), self.limit), found.next_allowed,
        )  # fmt: skip

    def _turns(self, standing: Standing) -> list[datetime]:
        """The moments at which an answer may change: full hours, ends of consents, the end of the grace."""
        turns = set(self._hours)
        turns.update(term.until for term in standing.consents if term.until is not None)
        if standing.since is not None:
            turns.add(standing.since + self._grace)
        return sorted(turns)

    def _allows(self, standing: Standing, at: datetime) -> bool:
        """Whether the contact would be allowed at another moment; False where nobody knows the holidays then."""
        moved = replace(self._contact, at=at)
        try:
            return decide(moved, standing, self.rulebook, holidays=self._holidays, asker="telemarketer").allow
        except UnavailableError:
            return False

    def of_preferences(self, preferences: NDArray[np.void]) -> list[LineAnswer]:
        """Of numbers for which a preference stands, and nothing else: PREFERENCE[m] -> an answer each."""
        channel, category = self._contact.channel, self._contact.category
        masks = preferences[MASKS[channel]].astype(np.uint64)
        # only whether everything, this industry or another is declined makes a difference, and the quiet times
        declined = np.where(masks == ALL_CATEGORIES, masks, masks & np.uint64(1 << category))
        quiet = preferences["quiet"].astype(np.uint64)
        both, place = np.unique(declined << np.uint64(32) | quiet, return_inverse=True)
        answers = self._of_different(both >> np.uint64(32), both & np.uint64(0xFFFF_FFFF))
        return [answers[i] for i in place.tolist()]

    def _of_different(self, declined: NDArray[np.uint64], quiet: NDArray[np.uint64]) -> list[LineAnswer]:
        steps = self._steps([self._contact.at], declined, quiet)[0]
        if (steps == _UNKNOWN).any():
            self._holidays.is_holiday(local(self._contact.at, ZONE).date())  # says why not
        inside = [hour for hour in self._hours if hour < self.limit]
        turned = _allowed(self._steps(inside, declined, quiet)) != _allowed(steps)
        until = [inside[place] if place >= 0 else self.limit for place in _first(turned)]
        later: list[datetime | None] = [None] * len(steps)
        waits, ahead = np.flatnonzero(np.isin(steps, _OF_THE_HOUR)), self._hours[: HOURS_AHEAD - 1]  # as `decide` looks
        then = self._steps(ahead, declined[waits], quiet[waits])
        for i, (of, place) in enumerate(zip(waits.tolist(), _first(~np.isin(then, _OF_THE_HOUR)))):
            if place >= 0 and _allowed(then[place, i]):
                later[of] = ahead[place]
        return [
            LineAnswer(
                "allowed" if STEPS[step].allow else "declined", STEPS[step].reason, STEPS[step].rule, until[i], later[i]
            )
            for i, step in enumerate(steps.tolist())
        ]

    def _steps(
        self, moments: Sequence[datetime], declined: NDArray[np.uint64], quiet: NDArray[np.uint64]
    ) -> NDArray[np.uint8]:
        """The steps that answer at some moments, u8[moments, n], for pairs of a mask and quiet bits; _UNKNOWN where it
        depends on holidays that nobody knows yet."""
        facts = facts_of(self._contact, Standing(), self.rulebook, holidays=self._holidays, asker="telemarketer")
        when = [local(moment, ZONE) for moment in moments]
        asks = quiet >> np.uint64(31) & np.uint64(1)
        days = self._holidays_of({moment.date() for moment in when}) if asks.any() else {}
        hours, weekdays, holidays = (
            np.array(each, np.uint64).reshape(-1, 1)
            for each in zip(*((at.hour, 24 + at.weekday(), days.get(at.date(), 0)) for at in when))
        ) if when else (np.zeros((0, 1), np.uint64),) * 3  # fmt: skip
        covers = (quiet >> hours | quiet >> weekdays | asks & holidays) & np.uint64(1)
        shape = covers.shape
        facts.declined = np.broadcast_to(declined.astype(np.int64), shape).reshape(-1)
        facts.quiet = covers.astype(np.int64).reshape(-1)
        rest = np.uint64(self.rulebook.rest_bits(self._contact.channel)) >> hours & np.uint64(1)
        facts.rest = np.broadcast_to(rest.astype(np.int64), shape).reshape(-1)
        steps = decide_many(facts, covers.size).reshape(shape)
        steps[(holidays == _UNKNOWN) & (asks == 1)] = _UNKNOWN
        return steps

    def _holidays_of(self, days: Iterable[date]) -> dict[date, int]:
        """Whether days are public holidays (1, 0); _UNKNOWN where nobody knows."""
        found = {}
        for day in days:
            try:
                found[day] = int(self._holidays.is_holiday(day))
            except UnavailableError:
                found[day] = _UNKNOWN
        return found


def _allowed(steps: Any) -> Any:
    """Whether steps allow; one that is not known does not."""
    return np.append(steps_allow(), np.zeros(_UNKNOWN, bool))[steps]


def _first(found: NDArray[np.bool_]) -> list[int]:
    """The first row that holds in each column, -1 where none does."""
    if not len(found):
        return [-1] * found.shape[1]
    return [int(place) for place in np.where(found.any(axis=0), found.argmax(axis=0), -1)]
