"""Cases: what an enterprise is accused of, the reports that speak for it, and what is done about it, step by step.

Rules of this room:
- A case stands in a state of `casemoves.py`; each move has an actor, a reason and a moment, in its timeline and in the
  audit trail. Nobody decides what they proposed, whatever their role.
- Merging moves all reports and campaigns to the case that stays; splitting takes some reports out into a new one.
- A case that is closed keeps its reports; what comes after gathers anew. Reports that retention has erased still count.
- Every step is due in working days (rule 87). A deadline that ran out is a fact: it is counted, kept in the timeline
  and escalated once. Where the calendar lacks the year the case waits without a deadline, an alarm says so, and the
  clockwork sets it from the moment it began (`casedeadlines.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from registry import audit
from registry.access import may
from registry.casemoves import LAST, move_of, must_be_worked
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError, UnavailableError
from registry.logs import without_numbers
from registry.naming import new_id
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.store import Store
    from registry.workdays import Calendar

DAYS = 20  # working days until the next step of a case is decided; no rulebook states it [D]
WHYS = ("campaign", "spread", "just_under", "officer", "split")
EVASIONS = ("spread", "just_under")  # each number alone stays below the threshold (rules 77, 78)
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `enterprise`: "" where nobody is known to answer; `why` it was opened: one of WHYS; `numbers`: how many
    callers; `first`, `last`: contacts; `proposal`: the move that somebody proposed, "" for none; `runs`: since when the
    deadline runs; `late`: how many ran out, `escalated`: the one that runs did; `undated`: the calendar could not say;
    `erased`: how many of its reports retention has erased."""

    case_id: str
    enterprise: str
    state: str
    why: str
    category: int
    kind: str
    opened: datetime
    updated: datetime
    due: datetime | None
    assigned: str = ""
    reports: int = 0
    numbers: int = 0
    first: datetime | None = None
    last: datetime | None = None
    proposal: str = ""
    proposed_by: str = ""
    proposed: datetime | None = None
    merged_into: str = ""
    runs: datetime | None = None
    late: int = 0
    escalated: bool = False
    undated: bool = False
    erased: int = 0


def case_of(store: Store, case_id: str) -> Case:
    """A case. Raises NotFoundError no_such_case."""
    found = store.cases.case(case_id)
    if found is None:
        raise NotFoundError("There is no such case.", code="no_such_case")
    return found


def term(case: Case, calendar: Calendar, since: datetime) -> Case:
    """The case with the deadline that runs since a moment; without one where the calendar lacks the year: then the
    clockwork sets it."""
    ends: datetime | None
    try:
        ends = calendar.due(since, DAYS)
    except UnavailableError:
        ends = None
    return replace(case, due=ends, undated=ends is None, runs=since, escalated=False)


def open_inside(
    store: Store, clock: Clock, *, enterprise: str, why: str, actor: str, calendar: Calendar, note: str = ""
) -> Case:
    """Open a case without reports yet, inside `writing(about="cases")`."""
    now = clock.now()
    made = term(Case(new_id(12), enterprise, "open", why, -1, "", now, now, None), calendar, now)
    store.cases.put(made)
    _keep(store, clock, made, actor, "open", note or why)
    return made


def open_case(
    store: Store, clock: Clock, *, actor: Actor, enterprise: str, reason: str, calendar: Calendar
) -> Case:
    """Open a case against an enterprise by hand. What waits uncounted against it gathers to it.

    Raises NotFoundError no_such_enterprise, InvalidInputError no_reason.
    """
    said = _reason(reason)
    must(actor, "work_cases")
    with store.writing(about="cases"):
        if store.enterprises.enterprise(enterprise) is None:
            raise NotFoundError("There is no such enterprise.", code="no_such_enterprise")
        made = open_inside(
            store, clock, enterprise=enterprise, why="officer", actor=actor.name, note=said, calendar=calendar
        )
        store.cases.take_waiting(made.case_id, enterprise)
        return store.cases.recount(made.case_id)


def assign(store: Store, clock: Clock, *, actor: Actor, case_id: str, member: str) -> Case:
    """Give a case to a member of the regulator ("" nobody). Raises NotFoundError no_such_member, ConflictError."""
    must(actor, "work_cases")
    with store.writing(about="cases"):
        found = case_of(store, case_id)
        must_be_worked(found.state)
        if member and not _works_cases(store, member):
            raise NotFoundError("There is no such member who works on cases.", code="no_such_member")
        made = replace(found, assigned=member, updated=clock.now())
        store.cases.put(made)
        _keep(store, clock, made, actor.name, "assign", "")
        return made


def propose(store: Store, clock: Clock, *, actor: Actor, case_id: str, action: str, reason: str) -> Case:
    """Propose the next move of a case. Raises ConflictError no_such_move, proposed_already, InvalidInputError."""
    said = _reason(reason)
    with store.writing(about="cases"):
        found = case_of(store, case_id)
        must(actor, move_of(action, found.state).proposer)
        if found.proposal:
            raise ConflictError("Something is proposed already.", code="proposed_already")
        now = clock.now()
        made = replace(found, proposal=action, proposed_by=actor.name, proposed=now, updated=now)
        store.cases.put(made)
        _keep(store, clock, made, actor.name, f"propose_{action}", said)
        return made


