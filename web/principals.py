"""For whom a telemarketer may act, as forms and tables say it."""

from __future__ import annotations

from flask_babel import gettext

from registry import organisations
from registry.errors import NotFoundError
from registry.parties import Party
from web.current import registry_of


def choices_of(party: Party) -> list[tuple[str, str]]:
    """Ids and names of those for whom a party acts now: itself ("") first, unless it acts for others only."""
    registry = registry_of()
    own = organisations.organisation_of(registry.store, party.party)
    others = organisations.principals_of(registry.store, party.party, at=registry.clock.now())
    itself = [("", _itself())] if own is None or own.itself else []
    return [*itself, *((each.principal, each.name) for each in others)]


def name_of(party: Party, principal: str) -> str:
    """What somebody for whom a party acts, or has acted, is called."""
    if not principal:
        return _itself()
    try:
        return organisations.principal_of(registry_of().store, party.party, principal).name
    except NotFoundError:
        return principal


def _itself() -> str:
    return str(gettext("For ourselves"))
