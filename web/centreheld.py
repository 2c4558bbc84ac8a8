"""What is held, wave by wave: which text against whom, how many reports of how many people; released or closed.

Rules of this room: nobody who reported is named, they are counted (rule 90); a decision needs a reason.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import ngettext
from werkzeug.wrappers import Response

from registry import heldreports
from registry.errors import RegistryError
from web import centrewords, guard
from web.cases import names_of
from web.current import registry_of
from web.officers import room
from web.parties import actor
from web.people import Page
from web.shownreports import shown

blueprint = room("centreheld", __name__)


@blueprint.get("/officer/reports/held")
@guard.member("see_reports")
def waves() -> Page:
    """The waves that wait, and what was decided lately."""
    store = registry_of().store
    waiting, decided = heldreports.waves(store), heldreports.reviews(store)
    rows = [store.centre.shown(wave.example) for wave in waiting]
    return render_template(
        "centre/held.html", waves=[(wave, shown(row)) for wave, row in zip(waiting, rows) if row], decided=decided,
        enterprises=store.enterprises.these(
            {wave.enterprise for wave in waiting} | {review.enterprise for review in decided}
        ),
        words=centrewords, names=names_of(),
    )  # fmt: skip


@blueprint.post("/officer/reports/held")
@guard.member("release_reports")
def decide() -> Response:
    """Release a wave, or close it."""
    registry, form = registry_of(), request.form
    decision = form.get("decision", "")
    try:
        done = heldreports.decide(
            registry.store, registry.clock, actor=actor(), held=form.get("held", ""), cluster=form.get("cluster", ""),
            enterprise=form.get("enterprise", ""), decision=decision, reason=form.get("reason", ""),
        )  # fmt: skip
    except RegistryError as error:
        flash(centrewords.said(error), "warn")
    else:
        flash(
            ngettext("%(num)d report is released and counts from now on.",
                     "%(num)d reports are released and count from now on.", done)
            if decision == "release"
            else ngettext("%(num)d report is closed and never counts.",
                          "%(num)d reports are closed and never count.", done), "ok",
        )  # fmt: skip
    return redirect(url_for("centreheld.waves"), 303)
