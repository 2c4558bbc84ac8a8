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

from registry import guardalarms, guardlanes, keptprofiles, quotas, sealing, signals, watchtogether
from registry.keys import FIRST_EPOCH
from registry.profiles import Chooser, Profile, Ranges, Sample
from registry.quotas import Ledger, epoch_before
from registry.signals import Found, Hits, Kind
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.guardlanes import Lane
    from registry.guardsettings import GuardSettings
    from registry.numbering import NumberPlan
    from registry.scrubjobs import ScrubJob
    from registry.store import Store

_ASKED = 1 << 13  # numbers of a sample that are looked up in the tables
_COUNTED = timedelta(hours=6)  # how old the national share may be: counting reads every registration
_ALARMS_KEPT = timedelta(days=800)


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

    def is_young(self, party: str) -> bool:
        """Whether a party is too new to be known."""
        since = self.ledger.clock.now() - timedelta(days=self.settings.young_days)
        return party in self.store.guard.young(since=to_micros(since))

    def national(self) -> float:
        """The share of numbers in use that are registered, some hours old."""
        now = self.ledger.clock.now()
        if self._national is None or not timedelta(0) <= now - self._national[0] < _COUNTED:
            with self.store.reading():
                active = self.store.registrations.totals().get("active", 0)
            self._national = now, min(1.0, active / self.settings.subscribers)
        return self._national[1]


# use cases


def judge(watch: Watch, *, job: ScrubJob, sample: Sample, counts: Mapping[str, int]) -> Ruling:
    """Whether the result of a scrub may be given out. `counts`: its lines by verdict/reason.

    Where it may not, the scrub is in another lane from now on, and whoever works on it lets it wait.
    """
    epoch, store, clock = watch.ledger.period().epoch, watch.store, watch.ledger.clock
    own = sample.profile(unassigned=counts.get("invalid/unassigned", 0))
    young = watch.is_young(job.party)
    while True:
        seen = _looked(watch, job.party, epoch, own, young=young)
        with store.writing(about=quotas.about(job.party)):
            decided = {row.decision for row in store.guard.alarms_of(job.party, epoch=epoch) if row.scrub == job.scrub}
            kinds: tuple[Kind, ...] = ()
            lane: Lane = "held" if guardlanes.lane_of(store, job.party) == "held" else "usual"  # who is slow has waited
            if "let_go" not in decided:
                rings, kinds = guardalarms.ring_inside(
                    store, clock, party=job.party, epoch=epoch, found=seen.found, scrub=job.scrub
                )
                lane = guardlanes.worse(lane, rings)
            if job.lane == "slow" and (lane == "slow" or "keep_slow" in decided):
                lane = "usual"  # it has been slow already
            if lane != "usual":
                store.scrub_jobs.change(job.scrub, states=("running",), lane=lane)
            elif not keptprofiles.put_inside(watch, job.party, epoch, before=seen.before, content=seen.content):
                continue
        break
    if young and lane == "usual":
        keptprofiles.add(watch, keptprofiles.YOUNG, epoch, own)
    return Ruling(lane, kinds)


@dataclass(frozen=True)
class _Looked:
    """What was found in a list and in all that its party asked for; the profile before, and sealed with the list."""

    found: Found
    before: keptprofiles.Raw
    content: bytes


def _looked(watch: Watch, party: str, epoch: int, own: Profile, *, young: bool) -> _Looked:
    before = watch.store.guard.profile(party, epoch=epoch)
    earlier = keptprofiles.opened(watch, before)
    whole = watch.chooser.joined((earlier, own))
    found = _look(watch, party, own)
    if len(earlier.digits) or earlier.unassigned or earlier.decoys.size:
        found = _both(found, signals.look(whole, watch.settings, watch.chooser))
    if young:
        found = _both(found, watchtogether.beside(watch, earlier, own, whole, epoch))
    return _Looked(found, before, keptprofiles.sealed(watch, whole))


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
    young = watch.is_young(party)
    while True:
        looked = _looked(watch, party, epoch, seen, young=young)
        with watch.store.writing(about=quotas.about(party)):
            if keptprofiles.put_inside(watch, party, epoch, before=looked.before, content=looked.content):
                _, kinds = guardalarms.ring_inside(
                    watch.store, watch.ledger.clock, party=party, epoch=epoch, found=looked.found
                )
                break
    if young:
        keptprofiles.add(watch, keptprofiles.YOUNG, epoch, seen)
    return kinds


def forget(watch: Watch) -> int:
    """Forget profiles of the months before the last one, and alarms that were decided about long ago; how many."""
    long_ago = to_micros(watch.ledger.clock.now() - _ALARMS_KEPT)
    with watch.store.writing(about="guard"):
        profiles = watch.store.guard.forget_profiles(epoch=epoch_before(watch.ledger.period().epoch))
        return profiles + watch.store.guard.forget_alarms(before=long_ago)


def _both(own: Found, whole: Found) -> Found:
    """What a list shows by itself and as part of all; the figures are those of whichever rings, the list's first."""
    kinds = tuple(kind for kind in signals.LANES if kind in own.kinds or kind in whole.kinds)
    return Found(kinds, {**whole.figures, **own.figures} if own.kinds or not whole.kinds else
                 {**own.figures, **whole.figures})  # fmt: skip


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
    _, before = watch.ledger.file(party, epoch_before(watch.ledger.period().epoch))
    sealed = sealed[~before.contains(sealing.blind_many(watch.ledger.key, sealed))]
    with watch.store.reading():
        hits = len(watch.store.checks.preferences(_split(sealed)))
    return Hits(len(sealed), hits, watch.national())


def _split(sealed: NDArray[np.uint8]) -> list[bytes]:
    raw = np.ascontiguousarray(sealed).tobytes()
    return [raw[start : start + sealing.BLOCK] for start in range(0, len(raw), sealing.BLOCK)]
