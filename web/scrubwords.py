"""What pages say about scrubs: states, answers, reasons and what went wrong with what to do about it.

Rules of this room: as in `labels`; a reason is short, because it stands in a table beside its count; a problem says
what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import format_decimal, format_timedelta, gettext, lazy_gettext, ngettext

from registry.decisions import REASONS as STEPS
from registry.scrubjobs import ScrubJob
from web.current import registry_of
from web.labels import wait
from web.reasons import REASONS
from web.scrubproblems import PROBLEMS

VERDICTS: Mapping[str, tuple[str, Any]] = {  # colour, word
    "allowed": ("ok", lazy_gettext("May be contacted")),
    "declined": ("stop", lazy_gettext("Declined")),
    "invalid": ("plain", lazy_gettext("Invalid")),
}

_STATES: Mapping[str, tuple[str, Any]] = {
    "uploading": ("warn", lazy_gettext("Not sent off yet")),
    "waiting": ("warn", lazy_gettext("Waits for its turn")),
    "held": ("stop", lazy_gettext("Held for an officer")),
    "running": ("warn", lazy_gettext("Being checked")),
    "done": ("ok", lazy_gettext("Done")),
    "failed": ("stop", lazy_gettext("Failed")),
    "cancelled": ("plain", lazy_gettext("Cancelled")),
    "deleted": ("plain", lazy_gettext("Files deleted")),
}

SCRUB_REASONS: Mapping[str, Any] = {
    "no_recorded_will": lazy_gettext("Nothing recorded against it"),
    "consented": lazy_gettext("Consent was given"),
    "personal_allow": lazy_gettext("Your company is on the personal allow list"),
    "within_grace": lazy_gettext("Declined a moment ago, not in force yet"),
    "merchant_refused": lazy_gettext("Your company was refused"),
    "personal_deny": lazy_gettext("Your company is on the personal deny list"),
    "everything_declined": lazy_gettext("All commercial contacts of this kind declined"),
    "category_declined": lazy_gettext("This industry declined"),
    "no_consent": lazy_gettext("Needs consent, and none is recorded"),
    "consent_lapsed": lazy_gettext("The consent has ended"),
    "outside_consent": lazy_gettext("The consent does not cover this"),
    "consent_spent": lazy_gettext("The consent allows fewer contacts"),
    "too_often": lazy_gettext("Called too often already"),
    "quiet_hours": lazy_gettext("Quiet time of its holder"),
    "rest_hours": lazy_gettext("Everybody's hours of rest"),
    "empty": lazy_gettext("No number in this line"),
    "letters": lazy_gettext("Letters instead of digits"),
    "too_short": lazy_gettext("Too short; a landline needs its area code"),
    "too_long": lazy_gettext("Too long"),
    "extension": lazy_gettext("With an extension"),
    "two_numbers": lazy_gettext("Two numbers in one field"),
    "not_a_number": lazy_gettext("Not a phone number"),
    "unassigned": lazy_gettext("A range that nobody holds"),
    "short_number": lazy_gettext("A short or service number"),
    "bad_encoding": lazy_gettext("No text in the encoding of the list"),
    "not_an_object": lazy_gettext("Not an object of JSON"),
    "formula_not_computed": lazy_gettext("A formula without a stored value"),
    "line_too_long": lazy_gettext("The line is too long to be read"),
    "rounded": lazy_gettext("Rounded by a spreadsheet (1.38E+10); digits are lost"),
    "quota_reached": lazy_gettext("Not answered: your allowance was spent"),
}

_UNKNOWN = lazy_gettext("Something went wrong on our side. It has been written down; please try again.")


@dataclass(frozen=True)
class ReasonLine:
    """A reason in a result: how many lines have it, and which part of all they are, in per cent."""

    verdict: str
    reason: str
    text: str
    rule: str
    lines: int
    percent: float


def scrub_reason(slug: str) -> str:
    """A reason of an answer, in short."""
    return str(SCRUB_REASONS.get(slug) or REASONS.get(slug, slug))


def verdict_of(slug: str) -> tuple[str, str]:
    """The colour and the word of an answer."""
    colour, text = VERDICTS[slug]
    return colour, str(text)


def state_of(job: ScrubJob) -> tuple[str, str]:
    """The colour and the word of a scrub's state."""
    held = job.state == "waiting" and job.lane == "held"
    colour, text = _STATES["held" if held else job.state]
    return colour, str(text)


