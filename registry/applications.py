"""Telemarketers who want an account: what they say of themselves, and what an officer decides about it.

Rules of this room:
- Whoever applies gets the same answer whether the company is known or not: only an officer sees that it has an account
  or applied before. How it stands is told to whoever has the reference and its secret, which is shown once.
- A form that is sent twice is one application. A network address may send few, all together not too many, and only so
  many may wait; a refusal for that says so and costs nothing.
- Whom to ask is stored sealed, and erased with the whole application some time after the decision, or when nobody
  decided; what an account needs lies with its company (`organisations.py`).
- An approval makes the party, its company, its principals and its owner in one transaction, or nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from registry import access, audit, credentials, enterprises, limits, organisations, parties, restrictions
from registry.companynames import company_name, skeleton
from registry.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from registry.keys import FIRST_EPOCH
from registry.limits import Limit
from registry.logs import without_numbers
from registry.naming import LETTERS, new_id
from registry.organisations import Contact, Organisation
from registry.parties import Party
from registry.times import to_micros
from registry.uscc import CompanyNumber

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.settings import ApplicationSettings
    from registry.store import Store

State = Literal["waiting", "approved", "refused"]
STATES: tuple[State, ...] = ("waiting", "approved", "refused")
MOST_PRINCIPALS = 50  # in an application; more can be added later
_HOUR_S = 3600
_LONGEST_NOTE = 500
_REFERENCE = re.compile(rf"[{LETTERS}]{{12}}")
_SECRET_LETTERS = 24  # of 19: a hundred bits


@dataclass(frozen=True, slots=True)
class Wish:
    """What a company says of itself; `principals` are names and registration numbers."""

    name_zh: str
    name_en: str
    company: CompanyNumber
    sectors: int
    itself: bool
    principals: tuple[tuple[str, CompanyNumber], ...]
    contact: Contact


@dataclass(frozen=True, slots=True)
class Application:
    """An application. `contact` is sealed; `note` is why it was refused; `party`: the account that was made of it."""

    reference: str
    state: str
    name_zh: str
    name_en: str
    company: CompanyNumber
    sectors: int
    itself: bool
    principals: tuple[tuple[str, CompanyNumber], ...]
    contact: bytes
    language: str
    created: datetime
    decided: datetime | None = None
    decided_by: str = ""
    note: str = ""
    party: str = ""


@dataclass(frozen=True, slots=True)
class Background:
    """What an officer is to know beside an application: the company's account, its other applications, alike names."""

    account: Organisation | None
    others: tuple[Application, ...]
    alike: tuple[Party, ...]


def wish_of(
    *, name_zh: str, name_en: str, company: CompanyNumber, sectors: Sequence[str], itself: bool,
    principals: Sequence[tuple[str, CompanyNumber]], contact: Contact,
) -> Wish:  # fmt: skip
    """What a company says of itself, checked. Without an English name the Chinese one stands for both.

    Raises InvalidInputError bad_name, bad_name_en, bad_sectors, bad_principal, too_many_principals, acts_for_nobody.
    """
    zh = company_name(name_zh)
    en = company_name(name_en, code="bad_name_en") if name_en.strip() else zh
    if len(principals) > MOST_PRINCIPALS:
        raise InvalidInputError(f"Please name at most {MOST_PRINCIPALS} here.", code="too_many_principals")
    whom = {number: (company_name(name, code="bad_principal"), number) for name, number in principals}
    if company in whom:
        raise InvalidInputError("The company itself is no principal.", code="own_company")
    if not itself and not whom:
        raise InvalidInputError("A telemarketer acts for itself or for others.", code="acts_for_nobody")
    return Wish(zh, en, company, organisations.sectors_of(sectors), itself, tuple(whom.values()), contact)


# who applies


