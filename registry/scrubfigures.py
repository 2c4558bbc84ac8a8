"""Figures of scrubs for operators: what waits and runs, how fast, and what came of those that ended.

Rules of this room: figures come from the database, so that all processes give the same ones; none is about a party.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock
    from registry.store import Store

LINES, OUTCOMES = "scrub_lines", ("done", "failed", "cancelled")
_SECOND = 1_000_000


@dataclass(frozen=True)
class ScrubFigures:
    """The figures of one moment. `open`: scrubs by state and lane; `tallies`: lines, and scrubs that ended, ever;
    `lines_a_second`: of those that run, since they began; `waiting_s`: since the oldest waits that nothing holds."""

    open: Mapping[tuple[str, str], int]
    tallies: Mapping[str, int]
    lines_a_second: float
    waiting_s: float


def ended(outcome: str) -> str:
    """The tally of scrubs with an outcome."""
    return f"scrubs_{outcome}"


def figures(store: Store, clock: Clock) -> ScrubFigures:
    """The figures now."""
    now = to_micros(clock.now())
    with store.reading():
        rows, tallies = store.scrub_jobs.figures(at=now), store.vitals.tallies()
    waiting = [row["since"] for row in rows if row["state"] == "waiting" and row["lane"] == "usual"]
    return ScrubFigures(
        {(row["state"], row["lane"]): int(row["many"]) for row in rows},
        tallies,
        sum(float(row["pace"] or 0) for row in rows if row["state"] == "running"),
        max(0, now - min(waiting)) / _SECOND if waiting else 0.0,
    )
