"""Officers' pages of measures: those that wait for somebody, and one with its appeal, its steps and who carries it out.

Rules of this room: who may see cases may read all of it; deciding a proposal or an appeal, and lifting, is a decider's,
and the use case refuses whoever proposed the measure; who reported is nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import measures
from registry.access import may
from registry.errors import InvalidInputError, NotFoundError, RegistryError
from registry.measures import Measure
from web import casewords, figures, guard, measurewords
from web.cases import names_of
from web.current import registry_of
from web.officers import room
from web.parties import actor
from web.people import Page
from web.tables import asked

PAGE = 50
WAITING = ("appealed", "proposed")  # for a decision
_DECIDED = {  # states in which somebody decides, with the part of the page that is for it
    "proposed": "proposal", "appealed": "appeal", "notified": "lift", "in_force": "lift",
}
blueprint = room("measuredesk", __name__)


@blueprint.get("/officer/measures")
@guard.member("see_cases")
def overview() -> Page:
    """Measures in a state, the oldest first; without one those that wait for a decision."""
    store = registry_of().store
    seen = asked(places=("after",), state=("all", *measurewords.STATES))
    states = tuple(measurewords.STATES) if seen["state"] == "all" else (seen["state"],) if seen["state"] else WAITING
    after = seen.places["after"] or 0
    rows = store.measures.in_states(states, limit=PAGE + 1, after=after)
    return render_template(
        "officer/measures.html", rows=rows[:PAGE], seen=seen, words=measurewords, counts=store.measures.counts(),
        enterprises=store.enterprises.these(each.enterprise for each in rows),
        older=seen.link(after=after + PAGE) if len(rows) > PAGE else None, first=seen.link() if after else None,
    )


@blueprint.get("/officer/measures/<measure>")
@guard.member("see_cases")
def one(measure: str) -> Page:
    """One measure."""
    registry = registry_of()
    found = measures.of(registry.store, measure)
    own = found.proposed_by == actor().name
    return render_template(
        "officer/measure.html", measure=found, words=measurewords, names=names_of(), own=own,
        against=registry.store.enterprises.enterprise(found.enterprise),
        moves=registry.store.measures.moves(measure), orders=registry.store.measures.orders(measure=measure),
        carriers=figures.names(registry),
        decides="" if own or not may(actor(), "decide") else _DECIDED.get(found.state, ""),
    )


@blueprint.post("/officer/measures/<measure>/<action>")
@guard.member("decide")
def act(measure: str, action: str) -> Response:
    """Decide what was proposed, decide an appeal, or lift a measure."""
    if action not in _ACTS:
        raise NotFoundError("There is no such action.", code="not_found")
    found = measures.of(registry_of().store, measure)
    try:
        _ACTS[action](found)
    except RegistryError as error:
        flash(casewords.said(error), "warn")
    else:
        flash(_("Done. It stands in the timeline."), "ok")
    return redirect(url_for("measuredesk.one", measure=measure), 303)


def _decide(found: Measure) -> None:
    if request.form.get("granted") != "yes":
        measures.refuse(*_at(), note=_why(), **_about(found))
        return
    starts = _moment(request.form.get("starts", ""))
    if starts is None:
        raise InvalidInputError("A measure starts at a time.", code="no_notice")
    ends = _moment(request.form.get("ends", ""))
    measures.decide(*_at(), starts=starts, ends=ends, note=_why(), **_about(found))


def _appeal(found: Measure) -> None:
    granted = request.form.get("granted") == "yes"
    measures.decide_appeal(*_at(), granted=granted, note=_why(), **_about(found))


def _lift(found: Measure) -> None:
    measures.lift(*_at(), note=_why(), **_about(found))


_ACTS: Mapping[str, Callable[[Measure], None]] = {"decide": _decide, "appeal": _appeal, "lift": _lift}


def _at() -> tuple[Any, Any]:
    registry = registry_of()
    return registry.store, registry.clock


def _about(found: Measure) -> dict[str, Any]:
    return {"actor": actor(), "measure": found.measure}


def _why() -> str:
    return request.form.get("reason", "")


def _moment(text: str) -> datetime | None:
    """A local moment of a form; None where none or an unreadable one is said."""
    zone = ZoneInfo(registry_of().settings.numbers.zone)
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None
