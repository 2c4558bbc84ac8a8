"""Drop folders of batch customers: `dropbox/<party>/in` holds call lists, `out` gets their results.

Rules of this room:
- A party has one when an operator has made its folder (`decline-sync dropbox enable`). What a list is checked for
  stands in `NAME.ask.toml` beside it, else in `ask.toml` of the party's folder.
- A file is taken when it is no longer being written (as in `inbox.py`), sealed, and deleted; one whose taking broke off
  lies in `.taken` and is gone on with, as the same scrub. What is wrong in one folder stops no other.
- What comes out is in clear, because the customer fetches it by its own means (SFTP): mode 600 in folders of mode 700,
  deleted after `kept_hours`. Links are never followed.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from registry import receipts, scrubfiles, scrubjobs
from registry.access import Actor
from registry.calllists.calllist import restored
from registry.errors import InvalidInputError, NotAllowedError, NotFoundError, RegistryError
from registry.logs import log
from registry.naming import new_id
from registry.preferences import category_of, channel_of
from registry.scrubjobs import Ask, ScrubJob
from registry.scrubparts import receive
from sync.inbox import SETTLED_S, UNFINISHED, party_folders

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.parties import Party

FOLDER, IN, OUT, REFUSED = "dropbox", "in", "out", "refused"
TAKEN, JOBS = ".taken", ".jobs"
ASK, PROBLEM, RECEIPT = "ask.toml", ".problem.txt", ".receipt.json"
_PATIENCE_S = 60  # how long a list waits for what it is to be checked for
_LONGEST_NAME, _LONGEST_ASK = 180, 64_000  # bytes
_PIECE, _KEPT_EVERY = 1 << 20, 64
_log = log("dropbox")
Keep = Callable[[], None]


class AskFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in an ask file."""

    channel: str
    category: str
    campaign: str = ""
    on_behalf: str = ""
    country: str = "CN"
    column: str | int = ""

    def ask(self) -> Ask:
        """The same in the words of the core. Raises InvalidInputError for words that are none."""
        return Ask(
            channel_of(self.channel), category_of(self.category), self.campaign, self.on_behalf, None, self.country,
            str(self.column),
        )


class Mark(msgspec.Struct, frozen=True):
    """What is known of a file that was taken: its name, and what it is checked for."""

    name: str
    ask: AskFile


def drop_due(registry: Registry, keep: Keep) -> dict[str, int]:
    """Take what lies in drop folders, and give out what is done; the counts `taken`, `given`, `refused`."""
    counts = {"taken": 0, "given": 0, "refused": 0}
    for folder in party_folders(registry.instance / FOLDER):
        party = registry.store.parties.party(folder.name)
        if party is None or party.kind != "telemarketer" or party.state != "active":
            continue
        try:
            with _alone(folder) as alone:
                for outcome in _Box(registry, folder, party, keep).round() if alone else ():
                    counts[outcome] += 1
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("broken", party=party.party, kind=type(error).__name__)
        keep()
    return counts


def enable(registry: Registry, party: str, ask: AskFile | None) -> Path:
    """Make the drop folder of a party, and say what its lists are checked for. Raises NotFoundError no_such_party,
    InvalidInputError not_a_telemarketer, unknown_channel, unknown_category."""
    found = registry.store.parties.party(party)
    if found is None:
        raise NotFoundError("There is no such party.", code="no_such_party")
    if found.kind != "telemarketer":
        raise InvalidInputError("Only telemarketers have drop folders.", code="not_a_telemarketer")
    folder = registry.instance / FOLDER / party
    for place in (folder, folder / IN, folder / OUT):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.chmod(0o700)
    if ask is not None:
        ask.ask()
        said = (f"{name} = {json.dumps(value)}\n" for name, value in msgspec.structs.asdict(ask).items())
        _write(folder / ASK, "".join(said).encode())
    return folder


