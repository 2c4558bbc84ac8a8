"""Who asks, and what they may do: actors, one table of roles, sessions.

Rules of this room:
- `ROLES` is the only place that says who may do what; whoever is not named there may not. Which roles and which scopes
  of keys a kind of party may have stands beside it.
- Officers, auditors, operators and party owners count only once their second factor is proved (DESIGN §9, rule 119).
- A session is a random 256-bit token, of which the database holds the SHA-256; it ends at its time, when it is closed,
  and as soon as its member or the member's party is suspended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from registry.naming import new_id
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.parties import Member, Party
    from registry.sealing import SealedNumber
    from registry.store import Store

Kind = Literal["anonymous", "person", "member", "key", "system"]

PROVE = "prove_second_factor"  # all that a member may do who gave the password and still owes the second factor

ROLES: Mapping[str, frozenset[str]] = {
    # people
    "person": frozenset({"own_number", "own_reports"}),
    # members of the regulator
    "officer": frozenset({
        PROVE, "see_overview", "see_jobs", "see_feeds", "see_reports", "open_evidence", "release_reports",
        "manage_parties", "manage_keys", "manage_members", "settle_alarms", "decide_events", "see_cases",
        "warn_of_peaks",
    }),
    "operator": frozenset({PROVE, "see_overview", "see_jobs", "see_feeds", "manage_keys"}),
    "auditor": frozenset({PROVE, "see_overview", "see_jobs", "read_audit", "see_reports", "see_cases"}),
    # casework: who proposes never decides (their actions do not meet, and no one decides what they proposed)
    "intake": frozenset({
        PROVE, "see_overview", "see_reports", "open_evidence", "release_reports", "take_reports", "see_cases",
    }),
    "investigator": frozenset({
        PROVE, "see_overview", "see_reports", "open_evidence", "see_cases", "work_cases", "propose",
    }),
    "decider": frozenset({PROVE, "see_overview", "see_reports", "open_evidence", "see_cases", "decide"}),
    "publisher": frozenset({PROVE, "see_overview", "see_cases", "publish", "warn_of_peaks"}),
    # members of a party, about their own party only
    "owner": frozenset({
        PROVE, "see_own_party", "manage_own_keys", "manage_own_webhooks", "manage_own_members", "manage_own_company",
        "send_reports", "scrub", "see_scrubs", "work_desk", "see_ledger", "keep_ledger",
    }),
    "clerk": frozenset({PROVE, "see_own_party", "send_reports", "work_desk", "see_ledger", "keep_ledger"}),
    "scrubber": frozenset({PROVE, "see_own_party", "scrub", "see_scrubs", "work_desk"}),
    "reader": frozenset({PROVE, "see_own_party", "see_scrubs", "see_ledger"}),
}  # fmt: skip

ROLES_OF: Mapping[str, tuple[str, ...]] = {  # which roles the members of a kind of party may have
    "carrier": ("owner", "clerk", "reader"),
    "telemarketer": ("owner", "scrubber", "reader"),
    "centre": ("owner", "clerk", "reader"),
    "regulator": ("officer", "operator", "auditor", "intake", "investigator", "decider", "publisher"),
}

STRONG_ROLES = frozenset({*ROLES_OF["regulator"], "owner"})

_ONLY_OF: Mapping[str, frozenset[str]] = {  # actions that only some kinds of parties take
    "scrub": frozenset({"telemarketer"}),
    "see_scrubs": frozenset({"telemarketer"}),
    "send_reports": frozenset({"carrier", "centre"}),
    "work_desk": frozenset({"carrier", "telemarketer"}),
    "see_ledger": frozenset({"carrier"}),
    "keep_ledger": frozenset({"carrier"}),
}

SCOPES: Mapping[str, str] = {  # of API keys
    "feed": "follow the own feed: lists, keys, acknowledgements",
    "reports": "send violation reports and read their verdicts",
    "number-events": "say that numbers were ported, deactivated, recycled or reassigned",
    "registrations": "register numbers for people who proved them (kiosks, hotlines)",
    "check": "ask for up to 10,000 numbers at once whether a contact may happen",
    "scrub": "have call lists checked: send them, follow them, fetch results",
    "resources": "keep the ledger of number resources: send the quarterly list, read it",
    "measures": "read orders, measures and fines, confirm that orders were carried out, appeal, be heard",
    "desk": "answer the reports that lie on the own desk",
    "webhooks": "be told of events: endpoints, their secrets, deliveries",
    "read": "read public figures without the site's limits; the own balance, scrubs and receipts",
    "metrics": "read /metrics from elsewhere",
}

SCOPES_OF: Mapping[str, tuple[str, ...]] = {  # what the keys of a kind of party may do
    "carrier": ("feed", "reports", "number-events", "registrations", "resources", "measures", "desk",
                "webhooks", "read"),
    "telemarketer": ("check", "scrub", "measures", "desk", "read", "webhooks"),
    "centre": ("reports", "webhooks", "read"),
    "regulator": ("read", "metrics"),
}
SANDBOX_SCOPES = frozenset({"check", "scrub", "read"})  # a key of the sandbox touches nothing that is real


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `strong` says that the second factor was proved; `key` is the id of the API key that was presented.

    `sandbox`: the key asks about magic numbers only, and what it asks counts nowhere.
    """

    kind: Kind
    role: str = ""
    number: SealedNumber | None = None
    member: Member | None = None
    party: Party | None = None
    key: str = ""
    scopes: frozenset[str] = frozenset()
    strong: bool = False
    sandbox: bool = False

    @property
    def needs_second_factor(self) -> bool:
        """Whether this member still owes the second factor."""
        return self.kind == "member" and self.role in STRONG_ROLES and not self.strong

    @property
    def name(self) -> str:
        """The name in the audit trail: `member:3f…`, `key:9c…`, `person`, `system`; never a number."""
        if self.member is not None:
            return f"member:{self.member.member}"
        return f"key:{self.key}" if self.key else self.kind


