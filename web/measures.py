"""Pages of measures: what a carrier has to carry out and confirms, measures against oneself and appeals; and the public
part of the credit file.

Rules of this room: everything is about the member's own party; what a measure stands on is shown with it; the public
page shows public entries alone.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from registry import credit, measures, orders
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from web import guard, measurewords
from web.current import registry_of
from web.forms import Form
from web.parties import actor, own_party, room
from web.people import Page

_ORDERS, _LISTED = 100, 500
blueprint = room("measures", __name__)
public = Blueprint("credit", __name__)


class AppealForm(Form):
    """What somebody says against a measure."""

    text = TextAreaField(
        lazy_gettext("What is wrong about it"), [InputRequired(lazy_gettext("Please say why.")), Length(max=2000)]
    )


@blueprint.get("/party/measures")
@guard.member("see_own_party")
def overview() -> Page:
    """Orders that wait for their confirmation, and measures against the own enterprise."""
    registry, party = registry_of(), own_party()
    waiting = orders.orders_of(
        registry.store, registry.clock, registry.keys, party=party.party, open_only=True, limit=_ORDERS
    )
    return render_template(
        "party/measures.html", party=party, orders=waiting, against=orders.against(registry.store, party.party),
        words=measurewords,
    )


@blueprint.post("/party/measures/<measure>/<any(begin, end):step>/confirm")
@guard.member("work_desk")
def confirm(measure: str, step: measures.Step) -> Response:
    """Say that an order was carried out."""
    registry = registry_of()
    measures.confirm(registry.store, registry.clock, actor=actor(), measure=measure, step=step)
    flash(_("Confirmed: it was carried out."), "ok")
    return redirect(url_for("measures.overview"), 303)


@blueprint.route("/party/measures/<measure>", methods=["GET", "POST"])
@guard.member("work_desk")
def appeal(measure: str) -> Page:
    """One measure against the own enterprise, and an appeal."""
    registry, form, status = registry_of(), AppealForm(), 200
    found = next(
        (each for each in orders.against(registry.store, own_party().party) if each.measure == measure), None
    )
    if found is None:
        raise NotFoundError("There is no such measure.", code="no_such_measure")
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                measures.appeal(
                    registry.store, registry.clock, actor=actor(), measure=measure, text=form.text.data or ""
                )
            except InvalidInputError as error:
                form.blame(error, "text")
            except ConflictError:
                flash(_("This measure is over, or you appealed against it before."), "warn")
                return redirect(url_for("measures.overview"), 303)
            else:
                flash(_("Your appeal was taken down. Somebody else than who proposed the measure decides."), "ok")
                return redirect(url_for("measures.overview"), 303)
    steps = orders.steps_of(registry.store, measure)
    return render_template("party/measure.html", measure=found, form=form, words=measurewords, steps=steps), status


@public.get("/credit")
@guard.public
def lists() -> Page:
    """Who stands on the lists of bad operation and of dishonesty, and what else of credit files is public."""
    registry = registry_of()
    now = registry.clock.now()
    entries = {
        kind: tuple(each for each in credit.listed(registry.store, kind, at=now) if each.public)[:_LISTED]
        for kind in (*credit.RESTRICTING, "penalty")
    }
    named = registry.store.enterprises.these(each.enterprise for held in entries.values() for each in held)
    return render_template("credit.html", entries=entries, named=named, words=measurewords)
