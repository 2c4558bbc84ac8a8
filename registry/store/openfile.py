"""A SQLite file of open data for others to take, made with sqlite-utils.

Rules of this room: it is a file of its own and nobody's database: made whole, vacuumed, closed, and in no other mode
than plain journals, so that one file is all there is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlite_utils


def write_file(
    path: Path, *, table: str, columns: Mapping[str, type], key: str, rows: Iterable[dict[str, Any]],
    about: Mapping[str, str],
) -> None:
    """Make a SQLite file with one table, and a table `about` of what the file says of itself."""
    with closing(sqlite3.connect(path)) as connection:
        database = sqlite_utils.Database(connection, execute_plugins=False)
        database.table("about").insert_all(({"name": name, "text": text} for name, text in about.items()), pk="name")
        made = database.table(table)
        made.create(dict(columns), pk=key, not_null=set(columns), strict=True)
        made.insert_all(rows, batch_size=1000)
        database.vacuum()
