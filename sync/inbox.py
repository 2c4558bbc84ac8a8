"""Carriers' inbox folders: `inbox/<party>/` holds files of reports, of number events (`number-events…`) and ledgers of
number resources (`resources-2026-10-01…`, the whole list as of that day), each taken in once and then removed.

Rules of this room:
- A file is picked up by renaming it into `.taken/`; of two processes one gets it. What lies there after a crash is gone
  on with: the batch's idempotency key is the taken name, so that no row counts twice.
- Files still being written are left: names that end in .part or .tmp, and what changed within the last two seconds.
- In `done/` lie the results of its rows; a file that can't be read at all goes to `refused/` with the reason. It holds
  numbers in clear, so it is deleted after a week, like the results.
"""

from __future__ import annotations

import fcntl
import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from registry import event_rows, ledger_rows, ledgers, numberevents
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError, RegistryError
from registry.ledgers import LineResult
from registry.naming import new_id
from registry.readers import Format, format_of, read
from registry.report_rows import FIELDS, Kind
from registry.reports import CHUNK, Intake, RowResult, stream_in

if TYPE_CHECKING:
    from registry.assembly import Registry

SETTLED_S = 2.0
KEPT_S = 7 * 86_400
LEDGER = "resources"
_DAY = re.compile(rf"{LEDGER}-([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})")
TAKEN, DONE, REFUSED = ".taken", "done", "refused"
UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")


def party_folders(inbox: Path) -> Iterator[Path]:
    """The folders of parties, sorted; links are not followed."""
    if inbox.is_dir():
        for folder in sorted(inbox.iterdir()):
            if folder.is_dir() and not folder.is_symlink() and not folder.name.startswith("."):
                yield folder


def waiting(folder: Path, now: float) -> Iterator[Path]:
    """Files of a folder that may be picked up, by name. `now` is seconds since 1970 as the file system counts them."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.lower().endswith(UNFINISHED) or not format_of(path.name):
            continue
        try:
            if path.is_symlink() or not path.is_file() or 0 <= now - path.stat().st_mtime < SETTLED_S:
                continue
        except OSError:  # gone, or not ours to read
            continue
        yield path


def has_work(folder: Path) -> bool:
    """Whether a folder holds files to pick up, or some that were picked up and not finished."""
    taken = folder / TAKEN
    return next(waiting(folder, time.time()), None) is not None or (taken.is_dir() and any(taken.iterdir()))


def pick_up(path: Path) -> Path | None:
    """Take a file away from its folder; None where somebody else was quicker."""
    taken = path.parent / TAKEN
    taken.mkdir(exist_ok=True)
    target = taken / f"{new_id(8)}-{path.name}"
    try:
        path.rename(target)
    except FileNotFoundError:
        return None
    return target


def take_folder(
    registry: Registry, folder: Path, *, kind: Kind, country: str, keep: Callable[[], None]
) -> Iterator[Intake | RegistryError]:
    """Take in all files of one party's folder: an Intake for each, or why it was refused; `keep` is called between.

    Raises what stops the work as a whole (UnavailableError, OSError); the file then lies in `.taken/` for the next run.
    """
    taken = folder / TAKEN
    left = sorted(path for path in taken.iterdir() if path.is_file()) if taken.is_dir() else []
    picked = (mine for path in waiting(folder, time.time()) if (mine := pick_up(path)))
    for path in itertools.chain(left, picked):
        outcome = _take(registry, folder, path, kind=kind, country=country, keep=keep)
        if outcome:
            yield outcome
        keep()


def _take(
    registry: Registry, folder: Path, path: Path, *, kind: Kind, country: str, keep: Callable[[], None]
) -> Intake | RegistryError | None:
    """Take one picked-up file in and put it away with the results of its rows; None where another process has it."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _take_stream(registry, folder, path, stream, kind=kind, country=country, keep=keep)
    except (BlockingIOError, FileNotFoundError):
        return None


