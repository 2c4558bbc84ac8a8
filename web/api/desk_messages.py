"""The wire format of desks: reports as a desk sees them, answers, what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from registry.deskwork import Answer, DeskReport, Result
from registry.preferences import Category, Channel
from web.api.messages import In, Out

Reference = Annotated[str, Meta(pattern="^[a-z]{12}$", description="The report's reference.")]
Finding = Literal["violation", "unfounded", "not_ours"]
Measure = Literal["warned", "stopped", "disconnected", "terminated", "other"]
Text = Annotated[str, Meta(max_length=500, description="What the person is told.")]


class DeskReportAnswer(Out, frozen=True, kw_only=True):
    """A report on your desk. `caller` is the number that you answer for, masked once you did; who reported is never
    said."""

    reference: str
    state: str
    at: datetime
    received: datetime
    due: datetime | None
    overdue: bool
    late: int
    kind: Literal["call", "message"]
    channel: str
    category: str | None
    mode: str
    caller: str | None
    finding: str

    @classmethod
    def of(cls, found: DeskReport) -> DeskReportAnswer:
        """The wire form of a report."""
        return cls(
            reference=found.reference, state=found.state, at=found.at, received=found.received, due=found.due,
            overdue=found.overdue, late=found.late, kind="message" if found.kind == "message" else "call",
            channel=Channel(found.channel).slug, category=slug_of(found.category), mode=found.mode,
            caller=found.caller.text if found.caller else found.masked or None, finding=found.finding,
        )


class DeskAnswer(Out, frozen=True, kw_only=True):
    """Reports on your desk in the order they came; `cursor` leads to the next page."""

    reports: list[DeskReportAnswer]
    cursor: str | None


class FindingRequest(In, frozen=True, kw_only=True):
    """Your answer to a report: with a violation the measure you took; what the person is told."""

    finding: Finding
    measure: Measure | None = None
    text: Text = ""

    def answer(self) -> Answer:
        """The answer that was said."""
        return Answer(self.finding, self.measure or "", self.text)


class FindingItem(FindingRequest, frozen=True, kw_only=True):
    """One of many answers."""

    reference: Reference


class FindingsRequest(In, frozen=True, kw_only=True):
    """Answers to many reports; each is taken or refused by itself."""

    answers: Annotated[list[FindingItem], Meta(min_length=1, max_length=200)]


class FindingResult(Out, frozen=True, kw_only=True):
    """What became of one answer: the report's state now, or why it was not taken."""

    reference: str
    state: str | None
    error: str | None
    detail: str | None

    @classmethod
    def of(cls, result: Result) -> FindingResult:
        """The wire form of a result."""
        return cls(
            reference=result.reference, state=result.state or None, error=result.error or None,
            detail=result.detail or None,
        )


class FindingsAnswer(Out, frozen=True, kw_only=True):
    """What became of each answer, in their order."""

    results: list[FindingResult]


def slug_of(category: int) -> str | None:
    """The word of a category, None where none was said."""
    return None if category < 0 else Category(category).slug
