"""What becomes of reports: who answers for each, in whose queue it lies, by when, what was found, what is told.

Rules of this room:
- A report has one handling, begun with it; its moves are those of the state table (`handlingmoves.py`), each kept with
  its actor, its moment and a note, and in the audit trail where a person made it.
- Whose desk it lies on is found by the chain at the time of the contact (`resources.py`): who sends, else who carries;
  what nobody answers for stays at the centre ("").
- Overdue is a fact: it is counted once for each deadline that ran out, shown, and escalated (rule 87).
- The reported party never learns who reported (rule 90): what a desk sees of a report holds no reporter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from registry import audit
from registry.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from registry.handlingmoves import ACCEPT_DAYS, REPLY_DAYS, Deadline, Maker, Move, move_of
from registry.keys import FIRST_EPOCH
from registry.logs import without_numbers
from registry.sealing import seal_text
from registry.times import to_micros
from registry.workdays import due

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.rulebook import Rulebook, Rulebooks
    from registry.sealing import SealedNumber
    from registry.store import Store

CLASSES = ("commercial", "malicious", "unlawful")  # RULES §5
OUTCOMES = ("", "violation", "unfounded", "not_ours")
_OUTCOME_OF = {"find_violation": "violation", "find_unfounded": "unfounded", "disown": "not_ours"}
_LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Handling:
    """What becomes of one report. `kind`: call or message; `class_`: one of CLASSES; `desk`: the party whose move it
    is, "" the centre; `provider`, `content`: enterprises; `due`: when the deadline that runs ends, None: none runs, or
    (`undated`) the calendar could not say; `late`: how many ran out, `escalated`: the one that runs did; `held`: why
    it is not counted ("bombing"), "" otherwise; `answer`: sealed."""

    source: str
    source_id: str
    reference: str
    state: str
    desk: str
    received: datetime
    at: datetime
    class_: str
    kind: str
    channel: int
    category: int
    mode: str
    caller: SealedNumber | None
    caller_kind: int
    province: str
    carrier: str
    provider: str
    content: str
    resource: str
    rulebook: str
    verdict: str
    reason: str
    due: datetime | None
    updated: datetime
    late: int = 0
    escalated: bool = False
    outcome: str = ""
    answer: bytes | None = None
    held: str = ""
    cluster: str = ""
    case_id: str = ""
    closed: datetime | None = None
    undated: bool = False


def deadline_of(
    kind: Deadline, at: datetime, rulebook: Rulebook, plan: NumberPlan, *, zone: str
) -> datetime | None:
    """When a deadline that begins at a moment ends, by the rulebook of the report's date; None where it states none.

    Raises UnavailableError holidays_unknown for a year that the calendar does not know.
    """
    if kind == "reply":
        return at + timedelta(days=REPLY_DAYS)
    limits = rulebook.deadlines
    days = {"accept": ACCEPT_DAYS, "forward": limits.forward, "handle": limits.handle,
            "tell_user": limits.tell_user}.get(kind, 0)  # fmt: skip
    return due(at, days, plan.holidays, zone=zone) if days else None


@dataclass(frozen=True, slots=True)
class Tools:
    """What moving a report needs."""

    store: Store
    clock: Clock
    keys: KeyRing
    plan: NumberPlan
    rulebooks: Rulebooks
    zone: str


def rulebook_of(tools: Tools, found: Handling) -> Rulebook:
    """The rulebook that a report's deadlines go by: the one of its date (rule 87)."""
    return tools.rulebooks.named(found.rulebook) if found.rulebook else tools.rulebooks.at(found.at)


def of_reference(store: Store, reference: str) -> Handling:
    """The handling of a reference number. Raises NotFoundError no_such_report."""
    found = store.handling.of_reference(reference)
    if found is None:
        raise NotFoundError("There is no such report.", code="no_such_report")
    return found


