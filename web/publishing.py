"""Officers' pages of bulletins: draft, review, publish.

Rules of this room: everybody of the office who sees cases may read drafts; only publishers move them, and the use case
refuses whoever would publish what they drafted.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import StringField
from wtforms.validators import InputRequired, Length, Optional

from registry import bulletins
from registry.bulletins import Press
from registry.errors import NotFoundError, RegistryError
from registry.quarters import quarter_named, quarter_of
from web import guard
from web.bulletins import page_of
from web.current import registry_of
from web.forms import Form
from web.labels import problem_sentence
from web.officers import room
from web.parties import actor
from web.people import Page

blueprint = room("publishing", __name__)


class DraftForm(Form):
    """Which quarter, and for a correction why."""

    quarter = StringField(lazy_gettext("Quarter"), [InputRequired(lazy_gettext("Please fill this in.")), Length(max=9)])
    note = StringField(lazy_gettext("Why it is corrected"), [Optional(), Length(max=500)],
                       description=lazy_gettext("Only where one of this quarter is published already."))  # fmt: skip


def _press() -> Press:
    registry = registry_of()
    return Press(registry.store, registry.clock, registry.keys, registry.plan, registry.settings.numbers.zone)


@blueprint.get("/officer/bulletins")
@guard.member("see_cases")
def overview() -> Page:
    """All versions of all bulletins, and the form to draft one."""
    press = _press()
    form = DraftForm(quarter=str(quarter_of(press.clock.now(), press.zone).before()))
    return render_template("officer/bulletins.html", bulletins=press.store.bulletins.all(), form=form)


@blueprint.post("/officer/bulletins")
@guard.member("publish")
def draft() -> Page:
    """Draft a quarter's bulletin."""
    form, press = DraftForm(), _press()
    if form.validate_on_submit():
        try:
            made = bulletins.draft(
                press, actor=actor(), quarter=quarter_named(form.quarter.data), note=form.note.data or ""
            )
        except RegistryError as error:
            form.form_errors.append(problem_sentence(error))
        else:
            flash(_("The bulletin is drafted."))
            return redirect(url_for("publishing.one", quarter=made.quarter, version=made.version), 303)
    return render_template("officer/bulletins.html", bulletins=press.store.bulletins.all(), form=form), 400


@blueprint.get("/officer/bulletins/<quarter>/<int:version>")
@guard.member("see_cases")
def one(quarter: str, version: int) -> Page:
    """One version as it will be or is published, and what may be done with it."""
    found = bulletins.version_of(registry_of().store, str(quarter_named(quarter)), version)
    own = actor().name in (found.drafted_by, found.submitted_by)
    return render_template("officer/bulletin.html", own=own, form=Form(), **page_of(found))


_MOVES = {"submit": bulletins.submit, "return": bulletins.give_back, "publish": bulletins.publish}


@blueprint.post("/officer/bulletins/<quarter>/<int:version>/<step>")
@guard.member("publish")
def move(quarter: str, version: int, step: str) -> Page:
    """Submit it, give it back, publish it."""
    if step not in _MOVES:
        raise NotFoundError("There is nothing here.", code="not_found")
    registry, named = registry_of(), str(quarter_named(quarter))
    try:
        _MOVES[step](registry.store, registry.clock, actor=actor(), quarter=named, version=version)
    except RegistryError as error:
        flash(problem_sentence(error), "warn")
    else:
        flash(_("Done."))
    return redirect(url_for("publishing.one", quarter=named, version=version), 303)
