"""What carriers are ordered to do about measures, with the numbers it is about; and measures as who they are against
sees them.

Rules of this room: a carrier sees the orders that are its own, and the numbers that its own ledger names; whoever a
measure is against sees it from the notice on, never a proposal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from registry import measures
from registry.errors import InvalidInputError
from registry.measures import Measure
from registry.sealing import unseal_one
from registry.times import from_micros

if TYPE_CHECKING:
    from registry.enterprises import Enterprise
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.resources import Resource
    from registry.store import Store
    from registry.store.engine import Row

_TOLD = frozenset({"notified", "in_force", "appealed", "lifted", "expired"})
_UNTOLD = frozenset({"propose", "refuse"})
MOST = 500
_NUMBERS = 1000


@dataclass(frozen=True, slots=True)
class Order:
    """What a carrier has to do: begin or end a measure. `numbers`: digits of the carrier's resources that it is about;
    `confirmed`: when the carrier said that it was done."""

    measure: Measure
    against: Enterprise | None
    step: str
    told: datetime
    confirmed: datetime | None
    numbers: tuple[str, ...]

    @property
    def cursor(self) -> str:
        """Where a list of orders goes on after this one."""
        return f"{self.measure.measure}.{self.step}"


def orders_of(
    store: Store, clock: Clock, keys: KeyRing, *, party: str, open_only: bool, after: str = "", limit: int = MOST
) -> tuple[Order, ...]:
    """The orders of a carrier, oldest first, from behind a cursor on. Raises InvalidInputError bad_cursor."""
    measure, _, step = after.partition(".")
    if after and step not in {"begin", "end"}:
        raise InvalidInputError("This cursor is none of ours.", code="bad_cursor")
    rows = store.measures.orders(
        party=party, open_only=open_only, after=(measure, step) if after else None, limit=limit
    )
    found = []
    for row in rows:
        about = measures.of(store, row["measure"])
        found.append(Order(
            about, store.enterprises.enterprise(about.enterprise), row["step"], from_micros(row["told"]),
            from_micros(row["confirmed"]) if row["confirmed"] else None,
            _numbers(store, keys, about, party, clock.now()),
        ))  # fmt: skip
    return tuple(found)


def against(store: Store, party: str) -> tuple[Measure, ...]:
    """The measures against the enterprise of an account that it was told of, newest first."""
    own = store.enterprises.of_party(party)
    if own is None:
        return ()
    return tuple(each for each in store.measures.of_enterprise(own.enterprise) if each.state in _TOLD)


def steps_of(store: Store, measure: str) -> list[Row]:
    """The steps of a measure as whoever it is against is told them (action, at, note): from the notice on, with the
    reasons that were given (rule 94), never who gave them."""
    return [row for row in store.measures.moves(measure) if row["action"] not in _UNTOLD]


def answer_to(store: Store, measure: str) -> str:
    """What was said when the last appeal against a measure was decided, "" where none was yet."""
    said = [row["note"] for row in steps_of(store, measure) if row["action"] in ("grant", "reject")]
    return said[-1] if said else ""


def digits_of(keys: KeyRing, resource: Resource) -> str:
    """The digits of a resource: of a code or port as they stand, of a plain number in its E.164 form."""
    return resource.prefix or (unseal_one(keys.at_rest, resource.number).e164 if resource.number else "")


def _numbers(store: Store, keys: KeyRing, about: Measure, party: str, at: datetime) -> tuple[str, ...]:
    if about.resource:
        named = store.enterprises.resource(about.resource)
        return (digits_of(keys, named),) if named is not None and named.carrier == party else ()
    held = store.enterprises.of_enterprise(about.enterprise)
    mine = (each for each in held if each.carrier == party and each.covers(at))
    return tuple(sorted(digits_of(keys, each) for each in mine))[:_NUMBERS]