def decide(
    store: Store, clock: Clock, *, actor: Actor, case_id: str, granted: bool, reason: str, calendar: Calendar
) -> Case:
    """Decide what was proposed: the case moves, or the proposal is turned down.

    Raises ConflictError nothing_proposed, not_heard, NotAllowedError own_proposal, InvalidInputError no_reason.
    """
    said = _reason(reason)
    with store.writing(about="cases"):
        found = case_of(store, case_id)
        if not found.proposal:
            raise ConflictError("Nothing is proposed.", code="nothing_proposed")
        move, now = move_of(found.proposal, found.state), clock.now()
        must(actor, move.decider)
        if found.proposed_by == actor.name:
            raise NotAllowedError("Somebody else decides what you proposed.", code="own_proposal")
        if granted and move.action == "fine" and not store.cases.was_heard(case_id):
            raise ConflictError("The party has to be heard before a fine (rule 99).", code="not_heard")
        made = replace(found, proposal="", proposed_by="", proposed=None, updated=now)
        if granted:
            made = replace(made, state=move.state)
            made = _without_term(made) if move.state in LAST else term(made, calendar, now)
        store.cases.put(made)
        if granted and move.state in LAST:
            store.cases.let_go(case_id)
        _keep(store, clock, made, actor.name, move.action if granted else f"refuse_{move.action}", said)
        return made


def merge(store: Store, clock: Clock, *, actor: Actor, case_id: str, into: str, reason: str) -> Case:
    """Let a case become part of another; the one that stays.

    Raises ConflictError same_case, case_over, InvalidInputError no_reason.
    """
    said = _reason(reason)
    must(actor, "work_cases")
    with store.writing(about="cases"):
        found, stays = case_of(store, case_id), case_of(store, into)
        must_be_worked(found.state)
        must_be_worked(stays.state)
        if case_id == into:
            raise ConflictError("A case cannot be merged with itself.", code="same_case")
        if found.proposal:
            raise ConflictError("Something is proposed already.", code="proposed_already")
        store.cases.hand_over(case_id, into)
        now = clock.now()
        gone = replace(
            _without_term(found), state="merged", merged_into=into, updated=now, reports=0, numbers=0, erased=0
        )
        store.cases.put(gone)
        made = replace(store.cases.recount(into), updated=now)
        store.cases.put(made)
        _keep(store, clock, gone, actor.name, "merge", f"{into}: {said}")
        _keep(store, clock, made, actor.name, "take_in", f"{case_id}: {said}")
        return made


def split(
    store: Store, clock: Clock, *, actor: Actor, case_id: str, references: Sequence[str], reason: str,
    calendar: Calendar,
) -> Case:  # fmt: skip
    """Take some reports, by reference, out of a case into a new one; the new case.

    Raises InvalidInputError nothing_to_split (none of them, or all of them), no_reason, ConflictError case_over.
    """
    said = _reason(reason)
    must(actor, "work_cases")
    with store.writing(about="cases"):
        found = case_of(store, case_id)
        must_be_worked(found.state)
        taken = store.cases.reports_called(case_id, references)
        if not taken or len(taken) >= found.reports:
            raise InvalidInputError("Some of the reports go, and some stay.", code="nothing_to_split")
        made = open_inside(
            store, clock, enterprise=found.enterprise, why="split", actor=actor.name, note=said, calendar=calendar
        )
        store.cases.move_reports(taken, made.case_id)
        rest, made = store.cases.recount(case_id), store.cases.recount(made.case_id)
        _keep(store, clock, rest, actor.name, "split", f"{made.case_id}: {said}")
        return made


def hear(store: Store, clock: Clock, *, actor: Actor, case_id: str, said: str) -> None:
    """Note that the party was heard, and what it said (rule 99). Raises InvalidInputError no_reason, ConflictError."""
    text = _reason(said)
    must(actor, "work_cases")
    with store.writing(about="cases"):
        found = case_of(store, case_id)
        must_be_worked(found.state)
        _keep(store, clock, found, actor.name, "hear", text)


def _without_term(case: Case) -> Case:
    return replace(case, due=None, undated=False, runs=None, escalated=False)


def _works_cases(store: Store, member: str) -> bool:
    found = store.parties.member(member)
    return found is not None and found.state == "active" and found.role in ("investigator", "officer", "decider")


def must(actor: Actor, action: str) -> None:
    """Raises NotAllowedError not_allowed, where somebody's role does not allow an action."""
    if not may(actor, action):
        raise NotAllowedError("You may not do this.", code="not_allowed", action=action)


def _reason(text: str) -> str:
    said = without_numbers(text.strip())[:_LONGEST]
    if not said:
        raise InvalidInputError("Please say why.", code="no_reason")
    return said


def _keep(store: Store, clock: Clock, made: Case, actor: str, action: str, note: str) -> None:
    """A move in the timeline and in the audit trail."""
    store.cases.note(made, at=to_micros(clock.now()), actor=actor, action=action, note=note)
    audit.append(store, clock, actor=actor, action=f"case_{action}", subject=f"case:{made.case_id}",
                 detail={"state": made.state})  # fmt: skip
