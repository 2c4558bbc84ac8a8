"""The report centre's queue: every report, what is due first on top; views that are kept; many reports at once.

Rules of this room: what one sees is in the address, so that it can be kept as a view and sent on; callers are masked,
who reported is nowhere; who only reads gets no forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import centre, centrequeue
from registry.centre import BULK
from registry.centrequeue import MOST_COUNTED, SHORTEST, Place, Wanted
from registry.handling import CLASSES, Handling
from registry.heldreports import HELD
from registry.numbering.provinces import load_provinces
from registry.parties import Party
from registry.peoplesreports import MISSING
from registry.preferences import Category, Channel
from registry.sealing import unseal_one
from web import centrewords, figures, guard, reportwords, savedviews
from web.api.desk import tools
from web.casewords import KINDS
from web.current import registry_of
from web.labels import CATEGORIES, CHANNELS
from web.officers import room
from web.parties import actor
from web.people import Page
from web.queues import HANDLING
from web.tables import Asked, asked

PAGE = 50
_MOST_NAMES = 300  # offered beside a field
_CATEGORIES: Mapping[str, int] = {each.slug: int(each) for each in Category} | {"none": -1}
_CHANNELS: Mapping[str, int] = {each.slug: int(each) for each in Channel}
_STATES = tuple(HANDLING)
blueprint = room("centre", __name__)


@blueprint.get("/officer/reports")
@guard.member("see_reports")
def queue() -> Page:
    """Reports that are asked for, those first that are due first."""
    registry = registry_of()
    store, clock = registry.store, registry.clock
    parties = store.parties.all()
    seen = _seen(parties)
    wanted, after = _wanted(seen), Place.read(request.args.get("after", ""))
    found = centrequeue.queue(store, clock, wanted, after=after, limit=PAGE)
    return render_template(
        "centre/queue.html", rows=found.reports, seen=seen, now=clock.now(), words=centrewords,
        callers=callers(found.reports), count=found.count, most=MOST_COUNTED,
        standing=figures.kept("centre", lambda: centrequeue.standing(store, clock)), names=named(parties),
        older=seen.link(after=found.more.written) if found.more else None, first=seen.link() if after else None,
        views=savedviews.views("reports"), here=savedviews.query(seen), options=_options(parties), bulk=BULK,
        missing=reportwords.MISSING, desks=desks(parties), shortest=SHORTEST, provinces=reportwords.PROVINCES,
    )  # fmt: skip


def _seen(parties: Iterable[Party]) -> Asked:
    return asked(
        texts=("desk", "q"), state=("all", *_STATES), where=tuple(centrewords.WHERES), kind=tuple(KINDS),
        channel=tuple(_CHANNELS), category=tuple(_CATEGORIES), province=load_provinces().names[1:],
        carrier=_carriers(parties), late=tuple(centrewords.LATES), held=("held", "not_held", *HELD), undated=("yes",),
        class_=CLASSES,
    )  # fmt: skip


def _carriers(parties: Iterable[Party]) -> tuple[str, ...]:
    return tuple(party.party for party in parties if party.kind == "carrier")


def _wanted(seen: Asked) -> Wanted:
    """What an address asks for; without a state what somebody still has to do something about."""
    letters = "".join(filter(str.isalpha, seen["q"].lower()))
    return Wanted(
        state={"": "worked", "all": ""}.get(seen["state"], seen["state"]), where=seen["where"],
        desk=centre.party_called(registry_of().store, seen["desk"]), class_=seen["class_"], kind=seen["kind"],
        channel=_CHANNELS.get(seen["channel"]), category=_CATEGORIES.get(seen["category"]), province=seen["province"],
        carrier=seen["carrier"], late=seen["late"], held=seen["held"], undated=bool(seen["undated"]),
        reference=letters,
    )  # fmt: skip


def _options(parties: Iterable[Party]) -> dict[str, list[tuple[str, Any]]]:
    """What each filter offers."""
    names = named(parties)
    return {
        "state": [(state, word) for state, (_colour, word) in HANDLING.items()],
        "where": list(centrewords.WHERES.items()), "class_": list(centrewords.CLASSES.items()),
        "kind": list(KINDS.items()), "channel": [(each.slug, CHANNELS[each]) for each in Channel],
        "category": [*((each.slug, CATEGORIES[each]) for each in Category), ("none", _("None said"))],
        "province": list(reportwords.PROVINCES.items()),
        "carrier": [(party, names[party]) for party in _carriers(parties)], "late": list(centrewords.LATES.items()),
        "held": [("held", _("Held")), ("not_held", _("Not held")), *centrewords.HELD.items()],
        "undated": [("yes", _("Unknown deadline"))],
    }  # fmt: skip


def named(parties: Iterable[Party]) -> dict[str, str]:
    """The parties' names in the language of the page, by id."""
    return {party.party: figures.name_of(party) for party in parties}


def desks(parties: Iterable[Party]) -> list[tuple[str, str]]:
    """Some of the parties that have a desk, carriers first, to choose from: id, name."""
    found = [party for party in parties if party.state == "active" and not party.sandbox]
    found.sort(key=lambda party: party.kind)
    return [
        (party.party, figures.name_of(party)) for party in found if party.kind in ("carrier", "telemarketer")
    ][:_MOST_NAMES]  # fmt: skip


def callers(rows: Iterable[Handling]) -> dict[str, str]:
    """The callers of reports, masked, by reference."""
    at_rest = registry_of().keys.at_rest
    return {each.reference: unseal_one(at_rest, each.caller).masked for each in rows if each.caller}


@blueprint.post("/officer/reports/views")
@guard.member("see_reports")
def keep_view() -> Response:
    """Keep what the queue shows under a name, or forget a view."""
    return savedviews.keep("reports", "centre.queue")


@blueprint.post("/officer/reports/bulk")
@guard.member("take_reports")
def bulk() -> Page:
    """Do one thing to the ticked reports; each stands for itself, and what became of each is said."""
    form, ticked = request.form, request.form.getlist("reference")[:PAGE]
    action = form.get("do", "")
    if not ticked or action not in BULK:
        flash(_("Tick reports, and choose what to do with them."), "warn")
        return savedviews.back_to("centre.queue")
    results = centre.act_on_many(
        tools(), actor=actor(), references=ticked, action=action, note=form.get("note", ""), desk=form.get("desk", ""),
        missing=[name for name in form.getlist("missing") if name in MISSING],
    )  # fmt: skip
    return render_template(
        "centre/told.html", results=results, taken=sum(not each.error for each in results), action=action,
        words=centrewords, back=f"{url_for('centre.queue')}?{savedviews.said()}",
    )  # fmt: skip
