"""Working on scrubs: whose turn it is, what was done so far, and how one ends.

Rules of this room:
- Whose party has the fewest that run comes first, then who was served longest ago, then who waits longest; what is held
  waits for an officer, what is slow comes no faster than its pace and after all others.
- Who works on a scrub holds its lease; one that runs but whose lease is gone was its worker's end, and is begun again
  from the beginning by whoever takes it up. One that was the end of several workers is failed.
- An end is written in one transaction with the lease: of two who think that a scrub is theirs, one ends it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from registry import guardlanes, scrubfigures
from registry.errors import ConflictError
from registry.naming import LETTERS
from registry.quotas import tier_of
from registry.receipts import leaves_name
from registry.scrubjobs import verdicts_of
from registry.times import to_micros
from registry.webhook_events import SCRUB_DONE, SCRUB_FAILED, emit

if TYPE_CHECKING:
    from registry.interfaces import Clock, Shelf
    from registry.receiptforms import Receipt
    from registry.scrubjobs import ScrubJob
    from registry.settings import ScrubSettings
    from registry.store import Store

MOST_ATTEMPTS = 5
_BYTES_A_NUMBER, _BYTES_PACKED = 14, 3  # of a list of bare numbers, as it comes or packed: how fast a slow one may be
_PACKED = (".gz", ".zip", ".xlsx", ".xlsm", ".parquet", ".pq")
_AGAIN_S = 20  # after trouble that passes (a full disk) a scrub waits so long, times its attempts


@dataclass(frozen=True, slots=True)
class Held:
    """Who works on a scrub, and for how many seconds a lease is taken at a time."""

    holder: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a scrub; as the fields of `ScrubJob`."""

    result: str
    result_size: int
    result_sha256: str
    input_sha256: str
    lines: int
    counts: Mapping[str, int]
    edition: int
    rulebook: str
    valid_until: datetime
    found: str = ""
    changes: Mapping[str, int] = field(default_factory=dict)
    distinct_numbers: int = 0
    charged: int = 0
    problem: str = ""


def receipt_of_attempt(scrub: str, attempt: int) -> str:
    """The id that the receipt of an attempt would have; letters only, as all ids of receipts."""
    digest = hashlib.sha256(f"{scrub} {attempt}".encode()).digest()
    return "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:24])


def lease_of(scrub: str) -> str:
    """The name of the lease to work on a scrub."""
    return f"scrub {scrub}"


# turns


def take_next(store: Store, clock: Clock, settings: ScrubSettings, *, held: Held) -> ScrubJob | None:
    """Take the scrub whose turn it is, with its lease; None where none is to be worked on now."""
    now = clock.now()
    longest = to_micros(now + timedelta(seconds=2 * held.seconds))
    left, turns = store.scrub_jobs.left(at=to_micros(now), longest=longest), store.scrub_jobs.turns(at=to_micros(now))
    for scrub in (*left, *turns):
        job = _take(store, clock, settings, scrub, held)
        if job is not None:
            return job
    return None


def _take(store: Store, clock: Clock, settings: ScrubSettings, scrub: str, held: Held) -> ScrubJob | None:
    now, states = clock.now(), ("waiting", "running")
    with store.writing(about=f"scrub {scrub}"):
        job = store.scrub_jobs.job(scrub)
        party = store.parties.party(job.party) if job is not None else None
        if job is None or party is None or job.state not in states or not store.jobs.take_lease(
            lease=lease_of(scrub), holder=held.holder, now=to_micros(now),
            until=to_micros(now + timedelta(seconds=held.seconds)),
            longest=to_micros(now + timedelta(seconds=2 * held.seconds)),
        ):
            return None
        lane = guardlanes.worse(cast(guardlanes.Lane, job.lane), guardlanes.lane_of(store, job.party))
        slow = lane == "slow" and job.state == "waiting"
        turn = _slow_turn(store, job, an_hour=tier_of(settings, party)[1].slow_hour) if slow else now
        anew: dict[str, Any] = {"lane": job.lane if lane == "held" else lane, "read": 0, "lines": 0, "permille": 0}
        anew["counts"] = "{}"
        if job.stop:
            _end(store, clock, settings, job, held, state="cancelled")
        elif job.attempts >= MOST_ATTEMPTS:
            _end(store, clock, settings, job, held, state="failed", problem="gave_up")
        elif turn > now or lane == "held":
            store.scrub_jobs.change(scrub, states=states, state="waiting", not_before=to_micros(turn), **anew)
            store.jobs.release_lease(lease=lease_of(scrub), holder=held.holder)
        else:
            anew |= {"started": to_micros(now), "attempts": job.attempts + 1}
            store.scrub_jobs.change(scrub, states=states, state="running", **anew)
            return store.scrub_jobs.job(scrub)
        return None


def _slow_turn(store: Store, job: ScrubJob, *, an_hour: int) -> datetime:
    """When a slow scrub may begin: when its numbers, and those of the party's slow one before, could have come."""
    one, turn = timedelta(hours=1) / an_hour, job.submitted or job.created
    turn += one * _about(job)
    last = store.scrub_jobs.last_slow(job.party, but=job.scrub)
    if last is not None and last.started is not None:
        turn = max(turn, last.started + one * (last.distinct_numbers if last.state == "done" else _about(last)))
    return min(turn, job.expires - timedelta(days=1))


def _about(job: ScrubJob) -> int:
    """How many numbers a list holds at most, about."""
    return job.size // (_BYTES_PACKED if job.name.lower().endswith(_PACKED) else _BYTES_A_NUMBER)


