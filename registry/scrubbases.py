"""The indexes of bases on the shelf, and the scrubbers that stand on them: one for what is real, one for trying.

Rules of this room:
- An index is named for the base it was made from and for its own content, so that an older one is never taken for a
  newer one, and whoever looks over the shelf can tell one that was altered.
- Any index serves: what was said since its base is read from the tables; with none at all they are read whole. An index
  stays mapped for as long as somebody uses it, also when its file is gone.
- Whoever tries with magic numbers learns of those only, and nothing that is real is read for it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry import sandbox, sealing
from registry.decisions import Standing
from registry.errors import FeedError, NotFoundError
from registry.numbering.reading import Reason
from registry.scrub import Lists, Scrubber
from registry.scrubindex import ASK, PreferenceTable, ScrubIndex, empty_index, index_of, keys_of, open_index
from registry.scrublists import lists_of

if TYPE_CHECKING:
    from registry.decisions import Contact
    from registry.interfaces import Shelf
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.numbers import NumberArray
    from registry.rulebook import Rulebooks
    from registry.scrub import Answered
    from registry.store import Store
    from registry.store.editions import BaseRow

FOLDER, ENDING = "base/", ".scrub"


def prefix_of(base: BaseRow) -> str:
    """How the names of a base's indexes begin."""
    made_from = hashlib.sha256(f"{base.edition} {base.parts}".encode()).hexdigest()
    return f"{FOLDER}{made_from[:32]}-"


def name_of(base: BaseRow, sha256: str) -> str:
    """The name of a base's index whose content has a SHA-256 (hex)."""
    return f"{prefix_of(base)}{sha256}{ENDING}"


def there(shelf: Shelf, base: BaseRow) -> str | None:
    """The name of a base's index on the shelf, None where there is none."""
    return next((name for name in shelf.names(prefix_of(base)) if name.endswith(ENDING)), None)


def newest(store: Store, shelf: Shelf) -> ScrubIndex:
    """The index of the newest base that has one, mapped; that of nobody where none has. A damaged one is deleted."""
    for base in store.editions.bases():
        name = there(shelf, base)
        if name is None:
            continue
        try:
            return _OPEN.index(shelf, name)
        except FeedError:
            shelf.delete(name)  # the clockwork makes it anew
        except NotFoundError:
            continue  # it was replaced a moment ago
    return empty_index()


def is_ready(store: Store, shelf: Shelf) -> bool:
    """Whether an index is there, or nothing that one could be made from: else it is about to be made."""
    bases = store.editions.bases()
    return not bases or any(not base.rows or there(shelf, base) for base in bases)


def scrubber_of(
    store: Store, shelf: Shelf, keys: KeyRing, rulebooks: Rulebooks, plan: NumberPlan, *, contact: Contact,
    valid: timedelta,
) -> Scrubber:
    """Who answers for a kind of contact by what stands now. Raises UnavailableError `holidays_unknown`."""
    grace = timedelta(seconds=rulebooks.at(contact.at).grace.telemarketers)
    lists = lists_of(
        store, newest(store, shelf), at=contact.at, telemarketer=contact.telemarketer, grace=grace
    )
    return Scrubber(
        store, lists, contact, rulebooks, at_rest=keys.at_rest, holidays=plan.holidays, valid=valid
    )


def sandbox_scrubber(
    keys: KeyRing, rulebooks: Rulebooks, plan: NumberPlan, *, contact: Contact, edition: int, valid: timedelta
) -> Scrubber:
    """Who answers for a kind of contact with magic numbers as they stand at an edition; numbers are to be read by
    `plan.with_sandbox()`. Numbers that somebody may hold are `unassigned`. Raises as `scrubber_of`."""
    return _SandboxScrubber(keys.at_rest, rulebooks, plan, contact, edition, valid)


class _SandboxScrubber(Scrubber):
    """Knows magic numbers, and reads no table."""

    def __init__(
        self, at_rest: bytes, rulebooks: Rulebooks, plan: NumberPlan, contact: Contact, edition: int, valid: timedelta
    ) -> None:
        magic = sandbox.load()
        sealed = sealing.seal_many(at_rest, np.array([case.number.digits for case in magic.cases], np.uint64))
        grace = timedelta(seconds=rulebooks.at(contact.at).grace.telemarketers)
        contact = replace(contact, telemarketer=magic.asker.party)
        self._magic = {
            row.tobytes(): magic.asked(case.number, edition=edition, at=contact.at, grace=grace)
            for row, case in zip(sealed, magic.cases)
        }
        keys = np.sort(keys_of(sealed))
        lists = Lists((index_of(keys, np.full(len(keys), ASK, np.uint32), PreferenceTable().table()),), edition)
        super().__init__(None, lists, contact, rulebooks, at_rest=at_rest, holidays=plan.holidays, valid=valid)
        self._plan = plan

    def answer(self, numbers: NumberArray) -> Answered:
        """The answer to each number; those that are not of the sandbox are marked as no numbers."""
        real = numbers.ok & ~self._plan.are_sandbox(numbers.digits)
        numbers.reason[real] = Reason.UNASSIGNED
        return super().answer(numbers)

    def standings(self, sealed: NDArray[np.uint8]) -> Sequence[Standing]:
        """What stands for sealed magic numbers."""
        return [self._magic[number.tobytes()] for number in sealed]


class _Open:
    """The index that was opened last, for all who ask next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[Shelf, str, ScrubIndex] | None = None

    def index(self, shelf: Shelf, name: str) -> ScrubIndex:
        with self._lock:
            if self._last is None or self._last[0] is not shelf or self._last[1] != name:
                with shelf.path(name) as path:
                    self._last = (shelf, name, open_index(path))
            return self._last[2]


_OPEN = _Open()
