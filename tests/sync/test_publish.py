"""Publishing, for real but for the network: what carriers come to is what the tables say, however a round ends."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from registry import roots
from registry.errors import ConflictError, UnavailableError
from registry.preferences import EVERYTHING, NOTHING, Preference
from registry.settings import PublishSettings, Settings
from sync import feed, freshness, rolling
from sync.compare import compare_base
from sync.mirror import Mirror
from sync.publish import publish_once
from tests.doubles import MemoryShelf
from tests.sync.town import (
    CARRIERS,
    Carrier,
    Town,
    assert_all_follow,
    contents,
    index_of,
    truth,
)

LOANS = Preference(1, 1, 1, 0)
NIGHTS = Preference(0, 0, 0, 0b111)


def test_every_carrier_comes_to_what_the_tables_say(any_town: Town, tmp_path: Path) -> None:
    town = any_town
    for place in range(40):
        town.decline(place, LOANS if place % 7 == 0 else EVERYTHING)
    town.allow(3)
    assert publish_once(town) == {"editions": 1, "feeds": 5, "rows": 82, "renewed": 0}
    assert_all_follow(town, tmp_path, 40)
    town.clock.advance(60)
    town.decline(1, NOTHING)
    town.decline(2, NIGHTS)
    town.port(3, "cbn" if town.carrier(3) != "cbn" else "cmcc")
    town.allow(4, "globex", kind=2)
    counts = publish_once(town)
    assert counts["editions"] == 1
    assert_all_follow(town, tmp_path, 40)


def test_an_empty_registry_has_feeds_that_can_be_followed(town: Town, tmp_path: Path) -> None:
    assert publish_once(town)["feeds"] == 5
    assert_all_follow(town, tmp_path, 5)
    assert publish_once(town) == {"editions": 0, "feeds": 0, "rows": 0, "renewed": 0}


def test_a_feed_that_nothing_changed_for_stays_where_it_is(town: Town, tmp_path: Path) -> None:
    town.load(50)
    publish_once(town)
    town.clock.advance(60)
    place = next(place for place in range(50) if town.carrier(place) == "cmcc")
    town.decline(place, LOANS)
    publish_once(town)
    assert {party: index_of(town, party).newest for party in CARRIERS} == {
        "cmcc": 2, "ctcc": 1, "cucc": 1, "cbn": 1, "all": 2,
    }
    newest = town.store.feeds.newest()
    assert newest["cmcc"].kind == "delta"
    assert (newest["cmcc"].rows, newest["ctcc"].edition) == (1, 1)
    assert_all_follow(town, tmp_path, 50)


def test_a_carrier_that_joins_later_begins_with_a_full_list(town: Town, tmp_path: Path) -> None:
    with town.store.writing():
        town.store.engine.run("UPDATE party SET state = 'closed' WHERE party = 'ctcc'")
    town.load(50)
    publish_once(town)
    with town.store.writing():
        town.store.engine.run("UPDATE party SET state = 'active' WHERE party = 'ctcc'")
    town.clock.advance(60)
    assert publish_once(town)["feeds"] == 1
    assert_all_follow(town, tmp_path, 50)


def test_months_of_publishing_keep_every_follower_on_the_list(small_town: Town, tmp_path: Path) -> None:
    town = small_town
    town.settings = Settings(publish=PublishSettings(base_changes=40))
    late: dict[int, Carrier] = {}
    for step in range(40):
        for place in range(step, step + 3):
            town.decline(place % 60, Preference(1 + step % 5, step % 3, 0, step % 2))
        town.decline((step * 7) % 60, NOTHING)
        publish_once(town)
        town.clock.advance([60, 60, 1800, 7200, 86_400, 86_400 * 4][step % 6])
        if step % 9 == 0:
            late[step] = Carrier(town, "all", tmp_path / f"late-{step}")
            late[step].follow()
        freshness.tidy(town, keep=lambda: None)
    publish_once(town)
    index = index_of(town, "all")
    assert {file.kind for file in index.files} == {"full", "delta", "rollup"}
    assert sum(file.kind == "full" for file in index.files) == 2
    roots = {carrier.follow().content_root for carrier in late.values()}
    assert roots == {Mirror.open(town.instance / "mirrors" / "all-1").content_root}
    assert_all_follow(town, tmp_path, 60, ("all", "cmcc"))
    assert len(town.store.editions.bases()) <= rolling.KEPT


def test_a_pointer_is_renewed_before_it_expires(town: Town, tmp_path: Path) -> None:
    publish_once(town)
    town.clock.advance(hours=5)
    assert publish_once(town)["renewed"] == 0
    town.clock.advance(hours=1)
    assert publish_once(town)["renewed"] == 5
    town.clock.advance(hours=23)
    assert_all_follow(town, tmp_path, 1)


class FullShelf(MemoryShelf):
    """A shelf that takes nothing for some parties."""

    def __init__(self, *parties: str) -> None:
        super().__init__()
        self.full = {f"feeds/{party}/" for party in parties}

    def put(self, name: str, content: bytes | Path) -> None:
        if any(name.startswith(prefix) for prefix in self.full):
            raise UnavailableError("The disk of the shelf is full.", code="disk_full")
        super().put(name, content)


def test_a_recipient_that_fails_does_not_stop_the_others_and_catches_up(town: Town, tmp_path: Path) -> None:
    town.shelf = FullShelf("cmcc")
    town.load(50)
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert caught.value.code == "feeds_failed"
    assert "cmcc: The disk of the shelf is full." in caught.value.detail
    assert_all_follow(town, tmp_path, 50, ("ctcc", "cucc", "cbn", "all"))
    assert town.store.editions.edition(1).state == "published"
    town.shelf.full.clear()
    town.decline(0, LOANS)
    publish_once(town)
    assert_all_follow(town, tmp_path, 50)


def test_an_edition_that_reached_nobody_stays_open(town: Town, tmp_path: Path) -> None:
    town.shelf = FullShelf(*CARRIERS)
    town.load(5)
    with pytest.raises(UnavailableError):
        publish_once(town)
    assert town.store.editions.open_edition().edition == 1
    town.shelf.full.clear()
    publish_once(town)
    assert town.store.editions.open_edition() is None
    assert_all_follow(town, tmp_path, 5)


def test_a_database_older_than_the_shelf_publishes_nothing_and_says_what_to_do(town: Town) -> None:
    town.load(20)
    publish_once(town)
    town.decline(0, LOANS)
    publish_once(town)
    before = dict(town.shelf.files)
    with town.store.writing():
        town.store.engine.run("DELETE FROM edition WHERE edition = 2")
        town.store.engine.run("DELETE FROM edition_change WHERE edition = 2")
    town.decline(1, LOANS)
    with pytest.raises(ConflictError) as caught:
        publish_once(town)
    assert caught.value.code == "database_behind_shelf"
    assert "Restore the newest backup" in caught.value.detail
    assert town.shelf.files == before
    assert town.store.editions.newest() == 1


def test_the_mark_knows_an_edition_that_no_feed_can_tell_of(town: Town) -> None:
    town.shelf = FullShelf(*CARRIERS)
    town.load(5)
    with pytest.raises(UnavailableError):
        publish_once(town)
    town.shelf.full.clear()
    with town.store.writing():
        for table in ("edition", "edition_change"):
            town.store.engine.run(f"DELETE FROM {table}")
    town.decline(1, LOANS)
    with pytest.raises(ConflictError) as caught:
        publish_once(town)
    assert caught.value.code == "database_behind_shelf"
    assert not list(town.shelf.names("feeds/"))


def test_a_damaged_or_lost_copy_is_brought_back_from_the_shelf(town: Town, tmp_path: Path) -> None:
    town.load(80)
    publish_once(town)
    for damage in ("bucket", "state", "gone"):
        folder = town.instance / "mirrors" / "all-1"
        bucket = next(path for path in sorted(folder.iterdir()) if len(path.name) == 35)
        if damage == "bucket":
            bucket.write_bytes(b"")
        elif damage == "state":
            (folder / "state.json").write_bytes(b"{")
        else:
            for path in folder.iterdir():
                path.unlink()
        town.clock.advance(61)
        town.decline(5, Preference(len(damage), 0, 0, 0))
        publish_once(town)
        assert_all_follow(town, tmp_path, 80)


def test_a_list_file_that_somebody_deleted_does_not_stop_publishing(town: Town, tmp_path: Path) -> None:
    town.load(30)
    publish_once(town)
    for minute in range(3):
        town.clock.advance(61)
        town.decline(minute, LOANS)
        publish_once(town)
    delta = next(file for file in index_of(town, "all").files if file.kind == "delta")
    town.shelf.delete(f"feeds/all/lists/{delta.parts[0].name}")
    town.clock.advance(3600)
    town.decline(7, LOANS)
    publish_once(town)
    assert any(file.kind == "rollup" for file in index_of(town, "all").files)
    assert_all_follow(town, tmp_path, 30)


def test_a_feed_that_was_altered_by_hand_is_named_and_the_others_go_on(town: Town, tmp_path: Path) -> None:
    town.load(30)
    publish_once(town)
    town.shelf.put("feeds/cmcc/metadata/1.targets.json", b"{}")
    town.decline(0, LOANS)
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert "The feed of cmcc on the shelf is damaged" in caught.value.detail
    assert_all_follow(town, tmp_path, 30, ("ctcc", "cucc", "cbn", "all"))


def test_a_base_that_differs_from_what_was_published_publishes_no_full_list(town: Town) -> None:
    town.load(30)
    publish_once(town)
    with town.store.writing():
        town.store.engine.run("UPDATE edition_change SET calls = 7 WHERE number = :number", number=town.number(3))
        town.store.editions.drop_bases(before=99)
    town.clock.advance(days=8)
    town.decline(0, LOANS)
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert "differs from its deltas" in caught.value.detail
    assert index_of(town, "all").newest == 1


def test_a_new_key_epoch_is_followed_with_a_full_list(town: Town, tmp_path: Path) -> None:
    town.load(30)
    publish_once(town)
    carrier = Carrier(town, "all", tmp_path / "old")
    carrier.follow()
    town.clock.advance(60)
    assert town.rotate() == 2
    town.decline(0, LOANS)
    publish_once(town)
    assert index_of(town, "all").epoch == 2
    mirror = carrier.follow()
    assert mirror.state.epoch == 2
    assert contents(town, mirror, "all", 30) == truth(town, "all", 30)


def test_the_other_algorithm_is_published_and_followed(town: Town) -> None:
    town.settings = Settings(publish=PublishSettings(algorithm="sm4-cmac-64"))
    town.load(30)
    publish_once(town)
    assert index_of(town, "all").algorithm == "sm4-cmac-64"
    assert Mirror.open(town.instance / "mirrors" / "all-1").entries == 30


def test_a_renewed_pointer_still_counts_a_day_later(town: Town) -> None:
    publish_once(town)
    town.clock.advance(timedelta(hours=7).total_seconds())
    publish_once(town)
    head = feed.read_head(town.shelf, "all", roots.newest_root(town.shelf))
    assert head.timestamp.expires - town.clock.now() == timedelta(hours=24)


def test_base_and_tables_say_the_same_and_a_difference_is_an_alarm(any_town: Town) -> None:
    town = any_town
    town.settings = Settings(publish=PublishSettings(rows_per_part=60))
    town.load(200)
    publish_once(town)
    for place in range(0, 200, 7):
        town.decline(place, NOTHING if place % 2 else LOANS)
    publish_once(town)
    town.decline(5, LOANS)
    town.decline(500, LOANS)
    active = sum(place % 7 != 0 or place % 2 == 0 for place in range(200)) - 1
    assert compare_base(town, keep=lambda: None) == active
    with town.store.writing():
        town.store.engine.run("UPDATE registration SET calls = 9 WHERE number = :number", number=town.number(8))
        town.store.engine.run("DELETE FROM registration WHERE number = :number", number=town.number(9))
    with pytest.raises(ConflictError) as caught:
        compare_base(town, keep=lambda: None)
    assert caught.value.code == "base_differs"
    assert "2 numbers" in caught.value.detail


class _Overtaken(MemoryShelf):
    """A shelf behind which another publisher finishes while ours writes its snapshot."""

    def __init__(self) -> None:
        super().__init__()
        self.other: Town | None = None

    def put(self, name: str, content: bytes | Path) -> None:
        super().put(name, content)
        if self.other is not None and name.endswith(".snapshot.json"):
            other, self.other = self.other, None
            publish_once(other)


def test_a_publisher_that_slept_puts_no_older_pointer_over_a_newer_one(small_town: Town, tmp_path: Path) -> None:
    shelf = _Overtaken()
    small_town.shelf = shelf
    publish_once(small_town)
    small_town.decline(0)
    small_town.clock.advance(61)
    shelf.other = dataclasses.replace(small_town, instance=tmp_path / "another machine")
    with pytest.raises(ConflictError) as caught:
        publish_once(small_town)
    assert caught.value.code == "lease_lost"
    small_town.decline(1)
    small_town.clock.advance(61)
    publish_once(small_town)
    assert_all_follow(small_town, tmp_path, 4, ("cmcc", "all"))
