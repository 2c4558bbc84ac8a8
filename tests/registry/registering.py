"""What the tests of registrations look at: events, pending rows, and editions that claim and publish them."""

from __future__ import annotations

from typing import Any

from registry import registrations as rooms
from registry.preferences import Preference
from registry.sealing import SealedNumber
from registry.store import Store

DIGITS = 8613800138000  # a range of cmcc
LOANS = Preference(1, 1, 1, 0)
FRESH = {"edition": None}


def events(store: Store, number: SealedNumber) -> list[str]:
    return [event.event for event in rooms.history(store, number, all_holders=True)]


def pending(store: Store, number: SealedNumber) -> dict[str, Any] | None:
    row = store.registrations.pending(number)
    return {"edition": row["edition"]} if row else None


def claim(store: Store, edition: int) -> None:
    with store.writing():
        store.engine.run("UPDATE pending SET edition = :edition", edition=edition)


def published(store: Store) -> None:
    with store.writing():
        store.engine.run("DELETE FROM pending")
