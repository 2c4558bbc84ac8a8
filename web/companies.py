"""Pages of a party's owner: the company and whom it acts for, its members.

Rules of this room: everything is about the member's own party, taken from the session and never from the address; a
member of another party is as one that does not exist; who takes access away is asked first; a link is shown once.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import credentials, limits, organisations, parties
from registry.access import ROLES_OF, may
from registry.errors import ConflictError, InvalidInputError, NotFoundError, TooManyError
from registry.limits import Limit
from registry.parties import Member
from web import guard, once
from web.applications import hand_over_invitation
from web.current import registry_of
from web.forms import ConfirmForm, MemberForm, choices
from web.joiningforms import PrincipalForm
from web.labels import word
from web.parties import actor, own_party, room
from web.people import Page, status_of

blueprint = room("companies", __name__)

INVITES_HOUR = 20


# the company and whom it acts for


@blueprint.route("/party/company", methods=["GET", "POST"])
@guard.member("see_own_party")
def company() -> Page:
    """The company as the regulator knows it, and on whose behalf it acts."""
    registry, party, form, status = registry_of(), own_party(), PrincipalForm(), 200
    if request.method == "POST":
        if not may(actor(), "manage_own_company"):
            return redirect(url_for("companies.company"), 303)
        status = 422
        if form.validate() and _added(form):
            flash(_("You can name this company in scrubs now."), "ok")
            return redirect(url_for("companies.company"), 303)
    page = render_template(
        "party/company.html", party=party, company=organisations.organisation_of(registry.store, party.party),
        principals=organisations.principals_of(registry.store, party.party), now=registry.clock.now(), form=form,
    )
    return page, status


def _added(form: PrincipalForm) -> bool:
    """Add the principal that a form names; False where it is refused, which the form then says."""
    registry, number = registry_of(), form.company()
    if number is None:
        return False
    start, end = form.period(registry.clock.now(), ZoneInfo(registry.settings.numbers.zone))
    try:
        organisations.add_principal(
            registry.store, registry.clock, party=own_party().party, name=form.name.data or "", company=number,
            since=start, until=end, actor=actor().name,
        )
    except (InvalidInputError, ConflictError) as error:
        form.blame(error, {"bad_name": "name", "bad_period": "until"}.get(error.code, "registration"))
        return False
    return True


@blueprint.post("/party/company/principals/<principal>/end")
@guard.member("manage_own_company")
def end(principal: str) -> Response:
    """Act for a company no longer."""
    registry = registry_of()
    organisations.end_principal(
        registry.store, registry.clock, party=own_party().party, principal=principal, actor=actor().name
    )
    flash(_("You act for this company no longer. What was checked for it so far stays."), "ok")
    return redirect(url_for("companies.company"), 303)


# members


@blueprint.route("/party/members", methods=["GET", "POST"])
@guard.member("manage_own_members")
def members() -> Page:
    """The party's members, and an invitation for one more."""
    registry, party, status = registry_of(), own_party(), 200
    form = MemberForm()
    least_first = reversed(ROLES_OF[party.kind])
    form.role.choices = choices(*((role, word("role", role)) for role in least_first))
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                limits.spend_all(registry.store, registry.clock, limits=(_tries(party.party),))
                added = parties.add_member(
                    registry.store, registry.clock, party=party.party, email=form.email.data or "",
                    name=form.name.data or "", role=form.role.data, actor=actor().name,
                )
            except (InvalidInputError, ConflictError, TooManyError) as error:
                form.blame(error, "email")
                status = status_of(error)
            else:
                return _invited(added)
    who = actor().member
    page = render_template(
        "party/members.html", members=registry.store.parties.members(party.party), form=form,
        own=who.member if who else "", invitation=once.take("invitation"),
    )
    return page, status


def _tries(party: str) -> Limit:
    """How often a party's owner may try an address: an answer tells whether somebody signs in with it."""
    return Limit("invite-member", limits.subject_of(registry_of().keys, b"party:" + party.encode()), INVITES_HOUR, 3600)


def _invited(member: Member) -> Response:
    registry = registry_of()
    hand_over_invitation(
        credentials.invite(registry.store, registry.clock, member=member.member, actor=actor().name)
    )
    return redirect(url_for("companies.members"), 303)


@blueprint.route("/party/members/<member>/suspend", methods=["GET", "POST"])
@guard.member("manage_own_members")
def suspend(member: str) -> Page:
    """Take a member's access away, after a question."""
    registry, form, status = registry_of(), ConfirmForm(), 200
    who = _own(member)
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                parties.suspend_member(registry.store, registry.clock, member=member, actor=actor().name)
            except ConflictError as error:
                form.blame(error)
            else:
                flash(_("%(name)s is signed out and cannot sign in any more.", name=who.name), "ok")
                return redirect(url_for("companies.members"), 303)
    return render_template("party/suspend_member.html", member=who, form=form), status


@blueprint.route("/party/members/<member>/invite", methods=["GET", "POST"])
@guard.member("manage_own_members")
def invite_again(member: str) -> Page:
    """A new one-time link for a member who lost password or second factor, or was suspended."""
    form, who = ConfirmForm(), _own(member)
    if request.method == "POST" and form.validate():
        return _invited(who)
    return render_template("party/invite_again.html", member=who, form=form), 200


def _own(member: str) -> Member:
    """A member of the own party. Raises NotFoundError no_such_member."""
    found = registry_of().store.parties.member(member)
    if found is None or found.party != own_party().party:
        raise NotFoundError("There is no such member.", code="no_such_member")
    return found