def disable(registry: Registry, party: str) -> int:
    """Take the drop folder of a party away; how many files stand against it. Raises NotFoundError no_drop_folder."""
    folder = next((each for each in party_folders(registry.instance / FOLDER) if each.name == party), None)
    if folder is None:
        raise NotFoundError("This party has no drop folder.", code="no_drop_folder")
    with _alone(folder) as alone:
        places = (folder / name for name in (IN, OUT, REFUSED, TAKEN, JOBS))
        left = sum(1 for place in places if place.is_dir() for _file in place.iterdir()) if alone else 1
        if not left:
            shutil.rmtree(folder)
    return left


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else works on a folder now."""
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


@dataclass
class _Box:
    """One party's drop folder, worked on by nobody else."""

    registry: Registry
    folder: Path
    party: Party
    keep: Keep

    def round(self) -> Iterator[str]:
        """What becomes of each file: `taken`, `refused`, `given`."""
        for name in (OUT, REFUSED, TAKEN, JOBS):
            place = self.folder / name
            with suppress(FileExistsError):
                place.mkdir(mode=0o700)
            if place.is_symlink() or not place.is_dir():
                _log.warning("not_a_folder", party=self.party.party)
                return
        yield from self._all_taken()
        for mark in sorted((self.folder / JOBS).glob("*.json")):
            if outcome := self._given(mark):
                yield outcome
            self.keep()
        self._forget()

    # coming in

    def _all_taken(self) -> Iterator[str]:
        taken, lists = self.folder / TAKEN, self.folder / IN
        for path in sorted(taken.glob("*.mark")):
            yield from self._taken(path)
        if lists.is_symlink() or not lists.is_dir():
            return
        for path in _waiting(lists):
            try:
                ask = self._ask_of(path)
            except InvalidInputError as error:
                yield self._refused(path, path.name, error)
                continue
            if ask is None:
                continue
            mark = taken / f"{new_id(12)}.mark"
            _write(mark, msgspec.json.encode(Mark(_plain(path.name), ask)))
            with suppress(FileNotFoundError):
                path.rename(mark.with_suffix(".list"))
                yield from self._taken(mark)
            self.keep()

    def _ask_of(self, path: Path) -> AskFile | None:
        """What a list is checked for; None while nobody has said it. Raises InvalidInputError bad_ask, no_ask."""
        for place in (path.with_name(f"{path.name}.{ASK}"), self.folder / ASK):
            content = _content(place)
            if content is None:
                continue
            try:
                found = msgspec.toml.decode(content, type=AskFile)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InvalidInputError(f"{place.name} cannot be read.", code="bad_ask") from error
            found.ask()
            return found
        if time.time() - path.stat().st_mtime < _PATIENCE_S:
            return None
        raise InvalidInputError(f"Nothing says what to check the list for: lay {path.name}.{ASK} beside it.",
                                code="no_ask")  # fmt: skip

    def _taken(self, marked: Path) -> Iterator[str]:
        """Make a scrub of a file that was taken away, as the same one where that broke off."""
        path = marked.with_suffix(".list")
        mark = msgspec.json.decode(marked.read_bytes(), type=Mark)
        if path.is_symlink() or not path.is_file():
            marked.unlink()  # it was submitted, or never taken
            return
        try:
            job = self._submitted(path, mark, marked.stem)
        except (InvalidInputError, NotAllowedError) as error:
            yield self._refused(path, mark.name, error)
        else:
            _write(self.folder / JOBS / f"{job.scrub}.json", msgspec.json.encode(mark))
            path.unlink()  # it is on the shelf, sealed; the file would keep its numbers in clear
            (self.folder / IN / f"{mark.name}.{ASK}").unlink(missing_ok=True)
            yield "taken"
        marked.unlink(missing_ok=True)

    def _submitted(self, path: Path, mark: Mark, token: str) -> ScrubJob:
        registry = self.registry
        store, clock, settings = registry.store, registry.clock, registry.settings.scrubs
        job = scrubjobs.begin(
            store, clock, settings, actor=Actor("system", party=self.party), ask=mark.ask.ask(), name=mark.name,
            origin="folder", idempotency=f"dropbox {token}",
        )
        if job.state != "uploading":
            return job
        try:
            receive(
                store, registry.shelf, registry.keys, registry.instance / "work", job=job, part=1,
                source=self._pieces(path), length=path.stat().st_size, most=settings.max_bytes,
            )
            return scrubjobs.submit(store, clock, settings, job=job)
        except InvalidInputError:
            scrubjobs.cancel(store, clock, job=job, actor=Actor("system", party=self.party))
            raise

    def _pieces(self, path: Path) -> Iterator[bytes]:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            for place, piece in enumerate(iter(lambda: file.read(_PIECE), b"")):
                if place % _KEPT_EVERY == 0:
                    self.keep()
                yield piece

    def _refused(self, path: Path, name: str, error: RegistryError) -> str:
        """Put a file away that cannot be checked, and say why."""
        self._say(name, f"{error.detail} [{error.code}]")
        with suppress(FileNotFoundError):
            os.utime(path, follow_symlinks=False)
            path.rename(self.folder / REFUSED / f"{new_id(8)}-{_plain(name)}")
        (self.folder / IN / f"{name}.{ASK}").unlink(missing_ok=True)
        return "refused"

    # going out

    def _given(self, marked: Path) -> str:
        """Give out what came of a scrub that has ended; an empty text for one that has not."""
        registry = self.registry
        name, job = _plain(msgspec.json.decode(marked.read_bytes(), type=Mark).name), None
        with suppress(NotFoundError):
            job = scrubjobs.job_of(registry.store, party=self.party.party, scrub=marked.stem)
        if job is not None and job.state in scrubjobs.OPEN:
            return ""
        if job is not None and job.state == "done":
            self._give(job, name)
            scrubjobs.picked_up(registry.store, registry.clock, registry.settings.scrubs, job=job)
            outcome = "given"
        else:
            problem = (job.problem or job.state) if job is not None else "deleted"
            self._say(name, f"The list was not checked: {problem.replace('_', ' ')}. [{problem}]")
            outcome = "refused"
        marked.unlink()
        return outcome

    def _give(self, job: ScrubJob, name: str) -> None:
        """Write receipt and result; the result last, so that whoever sees it has the rest."""
        registry, out = self.registry, self.folder / OUT
        name = _unused(out, _result_name(name, restored(job.found).ending))
        if job.receipt:
            receipt = receipts.receipt_of(registry.store, party=job.party, receipt=job.receipt)
            _write(out / f"{name}{RECEIPT}", receipts.file_of(registry.keys, receipt))
        if job.problem:
            self._say(name, f"Some lines were not answered: {job.problem.replace('_', ' ')}. [{job.problem}]")
        with scrubfiles.result(registry.shelf, registry.keys, job) as source, _passing(out / name) as file:
            for place, piece in enumerate(iter(lambda: source.read(_PIECE), b"")):
                if place % _KEPT_EVERY == 0:
                    self.keep()
                file.write(piece)

    def _say(self, name: str, sentence: str) -> None:
        _write(self.folder / OUT / f"{_plain(name)}{PROBLEM}", f"{sentence}\n".encode())

    def _forget(self) -> None:
        """Delete what has lain for its time."""
        old = time.time() - self.registry.settings.scrubs.kept_hours * 3600
        for name in (OUT, REFUSED):
            for path in (self.folder / name).iterdir():
                with suppress(OSError):
                    if not path.is_dir() and path.lstat().st_mtime < old:
                        path.unlink()


