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

from registry.handlingmoves import ACCEPT_DAYS, REPLY_DAYS, Deadline
from registry.workdays import due

if TYPE_CHECKING:
    from registry.numbering import NumberPlan
    from registry.rulebook import Rulebook
    from registry.sealing import SealedNumber

CLASSES = ("commercial", "malicious", "unlawful")  # RULES §5
OUTCOMES = ("", "violation", "unfounded", "not_ours")


@dataclass(frozen=True, slots=True)
class Handling:
    """What becomes of one report. `kind`: call or message; `class_`: one of CLASSES; `desk`: the party whose move it
    is, "" the centre; `provider`, `content`: enterprises; `due`: when the deadline that runs ends, None: none runs;
    `late`: how many ran out; `held`: why it is not counted ("bombing"), "" otherwise; `answer`: sealed."""

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
