"""A cache between the registry and a carrier that answers old files for a while, all of them or some."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from registry.errors import FeedError, NotFoundError
from registry.preferences import NOTHING, Preference
from tests.doubles import MemoryShelf
from tests.sync.serving import PLACES, World
from tests.sync.town import contents, truth

POINTER, INDEX, LISTS = "metadata/timestamp.json", "targets/", "lists/"


class Cache(MemoryShelf):
    """What the server reads: the real shelf, but for names that it still has in an old form, or says are missing."""

    def __init__(self, real: MemoryShelf) -> None:
        super().__init__()
        self.real, self.old = real, dict(real.files)
        self.stale: Callable[[str], bool] = lambda _name: False

    def get(self, name: str) -> bytes:
        if not self.stale(name):
            return self.real.get(name)
        if name not in self.old:
            raise NotFoundError("There is no such file.", code="no_such_file")
        return self.old[name]


@pytest.fixture
def cached(world: World) -> tuple[World, Cache]:
    """A carrier at edition 2, a registry at edition 4, and a cache that was filled at edition 1."""
    cache = Cache(world.town.shelf)
    world.publish((world.place(), NOTHING))
    world.follow()
    for turn in range(2):
        world.publish((world.place(turn + 1), Preference(turn + 1, 0, 0, 0)))
    world.handler.town = type("Served", (), {"__getattr__": lambda _self, name: getattr(world.town, name)})()
    world.handler.town.shelf = cache
    return world, cache


def holds(world: World, edition: int) -> bool:
    mirror = world.mirror()
    return mirror.edition == edition


def test_an_old_pointer_is_refused_and_the_list_stays(cached: tuple[World, Cache]) -> None:
    world, cache = cached
    cache.stale = lambda name: name.endswith(POINTER)
    assert world.refusal() == "feed_older"
    assert holds(world, 2)
    cache.stale = lambda _name: False
    assert world.follow().edition == 4


def test_a_pointer_that_stays_the_same_is_no_error_until_it_expires(cached: tuple[World, Cache]) -> None:
    world, cache = cached
    world.follow()
    cache.old = dict(cache.real.files)
    cache.stale = lambda _name: True
    for hour in range(20):
        world.publish((world.place(hour % 5), Preference(hour + 1, 0, 0, 0)))
        world.town.clock.advance(hours=1)
        assert world.follow().edition == 4
    world.town.clock.advance(hours=8)
    assert world.refusal() == "feed_expired"
    assert holds(world, 4)
    cache.stale = lambda _name: False
    world.publish((world.place(), Preference(9, 9, 9, 0)))
    assert world.follow().edition == 25
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)


@pytest.mark.parametrize("what", [INDEX, LISTS, ".snapshot.json", ".targets.json"])
def test_files_that_a_cache_does_not_have_yet_are_fetched_when_it_has(cached: tuple[World, Cache], what: str) -> None:
    world, cache = cached
    cache.stale = lambda name: what in name
    assert world.refusal() == "feed_incomplete"
    assert holds(world, 2)
    cache.stale = lambda _name: False
    assert world.follow().edition == 4


def test_a_cache_that_mixes_old_and_new_never_leaves_a_wrong_list(cached: tuple[World, Cache]) -> None:
    world, cache = cached
    draw, followed, refused, past = random.Random(5), 0, set(), []
    cache.stale = lambda _name: draw.random() < 0.2
    for turn in range(60):
        if turn % 3 == 0:
            past = [*past[-3:], dict(cache.real.files)]
            world.publish((world.place(turn % 7), Preference(turn + 1, 0, 0, 0) if turn % 2 else NOTHING))
        cache.old = draw.choice(past)
        reached = world.mirror().edition
        try:
            done = world.follow()
        except FeedError as error:
            refused.add(error.code)
        else:
            followed += 1
            assert done.agrees
        assert world.mirror().edition >= reached
        world.town.clock.advance(timedelta(minutes=2).total_seconds())
    assert followed > 5
    assert refused
    assert refused <= {"feed_older", "feed_incomplete", "feed_altered"}
    cache.stale = lambda _name: False
    assert world.follow().agrees
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)


def test_an_acknowledgement_of_an_edition_that_was_not_published_is_refused(cached: tuple[World, Cache]) -> None:
    from registry import followers
    from registry.errors import InvalidInputError

    world, _ = cached
    root = "00" * 32
    for edition in (5, 99, 2**40):
        with pytest.raises(InvalidInputError) as caught:
            followers.acknowledge(
                world.town.store, world.town.clock, party="cmcc", edition=edition, content_root=root,
                exceptions_root=root,
            )
        assert caught.value.code == "unknown_edition"
    (state, _) = followers.feed_states(world.town.store, world.town.clock)
    assert (state.acknowledged, state.agrees) == (2, True)