ANONYMOUS = Actor("anonymous")
SYSTEM = Actor("system")


def may(actor: Actor, action: str) -> bool:
    """Whether an actor may do something: an action of `ROLES`, or for an API key one of its scopes."""
    if actor.kind == "system":
        return True
    if actor.kind == "key":
        return action in actor.scopes
    if actor.needs_second_factor and action != PROVE:
        return False
    kinds = _ONLY_OF.get(action)
    if kinds is not None and (actor.party is None or actor.party.kind not in kinds):
        return False
    return action in ROLES.get(actor.role, frozenset())


def new_token() -> str:
    """A fresh token of 256 random bits, for a session or an invitation."""
    return new_id(61)


def token_hash(token: str) -> bytes:
    """What the database holds of a session's or invitation's token (32 bytes)."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def open_session(
    store: Store, clock: Clock, *, kind: Literal["person", "member"], minutes: int,
    number: SealedNumber | None = None, member: str | None = None, strong: bool = False,
) -> str:
    """Open a session of a person (`number`) or a member (`member` id); its token, which is told once."""
    token = new_token()
    now = clock.now()
    with store.writing():
        store.sessions.add(
            session=token_hash(token), kind=kind, number=number, member=member, strong=strong,
            created=to_micros(now), expires=to_micros(now + timedelta(minutes=minutes)),
        )
    return token


def find_session(store: Store, clock: Clock, token: str) -> Actor | None:
    """The actor of a session that is open, or None; a member as they stand now, not as they stood then."""
    row = store.sessions.find(token_hash(token), at=to_micros(clock.now()))
    if row is None:
        return None
    if row.kind == "person":
        return Actor("person", role="person", number=row.number)
    member = store.parties.member(row.member or "")
    if member is None or member.state != "active":
        return None
    party = store.parties.party(member.party)
    if party is None or party.state != "active":
        return None
    return Actor("member", role=member.role, member=member, party=party, strong=row.strong)


def close_session(store: Store, token: str) -> None:
    """End a session; no error where there is none."""
    with store.writing():
        store.sessions.close(token_hash(token))


def forget_expired(store: Store, clock: Clock) -> int:
    """Erase sessions and invitations that are past their time; how many."""
    with store.writing():
        return store.sessions.forget(at=to_micros(clock.now()))
