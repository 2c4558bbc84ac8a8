"""The bulletin of the scripted quarter beside an independent count by DuckDB over the tables that were written.

Rules of this room: what stands in the bulletin is compared cell by cell; cells that are folded together as too small
must make up the rest of the total.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.bulletins import Press, compute, usual_cutoff
from registry.preferences import Category
from registry.times import to_micros
from web.demo_recount import opened

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.quarters import Quarter

FOLDED = frozenset({"small", "rest"})
_PARTS = {
    "category": "CAST(category AS TEXT)",
    "class": "CASE WHEN class = 'commercial' THEN 'commercial' ELSE 'unlawful' END",
    "mode": "COALESCE(NULLIF(mode, ''), 'unknown')",
}
_WHERE = "FROM handling WHERE COALESCE(held, '') = '' AND received >= ? AND received < ?"


def figures(registry: Registry, quarter: Quarter) -> str:
    """The canonical figures of a quarter at the usual cut-off."""
    zone = registry.settings.numbers.zone
    press = Press(registry.store, registry.clock, registry.keys, registry.plan, zone)
    return compute(press, quarter, usual_cutoff(quarter, zone))


def checks(text: str, folder: Path, bounds: tuple[datetime, datetime]) -> dict[str, bool]:
    """Whether the figures equal what DuckDB counts over the tables in a folder: totals, parts, named enterprises."""
    first, after = map(to_micros, bounds)
    channels = json.loads(text)["channels"]
    found = {}
    with opened(folder) as database:

        def counted(what: str, more: str = "") -> dict[tuple[str, ...], int]:
            rows = database.execute(f"SELECT kind, {what}, COUNT(*) {_WHERE} {more} GROUP BY ALL", [first, after])
            return {tuple(map(str, row[:-1])): row[-1] for row in rows.fetchall()}

        totals = counted("''")
        found["the bulletin's totals equal the recount by DuckDB"] = all(
            each["total"] == totals.get((kind, ""), 0) for kind, each in channels.items()
        )
        for part, what in _PARTS.items():
            cells = counted(what)
            found[f"its {part} figures equal the recount"] = all(
                _agrees(each, part, {name: n for (of, name), n in cells.items() if of == kind}, kind)
                for kind, each in channels.items()
            )
        named = counted(
            "CAST(category AS TEXT), COALESCE(NULLIF(provider, ''), content)",
            "AND COALESCE(outcome, '') NOT IN ('unfounded', 'not_ours')",
        )
        rows = [
            (row["count"], named.get((kind, str(int(_category(category))), row["enterprise"]), 0))
            for kind, each in channels.items() for category, listed in each["enterprises"].items() for row in listed
        ]  # fmt: skip
        found["its named enterprises equal the recount"] = bool(rows) and all(one == other for one, other in rows)
    return found


def _agrees(channel: Mapping[str, Any], part: str, cells: Mapping[str, int], kind: str) -> bool:
    """Whether a part's cells that are shown equal what was counted, and all of them make up the whole."""
    shown = {cell["name"]: cell["count"] for cell in channel["parts"][part]}
    if part == "mode" and kind != "call":
        return shown == {}
    counted = {str(Category(int(name)).slug) if part == "category" else name: n for name, n in cells.items()}
    return sum(shown.values()) == sum(counted.values()) and all(
        n == counted.get(name, 0) for name, n in shown.items() if name not in FOLDED
    )


def _category(slug: str) -> Category:
    return next(category for category in Category if category.slug == slug)


def ready(quarter: Quarter, zone: str) -> datetime:
    """When the bulletin can be drafted."""
    return usual_cutoff(quarter, zone) + timedelta(hours=1)
