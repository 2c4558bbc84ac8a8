"""How members sign in: password, second factor, the one-time link that begins an account.

Rules of this room: whoever cannot sign in learns only that it did not work, never which part; the secret of a second
factor is shown until it was proved once and never again; where a member lands depends on the party.
"""

from __future__ import annotations

import io

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response

from registry import access, credentials
from registry.access import STRONG_ROLES
from registry.errors import ConflictError, InvalidInputError, SignInRequiredError, TooManyError
from registry.parties import Member
from web import guard
from web.current import address_of, registry_of
from web.forms import PasswordForm, SecondFactorForm, SignInForm
from web.parties import actor
from web.people import Page, local_path, status_of

blueprint = Blueprint("members", __name__)

_LANDINGS = {"regulator": "officers.today", "telemarketer": "scrubs.overview"}


def landing() -> str:
    """Where a member's work begins."""
    party = actor().party
    return url_for(_LANDINGS.get(party.kind if party else "", "carriers.overview"))


@blueprint.route("/sign-in", methods=["GET", "POST"])
@guard.public
def sign_in() -> Page:
    """Email and password; those whose role asks for it go on to the second factor."""
    form, status = SignInForm(), 200
    back = local_path(request.args.get("next", ""))
    if request.method == "POST":
        status = 422
        if form.validate():
            registry = registry_of()
            try:
                token, member = credentials.sign_in(
                    registry.store, registry.keys, registry.clock, registry.settings.site,
                    email=form.email.data or "", password=form.password.data or "", address=address_of(),
                )
            except (SignInRequiredError, TooManyError) as error:
                form.blame(error)
                status = status_of(error)
            else:
                return _onward(token, member, back)
    return render_template("member/sign_in.html", form=form, next=back), status


def _onward(token: str, member: Member, back: str) -> Response:
    """To the second factor, or to where the member wanted to go."""
    owes = member.role in STRONG_ROLES
    target = url_for("members.second", next=back or None) if owes else back or url_for("members.start")
    response = redirect(target, 303)
    guard.remember(response, token, minutes=registry_of().settings.site.member_minutes)
    return response


@blueprint.get("/sign-in/start")
@(guard.member("see_own_party") | guard.member("see_overview"))
def start() -> Response:
    """To the first page of whoever has signed in."""
    return redirect(landing(), 303)


@blueprint.route("/sign-in/second", methods=["GET", "POST"])
@guard.member(access.PROVE)
def second() -> Page:
    """The second factor: set it up the first time, prove it every time."""
    registry, who = registry_of(), actor()
    assert who.member is not None
    form, status = SecondFactorForm(), 200
    back = local_path(request.args.get("next", ""))
    enrolment = None if who.member.second_factor else _enrolment(who.member)
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                token = credentials.prove_second_factor(
                    registry.store, registry.keys, registry.clock, registry.settings.site,
                    token=guard.session_token(), code=form.code.data or "",
                )
            except (InvalidInputError, TooManyError) as error:
                form.blame(error, "code")
                status = status_of(error)
            else:
                response = redirect(back or url_for("members.start"), 303)
                guard.remember(response, token, minutes=registry.settings.site.member_minutes)
                return response
        form.code.data = ""
    page = render_template(
        "member/second.html", form=form, next=back, secret=enrolment.secret if enrolment else "",
        qr=_qr(enrolment.uri) if enrolment else "",
    )
    return page, status


def _enrolment(member: Member) -> credentials.Enrolment | None:
    try:
        return credentials.begin_second_factor(registry_of().store, registry_of().keys, member=member)
    except ConflictError:  # it was proved a moment ago, in another window
        return None


def _qr(text: str) -> Markup:
    """A QR code as SVG without inline styles."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2, dark="#000", light="#fff", svgclass=None,
        lineclass=None,
    )
    return Markup(out.getvalue().decode())  # noqa: S704 - made by our own renderer


@blueprint.route("/sign-in/first/<token>", methods=["GET", "POST"])
@guard.public
def first(token: str) -> Page:
    """The one-time link: choose a password, then the second factor follows."""
    registry = registry_of()
    member = credentials.invited(registry.store, registry.clock, token)
    form, status = PasswordForm(), 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                session, member = credentials.accept_invitation(
                    registry.store, registry.clock, registry.settings.site, token=token,
                    password=form.password.data or "",
                )
            except InvalidInputError as error:
                form.blame(error, "password")
            else:
                return _onward(session, member, "")
    page = render_template(
        "member/first.html", form=form, member=member, action=url_for("members.first", token=token),
        needs_second=member.role in STRONG_ROLES,
    )
    return page, status


@blueprint.post("/sign-out")
@guard.public
def sign_out() -> Response:
    """End the session."""
    response = redirect(url_for("public.home"), 303)
    guard.forget(response)
    flash(_("You are signed out."), "ok")
    return response
