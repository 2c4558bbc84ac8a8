"""Two key epochs beside each other: published both, followed by whoever has which key, ended without a gap."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from registry import editions, followers, roots, tags
from registry.errors import ConflictError, UnavailableError
from registry.keys import KeyRing
from registry.numbers import Number
from registry.preferences import NOTHING, Preference
from registry.store.epochs import EpochRow
from sync import feed, freshness
from sync.lookup import Lookup
from sync.mirror import Mirror
from sync.publish import publish_once
from sync.state import ListKeys
from tests.sync.serving import PLACES, TEN, World
from tests.sync.town import CARRIERS, Town, contents, index_of, truth

LOANS = Preference(1, 0, 0, 0)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def head_of(town: Town, party: str = "cmcc") -> feed.Head:
    head = feed.read_head(town.shelf, party, roots.newest_root(town.shelf))
    assert head is not None
    return head


def test_both_epochs_are_published_until_the_overlap_ends(any_town: Town) -> None:
    town = any_town
    town.load(40)
    publish_once(town)
    town.rotate()
    assert publish_once(town)["feeds"] == 5
    for step in range(3):
        town.clock.advance(61)
        town.decline(step, LOANS)
        publish_once(town)
        for party in CARRIERS:
            head, roots = head_of(town, party), set()
            assert [index.epoch for index in head.indexes] == [2, 1]
            for epoch in (1, 2):
                mirror = Mirror.open(town.instance / "mirrors" / f"{party}-{epoch}")
                index = head.of(epoch)
                assert index is not None
                assert index.edition(index.newest).content_root == mirror.content_root.hex()
                key = town.keys.list_key(party, epoch)
                assert contents(town, mirror, party, 40, key) == truth(town, party, 40)
                roots.add(mirror.content_root)
            assert len(roots) == (2 if mirror.entries else 1)
    town.clock.advance(days=7)
    publish_once(town)
    for party in CARRIERS:
        head = head_of(town, party)
        assert [index.epoch for index in head.indexes] == [2]
        assert list(head.targets.targets) == ["feed.json"]
    assert publish_once(town) == {"editions": 0, "feeds": 0, "rows": 0, "renewed": 0}
    freshness.tidy(town, keep=lambda: None)
    assert {path.name for path in (town.instance / "mirrors").iterdir()} == {f"{party}-2" for party in CARRIERS}


def test_a_follower_comes_over_by_itself_and_forgets_the_old_key(world: World) -> None:
    world.follow()
    world.town.rotate()
    world.publish((world.place(), LOANS))
    done = world.follow()
    assert (done.epoch, done.newest_epoch, done.edition, done.agrees, done.repaired) == (2, 2, 2, True, False)
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)
    keys = world.state.read("list-keys.json", ListKeys)
    assert keys is not None
    assert set(keys.keys) == {1, 2}
    world.town.clock.advance(days=7)
    world.publish((world.place(), NOTHING))
    world.follow()
    keys = world.state.read("list-keys.json", ListKeys)
    assert keys is not None
    assert set(keys.keys) == {2}
    assert (world.state.folder / "list-keys.json").stat().st_mode & 0o777 == 0o600
    (state, _) = followers.feed_states(world.town.store, world.town.clock)
    assert (state.acknowledged_epoch, state.epoch, state.agrees, state.lag_s) == (2, 2, True, 0)


def test_whoever_cannot_have_the_new_key_goes_on_with_the_old_one_until_it_can(world: World) -> None:
    world.follow()
    world.town.rotate()
    world.handler.withheld.add(2)
    world.publish((world.place(), LOANS))
    world.handler.asked.clear()
    done = world.follow()
    assert (done.epoch, done.newest_epoch, done.edition, done.agrees) == (1, 2, 2, True)
    fetched = [path.rpartition("/")[2] for path, _ in world.handler.asked if "/targets/" in path]
    assert [name.partition(".")[2] for name in fetched] == ["feed-1.json"]
    assert contents(world.town, world.mirror(), "cmcc", PLACES, world.town.keys.list_key("cmcc", 1)) == truth(
        world.town, "cmcc", PLACES
    )
    (state, _) = followers.feed_states(world.town.store, world.town.clock)
    assert (state.acknowledged, state.acknowledged_epoch, state.epoch, state.lag_s) == (2, 1, 2, 0)
    world.handler.withheld.clear()
    done = world.follow()
    assert (done.epoch, done.agrees) == (2, True)


def test_an_epoch_whose_overlap_ended_is_not_taken_and_the_list_stays(world: World) -> None:
    world.follow()
    world.town.rotate()
    world.handler.withheld.add(2)
    world.publish()
    world.town.clock.advance(days=7)
    world.publish((world.place(), NOTHING))
    assert world.refusal() == "no_list_key"
    assert world.mirror().state.epoch == 1
    assert not Lookup.open(world.state).decide(Number(1, world.town.digits[world.place()]), at=TEN).allow


def test_acknowledgements_count_for_the_epoch_whose_root_they_carry(world: World) -> None:
    town = world.town
    world.follow()
    town.rotate()
    world.publish((world.place(), LOANS))
    said = {"party": "cmcc", "edition": 2}
    for epoch in (1, 2):
        index = head_of(town).of(epoch)
        assert index is not None
        entry = index.edition(2)
        roots = {"content_root": entry.content_root, "exceptions_root": entry.exceptions_root}
        assert followers.acknowledge(town.store, town.clock, **said, **roots)
        assert followers.acknowledge(town.store, town.clock, **said, **roots, epoch=epoch)
        assert not followers.acknowledge(town.store, town.clock, **said, **roots, epoch=3 - epoch)


def test_a_publisher_without_the_newest_master_publishes_nothing_but_keeps_feeds_fresh(town: Town) -> None:
    town.load(20)
    publish_once(town)
    before = town.keys
    town.rotate()
    town.keys = KeyRing(dict(before.masters))
    town.clock.advance(hours=19)
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert caught.value.code == "epoch_not_held"
    head = head_of(town)
    assert [index.epoch for index in head.indexes] == [1]
    assert head.timestamp.version == 2


def test_a_publisher_without_an_older_master_goes_on_with_the_newest_and_says_so(town: Town) -> None:
    town.load(20)
    publish_once(town)
    town.rotate()
    town.keys = KeyRing({2: town.keys.masters[2]}, storage=town.keys.masters[1])
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert "epoch 1" in caught.value.detail
    assert [(index.epoch, index.newest) for index in head_of(town).indexes] == [(2, 2), (1, 1)]


def test_a_database_from_before_the_rotation_is_found_out(town: Town) -> None:
    town.load(20)
    publish_once(town)
    town.rotate()
    publish_once(town)
    with town.store.writing():
        town.store.engine.run("DELETE FROM key_epoch WHERE epoch = 2")
        town.store.engine.run("UPDATE key_epoch SET ended = NULL")
    with pytest.raises(ConflictError) as caught:
        publish_once(town)
    assert caught.value.code == "database_behind_shelf"
    assert town.store.epochs.all() == (EpochRow(1, 0, None, None),)


def long_index(index: editions.FeedIndex) -> editions.FeedIndex:
    """An index as long as one gets in years: 120 deltas, 48 hourly and 35 daily roll-ups, two full lists in parts."""
    files, listed = [], list(index.editions)
    for count, kind, parts in ((120, "delta", 1), (48, "rollup", 1), (35, "rollup", 1), (2, "full", 4)):
        for _ in range(count):
            number = len(files) + 1
            made = tuple(editions.FeedPart(123_456, 7_654_321, secrets.token_hex(32)) for _ in range(parts))
            files.append(editions.FeedFile(kind, 1_000_000 + number, index.newest, index.epoch, made, made[:1]))
            if kind != "delta":
                root = secrets.token_hex(32)
                listed.append(editions.FeedEdition(2_000_000 + number, 9_999_999, root, 99, root, NOW, index.epoch))
    return msgspec.structs.replace(index, files=(*index.files, *files), editions=tuple(listed))


@pytest.mark.parametrize("epoch", [1, 2])
def test_what_a_minute_costs_during_an_overlap(world: World, epoch: int) -> None:
    """Quiet: under 10 kB. Busy: under 60 kB beside the list files, with indexes as long as they get in either epoch."""
    town = world.town
    town.rotate()
    world.handler.withheld.update({2} if epoch == 1 else ())
    world.publish()
    assert world.follow().epoch == epoch
    costs = []
    for busy in (True, False):
        world.handler.asked.clear()
        if busy:
            head = head_of(town)
            long = [long_index(index) for index in head.indexes]
            for name, content in feed.advance(head, long, town.signing, town.clock.now(), hours=24).items():
                town.shelf.put(feed.place("cmcc", name), content)
        world.follow()
        costs.append(sum(len(town.shelf.files.get(path, b"")) for path, _ in world.handler.asked))
    assert 30_000 < costs[0] < 60_000
    assert costs[1] < 10_000


def test_the_targets_say_which_epoch_an_index_is_of(town: Town) -> None:
    town.load(5)
    publish_once(town)
    town.rotate()
    publish_once(town)
    offered = feed.epochs_of(head_of(town).targets.targets)
    assert {epoch: target.path for epoch, target in offered.items()} == {2: "feed.json", 1: "feed-1.json"}
    assert list(offered) == [2, 1]
    assert index_of(town, "cmcc").epoch == 2


def test_tags_of_two_epochs_have_nothing_in_common(town: Town) -> None:
    town.load(200)
    publish_once(town)
    town.rotate()
    publish_once(town)
    found = [Mirror.open(town.instance / "mirrors" / f"all-{epoch}") for epoch in (1, 2)]
    digits = np.array(town.digits[:200], np.uint64)
    for mirror, epoch in zip(found, (1, 2)):
        for key_epoch in (1, 2):
            held, _ = mirror.find_many(tags.tags_many(town.keys.list_key("all", key_epoch), digits))
            assert int(held.sum()) == (200 if key_epoch == epoch else 0)
