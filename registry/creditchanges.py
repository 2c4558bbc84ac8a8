"""How entries of credit files are changed: published, corrected, ended, each by a decider and with a reason.

Rules of this room:
- Nothing is taken away: an entry that was wrong stays with the one that stands instead of it, and counts for nothing;
  one that was right is ended. Each change is kept with who made it and why, and in the audit trail.
- What was published stays published.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from registry import audit, credit
from registry.cases import must
from registry.credit import Entry, Kind
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.logs import without_numbers
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.store import Store

_LONGEST = 500


def add(
    store: Store, clock: Clock, *, actor: Actor, enterprise: str, kind: Kind, text: str, public: bool, reason: str,
    since: datetime | None = None, until: datetime | None = None,
) -> Entry:
    """Enter something by hand. Raises as `credit.enter`; InvalidInputError no_reason; NotAllowedError not_allowed."""
    must(actor, "decide")
    said = _said(reason)
    with store.writing(about=f"credit of {enterprise}"):
        made = credit.enter_inside(
            store, clock, actor=actor, enterprise=enterprise, kind=kind, text=text, public=public, since=since,
            until=until,
        )
        _keep(store, clock, made.entry, actor, "enter", said)
        return made


def publish(store: Store, clock: Clock, *, actor: Actor, entry: str, reason: str) -> None:
    """Let the public see an entry. Raises NotFoundError no_such_entry, ConflictError public_already, entry_over,
    InvalidInputError no_reason, NotAllowedError not_allowed."""
    must(actor, "decide")
    said = _said(reason)
    with store.writing(about=f"credit entry {entry}"):
        if _standing(store, entry).public:
            raise ConflictError("The public sees this entry already.", code="public_already")
        store.credit.publish(entry)
        _keep(store, clock, entry, actor, "publish", said)


def correct(
    store: Store, clock: Clock, *, actor: Actor, entry: str, text: str, kind: Kind, until: datetime | None, reason: str
) -> Entry:
    """Put another entry in place of one that was wrong, since the same moment and for the same eyes; the new one.

    Raises NotFoundError no_such_entry, ConflictError entry_over, InvalidInputError bad_entry, no_reason.
    """
    must(actor, "decide")
    said = _said(reason)
    with store.writing(about=f"credit entry {entry}"):
        wrong = _standing(store, entry)
        made = credit.enter_inside(
            store, clock, actor=actor, enterprise=wrong.enterprise, kind=kind, text=text, public=wrong.public,
            since=wrong.since, until=until, case_id=wrong.case_id,
        )
        store.credit.replace(entry, instead=made.entry)
        _keep(store, clock, entry, actor, "correct", said)
        return made


def end(store: Store, clock: Clock, *, actor: Actor, entry: str, reason: str) -> None:
    """End an entry now. Raises NotFoundError no_such_entry, ConflictError entry_over, InvalidInputError no_reason."""
    must(actor, "decide")
    said, now = _said(reason), to_micros(clock.now())
    with store.writing(about=f"credit entry {entry}"):
        _standing(store, entry)
        if not store.credit.end(entry, at=now):
            raise ConflictError("This entry counts no more.", code="entry_over")
        _keep(store, clock, entry, actor, "end", said)


def _standing(store: Store, entry: str) -> Entry:
    """An entry for which no other stands. Raises NotFoundError no_such_entry, ConflictError entry_over."""
    found = store.credit.entry(entry)
    if found is None:
        raise NotFoundError("There is no such entry.", code="no_such_entry")
    if found.instead:
        raise ConflictError("Another entry stands instead of this one.", code="entry_over")
    return found


def _said(reason: str) -> str:
    said = without_numbers(reason.strip())[:_LONGEST]
    if not said:
        raise InvalidInputError("Please say why.", code="no_reason")
    return said


def _keep(store: Store, clock: Clock, entry: str, actor: Actor, action: str, note: str) -> None:
    store.credit.note(entry, at=to_micros(clock.now()), actor=actor.name, action=action, note=note)
    audit.append(store, clock, actor=actor.name, action=f"credit_{action}", subject=f"credit:{entry}")
