"""`python -m tests.faults.shifted SECONDS MODULE …`: runs a program whose clock is wrong by so many seconds."""

from __future__ import annotations

import runpy
import sys
from datetime import UTC, datetime, timedelta

from registry.outside.clock import SystemClock


def main() -> None:
    """Set the clock wrong, then be the other program."""
    wrong = timedelta(seconds=int(sys.argv[1]))
    SystemClock.now = lambda _self: datetime.now(UTC) + wrong  # type: ignore[method-assign]
    module, sys.argv = sys.argv[2], sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
