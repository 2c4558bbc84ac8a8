"""Fines as who they are against sees them, and what it says: a hearing is asked for, a statement is written (rule 99).

Rules of this room: an enterprise sees its own fines from the notice on, and another's is as one that does not exist; a
hearing is asked for once and in time; it may write again until the fine is decided, and each statement stands in the
timeline.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from registry import fining
from registry.errors import ConflictError, NotFoundError
from registry.fining import Penalty

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.fining import Office
    from registry.store import Store

STATEMENTS = 20  # about one fine


def against(store: Store, party: str) -> tuple[Penalty, ...]:
    """The fines against the enterprise of an account that it was told of, newest first."""
    own = store.enterprises.of_party(party)
    if own is None:
        return ()
    return tuple(each for each in store.penalties.of_enterprise(own.enterprise) if each.noticed is not None)


def of_party(store: Store, party: str, penalty: str) -> Penalty:
    """A fine against an account. Raises NotFoundError no_such_penalty, for another's as well."""
    found, own = store.penalties.penalty(penalty), store.enterprises.of_party(party)
    if found is None or own is None or found.enterprise != own.enterprise or found.noticed is None:
        raise NotFoundError("There is no such penalty.", code="no_such_penalty")
    return found


def ask_hearing(office: Office, *, actor: Actor, penalty: str) -> Penalty:
    """Ask to be heard; again is no error. Raises NotFoundError no_such_penalty, ConflictError no_such_move, too_late.
    """
    with office.store.writing(about=f"penalty {penalty}"):
        found, now = _mine(office, actor, penalty), office.clock.now()
        if found.asked is not None:
            return found
        if found.hear_by is not None and found.hear_by <= now:
            raise ConflictError("The time to ask for a hearing is over.", code="too_late")
        return fining.kept(office, replace(found, asked=now), actor.name, "ask", "")


def state(office: Office, *, actor: Actor, penalty: str, text: str) -> Penalty:
    """Say something in writing. Raises NotFoundError no_such_penalty, InvalidInputError no_reason, ConflictError
    no_such_move: it is decided, or over; too_many_statements."""
    said = fining.must_say(text)
    with office.store.writing(about=f"penalty {penalty}"):
        found = _mine(office, actor, penalty)
        moves = office.store.penalties.moves(penalty)
        if sum(row["action"] == "state" for row in moves) >= STATEMENTS:
            raise ConflictError("You have written as often as is possible here.", code="too_many_statements")
        made = replace(found, stated=office.clock.now(), statement=said)
        return fining.kept(office, made, actor.name, "state", said)


def _mine(office: Office, actor: Actor, penalty: str) -> Penalty:
    found = of_party(office.store, actor.party.party if actor.party else "", penalty)
    fining.must_be(found, "noticed")
    return found
