"""The bulletin of the scripted quarter beside an independent count by DuckDB over the tables that were written.

Rules of this room: every figure that stands in the bulletin is made again by DuckDB, by the published rules alone (the
top ten, cells too small to show, shares that sum to 100.0), and must be the same, cell by cell and in its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.bulletinfigures import PARTS, TOP
from registry.bulletins import Press, compute, usual_cutoff
from registry.preferences import Category
from registry.quarters import SMALLEST
from registry.times import to_micros
from web.demo_recount import opened

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.quarters import Quarter

_KNOWN = "COALESCE(NULLIF({0}, ''), 'unknown')"
_CELLS: Mapping[str, str] = {  # what a report is counted as, by part
    "carrier": f"""CASE WHEN caller_type = 'mvno' OR carrier IN (SELECT party FROM party WHERE host <> '')
        THEN 'resale' ELSE {_KNOWN.format('carrier')} END""",  # noqa: S608 - fixed texts
    "category": "industry",
    "mode": _KNOWN.format("mode"),
    "number_type": "caller_type",
    "port": "CASE WHEN caller_type = 'port' THEN 'port' ELSE 'person' END",
    "class": "CASE WHEN class = 'commercial' THEN 'commercial' ELSE 'unlawful' END",
    "source_province": "caller_province",
    "victim_province": _KNOWN.format("province"),
}
_COUNTED = """CREATE VIEW counted AS SELECT h.*, COALESCE(i.slug, 'unknown') AS industry,
    COALESCE(NULLIF(provider, ''), content) AS enterprise FROM handling AS h LEFT JOIN industry AS i USING (category)
    WHERE COALESCE(held, '') = '' AND received >= {first} AND received < {after}
    AND source NOT IN (SELECT party FROM party WHERE sandbox <> 0)"""
_PART = """WITH whole AS (SELECT kind, {what} AS name, COUNT(*) AS n FROM counted WHERE {where} GROUP BY ALL),
    ranked AS (SELECT *, COUNT(*) OVER (PARTITION BY kind) AS names,
        RANK() OVER (PARTITION BY kind ORDER BY name = 'unknown', n DESC, name) AS place FROM whole),
    topped AS (SELECT kind, CASE WHEN {topped} AND names > {top} AND place > {top} AND name <> 'unknown'
        THEN 'rest' ELSE name END AS name, SUM(n) AS n FROM ranked GROUP BY ALL),
    sized AS (SELECT *, COUNT(*) FILTER (n < {least}) OVER (PARTITION BY kind) AS few,
        RANK() OVER (PARTITION BY kind ORDER BY n < {least}, n, name) AS next FROM topped),
    folded AS (SELECT kind, CASE WHEN n < {least} OR few = 1 AND next = 1 THEN 'small' ELSE name END AS name,
        SUM(n) AS n FROM sized GROUP BY ALL),
    shared AS (SELECT *, 1000 * n // SUM(n) OVER of_kind AS tenths, 1000 * n % SUM(n) OVER of_kind AS over
        FROM folded WINDOW of_kind AS (PARTITION BY kind)),
    rounded AS (SELECT *, RANK() OVER (PARTITION BY kind ORDER BY over DESC, name)
        <= 1000 - SUM(tenths) OVER (PARTITION BY kind) AS up FROM shared)
    SELECT kind, name, n, tenths + CASE WHEN up THEN 1 ELSE 0 END FROM rounded
    ORDER BY COALESCE(list_position(['unknown', 'rest', 'small'], name), 0), n DESC, name"""
_LISTED = """SELECT {what}, COUNT(*) AS n FROM counted WHERE {where} GROUP BY {what} HAVING n >= {least}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY {within} ORDER BY n DESC, {name}) <= {top} ORDER BY n DESC, {name}"""
_UNNAMED = "('unfounded', 'not_ours')"  # findings after which nobody is named

Cells = dict[str, list[tuple[Any, ...]]]


def figures(registry: Registry, quarter: Quarter) -> str:
    """The canonical figures of a quarter at the usual cut-off."""
    zone = registry.settings.numbers.zone
    press = Press(registry.store, registry.clock, registry.keys, registry.plan, zone)
    return compute(press, quarter, usual_cutoff(quarter, zone))


def checks(text: str, folder: Path, bounds: tuple[datetime, datetime]) -> dict[str, bool]:
    """Whether the figures equal what DuckDB counts over the tables in a folder: all of them, by what they are of."""
    first, after = map(to_micros, bounds)
    channels = json.loads(text)["channels"]
    found = {}
    with opened(folder) as database:
        database.execute("CREATE TABLE industry (category INTEGER, slug TEXT)")
        database.executemany("INSERT INTO industry VALUES (?, ?)", [(int(each), each.slug) for each in Category])
        database.execute(_COUNTED.format(first=first, after=after))

        def listed(query: str, **values: object) -> Cells:
            rows: Cells = {}
            for kind, *cell in database.execute(query.format(least=SMALLEST, top=TOP, **values)).fetchall():
                rows.setdefault(kind, []).append(tuple(cell))
            return rows

        totals = listed("SELECT kind, COUNT(*) FROM counted GROUP BY kind")
        found["the bulletin's totals equal the recount by DuckDB"] = bool(totals) and all(
            [(each["total"],)] == totals.get(kind, [(0,)]) for kind, each in channels.items()
        )
        for part in PARTS:
            cells = listed(
                _PART, what=_CELLS[part], where="kind = 'call'" if part == "mode" else "true",
                topped=part.endswith("_province"),
            )  # fmt: skip
            found[f"its {part} figures and shares equal the recount"] = _equal(cells, {
                kind: [(cell["name"], cell["count"], round(cell["share"] * 10)) for cell in each["parts"][part]]
                for kind, each in channels.items()
            })  # fmt: skip
        segments = listed(_LISTED, what="kind, caller_segment", where="caller_segment <> ''", within="kind",
                          name="caller_segment")  # fmt: skip
        found["its segments of numbers equal the recount"] = _equal(segments, {
            kind: [(row["segment"], row["count"]) for row in each["segments"]] for kind, each in channels.items()
        })  # fmt: skip
        named = listed(_LISTED, what="kind, industry, enterprise", within="kind, industry", name="enterprise",
                       where=f"enterprise <> '' AND COALESCE(outcome, '') NOT IN {_UNNAMED}")  # fmt: skip
    found["its named enterprises equal the recount, for the first quarter in a row"] = _equal(
        {kind: sorted(rows) for kind, rows in named.items()},
        {kind: sorted(_named(each["enterprises"])) for kind, each in channels.items()},
    )
    found["it says nothing of changes, where no quarter before it is known"] = all(
        each["qoq"] is None and each["yoy"] is None for each in channels.values()
    )
    return found


def _equal(counted: Cells, said: Cells) -> bool:
    """Whether there is something, and the same in the same places."""
    return bool(counted) and counted == {kind: rows for kind, rows in said.items() if rows}


def _named(listed: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[Any, ...]]:
    """Enterprises as the recount has them, of those that are named for the first time."""
    return [
        (category, row["enterprise"], row["count"])
        for category, rows in listed.items() for row in rows if row["quarters"] == 1
    ]  # fmt: skip


def ready(quarter: Quarter, zone: str) -> datetime:
    """When the bulletin can be drafted."""
    return usual_cutoff(quarter, zone) + timedelta(hours=1)
