"""Fines from the proposal to their end: computed from the rulebook, noticed, heard, decided by somebody else, paid
(RULES L).

Rules of this room:
- What may be imposed is computed (`penalties`) by the rulebook of the last violation, with the offences that stand in
  the credit file before it; it is computed anew at the notice and at the decision: time that ran out counts, and
  figures that changed since the notice need a new one.
- The party is told what is intended and until when it may ask to be heard; no more is decided than the notice said.
- Nobody decides what they proposed themselves, unheard (rule 99), or outside the span. Who lets the time pass without a
  word was heard; who asked for a hearing has one first.
- A fine that is decided enters the public credit file in the same transaction (rules 97, 100).
- Merchants are not fined here: their case goes to the department of their industry as a clue (rule 96).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from registry import audit, clues, credit, penalties
from registry.departments import department_of
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.logs import without_numbers
from registry.naming import new_id
from registry.penalties import Facts, Proposal, Role
from registry.times import to_micros
from registry.webhook_events import FINE_DECIDED, FINE_NOTICED, emit

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.rulebook import Rulebooks
    from registry.store import Store
    from registry.workdays import Calendar

State = Literal["proposed", "noticed", "decided", "paid", "lapsed", "refused", "withdrawn", "to_department"]
OPEN: tuple[State, ...] = ("proposed", "noticed")  # before the decision
HEAR_DAYS = 5  # working days from the notice on, to ask for a hearing [D]
PAY_DAYS = 15  # calendar days from the decision on [D]
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Penalty:
    """One fine. `sum`: whole yuan that the notice names, then that were decided; `hearing`: what the party said, and
    `heard` when; `reason`: of the decision; `department`: where a merchant's case went; `hear_by`: until when a hearing
    may be `asked` for; `stated`: when the party last wrote, which is the `statement`; `due`: what runs in its state:
    the time limit of the fine, the answer to the notice, the payment; `settled`: when it was paid or otherwise over."""

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
    department: str = ""
    due: datetime | None = None
    noticed: datetime | None = None
    hear_by: datetime | None = None
    asked: datetime | None = None
    stated: datetime | None = None
    statement: str = ""
    settled: datetime | None = None

    def was_heard(self, now: datetime) -> bool:
        """Whether the party was heard, or let its time pass without asking for it (rule 99)."""
        over = self.hear_by is not None and self.hear_by <= now
        return self.heard is not None or (over and self.asked is None)


@dataclass(frozen=True, slots=True)
class Office:
    """With what fines are computed and kept."""

    store: Store
    clock: Clock
    rulebooks: Rulebooks
    calendar: Calendar


def propose(
    office: Office, *, actor: Actor, enterprise: str, role: Role, at: datetime, case_id: str = "",
    income: int | None = None, minor: bool = False, corrected: bool = False, grave: bool = False, department: str = "",
    reason: str = "",
) -> Penalty:
    """Propose a fine for a violation; a merchant's goes to a department, its industry's where none is named.

    Raises NotFoundError no_such_enterprise, no_such_department, InvalidInputError bad_facts, ConflictError no_fine
    (time is over, or it was minor and is corrected).
    """
    store, now = office.store, office.clock.now()
    with store.writing(about=f"penalties of {enterprise}"):
        if store.enterprises.enterprise(enterprise) is None:
            raise NotFoundError("There is no such enterprise.", code="no_such_enterprise")
        if at > now:
            raise InvalidInputError("A violation lies in the past.", code="bad_facts")
        rulebook = office.rulebooks.at(at)
        facts = Facts(role, at, income, credit.offences(store, enterprise, before=at), minor, corrected, grave)
        found = penalties.compute(rulebook, facts, now=now, zone=office.calendar.zone)
        if not found.most and not found.department:
            raise ConflictError("No fine may be imposed for this.", code="no_fine", why=found.why[-1][0])
        made = Penalty(
            new_id(12), case_id, enterprise, rulebook.name, facts, found, "proposed", 0, actor.name, "", now, None, "",
            None, "", due=penalties.time_limit(at, office.calendar.zone),
        )
        note = without_numbers(reason.strip())[:_LONGEST]
        if found.department:
            made = _referred(store, office.clock, made, actor, department, note)
        return kept(office, made, actor.name, "propose", note)


def notice(office: Office, *, actor: Actor, penalty: str, sum: int | None = None) -> Penalty:
    """Tell the party which sum is intended (none named: what the rules propose), and until when it may ask to be heard;
    again only where the figures have changed since, and then all that was said before is asked for anew.

    Raises NotFoundError no_such_penalty, ConflictError no_such_move, noticed_already, no_fine, InvalidInputError
    bad_sum, UnavailableError holidays_unknown: a year that the calendar lacks.
    """
    with office.store.writing(about=f"penalty {penalty}"):
        found, now = of(office.store, penalty), office.clock.now()
        must_be(found, *OPEN)
        again = recomputed(office, replace(found, heard=None, hear_by=None))
        if found.state == "noticed" and _figures(again.proposal) == _figures(found.proposal):
            raise ConflictError("Notice of these figures was given already.", code="noticed_already")
        named = _in_span(again.proposal, again.proposal.proposed if sum is None else sum)
        hear_by = office.calendar.due(now, HEAR_DAYS)
        made = replace(
            again, state="noticed", sum=named, noticed=now, hear_by=hear_by, due=hear_by, hearing="", asked=None,
            stated=None, statement="",
        )
        _tell(office, made, FINE_NOTICED)
        return kept(office, made, actor.name, "notice", "")


def hear(office: Office, *, actor: Actor, penalty: str, text: str, at: datetime | None = None) -> Penalty:
    """Keep what the party said when it was heard, and when that was (none said: now).

    Raises NotFoundError no_such_penalty, InvalidInputError no_reason, bad_hearing (before the notice, or ahead),
    ConflictError not_noticed, no_such_move: also where it is decided already.
    """
    said, now = must_say(text), office.clock.now()
    with office.store.writing(about=f"penalty {penalty}"):
        found = of(office.store, penalty)
        if found.state == "proposed":
            raise ConflictError("The party has to be told before it is heard.", code="not_noticed")
        must_be(found, "noticed")
        when = at or now
        if found.noticed is None or not found.noticed <= when <= now:
            raise InvalidInputError("A hearing is held after the notice, and not ahead.", code="bad_hearing")
        made = replace(found, heard=when, hearing=said, due=penalties.time_limit(found.facts.at, office.calendar.zone))
        return kept(office, made, actor.name, "hear", said)


def decide(office: Office, *, actor: Actor, penalty: str, sum: int, reason: str) -> Penalty:
    """Decide a fine of a sum, which enters the credit file and is to be paid.

    Raises as `hear`; NotAllowedError own_proposal; ConflictError not_heard, no_fine, figures_changed (a new notice is
    needed), above_notice; InvalidInputError bad_sum.
    """
    said = must_say(reason)
    with office.store.writing(about=f"penalty {penalty}"):
        found, now = _not_own(_open(office, penalty), actor), office.clock.now()
        again = recomputed(office, found)
        if again.proposal.stands:
            raise ConflictError("Nobody is fined unheard (rule 99).", code=again.proposal.stands[0])
        if not again.proposal.may_be_decided:
            raise ConflictError("No fine may be imposed for this any longer.", code="no_fine")
        if _figures(again.proposal) != _figures(found.proposal):
            raise ConflictError("The figures have changed since the notice.", code="figures_changed")
        if _in_span(again.proposal, sum) > found.sum:
            raise ConflictError("No more is decided than the notice said.", code="above_notice")
        made = replace(
            again, state="decided", sum=sum, decided_by=actor.name, decided=now, reason=said,
            due=now + timedelta(days=PAY_DAYS),
        )
        credit.enter_inside(
            office.store, office.clock, actor=actor, enterprise=found.enterprise, kind="penalty",
            text=f"¥{sum:,}: {said}", public=True, case_id=found.case_id,
        )
        _tell(office, made, FINE_DECIDED)
        return kept(office, made, actor.name, "decide", said)


def refuse(office: Office, *, actor: Actor, penalty: str, reason: str) -> Penalty:
    """Turn a proposal down. Raises NotFoundError no_such_penalty, InvalidInputError no_reason, NotAllowedError
    own_proposal, ConflictError no_such_move."""
    said = must_say(reason)
    with office.store.writing(about=f"penalty {penalty}"):
        found = _not_own(_open(office, penalty), actor)
        made = replace(found, decided_by=actor.name, decided=office.clock.now(), reason=said)
        return _over(office, made, "refused", actor.name, "refuse", said)


def withdraw(office: Office, *, actor: Actor, penalty: str, reason: str) -> Penalty:
    """Take a proposal back before it is decided. Raises as `refuse`, but for own_proposal."""
    said = must_say(reason)
    with office.store.writing(about=f"penalty {penalty}"):
        return _over(office, _open(office, penalty), "withdrawn", actor.name, "withdraw", said)


def refer(office: Office, *, actor: Actor, penalty: str, department: str, reason: str) -> Penalty:
    """Refer a merchant's case, for whose industry none was known, to a department.

    Raises NotFoundError no_such_penalty, no_such_department, InvalidInputError no_reason, ConflictError no_such_move.
    """
    said = must_say(reason)
    with office.store.writing(about=f"penalty {penalty}"):
        found = of(office.store, penalty)
        must_be(found, *(() if found.department else ("to_department",)))
        to = clues.department_called(department).department
        return kept(office, _referred(office.store, office.clock, found, actor, to, said), actor.name, "refer", said)


def pay(office: Office, *, actor: Actor, penalty: str, note: str) -> Penalty:
    """Note that a fine was paid, and what says so. Raises as `withdraw`."""
    said = must_say(note)
    with office.store.writing(about=f"penalty {penalty}"):
        found = of(office.store, penalty)
        must_be(found, "decided")
        made = replace(found, state="paid", due=None, settled=office.clock.now())
        return kept(office, made, actor.name, "pay", said)


def lapse(office: Office, *, actor: Actor, penalty: str, reason: str) -> Penalty:
    """Give up a fine that was decided and can no longer be had. Raises as `refuse`."""
    said = must_say(reason)
    with office.store.writing(about=f"penalty {penalty}"):
        found = _not_own(of(office.store, penalty), actor)
        must_be(found, "decided")
        return _over(office, found, "lapsed", actor.name, "lapse", said)


def run_due(office: Office, *, limit: int = 500) -> dict[str, int]:
    """End proposals whose time limit is over (rule 99), and note that the time to ask for a hearing is; how many."""
    store, now, counts = office.store, office.clock.now(), {"fines_lapsed": 0, "hearings_over": 0}
    with store.reading():
        due = store.penalties.due(OPEN, at=to_micros(now), limit=limit)
    for name in due:
        with store.writing(about=f"penalty {name}"):
            found = of(store, name)
            ends = penalties.time_limit(found.facts.at, office.calendar.zone)
            if found.state not in OPEN or found.due is None or found.due > now:
                continue
            if ends <= now:
                _over(office, found, "lapsed", "system", "lapse", "")
                counts["fines_lapsed"] += 1
            else:
                kept(office, replace(found, due=ends), "system", "time_over", "")
                counts["hearings_over"] += 1
    return counts


def of(store: Store, penalty: str) -> Penalty:
    """A fine. Raises NotFoundError no_such_penalty."""
    found = store.penalties.penalty(penalty)
    if found is None:
        raise NotFoundError("There is no such penalty.", code="no_such_penalty")
    return found


def recomputed(office: Office, found: Penalty) -> Penalty:
    """The fine with the facts that count now, and what the rulebook gives for them."""
    now, rulebook = office.clock.now(), office.rulebooks.named(found.rulebook)
    earlier = credit.offences(office.store, found.enterprise, before=found.facts.at)
    facts = replace(found.facts, earlier=earlier, heard=found.was_heard(now))
    return replace(
        found, facts=facts, proposal=penalties.compute(rulebook, facts, now=now, zone=office.calendar.zone)
    )


def changed_since_notice(office: Office, found: Penalty) -> bool:
    """Whether the figures that the rulebook gives now differ from those of the notice."""
    return found.state == "noticed" and _figures(recomputed(office, found).proposal) != _figures(found.proposal)


def must_be(found: Penalty, *states: State) -> None:
    """Raises ConflictError no_such_move, where a fine stands in none of some states."""
    if found.state not in states:
        raise ConflictError("This penalty is decided, or not ours to decide.", code="no_such_move", state=found.state)


def must_say(text: str) -> str:
    """A text that is kept, without numbers. Raises InvalidInputError no_reason for an empty one."""
    said = without_numbers(text.strip())[:_LONGEST]
    if not said:
        raise InvalidInputError("Please say why.", code="no_reason")
    return said


def kept(office: Office, made: Penalty, actor: str, action: str, note: str) -> Penalty:
    """A fine as it is now, kept with the move that made it so, last in its transaction."""
    office.store.penalties.put(made)
    office.store.penalties.note(made, at=to_micros(office.clock.now()), actor=actor, action=action, note=note)
    audit.append(office.store, office.clock, actor=actor, action=f"penalty_{action}",
                 subject=f"penalty:{made.penalty}", detail={"state": made.state, "sum": made.sum})  # fmt: skip
    return made


def _open(office: Office, penalty: str) -> Penalty:
    found = of(office.store, penalty)
    must_be(found, *OPEN)
    return found


def _over(office: Office, found: Penalty, state: State, actor: str, action: str, note: str) -> Penalty:
    made = replace(found, state=state, due=None, settled=office.clock.now())
    if found.noticed is not None:
        _tell(office, made, FINE_DECIDED)
    return kept(office, made, actor, action, note)


def _referred(store: Store, clock: Clock, made: Penalty, actor: Actor, department: str, reason: str) -> Penalty:
    """A merchant's case, with the department that is told of it; "" where none is named or known for its industry."""
    case, against = store.cases.case(made.case_id), store.enterprises.enterprise(made.enterprise)
    category = case.category if case else -1
    if category < 0 and against is not None and against.category is not None:
        category = int(against.category)
    to = clues.department_called(department) if department else department_of("commercial", category)
    if to is None:
        return replace(made, state="to_department", due=None)
    clues.refer_inside(
        store, clock, actor=actor, reason=reason or "rule 96", case_id=made.case_id, penalty=made.penalty,
        enterprise=made.enterprise, category=category, department=to.department,
    )
    return replace(made, state="to_department", due=None, department=to.department)


def _figures(proposal: Proposal) -> tuple[object, ...]:
    """What a notice says, and a decision must not differ from."""
    return proposal.least, proposal.most, proposal.proposed, proposal.why


def _in_span(proposal: Proposal, sum: int) -> int:
    if not proposal.most:
        raise ConflictError("No fine may be imposed for this any longer.", code="no_fine")
    if not proposal.least <= sum <= proposal.most:
        raise InvalidInputError("The sum lies outside of what the rulebook allows.", code="bad_sum")
    return sum


def _not_own(found: Penalty, actor: Actor) -> Penalty:
    if found.proposed_by == actor.name:
        raise NotAllowedError("Somebody else decides what you proposed.", code="own_proposal")
    return found


def _tell(office: Office, made: Penalty, type: str) -> None:
    against = office.store.enterprises.enterprise(made.enterprise)
    if against is not None and against.party:
        emit(office.store, office.clock, type=type, party=against.party,
             data={"fine": made.penalty, "state": made.state, "sum": made.sum})  # fmt: skip
