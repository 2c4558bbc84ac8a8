"""Parties (carriers, telemarketers, report centres, the regulator), their members and their API keys.

Rules of this room:
- A party's id is its word in URLs and files for ever; its ordinal is its number in exception files and is never reused.
- An API key is `dc_<id>_<secret>`: 256 random bits, shown once, stored as SHA-256, compared in constant time, revocable
  at once; a wrong, unknown or revoked key gets one answer.
- Members belong to one party; a role fits its kind of party, and so do the scopes of a key.
- A key of the sandbox belongs to a telemarketer and is answered about magic numbers only.
- Every change leaves an entry in the audit trail.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from registry import audit, restrictions
from registry import sandbox as magic
from registry.access import ROLES_OF, SANDBOX_SCOPES, SCOPES_OF, Actor
from registry.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    SignInRequiredError,
    UnavailableError,
)
from registry.logs import without_numbers
from registry.naming import new_id
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.store import Store

KINDS = ("carrier", "telemarketer", "centre", "regulator")
LIST_SCOPES = ("home", "national")
TIER = "basic"  # of whoever was given no other

_PARTY = re.compile(r"[a-z][a-z0-9-]{1,31}")
_EMAIL = re.compile(r"[^@\s\0-\x1f]{1,64}@[^@\s\0-\x1f]{1,190}")
_KEY = re.compile(r"dc_([0-9a-z]{16})_([A-Za-z0-9_-]{43})")
_TIER = re.compile(r"[a-z][a-z0-9-]{0,31}")
_LONGEST_NAME = 120
_USED_EVERY = timedelta(hours=1)  # how exactly the last use of a key is kept: a write per request would be dear


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation. `scope` is what a carrier's feed holds: `home` (own subscribers) or `national`.

    A reseller has a `host` and follows by it`self`, through its `host`, or `both`; a `sandbox` party tries things out.
    `tier` is a telemarketer's licence tier, which says how much it may ask (setting `[scrubs] tiers`).
    """

    party: str
    ordinal: int
    kind: str
    name_zh: str
    name_en: str
    state: str  # active, suspended
    scope: str
    licensed: bool
    host: str = ""
    follows: str = "self"
    sandbox: bool = False
    tier: str = TIER


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who signs in for a party. `second_factor` says that one is set up and was proved once."""

    member: str
    party: str
    email: str
    name: str
    role: str
    state: str  # invited, active, suspended
    second_factor: bool


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret. `used` is kept to the hour; `sandbox`: it asks about magic numbers only."""

    key: str
    party: str
    scopes: frozenset[str]
    label: str
    created: datetime
    used: datetime | None
    revoked: datetime | None
    sandbox: bool = False


# parties


def add_party(
    store: Store, clock: Clock, *, party: str, kind: str, name_zh: str, name_en: str, scope: str = "home",
    licensed: bool = True, sandbox: bool = False, tier: str = TIER, actor: str = "system",
) -> Party:
    """Add a party. Raises InvalidInputError bad_party, bad_tier, ConflictError party_exists, restricted (rule 97): an
    enterprise of this name gets no account of a telemarketer and no national list."""
    wants: restrictions.Use | None = "accounts" if kind == "telemarketer" else "feeds" if scope == "national" else None
    with store.writing(about="parties"):
        if wants and not restrictions.names_are_free(store, (name_zh, name_en), use=wants, at=clock.now()):
            raise ConflictError(restrictions.SENTENCE, code="restricted")
        added = new_party(
            store, party=party, kind=kind, name_zh=name_zh, name_en=name_en, scope=scope, licensed=licensed,
            sandbox=sandbox, tier=tier,
        )
        store.parties.add(added, created=to_micros(clock.now()))
        audit.append(store, clock, actor=actor, action="party_added", subject=f"party:{party}",
                     detail={"kind": kind, "scope": scope, "licensed": licensed, "sandbox": sandbox, "tier": tier})
    return added


