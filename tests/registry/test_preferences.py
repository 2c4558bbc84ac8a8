"""Preferences: bit order, everything in one value, quiet hours, encoding."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import InvalidInputError
from registry.preferences import (
    EVERYTHING,
    NIGHT,
    NOTHING,
    Category,
    Channel,
    Preference,
    category_of,
    channel_of,
    decode,
    describe,
    encode,
    make,
    quiet_at,
    quiet_of,
)

MASKS = st.integers(0, 0xFFFF)
PREFERENCES = st.builds(Preference, MASKS, MASKS, MASKS, st.integers(0, 2**32 - 1))


def test_the_bit_order_of_categories_is_the_published_one() -> None:
    first = "loan collection property insurance securities education recruit home"
    last = "maternal travel retail telecom game food renovation other"
    assert [category.slug for category in Category] == first.split() + last.split()
    assert [category.bit for category in Category] == [1 << place for place in range(16)]
    assert [channel.slug for channel in Channel] == ["calls", "robocalls", "messages"]


def test_everything_declines_every_pair_and_nothing_declines_none() -> None:
    for channel in Channel:
        for category in Category:
            assert EVERYTHING.declines(channel, category)
            assert not NOTHING.declines(channel, category)
    assert EVERYTHING.everything
    assert NOTHING.nothing
    assert not Preference(0, 0, 0, NIGHT).nothing


def test_every_slug_leads_back_to_its_member() -> None:
    assert [category_of(category.slug) for category in Category] == list(Category)
    assert [channel_of(channel.slug) for channel in Channel] == list(Channel)


@pytest.mark.parametrize("slug", ["", "LOAN", "loans", "贷款", None, ["loan"]])
def test_unknown_slugs_are_refused_by_code(slug: object) -> None:
    with pytest.raises(InvalidInputError) as refused:
        category_of(slug)
    assert refused.value.code == "unknown_category"
    with pytest.raises(InvalidInputError) as refused:
        channel_of(slug)
    assert refused.value.code == "unknown_channel"


@settings(max_examples=200)
@given(PREFERENCES)
def test_what_is_encoded_is_decoded_as_it_was(preference: Preference) -> None:
    assert decode(encode(preference)) == preference
    assert encode(preference)[0:2] == preference.calls.to_bytes(2, "big")
    assert encode(preference)[6:] == preference.quiet.to_bytes(4, "big")


@settings(max_examples=200)
@given(PREFERENCES)
def test_a_preference_is_made_again_from_its_description(preference: Preference) -> None:
    told = describe(preference)
    hours = {h % 24 for start, end in told.hours for h in range(start, end if end > start else end + 24)}
    assert make(dict(told.channels), quiet_of(hours, told.weekdays, holidays=told.holidays)) == preference
    assert told.everything == all(preference.declines(ch, cat) for ch in Channel for cat in Category)


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(0, 23), st.integers(0, 6), st.booleans())
def test_quiet_means_hour_or_weekday_or_holiday(quiet: int, hour: int, weekday: int, holiday: bool) -> None:
    bits = [bool(quiet & 1 << place) for place in range(32)]
    expected = bits[hour] or bits[24 + weekday] or (holiday and bits[31])
    assert quiet_at(quiet, hour, weekday, holiday=holiday) == expected
    assert Preference(0, 0, 0, quiet).quiet_at(hour, weekday, holiday=holiday) == expected


def test_night_is_nine_in_the_evening_to_eight_in_the_morning() -> None:
    assert describe(Preference(0, 0, 0, NIGHT)).hours == ((21, 8),)
    assert [h for h in range(24) if quiet_at(NIGHT, h, 0, holiday=False)] == [*range(8), 21, 22, 23]


def test_spans_of_hours_read_as_people_say_them() -> None:
    spans = {(): (), (0,): ((0, 1),), (23,): ((23, 24),), (23, 0): ((23, 1),), tuple(range(24)): ((0, 24),)}
    for hours, expected in spans.items():
        assert describe(Preference(0, 0, 0, quiet_of(hours))).hours == expected


@pytest.mark.parametrize(
    "values", [(0x10000, 0, 0, 0), (-1, 0, 0, 0), (0, 0, 1 << 20, 0), (0, 0, 0, 1 << 32), (0, 0, 0, -1)]
)
def test_a_preference_with_bits_outside_its_masks_is_refused(values: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Preference(*values)
    assert refused.value.code == "bad_preference"


@pytest.mark.parametrize(
    ("hours", "weekdays"), [([24], []), ([-1], []), ([], [7]), (["8"], []), ([True], []), ([1.5], [])]
)
def test_hours_and_weekdays_that_do_not_exist_are_refused(hours: list[int], weekdays: list[int]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        quiet_of(hours, weekdays)
    assert refused.value.code == "bad_preference"


def test_a_record_of_another_length_and_a_strange_category_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        decode(b"123456789")
    with pytest.raises(InvalidInputError):
        make({Channel.CALLS: [99]})  # type: ignore[list-item]
