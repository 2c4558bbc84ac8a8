"""Decoys: registered numbers that nobody holds. Whoever asks for them made them up.

Rules of this room:
- Carriers hold ranges back for this and give no number of them to anybody; the setting `[guard] decoy_ranges` names
  them. Without such ranges there are no decoys: a number that somebody may hold one day is never one.
- Which numbers of a range are registered is chosen by key. They stand in the tables, in lists and in answers as all
  others do, so nobody can tell them; a carrier that blocks one blocks a call to nobody.
- Any number of such a range that a telemarketer asks for counts, registered or not (`signals.py`).
- A range that is to be used is lifted first: its decoys are withdrawn, and carriers hear of it as of any change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry import audit, registrations, sealing
from registry.errors import InvalidInputError
from registry.keys import FIRST_EPOCH
from registry.numbering.plan import UNASSIGNED
from registry.preferences import ALL_CATEGORIES
from registry.profiles import Digits

if TYPE_CHECKING:
    from registry.guardsettings import GuardSettings
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.store import Store

_SHORTEST = 7  # national digits that name a range, so that one has 10,000 numbers at most


def chosen(keys: KeyRing, plan: NumberPlan, settings: GuardSettings) -> Digits:
    """The numbers that are decoys, E.164 digits ascending. Raises InvalidInputError bad_decoy_range."""
    key, found = keys.derive("at-rest", "decoys", FIRST_EPOCH), [np.empty(0, np.uint64)]
    for prefix in sorted(set(settings.decoy_ranges)):
        if len(prefix) < _SHORTEST or plan.mobile_carrier[int(prefix[:5])] == UNASSIGNED:
            raise InvalidInputError(
                "A range of decoys is 7 to 9 digits of a mobile range that the plan knows.", code="bad_decoy_range"
            )
        size = 10 ** (11 - len(prefix))
        digits = np.arange(size, dtype=np.uint64) + np.uint64(int(f"{plan.calling_code}{prefix}") * size)
        drawn = sealing.blind_many(key, sealing.blocks(digits))
        found.append(digits[drawn < np.uint64(int(settings.decoy_share * (2**64 - 1)))])
    return np.unique(np.concatenate(found))


def plant(store: Store, clock: Clock, keys: KeyRing, plan: NumberPlan, settings: GuardSettings) -> int:
    """Register the decoys that are not registered yet; how many. Raises InvalidInputError bad_decoy_range."""
    sealed = sealing.seal_many(keys.at_rest, chosen(keys, plan, settings))
    everything = np.full(len(sealed), ALL_CATEGORIES, np.int64)
    planted = registrations.load_many(
        store, clock, sealed=sealed, calls=everything, robocalls=everything, messages=everything,
        quiet=np.zeros(len(sealed), np.int64), source="web",
    )
    _note(store, clock, "decoys_planted", planted)
    return planted


def lift(store: Store, clock: Clock, keys: KeyRing, plan: NumberPlan, settings: GuardSettings) -> int:
    """Withdraw the decoys of all ranges that the settings name; how many. Raises InvalidInputError bad_decoy_range."""
    lifted = 0
    for number in _numbers(sealing.seal_many(keys.at_rest, chosen(keys, plan, settings))):
        found = registrations.current(store, sealing.SealedNumber(number))
        if found is not None and found.state == "active":
            registrations.withdraw(store, clock, number=found.number, source="web")
            lifted += 1
    _note(store, clock, "decoys_lifted", lifted)
    return lifted


def _numbers(sealed: NDArray[np.uint8]) -> list[bytes]:
    return [number.tobytes() for number in sealed]


def _note(store: Store, clock: Clock, action: str, numbers: int) -> None:
    if numbers:
        with store.writing(about="decoys"):
            audit.append(store, clock, actor="system", action=action, detail={"numbers": numbers})