def apply(
    store: Store, keys: KeyRing, clock: Clock, settings: ApplicationSettings, *, wish: Wish, form: str, address: str,
    language: str,
) -> tuple[str, str]:  # fmt: skip
    """Take an application in: its reference, and the secret that tells how it stands. `form` is the form's own random
    word: the same form sent again is the same application, and costs nothing.

    Raises TooManyError too_many, UnavailableError applications_full.
    """
    once = hmac.digest(_key(keys), f"{form} {wish!r}".encode(), hashlib.sha256)
    secret = _letters(hmac.digest(_key(keys), b"secret" + once, hashlib.sha256), _SECRET_LETTERS)
    at_once = (
        Limit("apply-address", limits.address_subject(keys, address), settings.per_address_day, 24 * _HOUR_S),
        Limit("apply-all", limits.subject_of(keys, b"apply"), settings.in_all_hour, _HOUR_S),
    )
    with store.writing(about="applications"):
        known = store.applications.of_form(once)
        if known is not None:
            return known, secret
        if store.applications.waiting() >= settings.most_waiting:
            raise UnavailableError("Too many applications wait already. Try again later.", code="applications_full")
        limits.spend_inside(store, clock.now(), limits=at_once)
        made = Application(
            new_id(12), "waiting", wish.name_zh, wish.name_en, wish.company,
            wish.sectors, wish.itself, wish.principals, organisations.seal_contact(keys, wish.contact), language,
            clock.now(),
        )  # fmt: skip
        store.applications.add(made, secret=_digest(secret), form=once)
        audit.append(store, clock, actor="anonymous", action="application_made",
                     subject=f"application:{made.reference}")
    return made.reference, secret


def look_up(
    store: Store, keys: KeyRing, clock: Clock, settings: ApplicationSettings, *, reference: str, secret: str,
    address: str,
) -> Application:  # fmt: skip
    """How an application stands, for whoever has its secret; a wrong one and an unknown reference get one answer.

    Raises NotFoundError no_such_application, TooManyError too_many.
    """
    reference, secret = (re.sub(r"[\s-]", "", text[:100]).lower() for text in (reference, secret))
    spent = (
        Limit("application-asked", limits.subject_of(keys, b"application:" + reference.encode()), 10, _HOUR_S),
        Limit("application-address", limits.address_subject(keys, address), settings.looks_per_address_hour, _HOUR_S),
    )
    limits.spend_all(store, clock, limits=spent)
    found = store.applications.application(reference)
    right = hmac.compare_digest(store.applications.secret(reference) or bytes(32), _digest(secret))
    if found is None or not right:
        raise _unknown()
    with store.writing():
        limits.give_back_inside(store, limits=spent)
    return found


def _letters(raw: bytes, length: int) -> str:
    """Letters drawn from random bytes."""
    value, found = int.from_bytes(raw, "big"), []
    for _ in range(length):
        value, place = divmod(value, len(LETTERS))
        found.append(LETTERS[place])
    return "".join(found)


def in_groups(letters: str) -> str:
    """A reference or secret as it is shown: groups of four."""
    return "-".join(letters[i : i + 4] for i in range(0, len(letters), 4))


# officers


def application_of(store: Store, reference: str) -> Application:
    """An application, for an officer. Raises NotFoundError no_such_application."""
    found = store.applications.application(reference) if _REFERENCE.fullmatch(reference) else None
    if found is None:
        raise _unknown()
    return found


def background_of(store: Store, application: Application) -> Background:
    """What stands beside an application."""
    others = store.applications.of_company(application.company)
    return Background(
        store.organisations.of_company(application.company),
        tuple(each for each in others if each.reference != application.reference),
        organisations.alike(store, application.name_zh, application.name_en),
    )


def proposed_id(application: Application) -> str:
    """A short name for the account: the English name's first words, else the end of the registration number."""
    word = re.sub(r"[^a-z0-9]+", "-", application.name_en.lower()).strip("-")
    word = re.sub(r"-(co|ltd|limited|inc|llc|gmbh|corp|company)\b.*", "", word)[:24].strip("-")
    if re.match(r"[a-z]..", word):
        return word
    return "tm-" + re.sub(r"[^a-z0-9]", "", application.company.number.lower())[-8:]


