"""Telemarketers as companies: names, registration number, industries, whom to ask, and on whose behalf they act.

Rules of this room:
- A company has one account: its registration number stands once. An account without a company is one that an operator
  made by hand.
- Whom to ask (name, email, phone) is stored sealed. Every change leaves an entry in the audit trail, without it.
- A principal is whom a telemarketer acts for, from a day on and until another; one that has ended stays known.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from registry import audit, restrictions
from registry.companynames import company_name, skeleton
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.keys import FIRST_EPOCH
from registry.naming import new_id
from registry.numbers import Number, parse_caller
from registry.parties import is_email, normal_email
from registry.preferences import ALL_CATEGORIES, Category
from registry.sealing import seal_text, unseal_text
from registry.times import to_micros
from registry.uscc import CompanyNumber

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.parties import Party
    from registry.store import Store

MOST_PRINCIPALS = 500  # of a party, at one time
_LONGEST_NAME = 120
_PRINCIPAL = re.compile(r"p_[0-9a-z]{16}")


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask at a company. The phone number in its E.164 form, as `+86…`."""

    name: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """The company behind a party. `sectors`: a mask of categories; `itself`: it also acts for itself."""

    party: str
    company: CompanyNumber
    sectors: int
    itself: bool
    since: datetime
    contact: bytes  # sealed

    @property
    def categories(self) -> tuple[Category, ...]:
        """The industries it contacts people for."""
        return categories_of(self.sectors)


@dataclass(frozen=True, slots=True)
class Principal:
    """A company for which a telemarketer acts, from `since` until `until` (None: open)."""

    principal: str
    party: str
    name: str
    company: CompanyNumber
    since: datetime
    until: datetime | None

    def acts_at(self, at: datetime) -> bool:
        """Whether it is acted for at a moment."""
        return self.since <= at and (self.until is None or at < self.until)


# what a company says of itself


def sectors_of(slugs: Iterable[str]) -> int:
    """The mask of industries by their words. Raises InvalidInputError bad_sectors for none and for unknown ones."""
    mask = 0
    for slug in slugs:
        if slug.upper() not in Category.__members__:
            raise InvalidInputError("There is no such industry.", code="bad_sectors")
        mask |= Category[slug.upper()].bit
    if not mask:
        raise InvalidInputError("A telemarketer names at least one industry.", code="bad_sectors")
    return mask


def categories_of(sectors: int) -> tuple[Category, ...]:
    """The industries of a mask."""
    return tuple(each for each in Category if sectors & ALL_CATEGORIES & each.bit)


def contact_of(plan: NumberPlan, *, name: str, email: str, phone: str, country: str = "CN") -> Contact:
    """Whom to ask, checked. Raises InvalidInputError bad_contact_name, bad_email, and what is wrong with the number."""
    called, address = " ".join(unicodedata.normalize("NFKC", name[:400]).split()), normal_email(email)
    if not 1 <= len(called) <= _LONGEST_NAME or not called.isprintable():
        raise InvalidInputError("Whom to ask needs a name.", code="bad_contact_name")
    if not is_email(address) or not address.isprintable():
        raise InvalidInputError("This is no email address.", code="bad_email")
    number: Number = parse_caller(phone, plan, country=country)
    return Contact(called, address, f"+{number.digits}" if number.kind == 1 else str(number.digits))


def seal_contact(keys: KeyRing, contact: Contact) -> bytes:
    """A contact as it is stored."""
    return seal_text(_key(keys), json.dumps(asdict(contact), ensure_ascii=False))


def unseal_contact(keys: KeyRing, sealed: bytes) -> Contact:
    """The contact that was sealed."""
    return Contact(**json.loads(unseal_text(_key(keys), sealed)))


def _key(keys: KeyRing) -> bytes:
    return keys.derive("at-rest", "contacts", FIRST_EPOCH)


# companies and accounts


def organisation_of(store: Store, party: str) -> Organisation | None:
    """The company behind a party, None where an operator made the account by hand."""
    return store.organisations.organisation(party)


def describe(
    store: Store, keys: KeyRing, clock: Clock, *, party: str, company: CompanyNumber, sectors: int, itself: bool,
    contact: Contact, actor: str = "system",
) -> Organisation:  # fmt: skip
    """Say which company is behind a telemarketer's account, or change it.

    Raises NotFoundError no_such_party, InvalidInputError not_a_telemarketer, ConflictError company_known.
    """
    with store.writing(about="parties"):
        found = store.parties.party(party)
        if found is None:
            raise NotFoundError("There is no such party.", code="no_such_party")
        if found.kind != "telemarketer":
            raise InvalidInputError("Only telemarketers are described so.", code="not_a_telemarketer")
        other = store.organisations.of_company(company)
        if other is not None and other.party != party:
            raise ConflictError("This company has an account already.", code="company_known")
        made = Organisation(party, company, sectors, itself, clock.now(), seal_contact(keys, contact))
        store.organisations.put(made)
        audit.append(store, clock, actor=actor, action="party_described", subject=f"party:{party}",
                     detail={"country": company.country, "sectors": sectors, "itself": itself})
    return made


