"""The watch over what telemarketers ask for: every scrub before its result is given out, all checks as they come in.

Rules of this room:
- A scrub is judged whole, by itself and together with all that its party asked for in this month: a list that rings
  brings nothing, costs nothing, and waits in the slow lane or for an officer. So cutting a list into small ones, or
  into checks, changes nothing.
- Checks are answered at once, so a large one is looked at before (`quotas.charge_few`), and all of them together soon
  after, by the clockwork.
- What is kept are samples of sealed numbers (`profiles.py`), themselves sealed; alarms hold figures alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry import guardalarms, guardlanes, quotas, sealing, signals
from registry.keys import FIRST_EPOCH
from registry.profiles import Chooser, Profile, Ranges, Sample, unpacked
from registry.quotas import Ledger, epoch_before
from registry.signals import Found, Hits, Kind
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.guardlanes import Lane
    from registry.guardsettings import GuardSettings
    from registry.numbering import NumberPlan
    from registry.scrubjobs import ScrubJob
    from registry.store import Store

_ASKED = 1 << 14  # numbers of a sample that are looked up in the tables
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a scrub: its lane (usual: its result may be given out), and which signals rang."""

    lane: Lane
    kinds: tuple[Kind, ...] = ()


@dataclass
class Watch:
    """What is watched with: the ledger of quotas and the plan; made once per process."""

    ledger: Ledger
    plan: NumberPlan
    compared: int = 0  # up to which change of profiles parties were compared with each other (Micros)
    _national: tuple[datetime, float] | None = field(default=None, repr=False)

    @property
    def store(self) -> Store:
        """The database."""
        return self.ledger.store

    @property
    def settings(self) -> GuardSettings:
        """The thresholds."""
        return self.ledger.settings.guard

    @cached_property
    def key(self) -> bytes:
        """The key that profiles are sealed under and groups are chosen by."""
        return self.ledger.keys.derive("at-rest", "watch", FIRST_EPOCH)

    @cached_property
    def chooser(self) -> Chooser:
        """Which groups of numbers are in samples."""
        return Chooser(self.key)

    @cached_property
    def held_back(self) -> Ranges:
        """The ranges in which nobody has a number and some are registered (`decoys.py`)."""
        return Ranges(self.settings.decoy_ranges, self.plan.calling_code)

    def sample(self) -> Sample:
        """An empty sample, for one scrub or for some checks; its `see` goes to the meter."""
        return Sample(self.chooser, self.ledger.keys.at_rest, self.held_back)

    def national(self) -> float:
        """The share of numbers in use that are registered, an hour old at most."""
        now = self.ledger.clock.now()
        if self._national is None or not timedelta(0) <= now - self._national[0] < _HOUR:
            with self.store.reading():
                active = self.store.registrations.totals().get("active", 0)
            self._national = now, min(1.0, active / self.settings.subscribers)
        return self._national[1]


# profiles at rest


def profile_of(watch: Watch, party: str, epoch: int) -> Profile:
    """What a party asked for in a month."""
    content = watch.store.guard.profile(party, epoch=epoch)
    return unpacked(sealing.unseal_bytes(watch.key, content)) if content is not None else Profile()


def _keep_inside(watch: Watch, party: str, epoch: int, profile: Profile) -> None:
    content = sealing.seal_bytes(watch.key, profile.pack())
    watch.store.guard.put_profile(party, epoch=epoch, at=to_micros(watch.ledger.clock.now()), content=content)


# use cases


