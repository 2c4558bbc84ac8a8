"""Who is restricted, why and in what: "violate in one place, restricted everywhere" (rules 92 and 97).

Rules of this room:
- Two things restrict an enterprise: standing on a list of its credit file, and a measure in force against it as a whole
  (an appeal changes nothing, rule 94: what is in force stays so, what has not begun does not begin meanwhile). Both
  begin and end by themselves; nothing is stored elsewhere.
- Whoever approves something asks for its use here: `resources` (numbers, codes, ports), `scrubs` (call lists and quick
  checks), `accounts`, `feeds` (more than one's own subscribers).
- A carrier's feed of its own subscribers is no favour and is never refused: it protects people (docs/adr/0026).
- Who is told of a restriction reads no reason but this: the credit file is open to them elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from registry.companynames import skeleton
from registry.errors import NotAllowedError
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.store import Store

Use = Literal["resources", "scrubs", "accounts", "feeds"]
SENTENCE = "This company is restricted by its credit file or by a measure."
_ALL: frozenset[Use] = frozenset({"resources", "scrubs", "accounts", "feeds"})
LISTS: Mapping[str, frozenset[Use]] = {"bad_operation": _ALL, "dishonesty": _ALL}  # of the credit file
MEASURES: Mapping[str, frozenset[Use]] = {
    "limit_new_resources": frozenset({"resources"}),
    "suspend_service": frozenset({"resources", "scrubs"}),
    "recover_codes": frozenset({"resources"}),
    "revoke": _ALL,
}


@dataclass(frozen=True, slots=True)
class Restriction:
    """One reason why an enterprise is restricted: `why`, a list or a kind of measure, from `since` until `until` (None:
    open); `source`: the entry of the credit file, or the measure."""

    enterprise: str
    why: str
    since: datetime
    until: datetime | None
    source: str

    @property
    def uses(self) -> frozenset[Use]:
        """What it restricts."""
        return LISTS[self.why] if self.why in LISTS else MEASURES[self.why]

    def holds_at(self, at: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.since <= at and (self.until is None or at < self.until)


def of_enterprises(store: Store, enterprises: Collection[str], *, at: datetime) -> tuple[Restriction, ...]:
    """What restricts enterprises at a moment, oldest first; one query for some hundred of them."""
    return tuple(each for each in store.restrictions.of(enterprises) if each.holds_at(at))


def everybody(store: Store, *, at: datetime) -> tuple[Restriction, ...]:
    """All restrictions that hold at a moment, the newest first."""
    return store.restrictions.at(to_micros(at))


def of_party(store: Store, party: str, *, use: Use, at: datetime) -> tuple[Restriction, ...]:
    """What restricts the enterprise of an account in a use at a moment."""
    return tuple(each for each in store.restrictions.of_party(party) if use in each.uses and each.holds_at(at))


def must_be_free(store: Store, *, party: str, use: Use, at: datetime) -> None:
    """Raises NotAllowedError restricted, where the enterprise of an account is restricted in a use."""
    if of_party(store, party, use=use, at=at):
        raise NotAllowedError(SENTENCE, code="restricted")


def are_free(store: Store, enterprises: Collection[str], *, use: Use, at: datetime) -> bool:
    """Whether none of some enterprises is restricted in a use at a moment."""
    return not any(use in each.uses for each in of_enterprises(store, enterprises, at=at))


def names_are_free(store: Store, names: Iterable[str], *, use: Use, at: datetime) -> bool:
    """As `are_free`, for who has no account yet: by name, as far as names can be told apart."""
    forms = {skeleton(name) for name in names} - {""}
    alike = [found.enterprise for form in forms for found in store.enterprises.called(form)]
    return are_free(store, alike, use=use, at=at)
