"""Pages of a party's webhooks: endpoints, what they were told, their secrets.

Rules of this room: everything is about the member's own party, taken from the session and never from the address; a
secret is shown once.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import webhooks
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, SignInRequiredError
from web import figures, guard, menus, once
from web.current import registry_of
from web.outgoing_forms import WebhookForm, event_name, failure_name
from web.parties import actor, own_party, refused, to_sign_in
from web.people import Page

blueprint = Blueprint("webhooks", __name__)
blueprint.register_error_handler(SignInRequiredError, to_sign_in)
blueprint.register_error_handler(NotAllowedError, refused)

_DELIVERIES = 50


@blueprint.context_processor
def _party() -> dict[str, Any]:
    found = actor().party
    return {
        "party_name": figures.name_of(found) if found else "", "event_name": event_name, "failure_name": failure_name,
        **menus.shown(menus.PARTY, actor),
    }  # fmt: skip


@blueprint.route("/party/webhooks", methods=["GET", "POST"])
@guard.member("manage_own_webhooks")
def all_endpoints() -> Page:
    """All endpoints, and a new one."""
    registry, party = registry_of(), own_party().party
    form, status = WebhookForm(), 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                made, secret = webhooks.add_endpoint(
                    registry.store, registry.keys, registry.clock, registry.settings.webhooks, party=party,
                    url=form.url.data or "", events=form.events.data or (), label=form.label.data or "",
                    actor=actor().name,
                )
            except (InvalidInputError, ConflictError) as error:
                form.blame(error, _field_of(error.code))
            else:
                once.hand_over("webhook", secret)
                return redirect(url_for("webhooks.endpoint", hook=made.endpoint), 303)
    found = webhooks.endpoints_of(registry.store, registry.keys, party)
    dead = registry.store.webhooks.dead_letters(party=party)
    return render_template("party/webhooks.html", form=form, endpoints=found, dead=dead), status


@blueprint.route("/party/webhooks/<hook>", methods=["GET", "POST"])
@guard.member("manage_own_webhooks")
def endpoint(hook: str) -> Page:
    """One endpoint: what it was told last, and what can be changed."""
    registry, party = registry_of(), own_party().party
    found = webhooks.endpoint_of(registry.store, registry.keys, party=party, endpoint=hook)
    form, status = WebhookForm(), 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                webhooks.change_endpoint(
                    registry.store, registry.keys, registry.clock, registry.settings.webhooks, party=party,
                    endpoint=hook, url=form.url.data, events=form.events.data, label=form.label.data or "",
                    active=bool(form.active.data), actor=actor().name,
                )
            except (InvalidInputError, ConflictError) as error:
                form.blame(error, _field_of(error.code))
            else:
                flash(_("The endpoint was changed."), "ok")
                return redirect(url_for("webhooks.endpoint", hook=hook), 303)
    else:
        form.url.data, form.label.data, form.events.data = found.url, found.label, list(found.events)
        form.active.data = found.state == "active"
    deliveries = webhooks.deliveries_of(registry.store, party=party, endpoint=hook, limit=_DELIVERIES)
    page = render_template(
        "party/webhook.html", form=form, endpoint=found, deliveries=deliveries, secret=once.take("webhook"),
        overlap=registry.settings.webhooks.rotation_hours,
    )
    return page, status


@blueprint.post("/party/webhooks/<hook>/test")
@guard.member("manage_own_webhooks")
def test(hook: str) -> Response:
    """Tell an endpoint of a test event."""
    registry = registry_of()
    try:
        webhooks.send_test(registry.store, registry.clock, party=own_party().party, endpoint=hook)
        flash(_("A test event is on its way. Open the page again in some seconds."), "ok")
    except ConflictError as error:
        flash(_refusal(error.code), "warn")
    return redirect(url_for("webhooks.endpoint", hook=hook), 303)


@blueprint.post("/party/webhooks/<hook>/rotate")
@guard.member("manage_own_webhooks")
def rotate(hook: str) -> Response:
    """A new secret for an endpoint."""
    registry = registry_of()
    secret = webhooks.rotate_secret(
        registry.store, registry.keys, registry.clock, registry.settings.webhooks, party=own_party().party,
        endpoint=hook, actor=actor().name,
    )
    once.hand_over("webhook", secret)
    return redirect(url_for("webhooks.endpoint", hook=hook), 303)


@blueprint.post("/party/webhooks/<hook>/remove")
@guard.member("manage_own_webhooks")
def remove(hook: str) -> Response:
    """Remove an endpoint."""
    registry = registry_of()
    webhooks.remove_endpoint(
        registry.store, registry.clock, party=own_party().party, endpoint=hook, actor=actor().name
    )
    flash(_("The endpoint was removed."), "ok")
    return redirect(url_for("webhooks.all_endpoints"), 303)


@blueprint.post("/party/webhooks/<hook>/deliveries/<event>/resend")
@guard.member("manage_own_webhooks")
def resend(hook: str, event: str) -> Response:
    """Tell an endpoint once more of an event."""
    registry = registry_of()
    try:
        webhooks.resend(
            registry.store, registry.clock, party=own_party().party, endpoint=hook, event=event,
            actor=actor().name,
        )
        flash(_("The event is on its way again."), "ok")
    except ConflictError as error:
        flash(_refusal(error.code), "warn")
    return redirect(url_for("webhooks.endpoint", hook=hook), 303)


def _field_of(code: str) -> str:
    return {"bad_address": "url", "private_address": "url", "bad_events": "events", "bad_label": "label"}.get(code, "")


def _refusal(code: str) -> str:
    if code == "endpoint_off":
        return str(_("This endpoint is switched off. Switch it on first."))
    return str(_("It is on its way already."))
