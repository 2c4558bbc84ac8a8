"""The right to run a job until a time, so that of any number of processes one does the work.

Rules of this room:
- Of two who ask at once one gets the lease; the database decides in one statement, on both engines.
- Whoever works longer renews in time and stops where the lease went to somebody else.
- A holder that died is waited for until its lease ends. A lease that ends later than any that could be taken now comes
  from before the clock was set back, and is free.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from registry.errors import ConflictError
from registry.interfaces import Clock
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.store import Store


def take(store: Store, clock: Clock, *, lease: str, holder: str, seconds: int) -> bool:
    """Take a lease for some seconds; False where somebody holds it."""
    now = clock.now()
    with store.writing(about=f"lease {lease}"):
        return store.jobs.take_lease(
            lease=lease,
            holder=holder,
            now=to_micros(now),
            until=to_micros(now + timedelta(seconds=seconds)),
            longest=to_micros(now + timedelta(seconds=2 * seconds)),
        )


def renew(store: Store, clock: Clock, *, lease: str, holder: str, seconds: int) -> None:
    """Hold a lease for some seconds from now. Raises ConflictError `lease_lost` where it went to somebody else."""
    until = to_micros(clock.now() + timedelta(seconds=seconds))
    with store.writing(about=f"lease {lease}"):
        if not store.jobs.renew_lease(lease=lease, holder=holder, until=until):
            raise ConflictError(f"The lease to {lease} went to another process.", code="lease_lost")


def release(store: Store, *, lease: str, holder: str) -> bool:
    """Give a lease back; False where it was somebody else's already."""
    with store.writing(about=f"lease {lease}"):
        return store.jobs.release_lease(lease=lease, holder=holder)


def release_all(store: Store, *, holder: str) -> int:
    """Give back everything that a holder has, because it ends or is known to be dead; how many."""
    with store.writing(about="lease"):
        return store.jobs.release_all(holder)


def holders(store: Store) -> set[str]:
    """Who holds leases, also such as have ended."""
    return store.jobs.holders()