def move(
    tools: Tools, *, reference: str, action: str, maker: Maker, actor: Actor, note: str = "", desk: str | None = None,
    answer: str = "", seen: datetime | None = None,
) -> Handling:
    """Make one move of a report. `desk`: for a desk's move the party that makes it, for `forward` whom it goes to;
    `answer`: what the person is told, kept sealed; `seen`: the last move that whoever moves it knew of.

    Raises NotFoundError no_such_report (also for another desk's), ConflictError no_such_move, moved_meanwhile (since
    `seen`), not_held, NotAllowedError not_your_move, InvalidInputError no_note (a report is returned with what is
    missing), no_desk.
    """
    if action == "return" and not note.strip():
        raise InvalidInputError("Say what is missing in the report.", code="no_note")
    with tools.store.writing(about=f"report {reference}"):
        if action == "forward":
            _must_have_desk(tools.store, desk or "")
        found = of_reference(tools.store, reference)
        if maker == "desk" and found.desk != desk:
            raise NotFoundError("There is no such report.", code="no_such_report")
        must_be_as_seen(found, seen)
        if action == "dismiss" and not found.held:
            raise ConflictError("Only what is held is closed so.", code="not_held")
        moved = move_inside(tools, found, move_of(action, found.state, maker), actor=actor.name, note=note,
                            desk=desk if action == "forward" else None, answer=answer)  # fmt: skip
        audit.append(tools.store, tools.clock, actor=actor.name, action=f"report_{action}",
                     subject=f"report:{reference}", detail={"state": moved.state})  # fmt: skip
    return moved


def must_be_as_seen(found: Handling, seen: datetime | None) -> None:
    """Nobody has moved a report since somebody saw it. Raises ConflictError moved_meanwhile."""
    if seen is not None and found.updated != seen:
        raise ConflictError("Somebody else has moved this report meanwhile.", code="moved_meanwhile")


def _must_have_desk(store: Store, desk: str) -> None:
    """Only a provider or carrier with an account has a desk. Raises InvalidInputError no_desk."""
    party = store.parties.party(desk)
    if party is None or party.state != "active" or party.sandbox or party.kind not in ("carrier", "telemarketer"):
        raise InvalidInputError("Say whose desk it goes to: a provider or carrier with an account.", code="no_desk")


def move_inside(
    tools: Tools, found: Handling, made: Move, *, actor: str, note: str = "", desk: str | None = None, answer: str = ""
) -> Handling:
    """As `move`, of a move that was allowed, inside `writing()`; no entry in the audit trail."""
    now = tools.clock.now()
    ends, undated = _deadline_after(tools, found, made, now)
    values: dict[str, str | int | bytes] = {
        "state": made.state, "due": ends, "updated": to_micros(now), "undated": int(undated),
        "outcome": _OUTCOME_OF.get(made.action, found.outcome),
        "closed": to_micros(now) if made.state == "closed" else 0,
        "desk": found.desk if desk is None else desk,
    }
    if made.deadline or made.ends:
        values["escalated"] = 0
    if made.action in ("disown", "reopen"):
        values["desk"] = ""
    if answer:
        values["answer"] = seal_text(tools.keys.derive("at-rest", "report", FIRST_EPOCH), answer)
    said = without_numbers(note.strip())[:_LONGEST_NOTE] or ("calendar_missing" if undated else "")
    tools.store.handling.change(found.source, found.source_id, **values)
    tools.store.handling.note(found, at=to_micros(now), actor=actor, action=made.action, state=made.state, note=said)
    return of_reference(tools.store, found.reference)


def _deadline_after(tools: Tools, found: Handling, made: Move, now: datetime) -> tuple[int, bool]:
    """When the deadline that runs after a move ends (Micros, 0: none), and whether the calendar could not say."""
    if made.ends:
        return 0, False
    if not made.deadline:
        return (to_micros(found.due) if found.due else 0), found.undated
    try:
        ends = deadline_of(made.deadline, now, rulebook_of(tools, found), tools.plan, zone=tools.zone)
    except UnavailableError:  # kept without a deadline, and shown as such until the calendar is completed
        return 0, True
    return (to_micros(ends) if ends else 0), False