def alike(store: Store, *names: str) -> tuple[Party, ...]:
    """Parties whose name may be confused with one of these."""
    wanted = {skeleton(name) for name in names} - {""}
    return tuple(
        each for each in store.parties.all() if wanted & {skeleton(each.name_zh), skeleton(each.name_en)}
    )


# principals


def principals_of(store: Store, party: str, *, at: datetime | None = None) -> tuple[Principal, ...]:
    """For whom a party acts, by name; with `at` those at that moment only."""
    found = store.organisations.principals(party)
    return tuple(each for each in found if at is None or each.acts_at(at))


def new_principal(
    party: str, *, name: str, company: CompanyNumber, since: datetime, until: datetime | None = None
) -> Principal:
    """A principal, checked and not stored yet. Raises InvalidInputError bad_name, bad_period."""
    if until is not None and until <= since:
        raise InvalidInputError("The end comes after the beginning.", code="bad_period")
    return Principal(f"p_{new_id()}", party, company_name(name), company, since, until)


def add_principal(
    store: Store, clock: Clock, *, party: str, name: str, company: CompanyNumber, since: datetime | None = None,
    until: datetime | None = None, actor: str = "system",
) -> Principal:  # fmt: skip
    """Add whom a telemarketer acts for. `since` None: from now on.

    Raises InvalidInputError bad_name, bad_period; ConflictError principal_known, too_many_principals, own_company.
    """
    now = clock.now()
    added = new_principal(party, name=name, company=company, since=since or now, until=until)
    with store.writing(about=f"principals {party}"):
        own = store.organisations.organisation(party)
        if own is not None and own.company == company:
            raise ConflictError("This is the company itself.", code="own_company")
        others = [each for each in store.organisations.principals(party) if each.until is None or each.until > now]
        if any(each.company == company and _overlap(each, added) for each in others):
            raise ConflictError("This company is on the list already.", code="principal_known")
        if len(others) >= MOST_PRINCIPALS:
            raise ConflictError(f"A party acts for at most {MOST_PRINCIPALS}.", code="too_many_principals")
        store.organisations.add_principal(added)
        audit.append(store, clock, actor=actor, action="principal_added", subject=f"party:{party}",
                     detail={"principal": added.principal})
    return added


def _overlap(one: Principal, other: Principal) -> bool:
    return (one.until is None or other.since < one.until) and (other.until is None or one.since < other.until)


def end_principal(
    store: Store, clock: Clock, *, party: str, principal: str, at: datetime | None = None, actor: str = "system"
) -> Principal:
    """Say that a telemarketer acts for somebody until `at` only (None: until now).

    Raises NotFoundError no_such_principal, ConflictError principal_ended.
    """
    now = clock.now()
    with store.writing(about=f"principals {party}"):
        found = principal_of(store, party, principal)
        if found.until is not None and found.until <= now:
            raise ConflictError("This ended already.", code="principal_ended")
        until = max(at or now, now, found.since)
        store.organisations.end_principal(principal, until=to_micros(until))
        audit.append(store, clock, actor=actor, action="principal_ended", subject=f"party:{party}",
                     detail={"principal": principal})
    return replace(found, until=until)


def principal_of(store: Store, party: str, principal: str) -> Principal:
    """One of a party's principals. Raises NotFoundError no_such_principal, also for another party's."""
    found = store.organisations.principal(principal) if _PRINCIPAL.fullmatch(principal) else None
    if found is None or found.party != party:
        raise NotFoundError("There is no such principal.", code="no_such_principal")
    return found


def must_act_for(store: Store, party: str, on_behalf: str, *, at: datetime) -> Principal | None:
    """On whose behalf a party asks: one of its principals, None for itself ("").

    Raises InvalidInputError bad_on_behalf for a foreign, unknown or ended one, and for "" where it acts for others
    only; NotAllowedError restricted for one that is: its agents are bound as it is (rules 29, 97).
    """
    if not on_behalf:
        own = store.organisations.organisation(party)
        if own is not None and not own.itself:
            raise InvalidInputError("Please say on whose behalf you ask.", code="bad_on_behalf")
        return None
    try:
        found = principal_of(store, party, on_behalf)
    except NotFoundError as error:
        raise InvalidInputError("You act for nobody of this id.", code="bad_on_behalf") from error
    if not found.acts_at(at):
        raise InvalidInputError("You do not act for this company at that time.", code="bad_on_behalf")
    principal = store.enterprises.of_company(found.company)
    if principal and not restrictions.are_free(store, [principal.enterprise], use="scrubs", at=at):
        raise NotAllowedError(restrictions.SENTENCE, code="restricted")
    return found