def new_party(
    store: Store, *, party: str, kind: str, name_zh: str, name_en: str, scope: str = "home", licensed: bool = True,
    sandbox: bool = False, tier: str = TIER,
) -> Party:
    """Inside `writing(about="parties")`: a party, checked and with its number, that is not stored yet. Raises as
    `add_party`."""
    if not _PARTY.fullmatch(party):
        raise InvalidInputError(
            "A party's id is 2 to 32 small letters, digits and dashes, a letter first.", code="bad_party"
        )
    if kind not in KINDS or scope not in LIST_SCOPES:
        raise InvalidInputError("There is no such kind of party or scope of a list.", code="bad_party")
    if sandbox and kind != "carrier":
        raise InvalidInputError("Only a carrier can have a sandbox.", code="bad_party")
    _must_be_tier(tier)
    if party in magic.load().ordinals().values():
        raise InvalidInputError("This id stands for a telemarketer of the sandbox.", code="bad_party")
    names = name_zh.strip(), name_en.strip()
    if not all(map(_is_name, names)):
        raise InvalidInputError("A party needs its name in Chinese and in English.", code="bad_party")
    if store.parties.party(party) is not None:
        raise ConflictError("There is a party of this id already.", code="party_exists")
    ordinal = store.parties.next_ordinal()
    return Party(party, ordinal, kind, *names, "active", scope, licensed, sandbox=sandbox, tier=tier)


def get_party(store: Store, party: str) -> Party:
    """A party by its id. Raises NotFoundError no_such_party."""
    found = store.parties.party(party)
    if found is None:
        raise NotFoundError("There is no such party.", code="no_such_party")
    return found


def set_party_state(
    store: Store, clock: Clock, *, party: str, state: str, actor: str = "system", note: str = ""
) -> None:
    """Suspend a party (its keys and sessions stop at once) or make it active again; `note` says why, for the trail.

    Raises NotFoundError no_such_party, ConflictError regulator_stays: nobody could undo that.
    """
    if state not in ("active", "suspended"):
        raise InvalidInputError("A party is active or suspended.", code="bad_party")
    with store.writing(about="parties"):
        found = get_party(store, party)
        if found.kind == "regulator" and state == "suspended":
            raise ConflictError("The regulator cannot be suspended.", code="regulator_stays")
        store.parties.set_state(party, state)
        if state == "suspended":
            store.sessions.close_party(party)
        audit.append(store, clock, actor=actor, action=f"party_{state}", subject=f"party:{party}",
                     detail={"note": without_numbers(note.strip()[:500])} if note.strip() else None)


def set_tier(store: Store, clock: Clock, *, party: str, tier: str, actor: str = "system") -> Party:
    """Give a telemarketer another licence tier. Raises InvalidInputError bad_tier, NotFoundError no_such_party."""
    _must_be_tier(tier)
    with store.writing(about="parties"):
        found = get_party(store, party)
        if found.kind != "telemarketer":
            raise InvalidInputError("Only telemarketers have a licence tier.", code="bad_tier")
        if found.tier != tier:
            store.parties.set_tier(party, tier)
            audit.append(store, clock, actor=actor, action="party_tier", subject=f"party:{party}",
                         detail={"from": found.tier, "to": tier})
    return replace(found, tier=tier)


def _must_be_tier(tier: str) -> None:
    if not _TIER.fullmatch(tier):
        raise InvalidInputError("A licence tier is a word of small letters, digits and dashes.", code="bad_tier")


# members


def add_member(
    store: Store, clock: Clock, *, party: str, email: str, name: str, role: str, actor: str = "system"
) -> Member:
    """Add a member who can sign in once invited. Raises InvalidInputError bad_member, ConflictError email_taken."""
    with store.writing(about="members"):
        added = new_member(store, get_party(store, party), email=email, name=name, role=role)
        store.parties.add_member(added, created=to_micros(clock.now()))
        audit.append(store, clock, actor=actor, action="member_added", subject=f"member:{added.member}",
                     detail={"party": party, "role": role})
    return added


def new_member(store: Store, party: Party, *, email: str, name: str, role: str) -> Member:
    """Inside `writing()`: a member, checked, that is not stored yet. Raises as `add_member`."""
    email, name = normal_email(email), name.strip()
    if not is_email(email) or not _is_name(name):
        raise InvalidInputError("A member needs a name and an e-mail address.", code="bad_member")
    if role not in ROLES_OF[party.kind]:
        raise InvalidInputError("There is no such role in this kind of party.", code="bad_member")
    if store.parties.member_of_email(email) is not None:
        raise ConflictError("Somebody has this e-mail address already.", code="email_taken")
    return Member(new_id(), party.party, email, name, role, "invited", second_factor=False)


def normal_email(email: str) -> str:
    """The form in which an address is stored and looked up."""
    return email.strip().lower()


def is_email(email: str) -> bool:
    """Whether a text in its normal form looks like an address."""
    return _EMAIL.fullmatch(email) is not None


