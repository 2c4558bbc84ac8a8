"""The tables of the scripted quarter as files, and an independent count of them beside what the registry says.

Rules of this room: what is written holds no number, no text and nothing of who reported: of a caller its type, its
province and, where that is common enough to be published, its segment. The recount reads the files alone, and finds
kinds and categories from reports and states from moves, never from what the registry counted.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.bulletinfigures import sort_of
from registry.errors import UnavailableError
from registry.quarters import SMALLEST
from registry.sealing import unseal_one

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.store import Store

TABLES = {
    "report": ("source", "source_id", "channel", "category", "mode", "verdict", "received"),
    "handling": ("source", "source_id", "reference", "state", "received", "kind", "class", "channel", "category",
                 "mode", "carrier", "province", "provider", "content", "verdict", "late", "outcome", "held", "case_id"),
    "handling_move": ("source", "source_id", "place", "at", "action", "state"),
    "case_file": ("case_id", "enterprise", "state", "why", "reports", "numbers"),
    "case_report": ("source", "source_id", "enterprise", "campaign", "case_id"),
    "party": ("party", "host", "sandbox"),
}  # fmt: skip
OF_CALLER = ("caller_type", "caller_segment", "caller_province")  # of handling, instead of the number
_TYPES = {"handling": ", types = {'caller_segment': 'VARCHAR'}"}  # 0755 is no 755
PARTS = ("kind", "carrier", "category", "state", "case")
Totals = dict[str, dict[str, int]]
_SAID = {
    "kind": "SELECT kind, COUNT(*) FROM handling GROUP BY kind",
    "carrier": "SELECT carrier, COUNT(*) FROM handling GROUP BY carrier",
    "category": "SELECT category, COUNT(*) FROM handling GROUP BY category",
    "state": "SELECT state, COUNT(*) FROM handling GROUP BY state",
    "case": "SELECT case_id, reports FROM case_file",
}
_COUNTED = {
    "kind": """SELECT CASE WHEN channel = 2 THEN 'message' ELSE 'call' END, COUNT(*) FROM report
        WHERE source = 'people' OR verdict = 'violation' GROUP BY 1""",
    "carrier": "SELECT carrier, COUNT(*) FROM handling GROUP BY carrier",
    "category": """SELECT COALESCE(category, -1), COUNT(*) FROM report
        WHERE source = 'people' OR verdict = 'violation' GROUP BY 1""",
    "state": """SELECT state, COUNT(*) FROM (SELECT arg_max(state, place) AS state FROM handling_move
        GROUP BY source, source_id) GROUP BY state""",
    "case": """SELECT c.case_id, COUNT(r.source_id) FROM case_file AS c LEFT JOIN case_report AS r
        ON r.case_id = c.case_id GROUP BY c.case_id""",
}


def export(registry: Registry, folder: Path) -> None:
    """Write the tables as CSV into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = registry.store.engine
    with registry.store.reading():
        told = _told_of_callers(registry)
        for table, columns in TABLES.items():
            about = (*columns, "caller") if table == "handling" else columns
            with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(columns if about is columns else (*columns, *OF_CALLER))
                for chunk in engine.stream(f"SELECT {', '.join(about)} FROM {table}"):  # noqa: S608 - fixed names
                    writer.writerows(
                        chunk if about is columns else [(*row[:-1], *told[row[-1]]) for row in chunk]
                    )


def _told_of_callers(registry: Registry) -> dict[bytes | None, tuple[str, str, str]]:
    """What is written of each caller (`OF_CALLER`); a segment too rare to be published is left out."""
    key, found, common = registry.keys.at_rest, {}, Counter[str]()
    for chunk in registry.store.engine.stream("SELECT caller, COUNT(*) FROM handling GROUP BY caller"):
        for sealed, count in chunk:
            found[sealed] = told = sort_of(registry.plan, unseal_one(key, sealed) if sealed else None)
            common[told[1]] += count
    return {
        sealed: (sort, segment if common[segment] >= SMALLEST else "", province)
        for sealed, (sort, segment, province) in found.items()
    }


def said(store: Store) -> Totals:
    """What the registry says: totals by part."""
    with store.reading():
        return {part: dict(_pair(row) for chunk in store.engine.stream(_SAID[part]) for row in chunk) for part in PARTS}


def must_have_duckdb() -> None:
    """Raises UnavailableError no_duckdb where DuckDB, which only the recount needs, is missing."""
    if find_spec("duckdb") is None:
        raise UnavailableError("The recount needs DuckDB: install `duckdb` beside decline-call.", code="no_duckdb")


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """A DuckDB with the tables of a folder. Raises UnavailableError no_duckdb."""
    must_have_duckdb()
    import duckdb  # noqa: PLC0415 - only whoever recounts needs it

    with duckdb.connect(config={"threads": 2}) as database:
        for table in TABLES:
            database.execute(
                f"CREATE TABLE {table} AS SELECT * FROM read_csv(?, header = true{_TYPES.get(table, '')})",  # noqa: S608 - fixed names
                [str(folder / f"{table}.csv")],
            )
        yield database


def recount(folder: Path) -> Totals:
    """The same totals, counted by DuckDB over the files. Raises UnavailableError no_duckdb."""
    with opened(folder) as database:
        return {part: dict(map(_pair, database.execute(_COUNTED[part]).fetchall())) for part in PARTS}


def _pair(row: tuple[object, ...]) -> tuple[str, int]:
    name, count = row
    return ("" if name is None else str(name)), int(str(count))


def differences(one: Totals, other: Totals) -> dict[str, int]:
    """How many cells differ, by part."""
    return {
        part: sum(one[part].get(name, 0) != other[part].get(name, 0) for name in one[part].keys() | other[part].keys())
        for part in PARTS
    }
