"""One scrub from call list to result: opened, answered, sealed, put on the shelf, and ended.

Rules of this room:
- The result lies under a fresh name and is pointed to by the transaction that ends the scrub, so that a kill at any
  moment leaves a scrub that is begun again, and files that nobody points to, which go with it.
- What lies in folders on the way is sealed, or holds sealed numbers only; a folder goes with its attempt.
- Reading, answering and sealing go on at the same time; what is in flight is bounded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from registry import receiptkeys, receipts, scrubchanges, scrubfiles, scrubwork
from registry.calllists.calllist import restored, stored
from registry.calllists.files import inspect, scrub
from registry.calllists.limits import Limits
from registry.calllists.spool import Spool
from registry.calllists.tally import Tally
from registry.decisions import Contact
from registry.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    RegistryError,
    SettingsError,
    UnavailableError,
)
from registry.logs import log
from registry.meter import Meter
from registry.outside.shelf import refused
from registry.quotas import Charged
from registry.scrubbases import sandbox_scrubber, scrubber_of
from registry.scrubwork import Done, Held, receipt_of_attempt
from registry.watch import judge
from sync.scrubfolders import folder_of
from sync.scrubproof import facts_of
from sync.scrubstreams import InputDigest, seal

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.outside.sealedfile import SealedWriter
    from registry.parties import Party
    from registry.profiles import Sample
    from registry.receiptforms import Facts, Receipt
    from registry.receiptkeys import ReceiptKeys
    from registry.scrub import Scrubber
    from registry.scrubjobs import ScrubJob

PROGRESS_S = 1.0  # how often it is written down how far a scrub is
RECEIPT_S = 1.5e-6  # that each number takes in a receipt, about
_PASSES = frozenset(
    {"database_busy", "disk_full", "disk_error", "shelf_error", "shelf_read_only", "hold_lost"}
)  # what may be over when it is tried again
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
    sample: Sample | None = None
    scrubber: Scrubber | None = None
    proved: float = 0.0  # how much of the receipt is made
    _began: float = field(default_factory=time.monotonic)
    _read: float | None = None  # when the last line was answered
    _written: float = field(default_factory=time.monotonic)

    def seen(self, share: float) -> None:
        """Called while the receipt is made: how much of it is; raises what ends the work."""
        self.proved = share
        self.keep()

    @property
    def share(self) -> float:
        """How much of the work is done, by the time that all lines and their receipt will take together."""
        read = min(1.0, self.tally.size / max(1, self.job.size))
        if read >= 1 and self._read is None:
            self._read = time.monotonic()
        answering = (self._read or time.monotonic()) - self._began
        whole, receipt = answering / max(read, 0.001), self.tally.lines / max(read, 0.001) * RECEIPT_S
        return min(0.999, (answering + self.proved * receipt) / max(whole + receipt, 0.001))

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
            counts={kind: count for kind, count in self.counts().items() if kind.startswith("invalid/")},
        ):  # how many declined is an answer, and answers are given when they are paid for
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
    except RegistryError as error:
        return _troubled(registry, watch, error)
    except OSError as error:  # of the folder for work
        return _troubled(registry, watch, refused(error))
    except Exception as error:  # noqa: BLE001 - whatever a file does to us is the end of that scrub alone
        _log.warning("failed", scrub=job.scrub, kind=type(error).__name__)
        return _failed(registry, watch, "internal_error")


def _troubled(registry: Registry, watch: Watch, error: RegistryError) -> dict[str, int]:
    """Let a scrub wait where trouble may pass, else end it."""
    job = watch.job
    if error.code == "lease_lost":
        _log.warning("lease_lost", scrub=job.scrub)
        return {"put_back": 1}
    passes = error.code in _PASSES or isinstance(error, SettingsError)
    if passes and job.attempts < scrubwork.MOST_ATTEMPTS:
        _log.warning("put_back", scrub=job.scrub, reason=error.detail, code=error.code)
        scrubwork.put_back(registry.store, registry.clock, job=job, held=watch.held, trouble=True)
        return {"put_back": 1}
    if not isinstance(error, InvalidInputError):
        _log.warning("failed", scrub=job.scrub, reason=error.detail, code=error.code)
    return _failed(registry, watch, error.code)


def _failed(registry: Registry, watch: Watch, problem: str) -> dict[str, int]:
    with suppress(ConflictError):
        scrubwork.fail(
            registry.store, registry.clock, registry.settings.scrubs, job=watch.job, held=watch.held, problem=problem
        )
    return {"failed": 1}


def _worked(registry: Registry, watch: Watch) -> dict[str, int]:
    job, shelf, signing = watch.job, registry.shelf, registry.receipt_keys
    party, name = _party(registry, job), scrubfiles.result_name(job.scrub)
    with (
        folder_of(registry, job) as folder, Spool(folder) as spool, _metered(registry, watch, party, folder) as meter,
        scrubfiles.sealed_at(folder, scrubfiles.key_of(registry.keys, name)) as (path, writer),
    ):  # fmt: skip
        try:
            done, at = _answered(registry, watch, spool, meter, name, writer)
            _must_look_real(registry, watch, done)
            with ThreadPoolExecutor(1, thread_name_prefix="put") as pool:
                put = pool.submit(shelf.put, name, path)
                receipt = _receipt(registry, watch, signing, folder, spool, facts_of(registry, job, party, done, at))
                changes = scrubchanges.since(
                    registry.store, shelf, registry.keys, folder, job=job, distinct=spool.distinct(),
                    kinds=watch.scrubber.kinds if watch.scrubber is not None else (),
                )
                put.result()
            watch.write()  # from here on it is paid for, and ends as done
            charged = meter.close(done=True) if meter is not None else Charged()
        except BaseException:
            with suppress(RegistryError):
                _forget(registry, job, name)
            raise
        done = replace(
            done, changes=changes, distinct_numbers=receipt.size, charged=charged.numbers,
            problem="quota_reached" if charged.refused else "",
        )
        _finish(registry, watch, done, receipt)
    scrubfiles.delete_results(shelf, job.scrub, but=name)  # of attempts that were cut off: none of them can end now
    for attempt in range(1, job.attempts):
        shelf.delete(receipts.leaves_name(receipt_of_attempt(job.scrub, attempt)))
    return {"scrubs": 1, "lines": done.lines}


def _receipt(
    registry: Registry, watch: Watch, signing: ReceiptKeys, folder: Path, spool: Spool, facts: Facts
) -> Receipt:
    """The receipt of an attempt, not written yet."""
    assert watch.scrubber is not None
    receiptkeys.note(registry.store, registry.clock, signing)
    return receipts.make(
        registry.clock, registry.shelf, registry.keys, signing, folder, facts=facts,
        distinct=spool.distinct(), kinds=watch.scrubber.kinds,
        receipt=receipt_of_attempt(watch.job.scrub, watch.job.attempts), seen=watch.seen,
    )


def _must_look_real(registry: Registry, watch: Watch, done: Done) -> None:
    """Lets a list go on that looks like real customers; any other waits in another lane, and nothing of it is told."""
    if watch.sample is not None:
        ruling = judge(registry.watch, job=watch.job, sample=watch.sample, counts=done.counts)
        if ruling.lane != "usual":
            _log.warning("set_aside", scrub=watch.job.scrub, lane=ruling.lane, signals=list(ruling.kinds))
            raise _StopError


def _forget(registry: Registry, job: ScrubJob, result: str) -> None:
    """Delete what an attempt put on the shelf."""
    registry.shelf.delete(result)
    registry.shelf.delete(receipts.leaves_name(receipt_of_attempt(job.scrub, job.attempts)))


def _finish(registry: Registry, watch: Watch, done: Done, receipt: Receipt) -> None:
    """End the scrub. What it brought is deleted only where it is certain that nothing points to it."""
    try:
        scrubwork.finish(
            registry.store, registry.clock, registry.settings.scrubs, job=watch.job, held=watch.held, done=done,
            receipt=receipt,
        )
    except ConflictError:
        _forget(registry, watch.job, done.result)
        raise


@contextmanager
def _metered(registry: Registry, watch: Watch, party: Party, folder: Path) -> Iterator[Meter | None]:
    """The meter of a scrub, which shows the watch what is asked for; magic numbers cost nothing."""
    if watch.job.sandbox:
        yield None
        return
    watch.sample = sample = registry.watch.sample()
    with Meter(registry.quotas, party=party, scrub=watch.job.scrub, work=folder, see=sample.see) as meter:
        yield meter


def _answered(
    registry: Registry, watch: Watch, spool: Spool, meter: Meter | None, name: str, writer: SealedWriter
) -> tuple[Done, datetime]:
    """The result written, what came of the scrub (its result will lie under a name), and for which moment it is."""
    job, parts = watch.job, registry.store.scrub_jobs.parts(watch.job.scrub)
    watch.scrubber = scrubber = _scrubber(registry, job)
    plan = registry.plan.with_sandbox() if job.sandbox else registry.plan
    settings = registry.settings.scrubs
    limits = Limits(workbook=settings.xlsx_bytes, held=settings.xlsx_bytes, unpacked=settings.unpacked_bytes)
    with (
        InputDigest(registry, job, parts) as digest,
        scrubfiles.call_list(registry.shelf, registry.keys, job, parts) as source,
    ):
        found = restored(job.found) if job.found else None
        if found is None or found.column is None:
            found = inspect(
                source, job.name, plan, country=job.ask.country, wanted=job.ask.wanted or None, limits=limits
            )
        blocks = scrub(
            source, found, scrubber, plan, country=job.ask.country, spool=spool, tally=watch.tally, keep=watch.keep,
            admit=meter.admit if meter is not None else None, limits=limits,
        )
        sha256 = seal(blocks, writer)
        input_sha256 = digest.result()
    done = Done(
        result=name, result_size=writer.size, result_sha256=sha256, input_sha256=input_sha256, lines=watch.tally.lines,
        counts=watch.counts(), edition=scrubber.lists.edition, rulebook=scrubber.rulebook,
        valid_until=scrubber.valid_until, found=stored(found),
    )
    return done, scrubber.contact.at


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
        ask.at or registry.clock.now(), ask.channel, ask.category, telemarketer=job.party
    )
    if job.sandbox:
        edition = max(1, registry.store.editions.newest())  # before the first one magic numbers stand as at it
        return sandbox_scrubber(
            registry.keys, registry.rulebooks, registry.plan, contact=contact, edition=edition, valid=valid
        )
    return scrubber_of(
        registry.store, registry.shelf, registry.keys, registry.rulebooks, registry.plan, contact=contact, valid=valid
    )