def approve(
    store: Store, keys: KeyRing, clock: Clock, *, reference: str, party: str, tier: str = parties.TIER, actor: str,
    email: str = "",
) -> tuple[Party, str]:  # fmt: skip
    """Make an account of an application: the party, and its owner's one-time invitation. `email` "": of the contact.

    Raises NotFoundError no_such_application; ConflictError decided_already, company_known, party_exists, email_taken,
    restricted (rule 97); InvalidInputError bad_party, bad_tier, bad_member.
    """
    now, token = clock.now(), access.new_token()
    asked = _waiting(store, reference)
    own = enterprises.enrol(store, clock, name=asked.name_zh, company=asked.company)
    if not restrictions.are_free(store, [own.enterprise], use="accounts", at=now):
        raise ConflictError(restrictions.SENTENCE, code="restricted")
    with store.writing(about="parties"):
        found = _waiting(store, reference)
        contact = organisations.unseal_contact(keys, found.contact)
        if store.organisations.of_company(found.company) is not None:
            raise ConflictError("This company has an account already.", code="company_known")
        added = parties.new_party(
            store, party=party, kind="telemarketer", name_zh=found.name_zh, name_en=found.name_en, tier=tier
        )
        owner = parties.new_member(store, added, email=email.strip() or contact.email, name=contact.name, role="owner")
        store.parties.add(added, created=to_micros(now))
        store.parties.add_member(owner, created=to_micros(now))
        store.sessions.invite(
            invitation=access.token_hash(token), member=owner.member, expires=to_micros(now + credentials.INVITATION)
        )
        store.organisations.put(
            Organisation(party, found.company, found.sectors, found.itself, now, found.contact)
        )
        for name, company in found.principals:
            store.organisations.add_principal(
                organisations.new_principal(party, name=name, company=company, since=now)
            )
        if not own.party:
            store.enterprises.put(replace(own, party=party), skeleton=skeleton(own.name))
        store.applications.decide(replace(
            found, state="approved", decided=now, decided_by=actor, party=party
        ))  # fmt: skip
        for action, subject, detail in (
            ("party_added", f"party:{party}", {"kind": "telemarketer", "tier": tier, "application": reference}),
            ("member_added", f"member:{owner.member}", {"party": party, "role": "owner"}),
            ("member_invited", f"member:{owner.member}", None),
            ("application_approved", f"application:{reference}", {"party": party}),
        ):
            audit.append(store, clock, actor=actor, action=action, subject=subject, detail=detail)
    return added, token


def refuse(store: Store, clock: Clock, *, reference: str, note: str, actor: str) -> Application:
    """Refuse an application; the reason is shown to who applied.

    Raises NotFoundError no_such_application, ConflictError decided_already, InvalidInputError no_reason.
    """
    why = without_numbers(" ".join(note.split()))[:_LONGEST_NOTE]
    if not why:
        raise InvalidInputError("A refusal needs its reason.", code="no_reason")
    with store.writing(about="parties"):
        found = _waiting(store, reference)
        refused = replace(found, state="refused", decided=clock.now(), decided_by=actor, note=why)
        store.applications.decide(refused)
        audit.append(store, clock, actor=actor, action="application_refused", subject=f"application:{reference}",
                     detail={"note": why})
    return refused


def purge(store: Store, clock: Clock, settings: ApplicationSettings) -> int:
    """Erase applications that were decided long ago, and those that nobody decided; how many."""
    now = clock.now()
    decided, waiting = (now - timedelta(days=days) for days in (settings.kept_days, settings.waiting_days))
    with store.writing(about="parties"):
        erased = store.applications.erase(decided=to_micros(decided), waiting=to_micros(waiting))
        if erased:
            audit.append(store, clock, actor="system", action="applications_erased", detail={"count": erased})
    return erased


def _waiting(store: Store, reference: str) -> Application:
    found = application_of(store, reference)
    if found.state != "waiting":
        raise ConflictError("Somebody decided about it already.", code="decided_already")
    return found


def _unknown() -> NotFoundError:
    return NotFoundError("There is no application of this reference and secret.", code="no_such_application")


def _key(keys: KeyRing) -> bytes:
    return keys.derive("code", "applications", FIRST_EPOCH)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def principals_text(principals: Sequence[tuple[str, CompanyNumber]]) -> str:
    """Principals as they are stored."""
    return json.dumps([[name, company.country, company.number] for name, company in principals], ensure_ascii=False)


def principals_from(text: str) -> tuple[tuple[str, CompanyNumber], ...]:
    """Principals that were stored."""
    return tuple((name, CompanyNumber(country, number)) for name, country, number in json.loads(text))
