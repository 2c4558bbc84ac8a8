"""The wire format of measures: orders that carriers carry out, measures against oneself, appeals.

Rules of this room: as in `messages.py`; the numbers that an order is about stand in the body alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from registry.measures import Measure
from registry.orders import Order
from web.api.messages import In, Out

Step = Literal["begin", "end"]


class OrderMessage(Out, frozen=True, kw_only=True):
    """One order: begin or end a measure. `against`, `company`: whom it is against; `numbers`: the codes, ports and
    numbers of your ledger that it is about; `confirmed`: when you said that it was done."""

    measure: str
    step: Step
    kind: str
    basis: str
    against: str
    company: str
    numbers: list[str]
    starts: datetime | None
    ends: datetime | None
    told: datetime
    confirmed: datetime | None

    @classmethod
    def of(cls, order: Order) -> OrderMessage:
        """An order as it is kept."""
        about, whom = order.measure, order.against
        return cls(
            measure=about.measure, step="end" if order.step == "end" else "begin", kind=about.kind, basis=about.basis,
            against=whom.name if whom else "", company=str(whom.company) if whom and whom.company else "",
            numbers=list(order.numbers), starts=about.starts, ends=about.ends, told=order.told,
            confirmed=order.confirmed,
        )


class OrdersAnswer(Out, frozen=True, kw_only=True):
    """Your orders, oldest first; ask again with `after` = `next` for the rest."""

    orders: list[OrderMessage]
    next: str | None


class ConfirmRequest(In, frozen=True, kw_only=True):
    """Which step of the measure was carried out."""

    step: Step


class MeasureMessage(Out, frozen=True, kw_only=True):
    """One measure against you. `basis`: the rules it stands on; `facts`: why; `appeal`: what you said against it;
    `answer`: what was said when your appeal was decided."""

    measure: str
    kind: str
    state: str
    basis: str
    facts: str
    notified: datetime | None
    starts: datetime | None
    ends: datetime | None
    appeal: str
    appealed: datetime | None
    answer: str
    ended: datetime | None

    @classmethod
    def of(cls, found: Measure, *, answer: str) -> MeasureMessage:
        """A measure as it is kept, and what was said of its appeal."""
        return cls(
            measure=found.measure, kind=found.kind, state=found.state, basis=found.basis, facts=found.facts,
            notified=found.notified, starts=found.starts, ends=found.ends, appeal=found.appeal,
            appealed=found.appealed, answer=answer, ended=found.ended,
        )


class MeasuresAnswer(Out, frozen=True, kw_only=True):
    """The measures against you that you were told of, newest first."""

    measures: list[MeasureMessage]


class AppealRequest(In, frozen=True, kw_only=True):
    """What you say against a measure."""

    text: Annotated[str, Meta(min_length=1, max_length=2000)]
