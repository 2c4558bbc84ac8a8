"""The desk of a provider or carrier: the reports that wait for its answer, and the answers, one or many (rule 87).

Rules of this room:
- A desk sees the caller that it answers for, when, how and about what; never who reported, which number was called or
  what the person wrote (rule 90): nothing here reads table report.
- It sees the caller in full while it has to answer, for without it nobody can find out or stop anything; afterwards,
  and in lists on pages, masked. A member's look at it stands in the audit trail (rule 115, ADR 31).
- An answer is whole: a violation with the measure taken and what the person is told, an unfounded report with what the
  person is told, or "not ours"; its moves are made in one transaction. What was answered already is said, not changed.
- Many answers are so many single ones: each is taken or refused by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from registry import audit
from registry.errors import InvalidInputError, NotFoundError, RegistryError
from registry.handling import Handling, Tools, move_inside
from registry.handlingmoves import move_of
from registry.logs import without_numbers
from registry.numbers import Number
from registry.sealing import unseal_one
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.handlingmoves import Maker

OPEN = ("forwarded", "violation", "unfounded", "measured")
ANSWERED = ("fed_back", "told", "reopened", "appealed", "closed")
STATES = (*OPEN, *ANSWERED)
FINDINGS = ("violation", "unfounded", "not_ours")
MEASURES = ("warned", "stopped", "disconnected", "terminated", "other")  # what a desk has done about a violation
MOST = 1000  # answers at once
COLUMNS = (
    "reference", "state", "at", "received", "due", "late", "kind", "channel", "category", "mode", "caller", "class",
    "finding", "measure", "text",
)  # fmt: skip
_LONGEST, _PIECE = 500, 500


@dataclass(frozen=True, slots=True)
class DeskReport:
    """A report as its desk sees it. `overdue`: its deadline ran out; `caller`: in full, None once it was answered;
    `masked`: the caller for screens, "" for a hidden one; `finding`: what was answered, "" for nothing."""

    reference: str
    state: str
    at: datetime
    received: datetime
    due: datetime | None
    overdue: bool
    late: int
    kind: str
    channel: int
    category: int
    mode: str
    caller: Number | None
    masked: str
    class_: str
    finding: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a desk answers: a word of FINDINGS, with a violation a word of MEASURES, and what the person is told."""

    finding: str
    measure: str = ""
    text: str = ""

    def check(self) -> None:
        """Raises InvalidInputError bad_finding, no_measure, no_text."""
        if self.finding not in FINDINGS:
            raise InvalidInputError(f"The finding is one of {', '.join(FINDINGS)}.", code="bad_finding")
        if self.finding == "violation" and self.measure not in MEASURES:
            raise InvalidInputError(f"The measure is one of {', '.join(MEASURES)}.", code="no_measure")
        if self.finding != "not_ours" and not 2 <= len(self.text.strip()) <= _LONGEST:
            raise InvalidInputError(f"What the person is told has 2 to {_LONGEST} characters.", code="no_text")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one answer: the state of the report now, or why it was not taken."""

    reference: str
    state: str = ""
    error: str = ""
    detail: str = ""


def shown(tools: Tools, found: Handling) -> DeskReport:
    """A report as its desk sees it."""
    number = unseal_one(tools.keys.at_rest, found.caller) if found.caller else None
    caller, masked = number if found.state in OPEN else None, number.masked if number else ""
    overdue = found.due is not None and found.due <= tools.clock.now()
    return DeskReport(
        found.reference, found.state, found.at, found.received, found.due, overdue, found.late, found.kind,
        found.channel, found.category, found.mode, caller, masked, found.class_,
        found.outcome,
    )  # fmt: skip


def queue_of(
    tools: Tools, desk: str, *, states: Sequence[str] = OPEN, late: bool = False, after: int = 0, limit: int = 50
) -> list[DeskReport]:
    """What lies on a desk, what is due first on top; `late`: only what is overdue."""
    until = to_micros(tools.clock.now()) if late else None
    found = tools.store.handling.queue(desk, states=states, after=after, limit=limit, until=until)
    return [shown(tools, each) for each in found]


def page_of(
    tools: Tools, desk: str, *, states: Sequence[str], cursor: str = "", limit: int = 100
) -> tuple[list[DeskReport], str]:
    """Reports of a desk in the order they came, and the cursor of the next page, "" after the last.

    Raises InvalidInputError bad_cursor.
    """
    received, _dash, reference = cursor.partition("-")
    if cursor and not (received.isascii() and received.isdigit() and len(received) < 19 and reference.isalpha()):
        raise InvalidInputError("This is no cursor of a page.", code="bad_cursor")
    found = tools.store.handling.in_order(
        desk, states=states, after=int(received or 0), reference=reference, limit=limit + 1
    )
    rows = [shown(tools, each) for each in found[:limit]]
    more = len(found) > limit
    return rows, f"{to_micros(rows[-1].received)}-{rows[-1].reference}" if more else ""


def one_of(tools: Tools, desk: str, reference: str) -> DeskReport:
    """One report of a desk. Raises NotFoundError no_such_report, for another desk's too."""
    return shown(tools, _own(tools, desk, reference))


