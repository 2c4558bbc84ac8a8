"""Reports of sandbox parties: about magic numbers alone, judged by what those decline, and in no figure.

Rules of this room: a sandbox party learns nothing of a real number, so a report about one waits in quarantine like any
row that cannot be taken; its reports are kept under its own name, where figures and charts leave them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.report_rows import Refusal
from registry.sandbox import Sandbox, load
from registry.sealing import seal_one

if TYPE_CHECKING:
    from registry.decisions import Standing
    from registry.keys import KeyRing
    from registry.numbers import Number
    from registry.standing import Question
    from registry.store import Store


@dataclass(frozen=True)
class Trial:
    """How reports of a sandbox party are taken in: the magic numbers as they stand at an edition."""

    keys: KeyRing
    edition: int
    sandbox: Sandbox = field(default_factory=load)

    def refusal(self, id_: str) -> Refusal:
        """Why a report about a real number is not taken."""
        return Refusal("called_not_magic", "A sandbox party reports calls to magic numbers only.", id_)

    def standings(self, questions: Sequence[Question]) -> list[Standing]:
        """What stands for each question, in their order."""
        numbers: dict[bytes, Number] = {seal_one(self.keys.at_rest, c.number): c.number for c in self.sandbox.cases}
        return [
            self.sandbox.standing(
                numbers.get(each.number), edition=self.edition, party=each.telemarketer, at=each.at
            )
            for each in questions
        ]

    def licensed(self) -> dict[str, bool]:
        """The telemarketers that a report may name; all have a licence."""
        return dict.fromkeys(self.sandbox.ordinals().values(), True)


def trial_of(store: Store, keys: KeyRing, source: str) -> Trial | None:
    """How reports of a source are taken in where it is a sandbox party; None for all others."""
    party = store.parties.party(source)
    return Trial(keys, store.editions.newest()) if party is not None and party.sandbox else None
