"""What pages ask of feeds over time: editions sorted and picked, acknowledgements with their delay, sums per day."""

from __future__ import annotations

from typing import Any

import pytest

from registry.store import Store
from registry.store.feedhistory import SORTS
from registry.store.feeds import FeedEditionRow

DAY, HOUR, MINUTE = 86_400_000_000, 3_600_000_000, 60_000_000
ROOT = bytes(32)
START = 20_000 * DAY


@pytest.fixture
def filled(store: Store) -> Store:
    """Ten editions half a day apart from midnight on (the sixth also a full list), the odd ones acknowledged."""
    with store.writing():
        for number in range(1, 11):
            full = number == 6
            store.feeds.put_edition(FeedEditionRow(
                "cmcc", number, "full+delta" if full else "delta", 1000 if full else number, 100 * number,
                10 * number, ROOT, ROOT, START + (number - 1) * DAY // 2, changes=number, change_bytes=10 * number,
            ))  # fmt: skip
            if number % 2:
                store.feeds.acknowledge(
                    recipient="cmcc", edition=number, content_root=ROOT, exceptions_root=ROOT,
                    at=START + (number - 1) * DAY // 2 + 9_000_000, agrees=number != 5,
                )
        store.feeds.put_edition(FeedEditionRow("ctcc", 1, "full", 5, 5, 5, ROOT, ROOT, START))
    return store


def numbers(store: Store, **asked: Any) -> list[int]:
    return [row.edition for row in store.feed_history.editions(recipient="cmcc", **{"limit": 20} | asked)]


def test_editions_come_newest_first_in_pages_from_any_edition_on(filled: Store) -> None:
    assert numbers(filled) == list(range(10, 0, -1))
    assert numbers(filled, limit=3, after=3) == [7, 6, 5]
    assert numbers(filled, upto=4, limit=2) == [4, 3]


def test_editions_are_picked_by_each_kind_of_file_they_have(filled: Store) -> None:
    assert numbers(filled, kind="full") == [6]
    assert numbers(filled, kind="delta") == list(range(10, 0, -1))
    assert numbers(filled, kind="rollup") == []


def test_editions_sort_by_every_word_in_both_directions(filled: Store) -> None:
    assert numbers(filled, sort="rows")[0] == 6
    for sort in SORTS:
        assert numbers(filled, sort=sort) == numbers(filled, sort=sort, descending=False)[::-1]


def test_the_edition_of_a_time_is_the_newest_one_offered_by_then(filled: Store) -> None:
    def found(at: int) -> int | None:
        return filled.feed_history.edition_at(recipient="cmcc", at=at)

    assert (found(START - 1), found(START), found(START + 2 * DAY), found(START + 99 * DAY)) == (None, 1, 5, 10)


def test_days_sum_what_was_published_on_them_in_local_time(filled: Store) -> None:
    days = filled.feed_history.days(recipient="cmcc", since=0, until=START + 99 * DAY, offset=0)
    assert [(day.day, day.editions, day.changes, day.entries) for day in days] == [
        (20_000, 2, 3, 20), (20_001, 2, 7, 40), (20_002, 2, 11, 60), (20_003, 2, 15, 80), (20_004, 2, 19, 100),
    ]  # fmt: skip
    assert days[2].bytes == 1100
    assert days[2].change_bytes == 110
    shifted = filled.feed_history.days(recipient="cmcc", since=0, until=START + 99 * DAY, offset=13 * HOUR)
    assert [day.editions for day in shifted] == [1, 2, 2, 2, 2, 1]
    assert filled.feed_history.entries_before(recipient="cmcc", at=START + DAY) == 20
    assert filled.feed_history.entries_before(recipient="cmcc", at=START) == 0


def test_acknowledgements_say_how_long_they_took(filled: Store) -> None:
    said = filled.feed_history.said(recipient="cmcc", limit=9)
    assert [each.edition for each in said] == [9, 7, 5, 3, 1]
    assert {each.delay_s for each in said} == {9}
    assert [each.edition for each in filled.feed_history.said(recipient="cmcc", agrees=False, limit=9)] == [5]
    assert [each.edition for each in filled.feed_history.said(recipient="cmcc", agrees=True, before=7, limit=1)] == [3]


def test_an_edition_in_two_key_epochs_counts_once_and_each_acknowledgement_stands_by_its_own(filled: Store) -> None:
    again = START + 4 * DAY + DAY // 2 + MINUTE
    with filled.writing():
        filled.feeds.put_edition(FeedEditionRow(
            "cmcc", 10, "full", 7, 700, 99, ROOT, ROOT, again, changes=4, change_bytes=40, epoch=2,
        ))  # fmt: skip
        for edition, epoch, at in ((9, 2, again), (10, 1, again), (10, 2, again + 5_000_000)):
            filled.feeds.acknowledge(
                recipient="cmcc", edition=edition, content_root=ROOT, exceptions_root=ROOT, at=at, agrees=True,
                epoch=epoch,
            )
    day = filled.feed_history.days(recipient="cmcc", since=START + 4 * DAY, until=START + 9 * DAY, offset=0)[0]
    assert (day.editions, day.changes, day.change_bytes, day.bytes, day.entries) == (2, 13, 130, 1600, 99)
    assert filled.feed_history.entries_before(recipient="cmcc", at=START + 9 * DAY) == 99
    assert numbers(filled, limit=3) == [10, 9, 8]
    said = filled.feed_history.said(recipient="cmcc", limit=4)
    assert [(each.edition, each.epoch, each.delay_s) for each in said] == [
        (10, 2, 5), (10, 1, 60), (9, 2, None), (9, 1, 9),
    ]  # fmt: skip