def judge(watch: Watch, *, job: ScrubJob, sample: Sample, counts: Mapping[str, int]) -> Ruling:
    """Whether the result of a scrub may be given out. `counts`: its lines by verdict/reason.

    Where it may not, the scrub is in another lane from now on, and whoever works on it lets it wait.
    """
    epoch, store = watch.ledger.period().epoch, watch.store
    own = sample.profile(unassigned=counts.get("invalid/unassigned", 0))
    found = _look(watch, job.party, own)
    with store.writing(about=quotas.about(job.party)):
        whole = watch.chooser.joined((profile_of(watch, job.party, epoch), own))
        found = _both(found, signals.look(whole, watch.settings, watch.chooser))
        decided = {row.decision for row in store.guard.alarms_of(job.party, epoch=epoch) if row.scrub == job.scrub}
        kinds: tuple[Kind, ...] = ()
        lane: Lane = "held" if guardlanes.lane_of(store, job.party) == "held" else "usual"  # who is slow has waited
        if "let_go" not in decided:
            rings, kinds = guardalarms.ring_inside(
                store, watch.ledger.clock, party=job.party, epoch=epoch, found=found, scrub=job.scrub
            )
            lane = guardlanes.worse(lane, rings)
        if job.lane == "slow" and (lane == "slow" or "keep_slow" in decided):
            lane = "usual"  # it has been slow already
        if lane == "usual":
            _keep_inside(watch, job.party, epoch, whole)
        else:
            store.scrub_jobs.change(job.scrub, states=("running",), lane=lane)
    return Ruling(lane, kinds)


def fold_due(watch: Watch, work: Path, keep: Callable[[], None] = lambda: None) -> dict[str, int]:
    """Put small checks into the files of their months and look at all that their parties asked for; the counts
    `checks`, `alarms`."""
    counts = {"checks": 0, "alarms": 0}
    for party, epoch in watch.store.quotas.unfolded():
        keep()

        def see(sealed: NDArray[np.uint8], unassigned: int, party: str = party, epoch: int = epoch) -> None:
            sample = watch.sample()
            sample.see(sealed)
            seen = sample.profile(unassigned=unassigned)
            counts["alarms"] += bool(add(watch, party=party, epoch=epoch, seen=seen))

        counts["checks"] += quotas.fold(watch.ledger, party=party, epoch=epoch, work=work, see=see)
    return counts


def add(watch: Watch, *, party: str, epoch: int, seen: Profile) -> tuple[Kind, ...]:
    """Add to what a party asked for in checks, and ring where the whole of it, or the new part, looks thought up."""
    found = _look(watch, party, seen)
    with watch.store.writing(about=quotas.about(party)):
        whole = watch.chooser.joined((profile_of(watch, party, epoch), seen))
        found = _both(found, signals.look(whole, watch.settings, watch.chooser))
        _keep_inside(watch, party, epoch, whole)
        return guardalarms.ring_inside(watch.store, watch.ledger.clock, party=party, epoch=epoch, found=found)[1]


def forget(watch: Watch) -> int:
    """Forget profiles of the months before the last one; how many."""
    with watch.store.writing(about="guard"):
        return watch.store.guard.forget_profiles(epoch=epoch_before(watch.ledger.period().epoch))


def _both(own: Found, whole: Found) -> Found:
    """What a list shows by itself and as part of all; the figures are those of whichever rings, the list's first."""
    kinds = tuple(kind for kind in signals.LANES if kind in own.kinds or kind in whole.kinds)
    return Found(kinds, {**whole.figures, **own.figures} if own.kinds or not whole.kinds else whole.figures)


def _look(watch: Watch, party: str, profile: Profile) -> Found:
    """The signals of a profile, the share of registered numbers among them."""
    return signals.look(profile, watch.settings, watch.chooser, _hits(watch, party, profile))


def _hits(watch: Watch, party: str, profile: Profile) -> Hits | None:
    """How many numbers are registered of those that the party did not ask for last month (a list that was scrubbed
    then has none left); None where there are too few."""
    digits = profile.digits[:: max(1, len(profile.digits) // _ASKED)]
    if len(digits) < watch.settings.least:
        return None
    sealed = sealing.seal_many(watch.ledger.keys.at_rest, digits)
    before = quotas.keys_asked(watch.ledger, party=party, epoch=epoch_before(watch.ledger.period().epoch))
    sealed = sealed[~before.contains(sealing.blind_many(watch.ledger.key, sealed))]
    with watch.store.reading():
        hits = len(watch.store.checks.preferences(_split(sealed)))
    return Hits(len(sealed), hits, watch.national())


def _split(sealed: NDArray[np.uint8]) -> list[bytes]:
    raw = np.ascontiguousarray(sealed).tobytes()
    return [raw[start : start + sealing.BLOCK] for start in range(0, len(raw), sealing.BLOCK)]
