"""A report as the regulator's pages show it: masked, without numbers, with every step of how its verdict came about.

Rules of this room: callers are masked, texts are shown without numbers, who reported is nowhere (rules 90, 115).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.keys import FIRST_EPOCH
from registry.logs import without_numbers
from registry.sealing import unseal_one, unseal_text
from registry.tracing import Traced, trace
from web.current import registry_of


@dataclass(frozen=True)
class ShownReport:
    """One report: its row (`store.cases.SHOWN`), both numbers masked, its text."""

    row: Mapping[str, Any]
    caller: str
    called: str
    text: str

    @property
    def reference(self) -> str:
        """Its reference number."""
        return str(self.row["reference"])


def shown(row: Mapping[str, Any]) -> ShownReport:
    """A row of a report as pages show it."""
    registry = registry_of()
    text = ""
    if row["description"]:
        text = unseal_text(registry.keys.derive("at-rest", "report", FIRST_EPOCH), row["description"])
    masked = [unseal_one(registry.keys.at_rest, row[name]).masked if row[name] else "" for name in ("caller", "called")]
    return ShownReport(row, masked[0], masked[1], without_numbers(text))


def trace_of(each: ShownReport) -> tuple[Traced, ...]:
    """Every step of the order of rule 49 for a report; none where its rulebook or calendar is not known."""
    registry = registry_of()
    return trace(registry.store, registry.plan, registry.rulebooks, each.row)
