"""Pages that are everybody's: home, privacy, rules, magic numbers, language switch, the embedded gateway's messages.

Rules of this room: the way back after a switch of language stays on this site; `/dev/messages` exists only while the
embedded gateway is set, and only for this machine.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.decisions import STEPS
from registry.errors import NotFoundError, RegistryError
from registry.outside.sms import ConsoleGateway
from registry.sandbox import load
from web import figures, guard, showing
from web.current import LANGUAGE_COOKIE, LANGUAGES, registry_of
from web.forms import NumberForm
from web.people import Page, local_path

blueprint = Blueprint("public", __name__)
blueprint.record_once(showing.register)

_YEAR_S = 31_536_000


@blueprint.get("/")
@guard.public
def home() -> Page:
    """The first page: one field, one button, how the registry does."""
    try:
        found = figures.home(registry_of())
    except RegistryError:  # figures are an extra; the form must work without them
        found = None
    return render_template("home.html", form=NumberForm(), figures=found)


@blueprint.get("/privacy")
@guard.public
def privacy() -> Page:
    """What is kept of whom, how, for how long."""
    return render_template("privacy.html", settings=registry_of().settings)


@blueprint.get("/rules")
@guard.public
def rules() -> Page:
    """The order in which decisions are made, and the rulebooks."""
    return render_template("rules.html", packs=registry_of().rulebooks.packs, steps=STEPS)


@blueprint.get("/sandbox")
@guard.public
def sandbox() -> Page:
    """The magic numbers of the sandbox, and what is and must be answered about each; nobody holds one."""
    return render_template("sandbox.html", sandbox=load())


@blueprint.get("/language/<code>")
@guard.public
def language(code: str) -> Response:
    """Switch the language and go back to the page."""
    if code not in LANGUAGES:
        raise NotFoundError("There is no such language.", code="not_found")
    response = redirect(local_path(request.args.get("next", "")) or url_for("public.home"), 303)
    response.set_cookie(
        LANGUAGE_COOKIE, code, max_age=_YEAR_S, path="/", httponly=True, samesite="Lax",
        secure=registry_of().settings.site.secure_cookies,
    )
    return response


@blueprint.get("/dev/messages")
@guard.loopback
def dev_messages() -> Page:
    """What the embedded gateway has sent, newest first."""
    registry = registry_of()
    if registry.settings.sms.gateway != "console":
        raise NotFoundError("There is nothing here.", code="not_found")
    messages = ConsoleGateway(registry.instance).messages()
    return render_template("dev_messages.html", messages=reversed(messages))
