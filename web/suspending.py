"""Pages on which an officer takes access away and gives it back: of a party, of a member.

Rules of this room: each asks before it does anything and says what will stop; why a party is suspended is asked for and
stands in the trail; whoever signs in again does so by a new invitation, with a new password and second factor.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import credentials, parties
from registry.errors import ConflictError, NotFoundError
from registry.parties import Member, Party
from web import guard, once
from web.current import registry_of
from web.forms import ConfirmForm, SuspendForm
from web.officers import room
from web.parties import actor
from web.people import Page

blueprint = room("suspending", __name__)


@blueprint.route("/officer/parties/<party>/suspend", methods=["GET", "POST"])
@guard.member("manage_parties")
def suspend(party: str) -> Page:
    """Suspend a party, after a question."""
    registry, form, status = registry_of(), SuspendForm(), 200
    found = parties.get_party(registry.store, party)
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                parties.set_party_state(
                    registry.store, registry.clock, party=party, state="suspended", actor=actor().name,
                    note=form.note.data or "",
                )
            except ConflictError as error:
                form.blame(error)
            else:
                flash(_("The party is suspended. Its keys and its members' sessions stopped at once."), "ok")
                return _back(party)
    return render_template("officer/suspend.html", party=found, form=form), status


@blueprint.route("/officer/parties/<party>/resume", methods=["GET", "POST"])
@guard.member("manage_parties")
def resume(party: str) -> Page:
    """Make a suspended party active again, after a question."""
    registry, form = registry_of(), ConfirmForm()
    found = parties.get_party(registry.store, party)
    if request.method == "POST" and form.validate():
        parties.set_party_state(registry.store, registry.clock, party=party, state="active", actor=actor().name)
        flash(_("The party is active again."), "ok")
        return _back(party)
    return render_template("officer/resume.html", party=found, form=form), 200


@blueprint.route("/officer/parties/<party>/members/<member>/suspend", methods=["GET", "POST"])
@guard.member("manage_members")
def suspend_member(party: str, member: str) -> Page:
    """Take a member's access away, after a question."""
    registry, form, status = registry_of(), ConfirmForm(), 200
    found, who = _member(party, member)
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                parties.suspend_member(registry.store, registry.clock, member=member, actor=actor().name)
            except ConflictError as error:
                form.blame(error)
            else:
                flash(_("%(name)s is signed out and cannot sign in any more.", name=who.name), "ok")
                return _back(party)
    return render_template("officer/suspend_member.html", party=found, member=who, form=form), status


@blueprint.route("/officer/parties/<party>/members/<member>/invite", methods=["GET", "POST"])
@guard.member("manage_members")
def invite_again(party: str, member: str) -> Page:
    """A new one-time link for a member: suspended, never signed in, or without password or second factor."""
    registry, form = registry_of(), ConfirmForm()
    found, who = _member(party, member)
    if request.method == "POST" and form.validate():
        token = credentials.invite(registry.store, registry.clock, member=member, actor=actor().name)
        site = registry.settings.site  # never the Host header: the link is handed on to somebody else
        home = site.public_url.rstrip("/") or site.local_url
        once.hand_over("invitation", home + url_for("members.first", token=token))
        return _back(party)
    return render_template("officer/invite_again.html", party=found, member=who, form=form), 200


def _member(party: str, member: str) -> tuple[Party, Member]:
    """A party and a member of it. Raises NotFoundError."""
    registry = registry_of()
    found, who = parties.get_party(registry.store, party), registry.store.parties.member(member)
    if who is None or who.party != found.party:
        raise NotFoundError("There is no such member.", code="no_such_member")
    return found, who


def _back(party: str) -> Response:
    return redirect(url_for("officers.one_party", party=party), 303)
