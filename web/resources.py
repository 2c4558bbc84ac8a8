"""Officers' pages of number resources: who answered for a number when, and lists of what the ledgers show.

Rules of this room: numbers come in the body of a form alone and are shown masked, codes and ports are public; a gap of
the chain is said plainly, never filled (RULES §3 row 15, rules 54, 66, 75).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _

from registry import answerers
from registry.answerers import Answer
from registry.enterprises import Enterprise
from registry.errors import InvalidInputError, NotFoundError
from registry.ledgers import day_of
from registry.resources import LINKS, RESOURCE_ID, Resource, chains_at, purpose_changes
from registry.times import local, to_micros
from web import figures, guard, ledgerwords
from web.current import registry_of
from web.labels import problem_sentence
from web.ledgers import digits_of
from web.officers import room
from web.people import Page
from web.reportwords import PROVINCES
from web.tables import Asked, asked

_ROWS, _LISTS = 50, 20
_FARTHEST = 100_000
LISTS = ("sublet", "purpose", "gaps", "carrier", "ledgers")
blueprint = room("resources", __name__)


@blueprint.get("/officer/resources")
@guard.member("see_cases")
def overview() -> Page:
    """The question, and one of the lists."""
    return render_template("officer/resources.html", **_page())


@blueprint.post("/officer/resources")
@guard.member("see_cases")
def search() -> Page:
    """Who answers for the number or prefix of the form, at its date."""
    registry = registry_of()
    try:
        at = _moment(request.form.get("date", ""))
        caller = answerers.asked(
            request.form.get("number", ""), registry.plan, country=registry.settings.numbers.country
        )
    except InvalidInputError as error:
        said = _("Give a day such as 2026-10-01.") if error.code == "bad_day" else problem_sentence(error)
        return render_template("officer/resources.html", **_page(said)), 422
    found = answerers.answer(registry.store, registry.keys, registry.plan, caller, at=at)
    return render_template("officer/resource.html", **_shown(found), here="", date=request.form.get("date", ""))


@blueprint.get("/officer/resources/<resource>")
@guard.member("see_cases")
def one(resource: str) -> Page:
    """Who answers for a resource, now or at a date."""
    registry = registry_of()
    entry = registry.store.enterprises.resource(resource) if RESOURCE_ID.fullmatch(resource) else None
    if entry is None:
        raise NotFoundError("There is no such resource.", code="no_such_resource")
    try:
        at, date = _moment(request.args.get("date", "")), request.args.get("date", "")
    except InvalidInputError:
        at, date = registry.clock.now(), ""
    caller = answerers.number_of(registry.keys, entry)
    found = answerers.answer(registry.store, registry.keys, registry.plan, caller, at=at)
    return render_template("officer/resource.html", **_shown(found), here=resource, date=date)


def _moment(day: str) -> datetime:
    """The beginning of a day; now where none or today is given. Raises InvalidInputError bad_day."""
    registry = registry_of()
    now, zone = registry.clock.now(), registry.settings.numbers.zone
    return now if day in {"", local(now, zone).date().isoformat()} else day_of(day, zone)


def _shown(found: Answer) -> dict[str, Any]:
    """What the page of an answer shows."""
    registry = registry_of()
    entries = (*found.history, *found.beneath)
    return {
        "found": found, "words": ledgerwords, "links": LINKS, "names": figures.names(registry),
        "changes": {after.resource: before for before, after in purpose_changes(found.history)},
        "digits": {each.resource: digits_of(each.prefix, each.number) for each in entries},
        "named": _named(entries) | registry.store.enterprises.these((found.chain.provider, found.chain.content)),
        "holder": next((each for each in reversed(found.covering) if each.provider), None),
        "province": PROVINCES.get(found.province, ""), "now": registry.clock.now(),
    }  # fmt: skip


def _named(entries: Iterable[Resource]) -> dict[str, Enterprise]:
    """The enterprises that entries name, by id."""
    return registry_of().store.enterprises.these(side for each in entries for side in (each.provider, each.content))


# lists


def _page(problem: str = "") -> dict[str, Any]:
    registry = registry_of()
    every = [party for party in registry.store.parties.all() if party.kind == "carrier" and not party.sandbox]
    carriers = {party.party: figures.name_of(party) for party in every}
    seen = asked(list=LISTS, carrier=tuple(carriers), texts=("from",), places=("after",))
    kind = seen["list"] or "sublet"
    rows, more = _ledgers(seen) if kind == "ledgers" else _entries(kind, seen)
    entries = [each for pair in rows for each in pair if isinstance(each, Resource)]
    return {
        "problem": problem, "seen": seen, "kind": kind, "carriers": carriers, "rows": rows, "more": more,
        "words": ledgerwords, "names": figures.names(registry), "first": seen.places["after"] or seen["from"],
        "digits": {each.resource: digits_of(each.prefix, each.number) for each in entries},
        "named": _named(entries),
    }  # fmt: skip


Rows = list[tuple[Any, ...]]


def _ledgers(seen: Asked) -> tuple[Rows, str]:
    """The lists that carriers sent, the newest first."""
    after = min(seen.places["after"] or 0, _FARTHEST)
    rows = registry_of().store.ledgers.all(carrier=seen["carrier"], limit=_LISTS + 1, after=after)
    more = seen.link(after=after + _LISTS) if len(rows) > _LISTS else ""
    return [(row,) for row in rows[:_LISTS]], more


def _entries(kind: str, seen: Asked) -> tuple[Rows, str]:
    """Entries with what the list is about: the one above or before, the links that are open, or nothing."""
    registry = registry_of()
    store, now, carrier = registry.store, registry.clock.now(), seen["carrier"]
    if kind in {"sublet", "purpose"}:
        after = min(seen.places["after"] or 0, _FARTHEST)
        pairs = store.ledgers.findings(kind, carrier=carrier, limit=_ROWS + 1, after=after)
        known = store.enterprises.resources(each for pair in pairs for each in pair)
        rows: Rows = [(known[one], known[other]) for one, other in pairs[:_ROWS] if {one, other} <= known.keys()]
        return rows, seen.link(after=after + _ROWS) if len(pairs) > _ROWS else ""
    start = seen["from"] if RESOURCE_ID.fullmatch(seen["from"]) else ""
    if kind == "gaps":
        found = store.enterprises.with_gaps(at=to_micros(now), carrier=carrier, after=start, limit=_ROWS + 1)
    elif carrier:
        found = store.enterprises.of_carrier(carrier, at=to_micros(now), after=start, limit=_ROWS + 1)
    else:
        found = ()
    more = seen.link(**{"from": found[_ROWS - 1].resource}) if len(found) > _ROWS else ""
    if kind != "gaps":
        return [(each, ()) for each in found[:_ROWS]], more
    asked_now = [(answerers.number_of(registry.keys, each), now) for each in found[:_ROWS]]
    chains = chains_at(store, registry.keys, registry.plan, asked_now)
    return [(each, chain.gaps) for each, chain in zip(found, chains) if chain.gaps], more
