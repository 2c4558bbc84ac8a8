"""The credit file of enterprises (rule 97): violations, penalties, measures, talks, and the two lists that restrict.

Rules of this room:
- An entry says since when and until when it counts, and whether the public sees it; nothing is taken away. One that
  was wrong counts for nothing any more, and another stands instead of it (`creditchanges.py`).
- Who stands on the list of bad operation or of dishonesty is restricted everywhere: whoever approves resources, scrub
  accounts or feeds asks `restrictions`.
- An offence is a repeated one by what stands here (rule 100).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

from registry import audit
from registry.errors import InvalidInputError, NotFoundError
from registry.logs import without_numbers
from registry.naming import new_id
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.store import Store

Kind = Literal["violation", "penalty", "measure", "talk", "bad_operation", "dishonesty"]
KINDS: tuple[Kind, ...] = get_args(Kind)
RESTRICTING: tuple[Kind, ...] = ("bad_operation", "dishonesty")
OFFENCES: tuple[Kind, ...] = ("violation", "penalty")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, from `since` until `until` (None: open). `public`: it is published; `instead`: the entry that stands
    in place of this one, which was wrong, "" for none."""

    entry: str
    enterprise: str
    kind: Kind
    public: bool
    since: datetime
    until: datetime | None
    case_id: str
    text: str
    added_by: str
    added: datetime
    instead: str = ""

    def counts_at(self, at: datetime) -> bool:
        """Whether it counts at a moment."""
        return not self.instead and self.since <= at and (self.until is None or at < self.until)


def enter(
    store: Store, clock: Clock, *, actor: Actor, enterprise: str, kind: Kind, text: str, public: bool,
    since: datetime | None = None, until: datetime | None = None, case_id: str = "",
) -> Entry:
    """Enter something into the credit file.

    Raises InvalidInputError bad_entry (kind, text or period), NotFoundError no_such_enterprise.
    """
    with store.writing(about=f"credit of {enterprise}"):
        return enter_inside(
            store, clock, actor=actor, enterprise=enterprise, kind=kind, text=text, public=public, since=since,
            until=until, case_id=case_id,
        )


def enter_inside(
    store: Store, clock: Clock, *, actor: Actor, enterprise: str, kind: Kind, text: str, public: bool,
    since: datetime | None = None, until: datetime | None = None, case_id: str = "",
) -> Entry:
    """As `enter`, inside an open `writing()`."""
    now = clock.now()
    begins, said = since or now, without_numbers(text.strip())[:_LONGEST]
    if kind not in KINDS or not said or (until is not None and until <= begins):
        raise InvalidInputError("An entry has a kind, a text, and an end after its beginning.", code="bad_entry")
    if store.enterprises.enterprise(enterprise) is None:
        raise NotFoundError("There is no such enterprise.", code="no_such_enterprise")
    name = f"c_{new_id()}"
    made = Entry(name, enterprise, kind, public, begins, until, case_id, said, actor.name, now)
    store.credit.put(made)
    audit.append(store, clock, actor=actor.name, action="credit_entered", subject=f"enterprise:{enterprise}",
                 detail={"kind": kind, "public": public})  # fmt: skip
    return made


def end(store: Store, clock: Clock, *, actor: Actor, entry: str) -> None:
    """End an entry now. Raises NotFoundError no_such_entry."""
    now = clock.now()
    with store.writing(about=f"credit entry {entry}"):
        if not store.credit.end(entry, at=to_micros(now)):
            raise NotFoundError("There is no such entry that still counts.", code="no_such_entry")
        audit.append(store, clock, actor=actor.name, action="credit_ended", subject=f"credit:{entry}")


def file_of(store: Store, enterprise: str, *, public_only: bool) -> tuple[Entry, ...]:
    """The entries of an enterprise, newest first; the public part (without what was wrong) or all."""
    held = store.credit.of_enterprise(enterprise)
    return tuple(each for each in held if not public_only or (each.public and not each.instead))


def listed(store: Store, kind: Kind, *, at: datetime) -> tuple[Entry, ...]:
    """Who stands on a list at a moment, the newest first."""
    return tuple(each for each in store.credit.of_kind(kind) if each.counts_at(at))


def restricted(store: Store, enterprise: str, *, at: datetime) -> bool:
    """Whether an enterprise is restricted everywhere at a moment."""
    return any(each.kind in RESTRICTING and each.counts_at(at) for each in store.credit.of_enterprise(enterprise))


def offences(store: Store, enterprise: str, *, before: datetime) -> int:
    """How many offences of an enterprise stand in the file from before a moment, and count then (rule 100)."""
    return sum(
        1 for each in store.credit.of_enterprise(enterprise) if each.kind in OFFENCES and each.counts_at(before)
    )
