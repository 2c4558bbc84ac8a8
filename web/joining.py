"""Pages on which a company applies for a telemarketer's account, and learns how its application stands.

Rules of this room: the answer is the same whether the company is known here or not; the secret of an application is
shown once and is in no address; whoever proved it stays known to this browser until it is closed.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, session, url_for

from registry import applications
from registry.errors import NotFoundError, RegistryError, TooManyError, UnavailableError
from web import guard, once
from web.current import address_of, language_of, registry_of
from web.joiningforms import JoinForm, LookUpForm
from web.people import Page, status_of

blueprint = Blueprint("joining", __name__)

_PLACE = "application"  # in the form session: the reference of the application that was made or proved here


@blueprint.route("/join", methods=["GET", "POST"])
@guard.public
def join() -> Page:
    """Apply for an account."""
    registry, form, status = registry_of(), JoinForm(), 200
    if request.method == "POST":
        status = 422
        good = form.validate()
        wish = form.wish(registry.plan, registry.settings.numbers.country) if good else None
        if wish is not None:
            try:
                reference, secret = applications.apply(
                    registry.store, registry.keys, registry.clock, registry.settings.applications, wish=wish,
                    form=form.once, address=address_of(), language=language_of(),
                )
            except (TooManyError, UnavailableError) as error:
                form.blame(error)
                status = status_of(error)
            else:
                session[_PLACE] = reference
                once.hand_over("application", secret)
                return redirect(url_for("joining.state"), 303)
    return render_template("join.html", form=form, settings=registry.settings.applications), status


@blueprint.route("/join/state", methods=["GET", "POST"])
@guard.public
def state() -> Page:
    """How an application stands: of the one that this browser knows, or after its secret was given."""
    registry, form, status = registry_of(), LookUpForm(), 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                found = applications.look_up(
                    registry.store, registry.keys, registry.clock, registry.settings.applications,
                    reference=form.reference.data or "", secret=form.secret.data or "", address=address_of(),
                )
            except (NotFoundError, TooManyError) as error:
                form.blame(error)
                status = _status(error)
            else:
                session[_PLACE] = found.reference
                return redirect(url_for("joining.state"), 303)
        form.secret.data = ""
    elif _PLACE in session and "other" not in request.args:
        try:
            found = applications.application_of(registry.store, session[_PLACE])
        except NotFoundError:  # it was erased since
            session.pop(_PLACE)
        else:
            secret = once.take("application")
            return render_template(
                "joined.html", application=found, reference=applications.in_groups(found.reference),
                secret=applications.in_groups(secret), settings=registry.settings.applications,
            )
    return render_template("join_state.html", form=form), status


def _status(error: RegistryError) -> int:
    return status_of(error) if isinstance(error, TooManyError) else 422