# on the way


def progress(
    store: Store, *, job: ScrubJob, read: int, lines: int, counts: Mapping[str, int], share: float | None = None
) -> bool:
    """Note how far a scrub is; whether it is to go on (its party may have cancelled it, or it is not running).

    `share`: how much of the work is done, None: as much as was read of the list.
    """
    share = read / job.size if share is None and job.size else share or 0.0
    with store.writing(about=f"scrub {job.scrub}"):
        store.scrub_jobs.change(
            job.scrub, states=("running",), read=read, lines=lines, counts=json.dumps(dict(counts)),
            permille=int(1000 * min(1.0, share)),
        )
        found = store.scrub_jobs.job(job.scrub)
    return found is not None and found.state == "running" and not found.stop


def put_back(
    store: Store, clock: Clock, *, job: ScrubJob, held: Held, trouble: bool = False
) -> None:
    """Let a scrub wait for somebody else to begin it again; `trouble`: not at once, and it counts as an attempt."""
    now = clock.now()
    again = now + timedelta(seconds=_AGAIN_S * job.attempts) if trouble else now
    with store.writing(about=f"scrub {job.scrub}"):
        if store.jobs.release_lease(lease=lease_of(job.scrub), holder=held.holder):
            store.scrub_jobs.change(
                job.scrub, states=("running",), state="waiting", attempts=job.attempts - (not trouble), read=0,
                lines=0, permille=0, counts="{}", not_before=to_micros(again),
            )


# ends


def finish(
    store: Store, clock: Clock, settings: ScrubSettings, *, job: ScrubJob, held: Held, done: Done, receipt: Receipt
) -> None:
    """Say that a scrub is done, where its result lies and what its receipt says; also where its party stopped it a
    moment before: it is paid.

    Raises ConflictError `lease_lost` where somebody else has taken it up.
    """
    with store.writing(about=f"scrub {job.scrub}"):
        _mine(store, clock, job, held)
        values = {name: getattr(done, name) for name in Done.__slots__}
        values |= {name: json.dumps(dict(values[name])) for name in ("counts", "changes")}
        values |= {"valid_until": to_micros(done.valid_until), "read": job.size, "receipt": receipt.receipt}
        store.receipts.put(receipt)
        _end(store, clock, settings, job, held, state="done", **values)
        data = {"scrub": job.scrub, "campaign": job.ask.campaign, "receipt": receipt.receipt, "problem": done.problem,
                "lines": done.lines, "counts": verdicts_of(done.counts)}  # fmt: skip
        emit(store, clock, type=SCRUB_DONE, party=job.party, data=data)


def fail(
    store: Store, clock: Clock, settings: ScrubSettings, *, job: ScrubJob, held: Held, problem: str, **values: Any
) -> None:
    """Say that a scrub came to nothing, with the code of the error. Raises ConflictError `lease_lost`."""
    with store.writing(about=f"scrub {job.scrub}"):
        _mine(store, clock, job, held)
        _end(store, clock, settings, job, held, state="failed", problem=problem, **values)


def stopped(store: Store, clock: Clock, settings: ScrubSettings, *, job: ScrubJob, held: Held) -> None:
    """Say that a scrub was stopped by its party. Raises ConflictError `lease_lost`."""
    with store.writing(about=f"scrub {job.scrub}"):
        _mine(store, clock, job, held)
        _end(store, clock, settings, job, held, state="cancelled")


def _mine(store: Store, clock: Clock, job: ScrubJob, held: Held) -> None:
    """Renew the lease. Raises ConflictError `lease_lost` where the scrub is not ours any more."""
    until = to_micros(clock.now() + timedelta(seconds=held.seconds))
    found = store.scrub_jobs.job(job.scrub)
    if (
        found is None or (found.state, found.attempts) != ("running", job.attempts)
        or not store.jobs.renew_lease(lease=lease_of(job.scrub), holder=held.holder, until=until)
    ):
        raise ConflictError("Somebody else works on this scrub now.", code="lease_lost")


def _end(
    store: Store, clock: Clock, settings: ScrubSettings, job: ScrubJob, held: Held, *, state: str, **values: Any
) -> None:
    """Write an end, tell of it, give the lease back. A call list without a result is soon deleted."""
    now = clock.now()
    expires = job.expires
    if state == "failed":
        expires = min(expires, now + timedelta(hours=settings.kept_hours))
        data = {"scrub": job.scrub, "campaign": job.ask.campaign, "problem": values.get("problem", "")}
        emit(store, clock, type=SCRUB_FAILED, party=job.party, data=data)
    elif state == "cancelled":
        expires = now
    store.vitals.add({scrubfigures.ended(state): 1, scrubfigures.LINES: values.get("lines", 0)})
    store.scrub_jobs.change(
        job.scrub, states=("waiting", "running"), state=state, finished=to_micros(now), expires=to_micros(expires),
        **values,
    )
    store.jobs.release_lease(lease=lease_of(job.scrub), holder=held.holder)


# what is left over


def sweep(store: Store, shelf: Shelf) -> int:
    """Delete leaves of receipts that were never written, because their worker was killed before; how many."""
    names = list(shelf.names(leaves_name("")))
    running = store.scrub_jobs.in_states(("running",), limit=10_000)  # after the names: whose lie there has begun
    making = {leaves_name(receipt_of_attempt(job.scrub, job.attempts)) for job in running}
    swept = 0
    for name in names:
        if name not in making and store.receipts.receipt(name.removeprefix(leaves_name(""))) is None:
            shelf.delete(name)
            swept += 1
    return swept
