"""Time that goes wrong: an old backup of the database is restored, and clocks are set back and forward by a day."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from registry import registrations
from registry.assembly import assemble
from registry.preferences import NOTHING
from tests.faults import checks
from tests.faults.carriers import Follower
from tests.faults.scene import CARRIERS, POOL, Say, Scene, end, kill, scene
from tests.live import until

DAY = 86_400


def old_backup(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """A backup is restored after newer editions were published: refused, shown, resumed, and followed."""
    with scene(folder, seed, say) as town:
        town.speak_many(800)
        for turn in range(rounds):
            clockwork, backup = town.clockwork(), folder / f"backup-{turn}.db"
            with town.stream():
                town.hand_over_reports(f"calls-{turn}", range(turn * 30, turn * 30 + 40))
                time.sleep(town.draw.uniform(3, 5))
                back_up(town, backup)
                known = town.registry.store.editions.newest()
                time.sleep(town.draw.uniform(2, 6))
                until(lambda known=known: town.registry.store.editions.newest() > known, seconds=20, what="an edition")
                for party in CARRIERS:
                    Follower(town, party).follow()
            kill(clockwork)
            published = town.registry.store.editions.newest()
            restore(town, backup)
            say(f"published up to edition {published}; restored a backup of edition {known}")
            _refused_and_resumed(town, published)
            town.hand_over_reports(f"again-{turn}", range(turn * 30 + 40))
            town.settle(town.clockwork())
            checks.everything(town)


def back_up(town: Scene, into: Path) -> None:
    """A backup of the database as an operator makes one while everything runs."""
    with closing(sqlite3.connect(town.instance / "registry.db")) as source, closing(sqlite3.connect(into)) as target:
        source.backup(target)


def restore(town: Scene, backup: Path) -> None:
    """Stop everything, put a backup in the database's place, start the site again; people know what is lost."""
    for child in town.live.children:
        end(child)
    town.registry.close()
    for path in town.instance.glob("registry.db*"):
        path.unlink()
    (town.instance / "registry.db").write_bytes(backup.read_bytes())
    town.registry = assemble(town.instance)
    town.live.start("web.commands", "--instance", str(town.instance), "site", log=town.folder / "site.log")
    town.said = {}
    for place in range(POOL):
        found = registrations.current(town.registry.store, town.number(place))
        if found is not None:
            town.said[place] = found.preference if found.is_active else NOTHING


def _refused_and_resumed(town: Scene, published: int) -> None:
    shelf = {name: town.registry.shelf.get(name) for name in town.registry.shelf.names("feeds/")}
    clockwork = town.clockwork()
    time.sleep(3)
    kill(clockwork)
    for _ in range(60):  # the killed one's lease may have to end first
        _, error = town.operator("publish", code=1)
        if not error.endswith("[publishing]\n"):
            break
        time.sleep(3)
    assert error.endswith("[database_behind_shelf]\n"), error
    assert {name: town.registry.shelf.get(name) for name in town.registry.shelf.names("feeds/")} == shelf
    told, _ = town.operator("editions", "resume", code=1)
    assert "LOST" in told, told
    done, _ = town.operator("editions", "resume", "--yes")
    assert f"Edition {published + 1} is published" in done, done
    town.say(done.splitlines()[-1])


def clock(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """The publisher's clock is a day behind, right, a day ahead, right…: nothing is lost or counted twice."""
    with scene(folder, seed, say) as town:
        town.speak_many(500)
        town.publish()
        expired = 0
        with town.stream():
            for turn in range(rounds):
                wrong = [-DAY, 0, DAY, 0][turn % 4]
                before = town.registry.store.editions.newest()
                clockwork = town.clockwork("tests.faults.shifted", str(wrong), "sync")
                until(
                    lambda before=before: town.registry.store.editions.newest() > before + 1, seconds=60,
                    what="editions go on",
                )
                end(clockwork)
                for party in CARRIERS:
                    expired += _followed_or_expired(Follower(town, party), wrong)
        town.settle(town.clockwork())
        checks.everything(town)
        say(f"{rounds} times set; carriers said {expired} times that the feed has expired, and went on afterwards")


def _followed_or_expired(carrier: Follower, wrong: int) -> bool:
    """A round of a carrier whose own clock is right; whether it found the feed expired."""
    if wrong >= 0:
        carrier.follow()
        return False
    reached = carrier.state.list.exists() and carrier.mirror().edition
    said = carrier.follow(code=1)
    assert said.endswith("[feed_expired]"), said
    assert not reached or carrier.mirror().edition == reached
    return True