def _take_stream(
    registry: Registry, folder: Path, path: Path, stream: IO[bytes], *, kind: Kind, country: str,
    keep: Callable[[], None],
) -> Intake | RegistryError:
    others = _holds_events(path.name) or _holds_ledger(path.name)
    form: Format = "ftc" if kind == "ftc" and not others else format_of(path.name) or "ndjson"
    results = folder / DONE / f"{path.name}.results.ndjson"
    results.parent.mkdir(exist_ok=True)
    writing = results.with_name(results.name + ".part")
    encode = msgspec.json.Encoder().encode
    last: Intake | None = None
    try:
        with writing.open("wb") as out:
            for place, result in enumerate(
                _results(registry, folder.name, path.name, stream, form=form, kind=kind, country=country)
            ):
                if place % CHUNK == 0:
                    keep()
                out.write(encode(asdict(result)) + b"\n")
                last = result if isinstance(result, Intake) else last
    except InvalidInputError as refused:
        writing.unlink(missing_ok=True)
        _put_away(path, folder / REFUSED)
        reason = folder / REFUSED / f"{path.name}.reason.txt"
        reason.write_text(f"{refused.code}: {refused.detail}\n", encoding="utf-8")
        return refused
    except ConflictError as conflict:  # taken on elsewhere at this moment
        if conflict.code != "batch_in_progress":
            raise
        writing.unlink(missing_ok=True)
        return conflict
    writing.replace(results)
    path.unlink()  # every row is kept, sealed; the file would keep its numbers in clear
    assert last is not None
    return last


def _holds_events(taken: str) -> bool:
    """Whether a file that was picked up holds number events: its name began with `number-events`."""
    return taken.partition("-")[2].lower().startswith(numberevents.ABOUT)


def _holds_ledger(taken: str) -> bool:
    """Whether a file that was picked up holds a ledger: its name began with `resources`."""
    return taken.partition("-")[2].lower().startswith(LEDGER)


def _results(
    registry: Registry, source: str, taken: str, stream: IO[bytes], *, form: Format, kind: Kind, country: str
) -> Iterator[RowResult | LineResult | Intake]:
    """What becomes of each row of a file: reports, or by its name number events or a ledger."""
    if _holds_ledger(taken):
        return _ledger(registry, source, taken, stream, form=form)
    idempotency = f"inbox {taken}"
    if _holds_events(taken):
        return numberevents.stream_in(
            registry.store, registry.keys, registry.clock, registry.plan, source=source, country=country,
            rows=read(stream, format=form, columns=event_rows.FIELDS), idempotency=idempotency, origin="inbox",
        )
    return stream_in(
        registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source=source, kind=kind,
        rows=read(stream, format=form, columns=FIELDS), country=country, idempotency=idempotency, origin="inbox",
        shelf=registry.shelf, zone=registry.settings.numbers.zone,
    )


def _ledger(
    registry: Registry, source: str, taken: str, stream: IO[bytes], *, form: Format
) -> Iterator[LineResult | Intake]:
    """Take a ledger in; the same file again changes nothing. Raises InvalidInputError where it is refused whole."""
    day, numbers = _DAY.match(taken.partition("-")[2].lower()), registry.settings.numbers
    if day is None:
        raise InvalidInputError("The file's name begins with resources and its day: resources-2026-10-01.csv.",
                                code="bad_day")  # fmt: skip
    try:
        done, rows = ledgers.take_in(
            registry.store, registry.keys, registry.clock, registry.plan, actor=f"party:{source}", carrier=source,
            day=ledgers.day_of(day[1], numbers.zone), country=numbers.country, zone=numbers.zone,
            rows=read(stream, format=form, columns=ledger_rows.FIELDS),
        )
    except (ConflictError, NotAllowedError, NotFoundError) as error:
        raise InvalidInputError(error.detail, code=error.code) from error
    yield from rows
    left = done.held + done.refused
    yield Intake(done.ledger, done.rows, done.rows - left, 0, left, {}, done.reasons, cut=done.cut)


def _put_away(path: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path.rename(folder / path.name)


def forget(folder: Path, now: float) -> None:
    """Delete what was put away a week ago."""
    for name in (DONE, REFUSED):
        if not (folder / name).is_dir():
            continue
        for path in (folder / name).iterdir():
            if path.is_file() and not path.is_symlink() and now - path.stat().st_mtime > KEPT_S:
                path.unlink(missing_ok=True)
