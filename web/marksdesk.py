"""Officers' page of appeals against marks.

Rules of this room: numbers are shown masked; a decision needs its reason.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from registry import markappeals
from registry.errors import ConflictError, InvalidInputError
from web import guard
from web.current import registry_of
from web.officers import room
from web.parties import actor
from web.people import Page

_ROWS = 100
blueprint = room("marksdesk", __name__)


@blueprint.get("/officer/marks")
@guard.member("decide_events")
def waiting() -> Page:
    """Appeals that wait, the oldest first."""
    registry = registry_of()
    found = markappeals.waiting(registry.store, registry.keys, limit=_ROWS, zone=registry.settings.numbers.zone)
    return render_template("officer/marks.html", appeals=found)


@blueprint.post("/officer/marks/<appeal>")
@guard.member("decide_events")
def decide(appeal: str) -> Page:
    """The officer's word about one."""
    registry, clear = registry_of(), request.form.get("decision") == "clear"
    try:
        markappeals.decide(
            registry.store, registry.clock, appeal=appeal, clear=clear, why=request.form.get("note", ""),
            actor=actor().name,
        )
    except InvalidInputError:
        flash(_("Please say why."), "warn")
    except ConflictError:
        flash(_("Somebody has seen to this already."), "warn")
    else:
        flash(_("The mark is gone.") if clear else _("The mark stays."), "ok")
    return redirect(url_for("marksdesk.waiting"), 303)
