"""A carrier in a scene: the real client in a process of its own, and what lies in its folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sync.mirror import Mirror
from sync.state import StateFolder
from tests.faults.scene import Scene


@dataclass
class Follower:
    """One carrier's state folder; `url` where another server stands between."""

    scene: Scene
    party: str
    url: str = ""
    name: str = ""

    @property
    def state(self) -> StateFolder:
        """Its folder."""
        return StateFolder(self.scene.folder / f"state-{self.name or self.party}")

    @property
    def root(self) -> Path:
        """The trusted root that it was given."""
        return self.scene.folder / f"{self.party}.root.json"

    @property
    def command(self) -> list[str]:
        """The client's command line."""
        base = self.url or self.scene.live.url
        root = ["--root", str(self.root)] if self.state.raw("root.json") is None else []
        return [
            sys.executable, "-m", "sync", "follow", f"{base}/api/v1/feeds/{self.party}", "--state",
            str(self.state.folder), *root, "--key-file", str(self.scene.folder / f"{self.party}.key"),
        ]  # fmt: skip

    def follow(self, *, code: int = 0, limit: Callable[[], None] | None = None) -> str:
        """One round; what it printed (also on standard error)."""
        done = subprocess.run(
            self.command, capture_output=True, text=True, timeout=120, preexec_fn=limit
        )
        said = (done.stdout + done.stderr).strip()
        assert done.returncode == code, said
        assert "does NOT agree" not in said, said
        return said

    def begin(self) -> subprocess.Popen[bytes]:
        """Start one round, to be killed."""
        return subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def mirror(self) -> Mirror:
        """Its list, hashed whole. Raises FeedError where a file is not what it should be."""
        mirror = Mirror.open(self.state.list)
        mirror.verify()
        return mirror
