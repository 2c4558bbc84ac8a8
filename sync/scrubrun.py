"""One scrub from call list to result: opened, answered, sealed, put on the shelf, and ended.

Rules of this room:
- The result lies under a fresh name and is pointed to by the transaction that ends the scrub, so that a kill at any
  moment leaves a scrub that is begun again, and files that nobody points to, which go with it.
- What lies in folders on the way is sealed, or holds sealed numbers only; a folder goes with its attempt.
- Reading, answering and sealing go on at the same time; what is in flight is bounded.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from registry import scrubfiles, scrubwork
from registry.calllists.calllist import stored
from registry.calllists.files import inspect, scrub
from registry.calllists.limits import Limits
from registry.calllists.spool import Spool
from registry.calllists.tally import Tally
from registry.decisions import Contact
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, RegistryError, UnavailableError
from registry.logs import log
from registry.meter import Meter
from registry.outside.sealedfile import SealedWriter
from registry.outside.shelf import refused
from registry.quotas import Charged
from registry.scrubbases import sandbox_scrubber, scrubber_of
from registry.scrubwork import Done, Held

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.parties import Party
    from registry.scrub import Scrubber
    from registry.scrubjobs import Part, ScrubJob

READ = 1 << 20
PROGRESS_S = 1.0  # how often it is written down how far a scrub is
_IN_FLIGHT = 8  # blocks that were answered and are not sealed yet
_PASSES = frozenset({"database_busy", "disk_full", "disk_error", "shelf_error", "shelf_read_only"})
_FOLDER = "scrub-"
_STALE_S = 86_400  # an upload takes no longer
_log = log("scrubs")


class _StopError(Exception):
    """The clockwork stops, or the lease is lost: somebody else begins again."""


class _CancelledError(Exception):
    """The party has stopped its scrub."""


@dataclass
class Watch:
    """Sees to one scrub that is worked on: how far it is, and whether it is to go on. `stop` may be set by anybody."""

    registry: Registry
    job: ScrubJob
    held: Held
    stop: threading.Event = field(default_factory=threading.Event)
    tally: Tally = field(default_factory=Tally)
    scrubber: Scrubber | None = None
    _written: float = field(default_factory=time.monotonic)

    def keep(self) -> None:
        """Called between blocks; raises what ends the work."""
        if self.stop.is_set():
            raise _StopError
        if time.monotonic() - self._written >= PROGRESS_S:
            with suppress(UnavailableError):  # it is written the next time
                self.write()

    def write(self) -> None:
        """Write down how far it is. Raises what ends the work, and UnavailableError."""
        self._written = time.monotonic()
        if not scrubwork.progress(
            self.registry.store, job=self.job, read=min(self.tally.size, self.job.size), lines=self.tally.lines,
            counts=self.counts(),
        ):
            raise _CancelledError

    def counts(self) -> dict[str, int]:
        """Lines so far by verdict and reason, as `ScrubJob.counts`."""
        found: dict[str, int] = {}
        for kind, count in zip(self.scrubber.kinds if self.scrubber else (), self.tally.counts.tolist()):
            name = f"{kind.verdict}/{kind.reason}"
            found[name] = found.get(name, 0) + count
        return {name: count for name, count in found.items() if count}


def work(registry: Registry, watch: Watch) -> dict[str, int]:
    """Work on a scrub that was taken; the counts `scrubs`, `lines`, or `cancelled`, `failed`, `put_back`."""
    job, held = watch.job, watch.held
    store, clock, settings = registry.store, registry.clock, registry.settings.scrubs
    try:
        return _worked(registry, watch)
    except _StopError:
        scrubwork.put_back(store, clock, job=job, held=held)
        return {"put_back": 1}
    except _CancelledError:
        try:
            scrubwork.stopped(store, clock, settings, job=job, held=held)
        except ConflictError:  # it is somebody else's by now
            return {"put_back": 1}
        return {"cancelled": 1}
    except ConflictError as error:
        if error.code != "lease_lost":
            return _failed(registry, watch, error.code)
        _log.warning("lease_lost", scrub=job.scrub)
        return {"put_back": 1}
    except RegistryError as error:
        if error.code in _PASSES and job.attempts < scrubwork.MOST_ATTEMPTS:
            _log.warning("put_back", scrub=job.scrub, reason=error.detail, code=error.code)
            scrubwork.put_back(store, clock, job=job, held=held, trouble=True)
            return {"put_back": 1}
        if not isinstance(error, InvalidInputError):
            _log.warning("failed", scrub=job.scrub, reason=error.detail, code=error.code)
        return _failed(registry, watch, error.code)
    except Exception as error:  # noqa: BLE001 - whatever a file does to us is the end of that scrub alone
        _log.warning("failed", scrub=job.scrub, kind=type(error).__name__)
        return _failed(registry, watch, "internal_error")


def _failed(registry: Registry, watch: Watch, problem: str) -> dict[str, int]:
    with suppress(ConflictError):
        scrubwork.fail(
            registry.store, registry.clock, registry.settings.scrubs, job=watch.job, held=watch.held, problem=problem
        )
    return {"failed": 1}


def _worked(registry: Registry, watch: Watch) -> dict[str, int]:
    job, shelf = watch.job, registry.shelf
    name = scrubfiles.result_name(job.scrub)
    with folder_of(registry, job) as folder, Spool(folder) as spool, _metered(registry, job, folder) as meter:
        try:
            done = _answered(registry, watch, spool, meter, folder, name)
            watch.write()  # from here on it is paid for, and ends as done
            charged = meter.close(done=True) if meter is not None else Charged()
        except BaseException:
            with suppress(RegistryError):
                shelf.delete(name)
            raise
        done = replace(done, charged=charged.numbers, problem="quota_reached" if charged.refused else "")
        _finish(registry, watch, done)
    scrubfiles.delete_results(shelf, job.scrub, but=name)  # of attempts that were cut off: none of them can end now
    return {"scrubs": 1, "lines": done.lines}


def _finish(registry: Registry, watch: Watch, done: Done) -> None:
    """End the scrub. The result is deleted only where it is certain that nothing points to it."""
    try:
        scrubwork.finish(
            registry.store, registry.clock, registry.settings.scrubs, job=watch.job, held=watch.held, done=done
        )
    except ConflictError:
        registry.shelf.delete(done.result)
        raise


@contextmanager
def _metered(registry: Registry, job: ScrubJob, folder: Path) -> Iterator[Meter | None]:
    """The meter of a scrub; magic numbers cost nothing."""
    party = _party(registry, job)
    if job.sandbox:
        yield None
        return
    with Meter(registry.quotas, party=party, scrub=job.scrub, work=folder) as meter:
        yield meter


def _answered(
    registry: Registry, watch: Watch, spool: Spool, meter: Meter | None, folder: Path, name: str
) -> Done:
    """The result put on the shelf under a name, and what came of the scrub."""
    job, parts = watch.job, registry.store.scrub_jobs.parts(watch.job.scrub)
    watch.scrubber = scrubber = _scrubber(registry, job)
    plan = registry.plan.with_sandbox() if job.sandbox else registry.plan
    settings = registry.settings.scrubs
    limits = Limits(workbook=settings.xlsx_bytes, held=settings.xlsx_bytes, unpacked=settings.unpacked_bytes)
    with (
        _InputDigest(registry, job, parts) as digest,
        scrubfiles.call_list(registry.shelf, registry.keys, job, parts) as source,
        scrubfiles.sealed_at(folder, scrubfiles.key_of(registry.keys, name)) as (path, writer),
    ):
        found = inspect(
            source, job.name, plan, country=job.ask.country, wanted=job.ask.wanted or None, limits=limits
        )
        blocks = scrub(
            source, found, scrubber, plan, country=job.ask.country, spool=spool, tally=watch.tally, keep=watch.keep,
            admit=meter.admit if meter is not None else None, limits=limits,
        )
        sha256 = _seal(blocks, writer)
        registry.shelf.put(name, path)
        input_sha256 = digest.result()
    return Done(
        result=name, result_size=writer.size, result_sha256=sha256, input_sha256=input_sha256, lines=watch.tally.lines,
        counts=watch.counts(), distinct_numbers=sum(map(len, spool.distinct())), edition=scrubber.lists.edition,
        rulebook=scrubber.rulebook, valid_until=scrubber.valid_until, found=stored(found),
    )


def _party(registry: Registry, job: ScrubJob) -> Party:
    """The telemarketer. Raises NotAllowedError `party_suspended`."""
    party = registry.store.parties.party(job.party)
    if party is None or party.state != "active" or not party.licensed:
        raise NotAllowedError("The telemarketer may not have call lists checked any longer.", code="party_suspended")
    return party


def _scrubber(registry: Registry, job: ScrubJob) -> Scrubber:
    """Who answers. Raises UnavailableError `holidays_unknown`."""
    ask, valid = job.ask, timedelta(days=registry.settings.scrubs.valid_days)
    contact = Contact(
        ask.at or registry.clock.now(), ask.channel, ask.category, telemarketer=ask.on_behalf or job.party
    )
    if job.sandbox:
        edition = max(1, registry.store.editions.newest())  # before the first one magic numbers stand as at it
        return sandbox_scrubber(
            registry.rulebooks, registry.plan, contact=contact, edition=edition, valid=valid
        )
    return scrubber_of(
        registry.store, registry.shelf, registry.keys, registry.rulebooks, registry.plan, contact=contact, valid=valid
    )


def _seal(blocks: Iterable[bytes | memoryview], writer: SealedWriter) -> str:
    """Seal blocks in a thread of its own while the next ones are answered; the SHA-256 of them all, hex.

    Raises UnavailableError `disk_full` and the like.
    """
    digest = hashlib.sha256()

    def seal(block: bytes | memoryview) -> None:
        digest.update(block)
        writer.write(block)

    waiting: deque[Future[None]] = deque()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="seal") as pool:
            for block in blocks:
                waiting.append(pool.submit(seal, block))
                if len(waiting) > _IN_FLIGHT:
                    waiting.popleft().result()
            while waiting:
                waiting.popleft().result()
        writer.close()
    except OSError as error:
        raise refused(error) from error
    return digest.hexdigest()


class _InputDigest:
    """The SHA-256 of a call list as it came; of one that came in parts it is computed while it is answered."""

    def __init__(self, registry: Registry, job: ScrubJob, parts: Sequence[Part]) -> None:
        self._stop = threading.Event()
        self._known = parts[0].sha256 if len(parts) == 1 else ""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="digest")
        self._future = None if self._known else self._pool.submit(self._read, registry, job, parts)

    def __enter__(self) -> _InputDigest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._pool.shutdown()

    def result(self) -> str:
        """The digest, hex. Raises what reading raised."""
        return self._future.result() if self._future is not None else self._known

    def _read(self, registry: Registry, job: ScrubJob, parts: Sequence[Part]) -> str:
        digest = hashlib.sha256()
        with scrubfiles.call_list(registry.shelf, registry.keys, job, parts) as source:
            while not self._stop.is_set() and (piece := source.read(READ)):
                digest.update(piece)
        return digest.hexdigest()


# folders


@contextmanager
def folder_of(registry: Registry, job: ScrubJob) -> Iterator[Path]:
    """A private folder for one attempt. Raises UnavailableError where it cannot be made."""
    folder = registry.instance / "work" / f"{_FOLDER}{job.scrub}-{job.attempts}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise refused(error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tidy(registry: Registry) -> int:
    """Delete what killed workers and broken uploads left in the folder for work here; how many."""
    deleted, old = 0, time.time() - _STALE_S
    work = registry.instance / "work"
    for place in sorted(work.glob(f"{_FOLDER}*")) if work.is_dir() else ():
        scrub, _, attempt = place.name.removeprefix(_FOLDER).rpartition("-")
        job = registry.store.scrub_jobs.job(scrub) if place.is_dir() else None
        if job is not None and (job.state, str(job.attempts)) == ("running", attempt):
            continue
        with suppress(OSError):  # whoever else deletes it is right
            if place.is_dir():
                shutil.rmtree(place)
            elif place.stat().st_mtime < old:
                place.unlink()
            else:
                continue
            deleted += 1
    return deleted
