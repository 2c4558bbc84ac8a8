"""Open data as files on the shelf: `open/<day>/callers.csv`, `callers.db`, and `open/latest.json`, which names them.

Rules of this room: a day's files are written once and whole; the pointer moves last, so that who follows it finds all
of them; days before the last seven are deleted, the day of the pointer never. CSV is UTF-8 with CRLF (RFC 4180).
"""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from registry import opendata
from registry.errors import NotFoundError
from registry.store.openfile import write_file
from registry.times import local

if TYPE_CHECKING:
    from registry.interfaces import Clock, Shelf
    from registry.keys import KeyRing
    from registry.store import Store

KEPT_DAYS = 7
LATEST = "open/latest.json"
LICENCE = "CC-BY-4.0"
COLUMNS: Mapping[str, type] = {
    "number": str, "kind": str, "reports": int, "reporters": int, "calls": int, "messages": int, "categories": str,
    "first_day": str, "last_day": str, "basis": str,
}  # fmt: skip
NAMES: Mapping[str, str] = {"callers.csv": "text/csv; charset=utf-8", "callers.db": "application/vnd.sqlite3"}


class OpenFile(msgspec.Struct, frozen=True):
    """One file: its name, bytes and SHA-256."""

    name: str
    size: int
    sha256: str


class OpenDay(msgspec.Struct, frozen=True):
    """The files of a day (local), and how many rows each has."""

    day: date
    rows: int
    cursor: int
    licence: str
    meaning: str
    files: tuple[OpenFile, ...]

    def file(self, name: str) -> OpenFile:
        """One of its files. Raises NotFoundError no_such_file."""
        for found in self.files:
            if found.name == name:
                return found
        raise NotFoundError("There is no such file of open data.", code="no_such_file")


def publish(store: Store, clock: Clock, keys: KeyRing, shelf: Shelf, *, work: Path, zone: str) -> OpenDay | None:
    """Write the files of the present day, where they do not lie there yet, and delete those of days that are past."""
    today = local(clock.now(), zone).date()
    before = latest(shelf)
    if before is not None and before.day >= today:
        return None
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="open-", dir=work) as folder:
        made = _made(store, keys, Path(folder), today, zone)
        for found in made.files:
            shelf.put(_place(today, found.name), Path(folder, found.name))
        shelf.put(_place(today, "about.json"), msgspec.json.encode(made))
        shelf.put(LATEST, msgspec.json.encode(made))
    forget(shelf, today)
    return made


def latest(shelf: Shelf) -> OpenDay | None:
    """The newest day's files; None before the first."""
    try:
        return msgspec.json.decode(shelf.get(LATEST), type=OpenDay)
    except NotFoundError:
        return None


def of_day(shelf: Shelf, day: date) -> OpenDay:
    """The files of a day. Raises NotFoundError no_such_file."""
    return msgspec.json.decode(shelf.get(_place(day, "about.json")), type=OpenDay)


def place_of(shelf: Shelf, day: date, name: str) -> tuple[str, OpenFile]:
    """Where a file of a day lies on the shelf, and what it is. Raises NotFoundError no_such_file."""
    return _place(day, name), of_day(shelf, day).file(name)


def days(shelf: Shelf) -> list[date]:
    """The days whose files are there, newest first."""
    found = {name.split("/")[1] for name in shelf.names("open/") if name.endswith("/about.json")}
    return sorted(map(date.fromisoformat, found), reverse=True)


def forget(shelf: Shelf, today: date) -> int:
    """Delete the files of days that are past; how many."""
    oldest, deleted = (today - timedelta(days=KEPT_DAYS - 1)).isoformat(), 0
    for name in list(shelf.names("open/")):
        if name.count("/") > 1 and name.split("/")[1] < oldest:
            shelf.delete(name)
            deleted += 1
    return deleted


def _place(day: date, name: str) -> str:
    return f"open/{day.isoformat()}/{name}"


def _made(store: Store, keys: KeyRing, folder: Path, day: date, zone: str) -> OpenDay:
    cursor, rows = store.open_data.counter("change"), 0
    with Path(folder, "callers.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, tuple(COLUMNS))
        out.writeheader()
        for row in opendata.rows_of(store, keys, zone=zone):
            out.writerow(row)
            rows += 1
    about = {"day": day.isoformat(), "licence": LICENCE, "meaning": opendata.MEANING, "days": str(opendata.DAYS)}
    write_file(
        Path(folder, "callers.db"), table="callers", columns=COLUMNS, key="number",
        rows=_read(Path(folder, "callers.csv")), about=about,
    )
    files = tuple(_file(Path(folder, name)) for name in NAMES)
    return OpenDay(day, rows, cursor, LICENCE, opendata.MEANING, files)


def _read(path: Path) -> Iterator[dict[str, str | int]]:
    """The rows of the CSV file, so that both files hold the same."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: kind(row[name]) for name, kind in COLUMNS.items()}


def _file(path: Path) -> OpenFile:
    with path.open("rb") as file:
        return OpenFile(path.name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
