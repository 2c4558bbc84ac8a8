"""Answers offline, from what a follower keeps."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.errors import NotFoundError
from registry.numbers import Number
from registry.preferences import EVERYTHING, NOTHING, Category, Channel, Preference
from sync.lookup import Lookup
from sync.state import StateFolder
from tests.sync.serving import TEN, World


def ask(world: World, place: int, **how: Any) -> tuple[bool, str, str]:
    about = {"at": TEN, "category": Category.LOAN, **how}
    found = Lookup.open(world.state).decide(Number(1, world.town.digits[place]), **about)
    return found.allow, found.reason, found.rule


def test_offline_answers_follow_the_rules(world: World) -> None:
    everything, loans, quiet, gone = (world.place(which) for which in range(4))
    nights = Preference(0, 0, 0, 1 << 22)
    world.publish((loans, Preference(1, 0, 0, 0)), (quiet, nights), (gone, NOTHING))
    world.follow()
    assert ask(world, everything) == (False, "everything_declined", "49(7)")
    assert ask(world, loans) == (False, "category_declined", "49(7)")
    assert ask(world, loans, category=Category.TRAVEL)[0]
    assert ask(world, loans, channel=Channel.MESSAGES)[0]
    assert ask(world, quiet)[0]
    assert ask(world, quiet, at=TEN + timedelta(hours=12))[:2] == (False, "quiet_hours")
    assert ask(world, gone) == (True, "no_recorded_will", "34")


def test_exceptions_count_for_their_party_until_their_last_day(world: World) -> None:
    allowed, denied = world.place(0), world.place(1)
    until = int((TEN + timedelta(days=2)).timestamp() * 1_000_000)
    world.town.allow(allowed, "acme", kind=1, until=until)
    world.town.allow(denied, "acme", kind=2)
    world.publish((denied, NOTHING))
    world.follow()
    assert ask(world, allowed, party="acme") == (True, "personal_allow", "40")
    assert ask(world, allowed, party="globex")[1] == "everything_declined"
    assert ask(world, allowed, party="nobody")[1] == "everything_declined"
    assert ask(world, allowed, party="acme", at=TEN + timedelta(days=4))[1] == "everything_declined"
    assert ask(world, denied, party="acme")[1] == "personal_deny"
    assert ask(world, denied)[0]


def test_a_lookup_sees_what_the_follower_brings_when_it_looks_again(world: World) -> None:
    world.follow()
    lookup, number = Lookup.open(world.state), Number(1, world.town.digits[world.place()])
    assert not lookup.decide(number, at=TEN).allow
    world.publish((world.place(), NOTHING))
    world.follow()
    lookup.refresh()
    assert lookup.decide(number, at=TEN).allow
    assert lookup.freshness(world.town.clock.now()).edition == 2


def test_an_expired_list_still_answers_and_says_that_it_is_old(world: World) -> None:
    world.follow()
    lookup = Lookup.open(world.state)
    assert not lookup.freshness(world.town.clock.now()).expired
    assert lookup.freshness(world.town.clock.now() + timedelta(hours=25)).expired
    assert not lookup.decide(Number(1, world.town.digits[world.place()]), at=TEN).allow


def test_without_a_list_there_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        Lookup.open(StateFolder(tmp_path / "nothing"))
    assert caught.value.code == "no_list"


def test_after_a_change_of_epoch_there_is_no_gap(world: World) -> None:
    world.follow()
    world.town.rotate()
    world.publish((world.place(), EVERYTHING), (world.place(1), NOTHING))
    assert not ask(world, world.place())[0]
    done = world.follow()
    assert (done.edition, world.mirror().state.epoch) == (2, 2)
    assert not ask(world, world.place())[0]
    assert ask(world, world.place(1))[0]
