"""The job that checks call lists: several at a time, shared with the clockworks beside, a lease for each.

Rules of this room:
- Leases are renewed here, not by those who work, so that a step that takes long loses nothing; a lease that is lost
  stops its scrub at the next block.
- Who must stop says so through `keep`: what runs is put back and begun again by the next clockwork.
- Nothing is begun while the index of the base is being made: without one the tables would have to be read whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from registry import leases, scrubbases, scrubwork
from registry.errors import ConflictError, RegistryError
from registry.logs import log
from registry.scrubwork import Held, lease_of
from sync.holders import own_name
from sync.scrubrun import Watch, work
from sync.sharing import summed

if TYPE_CHECKING:
    from registry.assembly import Registry

Keep = Callable[[], None]
LOOK_S = 0.5  # how often it is looked for what waits, while something runs
_log = log("scrubs")


def _nothing() -> None:
    """Keeps no lease."""


def nothing_due(registry: Registry) -> bool:
    """Whether no scrub waits or runs; asked every other second, so that an idle registry writes nothing for it."""
    return not registry.store.scrub_jobs.in_states(("waiting", "running"), limit=1)


def scrub_due(registry: Registry, keep: Keep = _nothing) -> dict[str, int]:
    """Check the call lists that wait, until none is left; the counts `scrubs`, `lines`, `failed`, `cancelled`,
    `put_back`. Raises what `keep` raises, when those that run have stopped."""
    if not scrubbases.is_ready(registry.store, registry.shelf):
        return {}
    return _Round(registry, keep).run()


class _Round:
    """One run of the job."""

    def __init__(self, registry: Registry, keep: Keep) -> None:
        self._registry, self._keep = registry, keep
        self._held = Held(own_name(), registry.settings.jobs.lease_s)
        self._running: dict[Future[dict[str, int]], Watch] = {}
        self._renewed = time.monotonic()

    def run(self) -> dict[str, int]:
        done: list[dict[str, int]] = []
        end: BaseException | None = None
        threads = self._registry.settings.scrubs.threads
        with ThreadPoolExecutor(threads, thread_name_prefix="scrub") as pool:
            while True:
                try:
                    while end is None and len(self._running) < threads and self._begin(pool):
                        pass
                    if not self._running:
                        break
                    done += self._ended()
                    self._renew()
                    if end is None:
                        self._keep()
                except BaseException as error:  # noqa: BLE001 - raised below, when the threads have stopped
                    end = end or error
                    for watch in self._running.values():
                        watch.stop.set()
        if end is not None:
            raise end
        return summed(done)

    def _begin(self, pool: ThreadPoolExecutor) -> bool:
        """Begin the scrub whose turn it is; False where there is none."""
        registry = self._registry
        job = scrubwork.take_next(registry.store, registry.clock, registry.settings.scrubs, held=self._held)
        if job is None:
            return False
        watch = Watch(registry, job, self._held)
        self._running[pool.submit(work, registry, watch)] = watch
        return True

    def _ended(self) -> list[dict[str, int]]:
        """What came of those that ended meanwhile; waits for a moment."""
        finished, _ = wait(self._running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        found = []
        for future in finished:
            watch, error = self._running.pop(future), future.exception()
            if error is None:
                found.append(future.result())
            else:  # not even its end could be written: its lease ends, and it is begun again
                _log.warning("lost", scrub=watch.job.scrub, kind=type(error).__name__)
        return found

    def _renew(self) -> None:
        """Renew the leases of what runs, when a third of their time is over."""
        if time.monotonic() - self._renewed < self._held.seconds / 3:
            return
        self._renewed = time.monotonic()
        store, clock = self._registry.store, self._registry.clock
        for watch in self._running.values():
            lease = lease_of(watch.job.scrub)
            try:
                leases.renew(store, clock, lease=lease, holder=self._held.holder, seconds=self._held.seconds)
            except ConflictError:  # also one that ends this moment
                watch.stop.set()
            except RegistryError:
                _log.warning("not_renewed", scrub=watch.job.scrub)
