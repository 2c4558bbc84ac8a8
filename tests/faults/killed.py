"""kill -9: of the publisher while people register, of a follower while it applies, of one of two publishers."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.faults import checks
from tests.faults.carriers import Follower
from tests.faults.scene import CARRIERS, Say, Scene, end, kill, scene


def publisher(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """The clockwork is killed at random points while people register and reports arrive."""
    with scene(folder, seed, say) as town:
        town.speak_many(500)
        with town.stream():
            for turn in range(rounds):
                town.hand_over_reports(f"calls-{turn}", range(turn * 40, turn * 40 + 60))  # twenty of them come twice
                clockwork = town.clockwork()
                time.sleep(town.draw.uniform(0.0, 2.5))
                kill(clockwork)
                if turn % 10 == 9:
                    _between(town, turn)
        town.settle(town.clockwork())
        checks.everything(town)
        say(f"killed {rounds} times; {killed_in(town)} rounds were broken off")


def _between(town: Scene, turn: int) -> None:
    """What is published can be followed, also between a kill and the next start."""
    editions = []
    for party in CARRIERS:
        follower = Follower(town, party)
        if (town.instance / "shelf" / "feeds" / party / "metadata" / "timestamp.json").exists():
            follower.follow()
            editions.append(follower.mirror().edition)
    town.say(f"after {turn + 1} kills: carriers follow to {editions} of {town.registry.store.editions.newest()}")


def killed_in(town: Scene) -> int:
    """How many runs of the publisher never came to their end."""
    return _counted(town, "SELECT COUNT(*) AS many FROM job_run WHERE job = 'publish' AND finished IS NULL")


def _counted(town: Scene, sql: str) -> int:
    row = town.registry.store.engine.row(sql)
    assert row is not None
    return int(row["many"])


def follower(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """A follower is killed at random points while it fetches and applies."""
    with scene(folder, seed, say) as town:
        town.speak_many(1500)
        clockwork = town.clockwork()
        carrier = Follower(town, "watch")
        time.sleep(4)
        began = time.monotonic()
        carrier.follow()
        took, reached, moved = time.monotonic() - began, carrier.mirror().edition, 0
        for turn in range(rounds):
            town.speak_many(150)
            time.sleep(1.2)
            program = carrier.begin()
            time.sleep(took * town.draw.uniform(0.3, 1.2))
            kill(program)
            now = carrier.mirror().edition
            assert now >= reached, "the list went back"
            moved += now > reached
            reached = now
            if turn % 10 == 9:
                say(f"after {turn + 1} kills: at edition {reached}, {moved} rounds had taken theirs")
        town.settle(clockwork)
        checks.everything(town)


def two_publishers(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """Two clockworks and a command that publishes; one is killed, or stands still for longer than its lease holds."""
    with scene(folder, seed, say, lease=3) as town:
        town.speak_many(300)
        programs = [town.clockwork(), town.clockwork()]
        with town.stream():
            for turn in range(rounds):
                time.sleep(town.draw.uniform(0.3, 2.0))
                which = town.draw.randrange(2)
                if turn % 3 == 0:
                    kill(programs[which])
                    programs[which] = town.clockwork()
                elif turn % 3 == 1:
                    os.kill(programs[which].pid, signal.SIGSTOP)
                    time.sleep(town.draw.uniform(3.5, 5.0))
                    os.kill(programs[which].pid, signal.SIGCONT)
                else:
                    town.live.sync("--instance", str(town.instance), "publish", check=False)
                if turn % 10 == 9:
                    _between(town, turn)
        end(programs[0])
        town.settle(programs[1])
        checks.everything(town)
        holders = _counted(town, "SELECT COUNT(DISTINCT holder) AS many FROM job_run WHERE job = 'publish'")
        say(f"{holders} publishers took turns")
