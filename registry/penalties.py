"""Fines as the rulebook has them (rules 95, 96, 99, 100): what may be imposed on whom, what is proposed, and why.

Rules of this room:
- Two ceilings count, and the lower one holds: the rulebook's span (10,000 to 30,000 yuan), and three times the illegal
  income up to 30,000, or 10,000 where there was none.
- Nobody is fined when the time is over (two years), when it was minor and is corrected, or unheard (rule 99).
- Merchants are not fined here: their case goes to the department of their industry (rule 96).
- What is proposed grows with earlier offences (rule 100: from the credit file); it binds nobody, and says how it came.
- Sums are whole yuan.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from registry.errors import InvalidInputError
from registry.times import local

if TYPE_CHECKING:
    from registry.rulebook import Rulebook

Role = Literal["provider", "carrier", "merchant"]
YEARS = 2  # rule 99
STEPS = 4  # offences from which on the whole span is proposed [D]
_ROUND = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """What a fine is computed from. `at`: the last violation; `income`: illegal income in yuan, None: none was found;
    `earlier`: offences that stand in the credit file; `grave`: bad circumstances; `heard`: the party was heard."""

    role: Role
    at: datetime
    income: int | None = None
    earlier: int = 0
    minor: bool = False
    corrected: bool = False
    grave: bool = False
    heard: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may be imposed, in yuan: at least, at most, and what is proposed (all 0 where no fine may be). `stands`:
    slugs of what is against it now; `why`: slugs of how it came about, each with its rule."""

    least: int
    most: int
    proposed: int
    warn: bool
    publish: bool
    revoke: bool
    department: bool
    stands: tuple[str, ...]
    why: tuple[tuple[str, str], ...]

    @property
    def may_be_decided(self) -> bool:
        """Whether a fine may be decided as things are."""
        return self.most > 0 and not self.stands


def compute(rulebook: Rulebook, facts: Facts, *, now: datetime, zone: str) -> Proposal:
    """The fine that a rulebook allows for some facts, and what is proposed.

    Raises InvalidInputError bad_facts for a negative sum or count, or a violation that lies ahead.
    """
    if (facts.income or 0) < 0 or facts.earlier < 0 or facts.at > now:
        raise InvalidInputError("Sums and counts are not negative, and a violation lies in the past.", code="bad_facts")
    if facts.role == "merchant":
        return Proposal(0, 0, 0, False, False, False, True, (), (("to_department", "96"),))
    over = now >= time_limit(facts.at, zone)
    minor = facts.minor and facts.corrected
    why = [("span_of_rulebook", "95")]
    most, least = rulebook.fines.most, rulebook.fines.least
    ceiling, slug = _of_income(rulebook, facts.income)
    why.append((slug, "95"))
    most = min(most, ceiling)
    least = min(least, most)
    if over or minor:
        why.append(("time_barred" if over else "minor_and_corrected", "99"))
        return Proposal(0, 0, 0, minor and not over, False, False, False, (), tuple(why))
    share = 1.0 if facts.grave else min(1.0, facts.earlier / STEPS)
    why.append(("grave" if facts.grave else "repeated" if facts.earlier else "first_offence", "100"))
    proposed = least + round((most - least) * share / _ROUND) * _ROUND
    stands = () if facts.heard else ("not_heard",)
    return Proposal(least, most, min(proposed, most), True, True, facts.grave, False, stands, tuple(why))


def time_limit(at: datetime, zone: str) -> datetime:
    """When a violation of a moment can no longer be fined (rule 99)."""
    return _years_after(at, YEARS, zone)


def _of_income(rulebook: Rulebook, income: int | None) -> tuple[int, str]:
    fines = rulebook.fines
    if not income:
        return fines.most_without_income, "no_illegal_income"
    return min(fines.income_multiple * income, fines.most_with_income), "multiple_of_income"


def _years_after(moment: datetime, years: int, zone: str) -> datetime:
    """The same local day and hour so many years later; 28 February where there is no 29th."""
    there = local(moment, zone)
    last = calendar.monthrange(there.year + years, there.month)[1]
    return there.replace(year=there.year + years, day=min(there.day, last))
