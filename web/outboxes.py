"""Pages of officers about carriers' outboxes: where reports are fetched from, and how that goes.

Rules of this room: a credential is taken and never shown; what went wrong is said in
words, never with an answer's text.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import outboxes
from registry.errors import InvalidInputError, NotAllowedError, NotFoundError, SignInRequiredError
from web import figures, guard, menus
from web.current import registry_of
from web.forms import choices
from web.outgoing_forms import OutboxForm, circuit_name, failure_name
from web.parties import actor, refused, to_sign_in
from web.people import Page

blueprint = Blueprint("outboxes", __name__)
blueprint.register_error_handler(SignInRequiredError, to_sign_in)
blueprint.register_error_handler(NotAllowedError, refused)

_FIELDS = {"bad_address": "address", "private_address": "address", "bad_pace": "every", "bad_token": "token"}


@blueprint.context_processor
def _office() -> dict[str, Any]:
    return {"failure_name": failure_name, "circuit_name": circuit_name, **menus.shown(menus.OFFICE, actor)}


@blueprint.route("/officer/outboxes", methods=["GET", "POST"])
@guard.member("manage_parties")
def all_outboxes() -> Page:
    """All outboxes, and a form to set one."""
    registry = registry_of()
    parties = {party.party: party for party in registry.store.parties.all()}
    states = outboxes.states(registry.store, registry.clock, registry.settings.outboxes)
    form, status = OutboxForm(), 200
    form.source.choices = choices(
        *((party.party, figures.name_of(party)) for party in parties.values() if party.kind in {"carrier", "centre"})
    )
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                _set(form)
            except (InvalidInputError, NotFoundError) as error:
                form.blame(error, _FIELDS.get(error.code, ""))
            else:
                flash(_("The outbox was set. It is asked within seconds."), "ok")
                return redirect(url_for("outboxes.all_outboxes"), 303)
    else:
        chosen = next((each for each in states if each.source == request.args.get("source")), None)
        if chosen is not None:
            form.source.data, form.address.data = chosen.source, chosen.address
            form.kind.data, form.every.data = chosen.kind, chosen.every
    names = {party: figures.name_of(found) for party, found in parties.items()}
    return render_template("officer/outboxes.html", form=form, outboxes=states, names=names), status


def _set(form: OutboxForm) -> None:
    registry = registry_of()
    outboxes.set_outbox(
        registry.store, registry.keys, registry.clock, registry.settings.outboxes, actor=actor().name,
        source=form.source.data, kind="ftc" if form.kind.data == "ftc" else "carrier", address=form.address.data or "",
        every=form.every.data or 0, token="" if form.without.data else form.token.data or None,
    )  # fmt: skip


@blueprint.post("/officer/outboxes/<source>/remove")
@guard.member("manage_parties")
def remove(source: str) -> Response:
    """Fetch a party's reports no longer."""
    registry = registry_of()
    outboxes.remove_outbox(registry.store, registry.clock, actor=actor().name, source=source)
    flash(_("The outbox was removed. Files in the folder are still taken in."), "ok")
    return redirect(url_for("outboxes.all_outboxes"), 303)
