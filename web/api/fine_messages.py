"""The wire format of fines against oneself: what is intended or decided, how it came about, what one may do until when.

Rules of this room: as in `messages.py`; sums are whole yuan.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from registry.fining import Penalty
from web.api.messages import In, Out


class FineReason(Out, frozen=True, kw_only=True):
    """One thing that the figures come from, with its rule."""

    reason: str
    rule: str


class FineMessage(Out, frozen=True, kw_only=True):
    """One fine against you. `sum`: what the notice names, then what was decided, between `least` and `most`; `hear_by`:
    until when you may ask to be heard; `due`: what runs now: your answer, the decision, or the payment; `statement`:
    what you wrote last; `hearing`: what you said when you were `heard`; `reason`: of the decision."""

    fine: str
    state: str
    sum: int
    least: int
    most: int
    rulebook: str
    violation: datetime
    why: list[FineReason]
    noticed: datetime | None
    hear_by: datetime | None
    asked: datetime | None
    stated: datetime | None
    statement: str
    heard: datetime | None
    hearing: str
    decided: datetime | None
    reason: str
    due: datetime | None
    settled: datetime | None

    @classmethod
    def of(cls, found: Penalty) -> FineMessage:
        """A fine as it is kept."""
        return cls(
            fine=found.penalty, state=found.state, sum=found.sum, least=found.proposal.least, most=found.proposal.most,
            rulebook=found.rulebook, violation=found.facts.at,
            why=[FineReason(reason=reason, rule=rule) for reason, rule in found.proposal.why],
            noticed=found.noticed, hear_by=found.hear_by, asked=found.asked, stated=found.stated,
            statement=found.statement, heard=found.heard, hearing=found.hearing, decided=found.decided,
            reason=found.reason, due=found.due, settled=found.settled,
        )


class FinesAnswer(Out, frozen=True, kw_only=True):
    """The fines against you, newest first."""

    fines: list[FineMessage]


class StatementRequest(In, frozen=True, kw_only=True):
    """What you say about a fine that is intended."""

    text: Annotated[str, Meta(min_length=1, max_length=2000)]
