"""`python -m tests.faults NAME|all [--rounds N] [--seed S]`: causes faults to the programs and checks."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults import damaged, disks, killed, restored
from tests.faults.scene import Say


@dataclass(frozen=True)
class Fault:
    """A fault: how it is caused and checked, and how often by default."""

    cause: Callable[[Path, int, int, Say], None]
    rounds: int


FAULTS = {
    "publisher": Fault(killed.publisher, 50),
    "follower": Fault(killed.follower, 50),
    "two-publishers": Fault(killed.two_publishers, 30),
    "shelf-full": Fault(disks.shelf, 12),
    "state-full": Fault(disks.state, 12),
    "old-backup": Fault(restored.old_backup, 3),
    "clock": Fault(restored.clock, 6),
    "shelf-damaged": Fault(damaged.shelf, 20),
    "state-damaged": Fault(damaged.state, 20),
    "stale-cache": Fault(damaged.cache, 30),
    "future-acknowledgement": Fault(damaged.acknowledgement, 5),
}


def run(name: str, rounds: int | None, seed: int) -> bool:
    """Cause one fault; whether everything held."""
    fault, began = FAULTS[name], time.monotonic()

    def say(line: str) -> None:
        print(f"[{name} {time.monotonic() - began:6.1f} s] {line}", flush=True)

    say((fault.cause.__doc__ or "").strip())
    with tempfile.TemporaryDirectory(prefix=f"fault-{name}-") as folder:
        try:
            fault.cause(Path(folder), rounds or fault.rounds, seed, say)
        except Exception as error:
            say(f"DID NOT HOLD: {type(error).__name__}: {error}")
            if not isinstance(error, AssertionError):
                raise
            return False
    say("held")
    return True


def main() -> int:
    """Cause what was asked for; 1 where something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[*FAULTS, "all"])
    parser.add_argument("--rounds", type=int, help="how often (by default as often as the fault needs)")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    held = [run(name, asked.rounds, asked.seed) for name in (FAULTS if asked.name == "all" else [asked.name])]
    print(f"{sum(held)} of {len(held)} held")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
