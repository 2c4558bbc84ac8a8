"""Looking up while a follower in another process moves to other key epochs: no number is ever missed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from registry.numbers import Number
from registry.preferences import EVERYTHING, Category, Preference
from registry.settings import KeySettings, Settings
from sync.follow import follow_once
from sync.lookup import Lookup
from sync.source import HttpSource
from sync.state import StateFolder
from tests.doubles import FakeClock
from tests.live import until
from tests.sync.serving import KEY, TEN, World

EPOCHS = 6


def follow(url: str, folder: str) -> None:
    """Follow, over and over, as a carrier's program does; until it is killed."""
    source = HttpSource(url, KEY)
    while True:
        follow_once(source, StateFolder(Path(folder)), FakeClock(), party="cmcc")


def test_a_lookup_that_was_opened_before_finds_everybody_after_a_move(world: World) -> None:
    world.town.allow(world.place(2), "acme", kind=1)
    world.publish((world.place(1), Preference(1, 0, 0, 0)))
    world.follow()
    for epoch in (2, 3):
        opened = Lookup.open(world.state)  # no file was looked into yet, and all will be gone
        world.town.rotate(days=8)
        world.publish()
        assert world.follow().epoch == epoch
        for place in world.served:
            found = opened.decide(Number(1, world.town.digits[place]), at=TEN, category=Category.LOAN)
            assert not found.allow
        allowed = opened.decide(Number(1, world.town.digits[world.place(2)]), at=TEN, party="acme")
        assert allowed.reason == "personal_allow"
        assert (opened.epoch, opened.freshness(world.town.clock.now()).edition) == (epoch, epoch + 1)


@pytest.mark.processes
def test_no_number_is_missed_while_a_follower_in_another_process_moves(world: World) -> None:
    town = world.town
    town.settings = Settings(keys=KeySettings(overlap_days=0))
    for place in world.served:
        town.decline(place, EVERYTHING)
    world.publish()
    world.follow()
    lookup, stop = Lookup.open(world.state), threading.Event()
    missed: list[str] = []
    asked, seen = [0], set()

    def ask() -> None:
        while not stop.is_set():
            lookup.refresh()  # nothing is mapped again, so that files vanish between two questions
            for place in world.served:
                found = lookup.decide(Number(1, town.digits[place]), at=TEN)
                asked[0] += 1
                if found.allow:
                    missed.append(found.reason)
            seen.add(lookup.epoch)

    url = f"{world.url}/api/v1/feeds/cmcc"
    follower = subprocess.Popen(
        [sys.executable, "-c", "import sys; from tests.sync.test_moving import follow; follow(*sys.argv[1:])",
         url, str(world.state.folder)],
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for epoch in range(2, EPOCHS + 1):
            town.rotate()
            world.publish()
            until(lambda epoch=epoch: lookup.epoch == epoch, seconds=60, every=0.02, what=f"epoch {epoch}")
    finally:
        stop.set()
        asker.join()
        follower.kill()
        follower.wait()
    assert missed == []
    assert seen >= {EPOCHS}
    assert asked[0] > len(world.served)
