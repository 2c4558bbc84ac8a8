"""Disks that are full: that of the shelf while something is published, that of a follower's folder while it follows.

A disk of a few megabytes is mounted where that is allowed; elsewhere the kernel refuses files above a length.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import checks
from tests.faults.carriers import Follower
from tests.faults.scene import CARRIERS, Say, Scene, scene

SIZE = 24 << 20
FULL = ("disk_full", "is full")


@contextmanager
def small_disk(folder: Path, say: Say) -> Iterator[bool]:
    """Put a folder on a disk of its own of 24 MB; whether that was allowed."""
    kept = folder.with_name(f"{folder.name}.kept")
    folder.mkdir(exist_ok=True)
    folder.rename(kept)
    folder.mkdir(mode=0o700)
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    mounted = shutil.which("mount") is not None and not subprocess.run(words, capture_output=True).returncode
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        if not mounted:
            say("no disk can be mounted here; files above a length are refused instead")
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _free(town: Scene, turn: int, rounds: int, most: int) -> int:
    """The bytes left in a round: drawn from its share of all that may be left, so that a few rounds try little, too."""
    return int(town.draw.uniform(turn, turn + 1) * most / rounds)


def fill(folder: Path, free: int) -> Path:
    """Fill the disk of a folder so that about so many bytes are left."""
    filler = folder / ".filler"
    filler.unlink(missing_ok=True)
    left = os.statvfs(folder)
    with filler.open("wb") as file:
        file.write(b"\0" * max(0, left.f_bavail * left.f_frsize - free))
    return filler


def shelf(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """The disk of the shelf is full while editions are published; when there is room again, everything is."""
    with scene(folder, seed, say) as town:
        town.speak_many(1200)
        town.publish()
        with small_disk(town.instance / "shelf", say) as mounted:
            refused = 0
            for turn in range(rounds):
                town.speak_many(80)
                refused += _published_on_a_full_disk(town, _free(town, turn, rounds, 90_000), mounted=mounted)
                for party in CARRIERS:
                    Follower(town, party).follow()  # what they have stays good, and what came through is whole
                if turn % 2:
                    town.publish()
            town.publish()
            checks.everything(town)
            assert refused > rounds // 4
            say(f"{refused} of {rounds} rounds met a full disk")


def _published_on_a_full_disk(town: Scene, free: int, *, mounted: bool) -> bool:
    """One round of publishing with little room; whether it was refused, in words."""
    words = ["-m", "sync"] if mounted else ["-m", "tests.faults.limited", str(free // 20)]
    filler = fill(town.instance / "shelf", free) if mounted else None
    done = subprocess.run(
        [sys.executable, *words, "--instance", str(town.instance), "publish"], capture_output=True, text=True
    )
    if filler is not None:
        filler.unlink()
    if done.returncode:
        assert done.stderr.count("\n") == 1, done.stderr
        assert any(word in done.stderr for word in FULL), done.stderr
    return done.returncode != 0


def state(folder: Path, rounds: int, seed: int, say: Say) -> None:
    """The disk of a follower's folder is full: it says so, its list stays whole, and it goes on when there is room."""
    with scene(folder, seed, say) as town:
        town.speak_many(1200)
        town.publish()
        carrier = Follower(town, "watch")
        carrier.follow()
        with small_disk(carrier.state.folder, say) as mounted:
            refused = 0
            for turn in range(rounds):
                town.speak_many(120)
                town.publish()
                before = carrier.mirror().edition
                said = _followed_on_a_full_disk(carrier, _free(town, turn, rounds, 60_000), mounted=mounted)
                refused += bool(said)
                mirror = carrier.mirror()
                assert mirror.edition >= before
                if not said or turn % 2:
                    carrier.follow()
                    assert checks.listed(town, carrier.mirror(), "watch") == checks.truth(town, "watch")
            checks.everything(town)
            assert refused > rounds // 4
            say(f"{refused} of {rounds} rounds met a full disk")


def _followed_on_a_full_disk(carrier: Follower, free: int, *, mounted: bool) -> str:
    """One round of following with little room; what was said where it was refused."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (free // 20, free // 20))

    filler = fill(carrier.state.folder, free) if mounted else None
    done = subprocess.run(carrier.command, capture_output=True, text=True, preexec_fn=None if mounted else limit)
    if filler is not None:
        filler.unlink()
    if not done.returncode:
        return ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert any(word in done.stderr for word in (*FULL, "state_unwritable")), done.stderr
    return done.stderr
