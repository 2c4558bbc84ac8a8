"""The publisher killed for real (SIGKILL) at random moments under a stream of changes: nothing lost or doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.outside.clock import SystemClock
from registry.outside.shelf import FolderShelf
from registry.preferences import NOTHING, Preference
from registry.store import Store
from registry.store.engine import SqliteEngine
from sync.publish import publish_once
from tests.sync.town import Carrier, Town, build, contents, truth

PLACES, KILLS = 24, 5


def town_in(folder: Path, plan: NumberPlan) -> Town:
    """The same town again: a database and a shelf on disk."""
    store = Store(SqliteEngine(folder / "registry.db"))
    store.migrate(at=0)
    keys = KeyRing(masters={1: bytes(range(32))})
    town = build(store, SystemClock(), keys, plan, folder / "instance", parties=("cmcc", "all"))
    town.shelf = FolderShelf(folder / "shelf")
    return town


def work(folder: str, seed: str) -> None:
    """Register and publish without end."""
    from registry.numbering import load_plan

    town, draw = town_in(Path(folder), load_plan()), random.Random(int(seed))
    print("ready", flush=True)
    while True:
        for _ in range(draw.randint(1, 4)):
            town.decline(draw.randrange(PLACES), draw.choice([NOTHING, Preference(draw.randint(1, 0xFFFF), 0, 0, 0)]))
        if publish_once(town)["editions"]:
            print("published", flush=True)


@pytest.mark.processes
def test_killed_at_random_moments_the_publisher_loses_and_doubles_nothing(tmp_path: Path, plan: NumberPlan) -> None:
    draw = random.Random(11)
    town = town_in(tmp_path, plan)
    followers = {party: Carrier(town, party, tmp_path / party) for party in ("cmcc", "all")}
    said: dict[int, list[object]] = {}
    for kill in range(KILLS):
        program = subprocess.Popen(
            [sys.executable, "-c", "import sys; from tests.sync.test_killed import work; work(*sys.argv[1:])",
             str(tmp_path), str(kill)],
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        for _ in range(draw.randint(1, 3)):  # however slow the machine is, each life gets something done
            assert program.stdout.readline() == b"published\n"
        time.sleep(draw.uniform(0, 0.2))
        program.send_signal(signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL
        program.stdout.close()
        if (tmp_path / "shelf" / "feeds" / "all" / "metadata" / "timestamp.json").exists():
            followers["all"].follow()  # what is published can be followed, also between a kill and the next start
        now = {
            edition: [row for page in town.store.editions.changes(after=edition - 1, upto=edition) for row in page]
            for edition in range(1, town.store.editions.newest() + 1)
        }
        assert {edition: now[edition] for edition in said} == said
        said = now
    publish_once(town)
    publish_once(town)
    assert not town.store.editions.anything_pending()
    assert town.store.editions.open_edition() is None
    for party, follower in followers.items():
        assert contents(town, follower.follow(), party, PLACES) == truth(town, party, PLACES)
    assert town.store.editions.newest() >= KILLS
    town.store.close()
