"""Lets the real programs of a test tell another time: Python runs this first, where its folder stands in PYTHONPATH.

The programs know nothing of it: only the clock of the machine (`registry.outside.clock`) tells the moment that a file
of the test says, going on from there.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.outside import clock

_AHEAD = Path(os.environ["DECLINE_CALL_TEST_CLOCK"])  # seconds between the machine's time and what is told


def now(_clock: clock.SystemClock) -> datetime:
    """The moment that is told."""
    return datetime.now(UTC) + timedelta(seconds=float(_AHEAD.read_text()))


clock.SystemClock.now = now  # type: ignore[method-assign]
