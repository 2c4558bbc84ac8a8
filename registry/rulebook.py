"""Dated packs of rules and limits, read from TOML and chosen by the local date of the event.

Rules of this room: a value that may change with the law lives in a rulebook and never in code (RULES §0); a pack that
was only proposed can be asked for by name and is never chosen by date; a gap or an overlap between packs stops the
start, and so does a value that cannot be meant.
"""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from registry.errors import NotFoundError, SettingsError
from registry.preferences import Channel, quiet_of
from registry.times import local

FOLDER = Path(__file__).parent / "rulebooks"
Count = Annotated[int, Meta(ge=0)]
Hour = Annotated[int, Meta(ge=0, le=23)]
ChannelName = Literal["calls", "robocalls", "messages"]
_CHANNELS = tuple(channel.slug for channel in Channel)


@cache
def _hour_bits(hours: tuple[int, ...]) -> int:
    return quiet_of(hours=hours)


class Consent(Struct, frozen=True, forbid_unknown_fields=True):
    """What consents do. `required`: channels on which a commercial contact needs one (rules 11, 12)."""

    required: tuple[ChannelName, ...]
    beats_refusal: bool  # whether a later, explicit, evidenced consent beats a refusal (rule 49(7), default: no)
    answer_days: Count  # how long a request may go unanswered before it counts as refused (rule 14)
    evidence_months: Count  # how long evidence is kept after the last contact that relied on it (rule 21)


class Rest(Struct, frozen=True, forbid_unknown_fields=True):
    """Hours of rest of everybody (rule 63), local, 0-23."""

    calls: tuple[Hour, ...]
    robocalls: tuple[Hour, ...]
    messages: tuple[Hour, ...]


class Grace(Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds in which a new refusal does not count yet for those who could not know it (rule 25)."""

    carriers: Count
    telemarketers: Count


class Receipts(Struct, frozen=True, forbid_unknown_fields=True):
    """What receipts of scrubs are worth (docs/adr/0016)."""

    protects_days: Count  # how long after a scrub its answer is relied on at most; 0: it protects nobody


class Frequency(Struct, frozen=True, forbid_unknown_fields=True):
    """How often one number may be called by one sender (rule 70)."""

    in_5_minutes: Count
    in_24_hours: Count


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """How long records are kept, in days (rules 62, 76a, 106, 108, 118)."""

    reports: Count
    quarantine: Count
    history_after_end: Count
    logs: Count
    call_recordings: Count
    provisions: Count  # the log of what was given to whom


class Deadlines(Struct, frozen=True, forbid_unknown_fields=True):
    """Working days of the complaint procedure (rule 87); 0 where a pack states none."""

    forward: Count
    handle: Count
    tell_user: Count


class Fines(Struct, frozen=True, forbid_unknown_fields=True):
    """Fines in yuan (rule 95)."""

    least: Count
    most: Count
    income_multiple: Count
    most_with_income: Count
    most_without_income: Count


class Rulebook(Struct, frozen=True, forbid_unknown_fields=True):
    """One pack. `starts` and `ends` are local dates, both included; `ends` is missing while it is the newest."""

    name: str
    title_zh: str
    title_en: str
    status: Literal["in_force", "proposed"]
    starts: date
    consent: Consent
    rest: Rest
    grace: Grace
    receipts: Receipts
    frequency: Frequency
    retention: Retention
    deadlines: Deadlines
    fines: Fines
    ends: date | None = None
    unverified: tuple[str, ...] = ()  # values that no public text confirms, as section.name

    def requires_consent(self, channel: int) -> bool:
        """Whether a commercial contact on a channel (its number) needs a consent (rule 11)."""
        return _CHANNELS[channel] in self.consent.required

    def rest_bits(self, channel: int) -> int:
        """The hours of rest on a channel (its number) as quiet bits (u32)."""
        return _hour_bits((self.rest.calls, self.rest.robocalls, self.rest.messages)[channel])


@dataclass(frozen=True)
class Rulebooks:
    """All packs, by name and by date."""

    packs: tuple[Rulebook, ...]
    zone: str = "Asia/Shanghai"

    def at(self, moment: datetime) -> Rulebook:
        """The pack in force at a moment. Raises NotFoundError no_rulebook for one before the first pack."""
        day = local(moment, self.zone).date()
        for pack in self.packs:
            if pack.status == "in_force" and pack.starts <= day and (pack.ends is None or day <= pack.ends):
                return pack
        raise NotFoundError("No rulebook was in force on that day.", code="no_rulebook")

    def periods(self) -> list[tuple[Rulebook, datetime, datetime | None]]:
        """The packs in force, oldest first, each with its first moment and the first one after it (None: open)."""
        packs = sorted((pack for pack in self.packs if pack.status == "in_force"), key=lambda pack: pack.starts)
        return [
            (pack, self._midnight(pack.starts), self._midnight(pack.ends + timedelta(days=1)) if pack.ends else None)
            for pack in packs
        ]

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def named(self, name: str) -> Rulebook:
        """The pack of a name. Raises NotFoundError no_rulebook."""
        for pack in self.packs:
            if pack.name == name:
                return pack
        raise NotFoundError("There is no rulebook of that name.", code="no_rulebook")


def load_rulebooks(folder: Path = FOLDER, *, zone: str = "Asia/Shanghai") -> Rulebooks:
    """All packs of a folder, by name of file. Raises SettingsError for a pack that cannot be read, a gap, an overlap,
    a name that two packs have."""
    packs = [_load(path) for path in sorted(folder.glob("*.toml"))]
    if len({pack.name for pack in packs}) < len(packs):
        raise SettingsError("Two rulebooks have the same name.", code="rulebook")
    _check_dates([pack for pack in packs if pack.status == "in_force"])
    return Rulebooks(tuple(packs), zone)


def _load(path: Path) -> Rulebook:
    try:
        pack = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Rulebook)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, OSError) as error:
        raise SettingsError(f"{path.name}: {error}", code="rulebook") from error
    for marked in pack.unverified:
        section, _dot, value = marked.partition(".")
        if not value or not hasattr(getattr(pack, section, None), value):
            raise SettingsError(f"{path.name}: unverified: there is no value {marked}.", code="rulebook")
    if pack.ends is not None and pack.ends < pack.starts:
        raise SettingsError(f"{path.name}: it ends before it starts.", code="rulebook")
    return pack


def _check_dates(packs: list[Rulebook]) -> None:
    ordered = sorted(packs, key=lambda pack: pack.starts)
    if not ordered:
        raise SettingsError("There is no rulebook in force.", code="rulebook")
    if ordered[-1].ends is not None:
        raise SettingsError("The newest rulebook must be open-ended.", code="rulebook")
    for earlier, later in itertools.pairwise(ordered):
        if earlier.ends is None or earlier.ends + timedelta(days=1) != later.starts:
            raise SettingsError(f"{later.name} does not begin on the day after {earlier.name} ends.", code="rulebook")