def state_word(slug: str) -> str:
    """The word of a state."""
    return str(_STATES[slug][1])


def in_days(at: datetime) -> str:
    """How far off a moment is: "in 3 days"."""
    return str(format_timedelta(at - registry_of().clock.now(), add_direction=True, threshold=1.5))


def seconds(value: float) -> str:
    """A short time in seconds, a long one in words."""
    if value >= 120:
        return wait(round(value))
    return str(gettext("%(count)s s", count=format_decimal(round(value, 1) if value < 10 else round(value))))


def scrub_problem(code: str) -> str:
    """What went wrong, and what to do."""
    return str(gettext(PROBLEMS[code]) if code in PROBLEMS else _UNKNOWN)


def reasons_of(job: ScrubJob) -> list[ReasonLine]:
    """The reasons of a result: allowed first, then declined, then invalid, the most frequent first."""
    found = []
    for kind, lines in job.counts.items():
        verdict, _, reason = kind.partition("/")
        step = STEPS.get(reason)
        found.append(ReasonLine(
            verdict, reason, scrub_reason(reason), step.rule if step and verdict != "invalid" else "", lines,
            100 * lines / job.lines if job.lines else 0.0,
        ))  # fmt: skip
    order = list(VERDICTS)
    return sorted(found, key=lambda each: (order.index(each.verdict), -each.lines, each.reason))


def sentence_of_reasons(job: ScrubJob) -> str:
    """What there is to see in the table of reasons."""
    lines = reasons_of(job)
    against = [each for each in lines if each.verdict == "declined"]
    if not lines:
        return str(gettext("No line was answered."))
    if not against:
        return str(gettext("Nothing stands against contacting the numbers on this list."))
    first = max(against, key=lambda each: each.lines)
    return str(gettext(
        "The most frequent reason against a contact: %(reason)s (%(lines)s).", reason=first.text,
        lines=ngettext("%(count)s line", "%(count)s lines", first.lines, count=format_decimal(first.lines)),
    ))  # fmt: skip


def what_happens(job: ScrubJob, ahead: int) -> str:
    """What a scrub that has not ended is doing, in a sentence; `ahead`: how many may have their turn before it."""
    if job.stop:
        return str(gettext("It is being stopped."))
    if job.state == "running" and job.lane == "slow":
        return str(gettext("It is being checked slowly, because the list looks unusual. You need not do anything."))
    if job.state == "running":
        return str(gettext("The result will appear here by itself."))
    if job.lane == "held":
        return str(gettext(
            "An officer looks at this list first, because it looks like an attempt to read the registry out. "
            "It goes on when the officer lets it."
        ))  # fmt: skip
    if job.lane == "slow" and job.not_before is not None:
        return str(gettext(
            "It waits in the slow lane, because the list looks unusual, and begins %(when)s. You need not do anything.",
            when=in_days(job.not_before),
        ))  # fmt: skip
    if job.lane == "slow":
        return str(gettext("It waits in the slow lane, because the list looks unusual. You need not do anything."))
    if job.not_before is not None and job.not_before > registry_of().clock.now():
        return str(gettext("It is tried again in a moment."))
    if not ahead:
        return str(gettext("It is the next one."))
    return str(ngettext(
        "It waits for its turn; at most %(num)d list comes before it.",
        "It waits for its turn; at most %(num)d lists come before it.", ahead,
    ))  # fmt: skip


def lines_read(job: ScrubJob) -> str:
    """How many lines were read."""
    return str(ngettext("%(count)s line read", "%(count)s lines read", job.lines, count=format_decimal(job.lines)))


def time_left(job: ScrubJob, now: datetime) -> str:
    """How long it will take, as far as anybody can say."""
    left = job.seconds_left(now)
    return "" if left is None else str(gettext("about %(time)s left", time=wait(max(1, round(left)))))