def _is_name(text: str) -> bool:
    return 0 < len(text.strip()) <= _LONGEST_NAME and text.isprintable()


def suspend_member(store: Store, clock: Clock, *, member: str, actor: str = "system") -> None:
    """Take a member's access away at once; a new invitation gives it back.

    Raises NotFoundError no_such_member, ConflictError own_access: nobody locks themselves out.
    """
    if actor == f"member:{member}":
        raise ConflictError("Nobody takes their own access away.", code="own_access")
    with store.writing(about="members"):
        if store.parties.member(member) is None:
            raise NotFoundError("There is no such member.", code="no_such_member")
        store.parties.set_member_state(member, "suspended")
        store.sessions.close_all(member)
        audit.append(store, clock, actor=actor, action="member_suspended", subject=f"member:{member}")


# API keys


def issue_key(
    store: Store, clock: Clock, *, party: str, scopes: Iterable[str], label: str, sandbox: bool = False,
    actor: str = "system",
) -> tuple[str, str]:
    """Issue an API key: its id, and the whole key, which is told once.

    Raises NotFoundError no_such_party, InvalidInputError bad_scope, bad_sandbox_key, bad_label.
    """
    wanted = frozenset(scopes)
    if label.strip() and not _is_name(label):
        raise InvalidInputError(f"A label has at most {_LONGEST_NAME} printable characters.", code="bad_label")
    key, secret = new_id(), secrets.token_urlsafe(32)
    with store.writing(about=f"party {party}"):
        _must_fit(get_party(store, party).kind, wanted, sandbox=sandbox)
        store.parties.add_key(
            key=key, party=party, secret=_digest(secret), scopes=sorted(wanted), label=label.strip(),
            created=to_micros(clock.now()), sandbox=sandbox,
        )
        audit.append(store, clock, actor=actor, action="key_issued", subject=f"key:{key}",
                     detail={"party": party, "scopes": " ".join(sorted(wanted)), "sandbox": sandbox})
    return key, f"dc_{key}_{secret}"


def _must_fit(kind: str, scopes: frozenset[str], *, sandbox: bool) -> None:
    """Raises InvalidInputError bad_scope, bad_sandbox_key."""
    if not scopes or not scopes <= set(SCOPES_OF[kind]):
        raise InvalidInputError(
            f"A key of a {kind} needs scopes out of {', '.join(SCOPES_OF[kind])}.", code="bad_scope"
        )
    if sandbox and (kind != "telemarketer" or not scopes <= SANDBOX_SCOPES):
        raise InvalidInputError(
            "A key of the sandbox is a telemarketer's and may check, scrub and read.", code="bad_sandbox_key"
        )


def revoke_key(store: Store, clock: Clock, *, api_key: str, actor: str = "system", party: str | None = None) -> None:
    """Revoke a key for good, with `party` only one of that party. Raises NotFoundError no_such_key."""
    with store.writing(about=f"key {api_key}"):
        found = store.parties.key(api_key)
        if found is None or (party is not None and found.party != party):
            raise NotFoundError("There is no such key.", code="no_such_key")
        if found.revoked is None:
            store.parties.revoke(api_key, at=to_micros(clock.now()))
            audit.append(store, clock, actor=actor, action="key_revoked", subject=f"key:{api_key}")


def keys_of(store: Store, party: str) -> tuple[ApiKey, ...]:
    """A party's keys, newest first, revoked ones too."""
    return store.parties.keys(party)


def key_actor(store: Store, clock: Clock, presented: str) -> Actor:
    """The holder of a presented key. Raises SignInRequiredError key_unknown, NotAllowedError party_suspended."""
    form = _KEY.fullmatch(presented)
    key, secret = form.groups() if form else ("", "")
    found = store.parties.key(key)
    right = hmac.compare_digest(store.parties.secret(key) or bytes(32), _digest(secret))
    if not right or found is None or found.revoked is not None:
        raise SignInRequiredError("This API key is not known, or it was revoked.", code="key_unknown")
    party = get_party(store, found.party)
    if party.state != "active":
        raise NotAllowedError("The party of this API key is suspended.", code="party_suspended")
    now = clock.now()
    if found.used is None or now - found.used >= _USED_EVERY:
        with suppress(UnavailableError), store.writing():  # a busy database must not lock a carrier out
            store.parties.touch(key, at=to_micros(now))
    return Actor("key", party=party, key=key, scopes=found.scopes, sandbox=found.sandbox)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
