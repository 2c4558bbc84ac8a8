"""Claiming: what changed since the last edition becomes the next one, in one transaction (DESIGN §4).

Rules of this room:
- An edition's number is counted in the transaction that claims it, never taken from a clock.
- The pending rows are copied with the preference of that moment and on whose lists the number stands, then deleted: a
  crash resumes the same edition with the same rows, none is lost or counted twice, and what the list said at any
  edition stays known.
- While an edition is open no other is claimed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from registry import sealing, serving
from registry.interfaces import Clock
from registry.store.editions import OPEN, EditionRow
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.store import Store


def claim(
    store: Store, clock: Clock, keys: KeyRing, plan: NumberPlan, *, first: bool = False
) -> EditionRow | None:
    """The open edition: one that was not finished, else a new one of what is pending; None where nothing is.

    `first`: the very first edition is made even of nothing, so that carriers can begin to follow.
    """
    with store.writing(about="edition"):
        found = store.editions.open_edition()
        wanted = store.editions.anything_pending() or (first and store.editions.newest() == 0)
        if found is not None or not wanted:
            return found
        edition, opened = store.editions.newest() + 1, to_micros(clock.now())
        store.editions.insert(edition=edition, state=OPEN, opened=opened)
        store.editions.mark(edition)
        changes = exceptions = 0
        for rows in store.editions.marked(edition):
            told = store.editions.told([row["number"] for row in rows]) if edition > 1 else {}
            before = [told.get(row["number"], "") for row in rows]
            store.editions.add_changes(_with_carriers(store, keys, plan, edition, rows, before))
            changes += len(rows)
        for rows in store.editions.marked_exceptions(edition):
            said = store.editions.told_exceptions(list({row["number"] for row in rows})) if edition > 1 else {}
            before = [said.get((row["number"], row["telemarketer"], row["kind"]), "") for row in rows]
            store.editions.add_exceptions(_with_carriers(store, keys, plan, edition, rows, before))
            exceptions += len(rows)
        store.editions.count(edition=edition, changes=changes, exceptions=exceptions)
        store.editions.unmark(edition)
        return store.editions.open_edition()


def _with_carriers(
    store: Store, keys: KeyRing, plan: NumberPlan, edition: int, rows: list[dict[str, Any]], before: list[str]
) -> list[dict[str, Any]]:
    """The rows with their edition, on whose lists each number stands, and on whose it no longer does (rule 46).

    `before`: on whose lists each stood when an edition last spoke of it; so whoever has a number is always told.
    """
    numbers = [row["number"] for row in rows]
    sealed = np.frombuffer(b"".join(numbers), np.uint8).reshape(-1, sealing.BLOCK)
    digits, _ = sealing.unseal_many(keys.at_rest, sealed)
    listed = serving.listed_with(store, plan, digits, numbers)
    return [
        {**row, "edition": edition, "carrier": names, "left_carrier": _left(had, names)}
        for row, names, had in zip(rows, listed, before)
    ]


def _left(had: str, have: str) -> str | None:
    """Who no longer has a number."""
    if not had or had == have:
        return None
    return " ".join(sorted(set(had.split()) - set(have.split()))) or None
