"""The wire format of open data: marks of reported callers and what changed of them.

Rules of this room: as in `messages`, but that reported callers stand whole here: they are what is published. Nothing
says anything of those who reported.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from registry import opendata
from registry.opendata import Mark, Page
from web.api.messages import Many, Out

Basis = Annotated[Literal["signal"], Meta(description=opendata.MEANING)]


class CallerMessage(Out, frozen=True, kw_only=True):
    """A reported caller in the last 90 days. `kind`: number (E.164) or code (ports, short and service numbers);
    `reports` of `reporters` different people; `categories`: reports by industry, or by class where it is none."""

    number: str
    kind: Literal["number", "code"]
    basis: Basis
    reports: Many
    reporters: Many
    calls: Many
    messages: Many
    categories: dict[str, Many]
    first_day: date
    last_day: date
    updated: datetime

    @classmethod
    def of(cls, mark: Mark) -> CallerMessage:
        """The message of a mark."""
        return cls(
            number=mark.number.text, kind="number" if mark.number.kind == 1 else "code", basis="signal",
            reports=mark.reports, reporters=mark.reporters, calls=mark.calls, messages=mark.messages,
            categories=dict(mark.categories), first_day=mark.first, last_day=mark.last, updated=mark.updated,
        )


class ChangeMessage(Out, frozen=True, kw_only=True):
    """What became of a number: marked (`caller` says how), or no longer and why: expired (too few reports of late),
    recycled (it went to another holder), cleared (its holder appealed)."""

    change: Many
    number: str
    kind: Literal["number", "code"]
    state: Literal["marked", "removed"]
    reason: Literal["", "expired", "recycled", "cleared"]
    at: datetime
    caller: CallerMessage | None

    @classmethod
    def of(cls, mark: Mark) -> ChangeMessage:
        """The message of a change."""
        return cls(
            change=mark.change, number=mark.number.text, kind="number" if mark.number.kind == 1 else "code",
            state=mark.state, reason=mark.reason, at=mark.updated,  # type: ignore[arg-type]
            caller=CallerMessage.of(mark) if mark.state == "marked" else None,
        )


class CallersAnswer(Out, frozen=True, kw_only=True):
    """Marks, and the cursor of the next page; `more` says whether there is one now."""

    meaning: str
    callers: list[CallerMessage]
    cursor: Many
    more: bool

    @classmethod
    def of(cls, page: Page) -> CallersAnswer:
        """The message of a page."""
        return cls(
            meaning=opendata.MEANING, callers=[CallerMessage.of(mark) for mark in page.marks], cursor=page.cursor,
            more=page.more,
        )


class ChangesAnswer(Out, frozen=True, kw_only=True):
    """Changes, oldest first, the newest of each number; keep `cursor` and come again with it."""

    meaning: str
    changes: list[ChangeMessage]
    cursor: Many
    more: bool

    @classmethod
    def of(cls, page: Page) -> ChangesAnswer:
        """The message of a page."""
        return cls(
            meaning=opendata.MEANING, changes=[ChangeMessage.of(mark) for mark in page.marks], cursor=page.cursor,
            more=page.more,
        )
