"""The wire format of checks and scrubs: what a telemarketer asks and is told.

Rules of this room: as in `messages.py`; a number goes back as it was typed in the answer to a check alone, because
whoever asked has it already.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from registry.preferences import category_of, channel_of
from registry.scrubjobs import Ask
from web.api.messages import CategorySlug, In, Out

ChannelSlug = Literal["calls", "robocalls", "messages"]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="Reads numbers without one (ISO 3166).")]
Moment = Annotated[
    datetime, Meta(tz=True, description="When the contact is to happen, with its offset; now where it is left out.")
]
Campaign = Annotated[str, Meta(max_length=80, description="Your word for the campaign; it stands in the receipt.")]
OnBehalf = Annotated[str, Meta(max_length=32, description="The party id of the principal you act for.")]
Typed = Annotated[str, Meta(max_length=1000)] | Annotated[int, Meta(ge=0, le=2**53)]


class Asked(In, frozen=True, kw_only=True):
    """What numbers are checked for."""

    channel: ChannelSlug
    category: CategorySlug
    campaign: Campaign = ""
    on_behalf: OnBehalf = ""
    at: Moment | None = None
    country: Country = "CN"

    def ask(self, wanted: str = "") -> Ask:
        """The same in the words of the core."""
        return Ask(
            channel_of(self.channel), category_of(self.category), self.campaign, self.on_behalf, self.at, self.country,
            wanted,
        )


class CheckItem(In, frozen=True, kw_only=True):
    """A number with an id of yours, which comes back with its answer."""

    number: Typed
    id: Annotated[str, Meta(max_length=200)] = ""


class ChecksRequest(Asked, frozen=True, kw_only=True):
    """Numbers to check, 10,000 at most, in whatever form people write them."""

    numbers: Annotated[list[Typed | CheckItem], Meta(min_length=1, max_length=10_000)]


class CheckAnswer(Out, frozen=True, kw_only=True, omit_defaults=True):
    """What one number is told. `until`: how long the answer holds; `next_allowed`: where only quiet time or hours of
    rest stand against it. An invalid number has a reason alone."""

    number: Annotated[str, Meta(description="As you typed it.")]
    id: str = ""
    verdict: Literal["allowed", "declined", "invalid"]
    reason: str
    rule: str = ""
    until: datetime | None = None
    next_allowed: datetime | None = None


class ChecksAnswer(Out, frozen=True, kw_only=True):
    """The answers, in the order of the numbers; the moment they are for, the edition and rulebook they stand on."""

    at: datetime
    edition: int
    rulebook: str
    counts: dict[str, int]
    answers: list[CheckAnswer]
