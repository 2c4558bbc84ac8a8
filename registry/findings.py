"""What a carrier's list was found to lack when it was repaired, and until an officer has seen it (rule 58).

Rules of this room:
- A carrier may not weaken a refusal: entries that were lost, or lacked a bit of what is declined, are an alarm that
  stays until an officer says what came of it; entries too many or too strict are noted, and no alarm.
- It is the carrier's own word, given with its acknowledgement; a root that differs is seen without it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from registry import audit
from registry.editions import MASKS, Records
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.interfaces import Clock
from registry.logs import log
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.store import Store
    from registry.store.findings import FindingRow

_log = log("drift")


@dataclass(frozen=True)
class Findings:
    """How many entries of a list were wrong, and in which way; `repaired_bytes` is what mending it fetched.

    `lost` ought to be there; `weakened` declined less than they ought to, `strengthened` more (and nothing less);
    `foreign` ought not to be there; `exceptions` were wrong in any way. `anew`: all of it was fetched, nobody counted.
    """

    lost: int = 0
    weakened: int = 0
    strengthened: int = 0
    foreign: int = 0
    exceptions: int = 0
    repaired_bytes: int = 0
    anew: bool = False

    def __add__(self, other: Findings) -> Findings:
        added = {name: count + vars(other)[name] for name, count in vars(self).items()}
        return Findings(**{**added, "anew": self.anew or other.anew})

    @property
    def weakens(self) -> bool:
        """Whether a refusal was weakened: that is an alarm."""
        return self.lost + self.weakened > 0

    @property
    def wrong(self) -> int:
        """How many entries and exceptions were wrong."""
        return self.lost + self.weakened + self.strengthened + self.foreign + self.exceptions


def compare(had: Records, right: Records) -> Findings:
    """What was wrong with RECORD[n], by what it ought to be; both sorted by tag."""
    ours, theirs = had["tag"].astype(np.uint64), right["tag"].astype(np.uint64)
    _, mine, yours = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    lacks, exceeds = np.zeros(len(mine), bool), np.zeros(len(mine), bool)
    for name in (*MASKS, "quiet"):
        was, is_ = had[name][mine], right[name][yours]
        lacks |= (is_ & ~was) != 0
        exceeds |= (was & ~is_) != 0
    return Findings(
        lost=len(theirs) - len(yours), weakened=int(lacks.sum()), strengthened=int((exceeds & ~lacks).sum()),
        foreign=len(ours) - len(mine),
    )


def compare_exceptions(had: Records, right: Records) -> Findings:
    """How many exceptions (EXCEPTION[n] each) were wrong: there and different, missing, or too many."""
    ours, theirs = ({row[:3]: row for row in each.tolist()} for each in (had, right))
    return Findings(exceptions=sum(ours.get(key) != theirs.get(key) for key in ours.keys() | theirs.keys()))


# use cases


def note(store: Store, clock: Clock, *, party: str, edition: int, epoch: int, found: Findings) -> None:
    """Keep what a carrier found in its list, with an edition that it acknowledged; said again, it counts once."""
    said = repr((party, edition, epoch, *vars(found).values()))
    with store.writing(about=f"finding {party}"):
        store.findings.add(
            finding=hashlib.sha256(said.encode()).hexdigest()[:32], recipient=party, edition=edition, epoch=epoch,
            at=to_micros(clock.now()), found=found,
        )
    _log.warning("list_repaired", party=party, edition=edition, epoch=epoch, **vars(found))


def see(store: Store, clock: Clock, *, finding: str, note: str, actor: str) -> FindingRow:
    """An officer has seen a finding and says what came of it.

    Raises InvalidInputError `note_needed`, NotFoundError, ConflictError `seen_already`.
    """
    if not note:
        raise InvalidInputError("A note says what came of it.", code="note_needed")
    with store.writing(about="finding"):
        row = store.findings.find(finding)
        if row is None:
            raise NotFoundError("There is no such finding.", code="not_found")
        if row.seen is not None:
            raise ConflictError("Somebody has seen to this already.", code="seen_already")
        store.findings.see(finding=finding, at=to_micros(clock.now()), by=actor, note=note)
        audit.append(
            store, clock, actor=actor, action="finding_seen", subject=f"party:{row.recipient}",
            detail={"edition": row.edition, "lost": row.found.lost, "weakened": row.found.weakened, "note": note},
        )
    return row
