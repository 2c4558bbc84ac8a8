"""Fines from the proposal to the credit file: computed from the rulebook, heard, decided by somebody else (RULES L).

Rules of this room:
- What may be imposed is computed (`penalties`) by the rulebook of the last violation, with the offences that stand in
  the credit file before it; it is computed anew at the hearing and at the decision: time that ran out counts.
- Nobody decides what they proposed themselves, unheard (rule 99), or outside the span.
- A fine that is decided enters the public credit file in the same transaction (rules 97, 100).
- Merchants are not fined here: their case goes to the department of their industry (rule 96).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from registry import audit, credit, penalties
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.logs import without_numbers
from registry.naming import new_id
from registry.penalties import Facts, Proposal, Role

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.rulebook import Rulebooks
    from registry.store import Store

State = Literal["proposed", "decided", "refused", "to_department"]
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Penalty:
    """One fine, proposed or decided. `sum`: whole yuan that were decided; `hearing`: what the party said, and `heard`
    when; `reason`: of the decision."""

    penalty: str
    case_id: str
    enterprise: str
    rulebook: str
    facts: Facts
    proposal: Proposal
    state: State
    sum: int
    proposed_by: str
    decided_by: str
    proposed: datetime
    heard: datetime | None
    hearing: str
    decided: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Office:
    """With what fines are computed and kept."""

    store: Store
    clock: Clock
    rulebooks: Rulebooks
    zone: str


def propose(
    office: Office, *, actor: Actor, enterprise: str, role: Role, at: datetime, case_id: str = "",
    income: int | None = None, minor: bool = False, corrected: bool = False, grave: bool = False,
) -> Penalty:
    """Propose a fine for a violation; a merchant's goes to its department.

    Raises NotFoundError no_such_enterprise, InvalidInputError bad_facts, ConflictError no_fine (time is over, or it was
    minor and is corrected).
    """
    store, now = office.store, office.clock.now()
    with store.writing(about=f"penalties of {enterprise}"):
        if store.enterprises.enterprise(enterprise) is None:
            raise NotFoundError("There is no such enterprise.", code="no_such_enterprise")
        if at > now:
            raise InvalidInputError("A violation lies in the past.", code="bad_facts")
        rulebook = office.rulebooks.at(at)
        facts = Facts(role, at, income, credit.offences(store, enterprise, before=at), minor, corrected, grave)
        found = penalties.compute(rulebook, facts, now=now, zone=office.zone)
        if not found.most and not found.department:
            raise ConflictError("No fine may be imposed for this.", code="no_fine", why=found.why[-1][0])
        made = Penalty(
            new_id(12), case_id, enterprise, rulebook.name, facts, found,
            "to_department" if found.department else "proposed", 0, actor.name, "", now, None, "", None, "",
        )
        return _kept(office, made, actor, "propose")


def hear(office: Office, *, actor: Actor, penalty: str, text: str) -> Penalty:
    """Keep what the party said when it was heard. Raises NotFoundError no_such_penalty, InvalidInputError no_reason,
    ConflictError no_such_move."""
    said = _must_say(text)
    with office.store.writing(about=f"penalty {penalty}"):
        found = _open(office, penalty)
        made = replace(found, facts=replace(found.facts, heard=True), heard=office.clock.now(), hearing=said)
        return _kept(office, replace(made, proposal=_computed(office, made)), actor, "hear")


def decide(office: Office, *, actor: Actor, penalty: str, sum: int, reason: str) -> Penalty:
    """Decide a fine of a sum, which enters the credit file.

    Raises as `hear`; NotAllowedError own_proposal; ConflictError not_heard, no_fine; InvalidInputError bad_sum.
    """
    said = _must_say(reason)
    with office.store.writing(about=f"penalty {penalty}"):
        found = _not_own(_open(office, penalty), actor)
        proposal = _computed(office, found)
        if proposal.stands:
            raise ConflictError("Nobody is fined unheard (rule 99).", code=proposal.stands[0])
        if not proposal.may_be_decided:
            raise ConflictError("No fine may be imposed for this any longer.", code="no_fine")
        if not proposal.least <= sum <= proposal.most:
            raise InvalidInputError("The sum lies outside of what the rulebook allows.", code="bad_sum")
        made = replace(
            found, proposal=proposal, state="decided", sum=sum, decided_by=actor.name, decided=office.clock.now(),
            reason=said,
        )
        credit.enter_inside(
            office.store, office.clock, actor=actor, enterprise=found.enterprise, kind="penalty", text=said,
            public=True, case_id=found.case_id,
        )
        return _kept(office, made, actor, "decide")


def refuse(office: Office, *, actor: Actor, penalty: str, reason: str) -> Penalty:
    """Turn a proposal down. Raises as `decide`."""
    said = _must_say(reason)
    with office.store.writing(about=f"penalty {penalty}"):
        found = _not_own(_open(office, penalty), actor)
        made = replace(found, state="refused", decided_by=actor.name, decided=office.clock.now(), reason=said)
        return _kept(office, made, actor, "refuse")


def of(store: Store, penalty: str) -> Penalty:
    """A fine. Raises NotFoundError no_such_penalty."""
    found = store.penalties.penalty(penalty)
    if found is None:
        raise NotFoundError("There is no such penalty.", code="no_such_penalty")
    return found


def _open(office: Office, penalty: str) -> Penalty:
    found = of(office.store, penalty)
    if found.state != "proposed":
        raise ConflictError("This penalty is decided, or not ours to decide.", code="no_such_move", state=found.state)
    return found


def _computed(office: Office, found: Penalty) -> Proposal:
    rulebook = office.rulebooks.named(found.rulebook)
    return penalties.compute(rulebook, found.facts, now=office.clock.now(), zone=office.zone)


def _not_own(found: Penalty, actor: Actor) -> Penalty:
    if found.proposed_by == actor.name:
        raise NotAllowedError("Somebody else decides what you proposed.", code="own_proposal")
    return found


def _must_say(text: str) -> str:
    said = without_numbers(text.strip())[:_LONGEST]
    if not said:
        raise InvalidInputError("Please say why.", code="no_reason")
    return said


def _kept(office: Office, made: Penalty, actor: Actor, action: str) -> Penalty:
    office.store.penalties.put(made)
    audit.append(office.store, office.clock, actor=actor.name, action=f"penalty_{action}",
                 subject=f"penalty:{made.penalty}", detail={"state": made.state, "sum": made.sum})  # fmt: skip
    return made
