"""The job that moves numbers: ends overlaps, and brings the numbers of resellers' blocks to who serves them now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from registry import jobs, resellers, serving

if TYPE_CHECKING:
    from registry.assembly import Registry


def moves(registry: Registry, keep: Callable[[], None]) -> jobs.Counts:
    """End overlaps that are over, and move the numbers of blocks that began or ended."""
    store, clock = registry.store, registry.clock
    overlap = timedelta(hours=registry.settings.publish.porting_overlap_hours)
    counts = {"moved": resellers.move_numbers(store, clock, registry.keys, registry.plan, overlap=overlap, keep=keep)}
    counts["overlaps"] = serving.end_overlaps(store, clock, keep)
    return counts
