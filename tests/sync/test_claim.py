"""Claiming editions: every change in exactly one, under writers, crashes and second claimers, on both engines."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from registry import editions, serving, tags
from registry.errors import RegistryError
from registry.preferences import EVERYTHING, NOTHING, Preference
from registry.store.editions import EditionRow
from registry.store.feeds import Recipient
from registry.times import to_micros
from sync import changes
from sync.claim import claim
from tests.sync.town import Town

LOANS = Preference(1, 1, 1, 0)


def take(town: Town) -> EditionRow | None:
    """Claim, and call the edition published."""
    found = claim(town.store, town.clock, town.keys, town.plan)
    if found is not None:
        with town.store.writing():
            town.store.editions.publish(edition=found.edition, at=to_micros(town.clock.now()))
    return found


def said(town: Town, edition: int) -> dict[bytes, tuple[Any, ...]]:
    return {row[0]: row[1:] for page in town.store.editions.changes(after=edition - 1, upto=edition) for row in page}


def told(town: Town, party: str, after: int, upto: int, scope: str = "home") -> changes.Delta:
    key = town.keys.list_key(party)
    return changes.of_recipient(
        changes.load(town.store, town.keys, after=after, upto=upto), Recipient(party, 1, scope), key, "aes-cmac-64"
    )


def tag(town: Town, party: str, place: int) -> int:
    digits = np.array([town.digits[place]], np.uint64)
    return int(tags.tags_many(town.keys.list_key(party), digits)[0])


def test_nothing_pending_makes_no_edition(any_town: Town) -> None:
    assert take(any_town) is None
    assert any_town.store.editions.newest() == 0


def test_the_first_edition_may_be_of_nothing_so_that_carriers_can_begin(any_town: Town) -> None:
    town = any_town
    for expected in (1, None):
        found = claim(town.store, town.clock, town.keys, town.plan, first=True)
        assert (found.edition if found else None) == expected
        with town.store.writing():
            town.store.editions.publish(edition=1, at=1)


def test_an_edition_holds_what_was_pending_with_its_carrier_and_empties_it(any_town: Town) -> None:
    town = any_town
    town.decline(0)
    town.decline(1, LOANS)
    town.decline(2)
    town.decline(2, NOTHING)
    found = take(town)
    assert (found.edition, found.state, found.changes, found.exceptions) == (1, "open", 3, 0)
    assert said(town, 1) == {
        town.number(0): (65535, 65535, 65535, 0, town.carrier(0), None),
        town.number(1): (1, 1, 1, 0, town.carrier(1), None),
        town.number(2): (0, 0, 0, 0, town.carrier(2), None),
    }
    assert not town.store.editions.anything_pending()
    assert take(town) is None


def test_an_open_edition_is_resumed_with_the_same_rows_and_no_other_is_claimed(any_town: Town) -> None:
    town = any_town
    town.decline(0)
    first = claim(town.store, town.clock, town.keys, town.plan)
    town.decline(0, LOANS)
    town.decline(1)
    again = claim(town.store, town.clock, town.keys, town.plan)
    assert again == first
    assert said(town, 1)[town.number(0)][0] == 65535
    take(town)
    assert {number: row[0] for number, row in said(town, take(town).edition).items()} == {
        town.number(0): 1, town.number(1): 65535,
    }


def test_a_crash_while_claiming_leaves_everything_pending(any_town: Town) -> None:
    town = any_town
    for place in range(5):
        town.decline(place)
    town.allow(0)
    broken = Town(**{**vars(town), "plan": None})  # the serving carrier cannot be told: the transaction breaks midway
    with pytest.raises(AttributeError):
        claim(broken.store, broken.clock, broken.keys, broken.plan)
    assert town.store.editions.newest() == 0
    assert take(town).changes == 5


def test_an_edition_larger_than_a_page_is_whole(any_town: Town) -> None:
    town = any_town
    town.load(1500)
    with town.store.writing():
        town.store.editions.insert(edition=1, state="open", opened=0)
        town.store.editions.mark(1)
        pages = list(town.store.editions.marked(1, most=400))
    assert [len(page) for page in pages] == [400, 400, 400, 300]
    numbers = [row["number"] for page in pages for row in page]
    assert numbers == sorted(numbers)
    assert set(numbers) == {town.number(place) for place in range(1500)}


def test_exceptions_larger_than_a_page_are_whole(any_town: Town) -> None:
    town = any_town
    for place in range(7):
        for telemarketer in ("acme", "globex"):
            for kind in (1, 3):
                town.allow(place, telemarketer, kind)
    with town.store.writing():
        town.store.editions.insert(edition=1, state="open", opened=0)
        town.store.editions.mark(1)
        pages = list(town.store.editions.marked_exceptions(1, most=5))
    rows = [(row["number"], row["telemarketer"], row["kind"]) for page in pages for row in page]
    assert (len(rows), len(set(rows))) == (28, 28)


def test_while_writers_register_and_claimers_claim_no_change_is_lost_or_doubled(any_town: Town) -> None:
    town = any_town
    stop, failures = threading.Event(), []

    def write(start: int) -> None:
        try:
            for round_ in range(6):
                for place in range(start, start + 10):
                    town.decline(place, Preference(round_ + 1, 0, 0, 0))
        except RegistryError as error:
            failures.append(error)

    def publish() -> None:
        try:
            while not stop.is_set():
                take(town)
        except RegistryError as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(start,)) for start in (0, 10, 20)]
    publishers = [threading.Thread(target=publish) for _ in range(2)]
    for thread in (*writers, *publishers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in publishers:
        thread.join()
    while take(town):
        pass
    assert not failures
    newest = town.store.editions.newest()
    last: dict[bytes, int] = {}
    for edition in range(1, newest + 1):
        rows = said(town, edition)
        assert len(rows) == town.store.editions.edition(edition).changes > 0
        last.update({number: row[0] for number, row in rows.items()})
    assert last == {town.number(place): 6 for place in range(30)}


def test_a_home_feed_is_told_of_its_own_numbers_only_and_a_national_one_of_all(town: Town) -> None:
    for place in range(200):
        town.decline(place)
    take(town)
    served = [place for place in range(200) if town.carrier(place) == "cmcc"]
    assert 0 < len(served) < 200
    home, national = told(town, "cmcc", 0, 1), told(town, "all", 0, 1, "national")
    assert set(home.records["tag"].tolist()) == {tag(town, "cmcc", place) for place in served}
    assert len(national.records) == 200
    assert not editions.removes(home.records).any()
    assert len(told(town, "stranger", 0, 1).records) == 0


def test_a_ported_number_moves_from_feed_to_feed_with_its_exceptions(any_town: Town) -> None:
    town = any_town
    place = next(place for place in range(200) if town.carrier(place) == "cmcc")
    town.decline(place)
    town.allow(place, "acme", kind=3, until=86_400_000_000 * 20_000 + 5)
    take(town)
    town.port(place, "ctcc")
    take(town)
    (came,) = told(town, "ctcc", 1, 2).records
    (left,) = told(town, "cmcc", 1, 2).records
    assert (int(came["tag"]), int(came["calls"])) == (tag(town, "ctcc", place), 65535)
    assert (int(left["tag"]), int(left["calls"]), int(left["quiet"])) == (tag(town, "cmcc", place), 0, 0)
    (allowed,) = told(town, "ctcc", 1, 2).exceptions
    (ended,) = told(town, "cmcc", 1, 2).exceptions
    ordinals = {party: ordinal for ordinal, party in town.store.feeds.ordinals().items()}
    assert allowed.tolist()[1:] == (ordinals["acme"], 3, 65535, 65535, 65535, 20_000)
    assert ended.tolist()[1:] == (ordinals["acme"], 3, 0, 0, 0, 0)
    assert len(told(town, "all", 1, 2, "national").records) == 1


def test_a_porting_written_down_by_a_faster_clock_counts_at_once(any_town: Town) -> None:
    town = any_town
    place = next(place for place in range(200) if town.carrier(place) == "cmcc")
    town.decline(place)
    take(town)
    town.clock.advance(5)
    town.port(place, "ctcc")
    town.clock.advance(-5)
    take(town)
    assert len(told(town, "ctcc", 1, 2).records) == 1
    assert editions.removes(told(town, "cmcc", 1, 2).records).all()


def test_of_several_editions_the_last_word_counts(any_town: Town) -> None:
    town = any_town
    place = next(place for place in range(200) if town.carrier(place) == "cmcc")
    town.decline(place)
    take(town)
    town.decline(place, LOANS)
    town.allow(place)
    take(town)
    town.port(place, "ctcc")
    take(town)
    town.port(place, "cmcc")
    town.allow(place, masks=0)
    take(town)
    (row,) = told(town, "cmcc", 0, 4).records
    assert int(row["calls"]) == 1
    assert editions.removes(told(town, "ctcc", 0, 4).records).all()
    assert editions.removes(told(town, "cmcc", 0, 4).exceptions).all()
    (row,) = told(town, "cmcc", 0, 3).records
    assert int(row["calls"]) == 0
    assert len(told(town, "cmcc", 0, 1).exceptions) == 0


def test_everything_declined_stays_everything_in_the_record(town: Town) -> None:
    town.decline(0, EVERYTHING)
    take(town)
    (row,) = told(town, "all", 0, 1, "national").records
    assert (row["calls"], row["robocalls"], row["messages"], row["quiet"]) == (65535, 65535, 65535, 0)


def test_an_edition_that_is_wanted_comes_although_nothing_changed(any_town: Town) -> None:
    any_town.decline(0)
    with any_town.store.writing():
        any_town.store.editions.want("resellers", at=1)
        any_town.store.editions.want("resellers", at=2)
    for edition, count in ((1, 1), (2, 0)):
        found = claim(any_town.store, any_town.clock, any_town.keys, any_town.plan)
        assert found is not None
        assert (found.edition, found.changes) == (edition, count)
        with any_town.store.writing():
            any_town.store.editions.publish(edition=edition, at=3)
            if edition == 1:
                any_town.store.editions.want("resellers", at=4)
    assert claim(any_town.store, any_town.clock, any_town.keys, any_town.plan) is None


def mine_of_cmcc(town: Town) -> int:
    return next(place for place in range(200) if town.carrier(place) == "cmcc")


def who(town: Town, edition: int, place: int) -> tuple[str, str | None]:
    """On whose lists an edition puts a number, and off whose."""
    return said(town, edition)[town.number(place)][-2:]


def test_a_number_ported_twice_before_publishing_leaves_the_carrier_that_has_it(any_town: Town) -> None:
    town, place = any_town, mine_of_cmcc(any_town)
    town.decline(place)
    take(town)
    for carrier in ("ctcc", "cucc"):
        town.clock.advance(1)
        town.port(place, carrier)
    town.decline(place, LOANS)
    take(town)
    assert who(town, 2, place) == ("cucc", "cmcc")


def test_a_number_ported_there_and_back_before_publishing_has_left_nobody(any_town: Town) -> None:
    town, place = any_town, mine_of_cmcc(any_town)
    town.decline(place)
    take(town)
    for carrier in ("ctcc", "cmcc"):
        town.clock.advance(1)
        town.port(place, carrier)
    take(town)
    assert who(town, 2, place) == ("cmcc", None)


def test_a_number_ported_while_an_edition_is_open_leaves_the_carrier_of_that_edition(any_town: Town) -> None:
    town, place = any_town, mine_of_cmcc(any_town)
    town.decline(place)
    take(town)
    town.port(place, "ctcc")
    claim(town.store, town.clock, town.keys, town.plan)
    town.clock.advance(1)
    town.port(place, "cmcc")
    take(town)
    take(town)
    assert (who(town, 2, place), who(town, 3, place)) == (("ctcc", "cmcc"), ("cmcc", "ctcc"))


def test_in_the_overlap_both_carriers_hear_of_changes_and_then_the_old_one_loses_the_number(any_town: Town) -> None:
    town, place = any_town, mine_of_cmcc(any_town)
    town.decline(place)
    town.allow(place)
    take(town)
    town.port(place, "ctcc", overlap_hours=24)
    take(town)
    town.clock.advance(hours=23)
    town.decline(place, LOANS)
    assert serving.end_overlaps(town.store, town.clock) == 0
    take(town)
    for party in ("cmcc", "ctcc"):
        (row,) = told(town, party, 2, 3).records
        assert (int(row["tag"]), int(row["calls"])) == (tag(town, party, place), 1)
        assert len(told(town, party, 1, 2).exceptions) == 1
    town.clock.advance(hours=1)
    assert serving.end_overlaps(town.store, town.clock) == 1
    take(town)
    assert (who(town, 3, place), who(town, 4, place)) == (("ctcc cmcc", None), ("ctcc", "cmcc"))
    (gone,) = told(town, "cmcc", 3, 4).records
    assert (int(gone["calls"]), int(gone["quiet"])) == (0, 0)
    assert editions.removes(told(town, "cmcc", 3, 4).exceptions).all()
    assert not editions.removes(told(town, "ctcc", 3, 4).exceptions).any()


def test_the_overlaps_of_two_portings_end_one_after_the_other(any_town: Town) -> None:
    town, place = any_town, mine_of_cmcc(any_town)
    town.decline(place)
    take(town)
    town.port(place, "ctcc", overlap_hours=24)
    town.clock.advance(hours=10)
    town.port(place, "cbn", overlap_hours=24)
    take(town)
    town.clock.advance(hours=14)
    serving.end_overlaps(town.store, town.clock)
    take(town)
    town.clock.advance(hours=10)
    serving.end_overlaps(town.store, town.clock)
    take(town)
    expected = [("cbn cmcc ctcc", None), ("cbn ctcc", "cmcc"), ("cbn", "ctcc")]
    assert [who(town, edition, place) for edition in (2, 3, 4)] == expected


def test_a_porting_told_of_after_its_overlap_would_have_ended_has_none(any_town: Town) -> None:
    town, place = any_town, mine_of_cmcc(any_town)
    town.decline(place)
    take(town)
    serving.port(
        town.store, town.clock, town.plan, number=town.number(place), digits=town.digits[place], carrier="ctcc",
        at=town.clock.now() - timedelta(days=2), overlap=timedelta(hours=24),
    )
    take(town)
    assert who(town, 2, place) == ("ctcc", "cmcc")
