"""The job that moves numbers: carries out number events, ends overlaps, numbers of blocks to who serves them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from registry import jobs, numberevents, resellers, serving

if TYPE_CHECKING:
    from registry.assembly import Registry


def moves(registry: Registry, keep: Callable[[], None]) -> jobs.Counts:
    """Carry out number events that are due, end overlaps that are over, move the numbers of blocks that changed."""
    store, clock = registry.store, registry.clock
    overlap = timedelta(hours=registry.settings.publish.porting_overlap_hours)
    found = numberevents.carry_out_due(store, clock, registry.keys, registry.plan, registry.settings, keep)
    counts = {"events": sum(found.values()), "held": found["held"]}
    counts["moved"] = resellers.move_numbers(store, clock, registry.keys, registry.plan, overlap=overlap, keep=keep)
    counts["overlaps"] = serving.end_overlaps(store, clock, keep)
    return counts