def _waiting(folder: Path) -> Iterator[Path]:
    """Call lists that nobody is writing any more, by name."""
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        if name.startswith(".") or name.endswith((*UNFINISHED, f".{ASK}")) or name == ASK:
            continue
        with suppress(OSError):  # gone, or not ours to read
            if path.is_symlink() or not path.is_file() or 0 <= time.time() - path.stat().st_mtime < SETTLED_S:
                continue
            yield path


def _plain(name: str) -> str:
    """A file's name that leaves room for what is put behind it; without what no UTF-8 can hold."""
    whole = name.replace("/", "-").replace("\0", "").encode("utf-8", "ignore")
    return whole[-_LONGEST_NAME:].decode("utf-8", "ignore").lstrip(".") or "call-list"


def _result_name(name: str, ending: str) -> str:
    """The name of a list's result: packed lists come back unpacked."""
    for packed in (".gz", ".zip"):
        name = name[: -len(packed)] if name.lower().endswith(packed) else name
    return name if name.lower().endswith(f".{ending}") else f"{name}.{ending}"


def _unused(folder: Path, name: str) -> str:
    """The name, with a number where a result of that name was not fetched yet."""
    stem, dot, ending = name.rpartition(".")
    names = (f"{stem}-{place}{dot}{ending}" for place in itertools.count(2))
    return next(each for each in itertools.chain([name], names) if not (folder / each).exists())


def _content(path: Path) -> bytes | None:
    """A small file's content, None where there is none."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(_LONGEST_ASK)


@contextmanager
def _passing(path: Path) -> Iterator[IO[bytes]]:
    """A private file that takes its place when it is complete."""
    passing = path.with_name(f".{new_id(12)}.part")
    handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        passing.replace(path)
    except BaseException:
        passing.unlink(missing_ok=True)
        raise


def _write(path: Path, content: bytes) -> None:
    with _passing(path) as file:
        file.write(content)
