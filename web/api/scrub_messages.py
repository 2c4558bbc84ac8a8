"""The wire format of checks and scrubs: what a telemarketer asks and is told.

Rules of this room: as in `messages.py`; a number goes back as it was typed in the answer to a check alone, because
whoever asked has it already.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from registry.preferences import category_of, channel_of
from registry.scrubjobs import Ask, ScrubJob
from web.api.messages import CategorySlug, In, Out, Root

ChannelSlug = Literal["calls", "robocalls", "messages"]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="Reads numbers without one (ISO 3166).")]
Moment = Annotated[
    datetime, Meta(tz=True, description="When the contact is to happen, with its offset; now where it is left out.")
]
Campaign = Annotated[str, Meta(max_length=80, description="Your word for the campaign; it stands in the receipt.")]
OnBehalf = Annotated[str, Meta(max_length=32, description="The id (p_…) of the principal you act for, or empty.")]
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


# scrubs


class ScrubRequest(Asked, frozen=True, kw_only=True):
    """A call list that is to come in parts."""

    name: Annotated[str, Meta(max_length=200, description="Of the file; its ending helps to tell the format.")] = ""
    column: Annotated[
        str, Meta(max_length=200, description="The numbers' column, by name or place from 1; else it is looked for.")
    ] = ""


class ResultMessage(Out, frozen=True, kw_only=True):
    """The result: the call list with its answers. Fetch it in ranges."""

    size: int
    sha256: Root
    href: str


class ScrubAnswer(Out, frozen=True, kw_only=True):
    """One scrub. `share`: how much of the work is done, 0 to 1; `not_before`: when it may begin at the earliest;
    `counts`: lines by verdict, `reasons`: by verdict and reason; `changes`: distinct numbers by what became of them
    since the scrub `again` (declined, allowed, same, new, gone; empty where nobody knows); `kept_until`: when its files
    are deleted; `problem`: why it failed, or `quota_reached`."""

    scrub: str
    state: Literal["uploading", "waiting", "running", "done", "failed", "cancelled", "deleted"]
    lane: str
    name: str
    channel: str
    category: str
    campaign: str
    on_behalf: str
    at: datetime | None
    country: str
    column: str
    sandbox: bool
    again: str
    created: datetime
    submitted: datetime | None
    started: datetime | None
    not_before: datetime | None
    finished: datetime | None
    size: int
    share: float
    seconds_left: int | None
    lines: int
    counts: dict[str, int]
    reasons: dict[str, int]
    changes: dict[str, int]
    distinct: int
    charged: int
    edition: int
    rulebook: str
    valid_until: datetime | None
    problem: str
    receipt: str
    result: ResultMessage | None = None
    picked_up: datetime | None
    kept_until: datetime

    @classmethod
    def of(cls, job: ScrubJob, now: datetime) -> ScrubAnswer:
        """A scrub as it stands now."""
        left = job.seconds_left(now)
        said: dict[str, Any] = {
            name: getattr(job, name)
            for name in (
                "scrub", "state", "lane", "name", "sandbox", "again", "created", "submitted", "started", "finished",
                "size", "lines", "charged", "edition", "rulebook", "valid_until", "problem", "receipt", "picked_up",
                "not_before",
            )
        }
        said |= {name: getattr(job.ask, name) for name in ("campaign", "on_behalf", "at", "country")}
        if job.state == "done":
            href = f"/api/v1/scrubs/{job.scrub}/result"
            said["result"] = ResultMessage(size=job.result_size, sha256=job.result_sha256, href=href)
        return cls(
            **said, channel=job.ask.channel.slug, category=job.ask.category.slug, column=job.ask.wanted,
            share=round(job.share, 4), seconds_left=None if left is None else math.ceil(left), counts=job.verdicts(),
            reasons=dict(job.counts), changes=dict(job.changes), distinct=job.distinct_numbers, kept_until=job.expires,
        )  # fmt: skip


class ScrubsAnswer(Out, frozen=True, kw_only=True):
    """Your scrubs, newest first; ask again with `before` = `next` for older ones."""

    scrubs: list[ScrubAnswer]
    next: int | None


class PartMessage(Out, frozen=True, kw_only=True):
    """A part of a call list that is there."""

    part: int
    size: int
    sha256: Root


class PartsAnswer(Out, frozen=True, kw_only=True):
    """The parts that are there; send the others."""

    parts: list[PartMessage]
    size: int


# what may still be asked for


class WindowMessage(Out, frozen=True, kw_only=True):
    """Distinct numbers of a day or calendar month: how many there are, were asked for, are left; until when."""

    limit: int
    used: int
    left: int
    renews: datetime


class BalanceAnswer(Out, frozen=True, kw_only=True):
    """What your party may still ask for. `lane`: usual, slow (at most `slow_hour` new numbers an hour), held."""

    tier: str
    lane: str
    slow_hour: int
    day: WindowMessage
    month: WindowMessage
