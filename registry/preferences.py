"""What a person declines: channels, categories, quiet hours and days, and how they are packed into one record.

Rules of this room: a category is one bit of a 16-bit mask per channel and the bit order is fixed for ever (RULES §5,
rule 37); quiet bits 0-23 are hours, 24-30 Monday to Sunday, 31 public holidays, all in the registry's own time zone;
a contact is quiet when its hour or its weekday or the holiday is declined.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from registry.errors import InvalidInputError

ALL_CATEGORIES = 0xFFFF
ALL_HOURS = 0xFFFFFF
_QUIET_BITS = 32
_WEEKDAY_BIT = 24
_HOLIDAY_BIT = 31
_RECORD = struct.Struct(">HHHI")


class Channel(IntEnum):
    """How a contact reaches a person; the value is its place in every record."""

    CALLS = 0  # a person speaks
    ROBOCALLS = 1  # recorded or synthetic voice
    MESSAGES = 2  # SMS, MMS, 5G messages and the like

    @property
    def slug(self) -> str:
        """The word in URLs, files and the API."""
        return self.name.lower()


class Category(IntEnum):
    """The 16 industries (RULES §5); the value is the bit in a mask."""

    LOAN = 0
    COLLECTION = 1
    PROPERTY = 2
    INSURANCE = 3
    SECURITIES = 4
    EDUCATION = 5
    RECRUIT = 6
    HOME = 7
    MATERNAL = 8
    TRAVEL = 9
    RETAIL = 10
    TELECOM = 11
    GAME = 12
    FOOD = 13
    RENOVATION = 14
    OTHER = 15

    @property
    def slug(self) -> str:
        """The word in URLs, files and the API."""
        return self.name.lower()

    @property
    def bit(self) -> int:
        """The mask that holds this category alone."""
        return 1 << self.value


_CHANNELS = {channel.slug: channel for channel in Channel}
_CATEGORIES = {category.slug: category for category in Category}


def channel_of(slug: str) -> Channel:
    """The channel of a slug. Raises InvalidInputError unknown_channel."""
    try:
        return _CHANNELS[slug]
    except (KeyError, TypeError) as error:
        raise InvalidInputError("There is no such channel.", code="unknown_channel") from error


def category_of(slug: str) -> Category:
    """The category of a slug. Raises InvalidInputError unknown_category."""
    try:
        return _CATEGORIES[slug]
    except (KeyError, TypeError) as error:
        raise InvalidInputError("There is no such category.", code="unknown_category") from error


@dataclass(frozen=True, slots=True)
class Preference:
    """What one registration declines: a category mask (u16) per channel and quiet hours and days (u32)."""

    calls: int
    robocalls: int
    messages: int
    quiet: int

    def __post_init__(self) -> None:
        if (self.calls | self.robocalls | self.messages) >> 16 or self.quiet >> _QUIET_BITS:
            raise InvalidInputError("A preference has 16 categories and 32 quiet bits.", code="bad_preference")

    def mask(self, channel: Channel) -> int:
        """The declined categories of a channel, as bits."""
        return (self.calls, self.robocalls, self.messages)[channel]

    def declines(self, channel: Channel, category: Category) -> bool:
        """Whether a category is declined on a channel, whatever the hour."""
        return bool(self.mask(channel) >> category & 1)

    def quiet_at(self, hour: int, weekday: int, *, holiday: bool) -> bool:
        """Whether a local hour (0-23), weekday (0 = Monday) or public holiday is declined."""
        return quiet_at(self.quiet, hour, weekday, holiday=holiday)

    @property
    def everything(self) -> bool:
        """Whether all categories are declined on all channels."""
        return self.calls & self.robocalls & self.messages == ALL_CATEGORIES

    @property
    def nothing(self) -> bool:
        """Whether nothing is declined at all, neither a category nor an hour; such a record leaves the list."""
        return not (self.calls | self.robocalls | self.messages | self.quiet)


EVERYTHING = Preference(ALL_CATEGORIES, ALL_CATEGORIES, ALL_CATEGORIES, 0)
NOTHING = Preference(0, 0, 0, 0)


def quiet_at(quiet: int, hour: int, weekday: int, *, holiday: bool) -> bool:
    """Whether quiet bits cover a local hour (0-23), a weekday (0 = Monday) or, with `holiday`, public holidays."""
    return bool(quiet >> hour & 1 or quiet >> (_WEEKDAY_BIT + weekday) & 1 or (holiday and quiet >> _HOLIDAY_BIT & 1))


def quiet_of(hours: Iterable[int] = (), weekdays: Iterable[int] = (), *, holidays: bool = False) -> int:
    """Quiet bits (u32) of hours (0-23), weekdays (0 = Monday), holidays. Raises InvalidInputError bad_preference."""
    bits = int(holidays) << _HOLIDAY_BIT
    kinds = ((hours, 24, 0, "An hour is 0 to 23."), (weekdays, 7, _WEEKDAY_BIT, "A weekday is 0 to 6."))
    for values, most, base, what in kinds:
        for value in values:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < most:
                raise InvalidInputError(what, code="bad_preference")
            bits |= 1 << (base + value)
    return bits


NIGHT = quiet_of(hours=(21, 22, 23, *range(8)))  # 21:00 to 08:00, the usual rest time (rule 63)


def make(declined: Mapping[Channel, Iterable[Category]], quiet: int = 0) -> Preference:
    """A preference from the categories declined per channel. Raises InvalidInputError bad_preference."""
    masks = [0, 0, 0]
    for channel, categories in declined.items():
        for category in categories:
            try:
                masks[Channel(channel)] |= Category(category).bit
            except ValueError as error:
                raise InvalidInputError("There is no such channel or category.", code="bad_preference") from error
    return Preference(masks[0], masks[1], masks[2], quiet)


def encode(preference: Preference) -> bytes:
    """The ten bytes of a list record after the tag: calls, robocalls, messages u16be, quiet u32be (DESIGN §4)."""
    return _RECORD.pack(preference.calls, preference.robocalls, preference.messages, preference.quiet)


def decode(record: bytes) -> Preference:
    """The preference of ten record bytes. Raises InvalidInputError bad_preference for another length."""
    if len(record) != _RECORD.size:
        raise InvalidInputError("A preference record has ten bytes.", code="bad_preference")
    return Preference(*_RECORD.unpack(record))


@dataclass(frozen=True, slots=True)
class Description:
    """A preference as pages show it. `hours` are (from, until) in local hours, `until` exclusive, 24 = midnight."""

    everything: bool
    nothing: bool
    channels: tuple[tuple[Channel, tuple[Category, ...]], ...]  # all three, in order
    hours: tuple[tuple[int, int], ...]
    weekdays: tuple[int, ...]
    holidays: bool


def _spans(bits: int) -> tuple[tuple[int, int], ...]:
    """Runs of set hour bits; one that passes midnight is one span, such as (21, 8)."""
    if bits & ALL_HOURS == ALL_HOURS:
        return ((0, 24),)
    starts = [hour for hour in range(24) if bits >> hour & 1 and not bits >> (hour - 1) % 24 & 1]
    spans = []
    for start in starts:
        end = start
        while bits >> end % 24 & 1:
            end += 1
        spans.append((start, end if end <= 24 else end - 24))
    return tuple(spans)


def describe(preference: Preference) -> Description:
    """What pages need to say a preference in words."""
    return Description(
        everything=preference.everything,
        nothing=preference.nothing,
        channels=tuple((ch, tuple(cat for cat in Category if preference.declines(ch, cat))) for ch in Channel),
        hours=_spans(preference.quiet & ALL_HOURS),
        weekdays=tuple(day for day in range(7) if preference.quiet >> (_WEEKDAY_BIT + day) & 1),
        holidays=bool(preference.quiet >> _HOLIDAY_BIT & 1),
    )
