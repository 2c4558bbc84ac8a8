"""Work on many things at once (sources of reports, endpoints), shared with the clockworks beside: a lease for each.

Rules of this room:
- What somebody else works on is left alone; what is slow or fails keeps at most half of the threads, so that it delays
  nothing that is well; what becomes due meanwhile is begun at once.
- One thing's trouble is nobody else's: all others are worked on before the first mistake is raised.
- Who must stop says so through `keep`; work that is under way stops where it next keeps its lease.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from registry import leases
from registry.errors import ConflictError, RegistryError
from registry.logs import log
from sync.holders import own_name

if TYPE_CHECKING:
    from registry.assembly import Registry

T = TypeVar("T")
Keep = Callable[[], None]
LOOK_S = 0.5  # how often it is looked for what became due, while something is under way
LONGEST_S = 300.0  # after so long nothing new is begun, so that the run comes to its end
_log = log("sharing")


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to be worked on now; `slow`: it failed or was slow the last time."""

    name: str
    slow: bool = False


def summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sums by name, those that are 0 too."""
    total: dict[str, int] = {}
    for each in counts:
        for name, many in each.items():
            total[name] = total.get(name, 0) + many
    return total


class _LostError(Exception):
    """The lease of one thing went to somebody else."""


@dataclass
class Shared(Generic[T]):
    """A kind of work: what it is called in leases, what is due, how one thing is worked on (None: nothing done).

    A thing that is due again in the same run is begun again after `again_s` seconds.
    """

    registry: Registry
    what: str
    due: Callable[[], Iterable[Due]]
    work: Callable[[str, Keep], T]
    threads: int
    again_s: float
    keep: Keep
    holder: str = field(default_factory=own_name)

    def run(self) -> list[T]:
        """Work on all that is due; what came of each. Raises what `keep` raises, or the first mistake at the end."""
        stop, done, running = threading.Event(), list[T](), dict[Future[T | None], Due]()
        begun: dict[str, float] = {}
        mistakes: list[BaseException] = []
        until = time.monotonic() + LONGEST_S
        with ThreadPoolExecutor(self.threads, thread_name_prefix=self.what) as pool:
            while True:
                if not mistakes and time.monotonic() < until:
                    for each in self._to_begin(running, begun):
                        begun[each.name] = time.monotonic()
                        running[pool.submit(self._one, each.name, stop)] = each
                if not running:
                    break
                finished, _ = wait(running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
                for future in finished:
                    del running[future]
                    error = future.exception()
                    if error is not None:
                        mistakes.append(error)
                    elif (result := future.result()) is not None:
                        done.append(result)
                if not finished and not stop.is_set():
                    try:
                        self.keep()
                    except BaseException as error:  # noqa: BLE001 - raised below, when the threads have stopped
                        stop.set()
                        mistakes.insert(0, error)
        if mistakes:
            raise mistakes[0]
        return done

    def _to_begin(self, running: dict[Future[T | None], Due], begun: dict[str, float]) -> list[Due]:
        """What is due, not under way and not begun a moment ago, as far as there are threads for it."""
        now, busy = time.monotonic(), {each.name for each in running.values()}
        free = self.threads - len(running)
        slow_free = max(1, self.threads // 2) - sum(each.slow for each in running.values())
        chosen: list[Due] = []
        if free <= 0:
            return chosen
        for each in sorted(self.due(), key=lambda each: (each.slow, begun.get(each.name, 0.0))):
            if each.name in busy or now - begun.get(each.name, -1e9) < self.again_s:
                continue
            if len(chosen) == free or (each.slow and slow_free <= 0):
                break
            slow_free -= each.slow
            chosen.append(each)
        return chosen

    def _one(self, name: str, stop: threading.Event) -> T | None:
        """Work on one thing under its lease; None where somebody else does."""
        store, clock, seconds = self.registry.store, self.registry.clock, self.registry.settings.jobs.lease_s
        lease = f"{self.what} {name}"
        if not leases.take(store, clock, lease=lease, holder=self.holder, seconds=seconds):
            return None

        def held() -> None:
            if stop.is_set():
                raise ConflictError("The clockwork stops; the next one goes on.", code="stopping")
            self.keep()
            try:
                leases.renew(store, clock, lease=lease, holder=self.holder, seconds=seconds)
            except ConflictError as error:
                raise _LostError from error

        try:
            return self.work(name, held)
        except _LostError:
            _log.warning("lease_lost", what=self.what)
            return None
        except BaseException as error:
            if isinstance(error, ConflictError) and error.code in {"stopping", "lease_lost"}:
                stop.set()
            raise
        finally:
            self._give_back(lease)

    def _give_back(self, lease: str) -> None:
        try:
            leases.release(self.registry.store, lease=lease, holder=self.holder)
        except RegistryError:  # it ends by itself
            _log.warning("lease_not_released", what=self.what)
