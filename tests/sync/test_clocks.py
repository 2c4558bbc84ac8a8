"""Clocks that are wrong: set back and forward by a day, at the publisher and at a follower; nothing lost or doubled."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from registry.preferences import NOTHING, Preference
from sync.publish import publish_once
from tests.doubles import FakeClock
from tests.sync.serving import PLACES, World
from tests.sync.town import Carrier, Town, assert_all_follow, contents, index_of, truth

DAY = timedelta(days=1)


def a_while(town: Town, seed: int, rounds: int = 6) -> None:
    """Some rounds of publishing, each with changes."""
    for turn in range(rounds):
        town.clock.advance([61, 61, 1800, 3700][turn % 4])
        for place in range(turn, turn + 4):
            town.decline(place % PLACES, Preference(seed + turn + 1, 0, 0, 0) if place % 3 else NOTHING)
        publish_once(town)


@pytest.mark.parametrize("first", [-DAY, DAY], ids=["back and forward", "forward and back"])
def test_the_publishers_clock_jumps_a_day_and_back_and_nothing_is_lost_or_doubled(
    small_town: Town, tmp_path: Path, first: timedelta
) -> None:
    town = small_town
    town.load(PLACES)
    publish_once(town)
    early = Carrier(town, "all", tmp_path / "early")
    early.follow()
    a_while(town, 1)
    for seed, jump in ((20, first), (40, -first), (60, -first), (80, first)):
        before, editions = index_of(town, "all").newest, town.store.editions.newest()
        town.clock.moment += jump
        a_while(town, seed)
        assert index_of(town, "all").newest == before + 6
        assert town.store.editions.newest() == editions + 6
        assert_all_follow(town, tmp_path, PLACES, ("cmcc", "all"))
    mirror = early.follow()
    assert contents(town, mirror, "all", PLACES) == truth(town, "all", PLACES)
    kinds = [file.kind for file in index_of(town, "all").files]
    assert kinds.count("full") <= 2


def test_a_registry_whose_clock_is_a_day_behind_is_said_to_be_expired_until_it_is_set_right(
    world: World,
) -> None:
    world.follow()
    right = world.town.clock.moment
    world.town.clock.moment = right - timedelta(hours=25)
    world.publish((world.place(), NOTHING))
    world.town.clock.moment = right
    assert world.refusal() == "feed_expired"
    assert world.mirror().edition == 1
    publish_once(world.town)  # renews what has ended
    assert world.follow().edition == 2


def test_a_follower_whose_clock_is_a_day_ahead_keeps_its_list_and_goes_on_when_it_is_right(world: World) -> None:
    world.follow()
    world.publish((world.place(), NOTHING))
    right, before = world.town.clock, contents(world.town, world.mirror(), "cmcc", PLACES)
    world.town.clock = FakeClock(right.now() + timedelta(hours=25))
    assert world.refusal() == "feed_expired"
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == before
    world.town.clock = right
    assert world.follow().edition == 2


def test_a_follower_whose_clock_is_a_day_behind_takes_what_is_published(world: World) -> None:
    right = world.town.clock
    for turn in range(3):
        world.town.clock = right
        world.publish((world.place(turn), NOTHING))
        world.town.clock = FakeClock(right.now() - DAY)
        assert world.follow().edition == turn + 2
    assert contents(world.town, world.mirror(), "cmcc", PLACES) == truth(world.town, "cmcc", PLACES)