def opened(tools: Tools, desk: str, reference: str, *, actor: Actor) -> DeskReport:
    """As `one_of`, for a member's eyes: that the caller is shown in full stands in the audit trail first."""
    found = one_of(tools, desk, reference)
    if found.caller:
        _note_look(tools, actor, "caller_seen", f"report:{reference}", 1)
    return found


def fetched(tools: Tools, desk: str, *, actor: Actor) -> list[DeskReport]:
    """All that waits for a desk, for a file of a member's: that it was fetched stands in the audit trail."""
    rows, cursor, more = [], "", True
    while more:
        page, cursor = page_of(tools, desk, states=OPEN, cursor=cursor, limit=_PIECE)
        rows += page
        more = bool(cursor)
    if rows:
        _note_look(tools, actor, "desk_fetched", f"party:{desk}", len(rows))
    return rows


def _note_look(tools: Tools, actor: Actor, action: str, subject: str, reports: int) -> None:
    with tools.store.writing(about="audit"):
        audit.append(
            tools.store, tools.clock, actor=actor.name, action=action, subject=subject, detail={"reports": reports}
        )


def _own(tools: Tools, desk: str, reference: str) -> Handling:
    found = tools.store.handling.of_reference(reference)
    if found is None or not desk or found.desk != desk:
        raise NotFoundError("There is no such report.", code="no_such_report")
    return found


def answer(tools: Tools, *, desk: str, actor: Actor, reference: str, said: Answer) -> DeskReport:
    """Answer a report of a desk.

    Raises InvalidInputError as `Answer.check`, NotFoundError no_such_report, ConflictError no_such_move where it was
    answered before.
    """
    said.check()
    with tools.store.writing(about=f"report {reference}"):
        found = answer_inside(tools, _own(tools, desk, reference), said, maker="desk", actor=actor)
    return shown(tools, found)


def answer_inside(tools: Tools, found: Handling, said: Answer, *, maker: Maker, actor: Actor) -> Handling:
    """Inside `writing()`: make the moves of an answer that was checked. Raises ConflictError no_such_move."""
    for action, note, text in _steps(found.state, said):
        found = move_inside(tools, found, move_of(action, found.state, maker), actor=actor.name, note=note,
                            answer=text)  # fmt: skip
    audit.append(
        tools.store, tools.clock, actor=actor.name, action="report_answer", subject=f"report:{found.reference}",
        detail={"finding": said.finding, "state": found.state},
    )
    return found


def _steps(state: str, said: Answer) -> Iterator[tuple[str, str, str]]:
    """The moves of an answer that are still to make: action, note, what the person is told."""
    if said.finding == "not_ours":
        yield "disown", said.text, ""
        return
    violation = said.finding == "violation"
    if state not in ("measured", "violation" if violation else "unfounded"):
        yield "find_violation" if violation else "find_unfounded", "", ""
    if violation and state != "measured":
        yield "measure", said.measure, ""
    yield "feed_back", "", without_numbers(said.text.strip())


def answer_many(
    tools: Tools, *, desk: str, actor: Actor, answers: Iterable[tuple[str, Answer]]
) -> list[Result]:
    """Answer reports one by one; what became of each, in their order."""
    results = []
    for reference, said in answers:
        try:
            done = answer(tools, desk=desk, actor=actor, reference=reference, said=said)
        except RegistryError as error:
            results.append(Result(reference, error=error.code, detail=error.detail))
        else:
            results.append(Result(reference, state=done.state))
    return results
