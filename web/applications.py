"""Officers' pages of telemarketers who apply: the queue, one application, the decision; and the tier of an account.

Rules of this room: what an applicant wrote is shown as text and never as anything else; what may be a mistake or a
trick (a company that has an account, a name like another's) stands before the decision; the owner's link is shown once.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import applications, organisations, parties
from registry.applications import STATES, Application
from registry.errors import ConflictError, InvalidInputError
from web import guard, once
from web.current import registry_of
from web.forms import choices
from web.joiningforms import ApproveForm, DescribeForm, RefuseForm, TierForm
from web.officers import room
from web.parties import actor
from web.people import Page
from web.tables import asked

_ROWS = 50
blueprint = room("applications", __name__)


@blueprint.get("/officer/applications")
@guard.member("manage_parties")
def queue() -> Page:
    """Applications: who waits longest first, then what was decided last."""
    seen = asked(state=STATES, places=("after",))
    after = min(seen.places["after"] or 0, 100_000)
    rows = registry_of().store.applications.all(state=seen["state"], after=after, limit=_ROWS + 1)
    return render_template(
        "officer/applications.html", rows=rows[:_ROWS], seen=seen, group=applications.in_groups,
        older=seen.link(after=after + _ROWS) if len(rows) > _ROWS else "", first=seen.link() if after else "",
    )


@blueprint.get("/officer/applications/<reference>")
@guard.member("manage_parties")
def one(reference: str) -> Page:
    """One application, what stands beside it, and the officer's word about it."""
    found = applications.application_of(registry_of().store, reference)
    form = _approving()
    form.party.data = applications.proposed_id(found)
    form.email.data = organisations.unseal_contact(registry_of().keys, found.contact).email
    return _shown(found, form, RefuseForm()), 200


@blueprint.post("/officer/applications/<reference>/approve")
@guard.member("manage_parties")
def approve(reference: str) -> Page:
    """Make an account of it; the owner's one-time link is shown on the account's page."""
    registry, form = registry_of(), _approving()
    found = applications.application_of(registry.store, reference)
    if form.validate():
        try:
            party, token = applications.approve(
                registry.store, registry.keys, registry.clock, reference=reference, party=form.party.data or "",
                tier=form.tier.data, email=form.email.data or "", actor=actor().name,
            )
        except (InvalidInputError, ConflictError) as error:
            form.blame(error, _FIELDS.get(error.code, ""))
        else:
            hand_over_invitation(token)
            flash(_("The account is there. Hand the link to its owner."), "ok")
            return redirect(url_for("officers.one_party", party=party.party), 303)
    return _shown(found, form, RefuseForm(formdata=None)), 422


_FIELDS = {
    "party_exists": "party", "bad_party": "party", "bad_tier": "tier", "email_taken": "email", "bad_member": "email",
}  # fmt: skip


@blueprint.post("/officer/applications/<reference>/refuse")
@guard.member("manage_parties")
def refuse(reference: str) -> Page:
    """Refuse it, with a reason."""
    registry, form = registry_of(), RefuseForm()
    found = applications.application_of(registry.store, reference)
    if form.validate():
        try:
            applications.refuse(
                registry.store, registry.clock, reference=reference, note=form.note.data or "", actor=actor().name
            )
        except (InvalidInputError, ConflictError) as error:
            form.blame(error, "note" if error.code == "no_reason" else "")
        else:
            flash(_("The application was refused. The applicant sees why."), "ok")
            return redirect(url_for("applications.queue"), 303)
    fresh = _approving(fresh=True)
    fresh.party.data = applications.proposed_id(found)
    return _shown(found, fresh, form), 422


def hand_over_invitation(token: str) -> None:
    """Keep a member's one-time link for the page that comes next."""
    site = registry_of().settings.site  # never the Host header: the link is handed on to somebody else
    home = site.public_url.rstrip("/") or site.local_url
    once.hand_over("invitation", home + url_for("members.first", token=token))


def _approving(*, fresh: bool = False) -> ApproveForm:
    form = ApproveForm(formdata=None) if fresh or request.method == "GET" else ApproveForm()
    form.tier.choices = choices(*((tier, tier) for tier in registry_of().settings.scrubs.tiers))
    return form


def _shown(found: Application, approving: ApproveForm, refusing: RefuseForm) -> str:
    registry = registry_of()
    return render_template(
        "officer/application.html", application=found, reference=applications.in_groups(found.reference),
        contact=organisations.unseal_contact(registry.keys, found.contact), approving=approving, refusing=refusing,
        background=applications.background_of(registry.store, found), group=applications.in_groups,
        sectors=organisations.categories_of(found.sectors),
    )


@blueprint.route("/officer/parties/<party>/tier", methods=["GET", "POST"])
@guard.member("manage_parties")
def tier(party: str) -> Page:
    """Another licence tier for a telemarketer."""
    registry, status = registry_of(), 200
    found = parties.get_party(registry.store, party)
    form = TierForm()
    names = dict.fromkeys((found.tier, *registry.settings.scrubs.tiers))
    form.tier.choices = choices(*((name, name) for name in names))
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                parties.set_tier(
                    registry.store, registry.clock, party=party, tier=form.tier.data, actor=actor().name
                )
            except InvalidInputError as error:
                form.blame(error, "tier")
            else:
                flash(_("The licence tier counts from now on."), "ok")
                return _back(party)
    else:
        form.tier.data = found.tier
    return render_template("officer/tier.html", party=found, form=form, tiers=registry.settings.scrubs.tiers), status


@blueprint.route("/officer/parties/<party>/company", methods=["GET", "POST"])
@guard.member("manage_parties")
def describe(party: str) -> Page:
    """The company behind a telemarketer's account: say it, or put it right."""
    registry, form, status = registry_of(), DescribeForm(), 200
    form.ask_as_officer()
    found = parties.get_party(registry.store, party)
    if request.method == "POST":
        status = 422
        if form.validate() and _described(form, party):
            flash(_("The company was saved."), "ok")
            return _back(party)
    elif known := organisations.organisation_of(registry.store, party):
        form.show(known, organisations.unseal_contact(registry.keys, known.contact))
    return render_template("officer/describe.html", party=found, form=form), status


def _described(form: DescribeForm, party: str) -> bool:
    """Save what a form says of a company; False where it is refused, which the form then says."""
    registry = registry_of()
    company, sectors = form.company(), form.mask()
    contact = form.contact(registry.plan, registry.settings.numbers.country)
    if company is None or sectors is None or contact is None:
        return False
    try:
        organisations.describe(
            registry.store, registry.keys, registry.clock, party=party, company=company, sectors=sectors,
            itself=bool(form.itself.data), contact=contact, actor=actor().name,
        )
    except (InvalidInputError, ConflictError) as error:
        form.blame(error, "registration")
        return False
    return True


def _back(party: str) -> Response:
    return redirect(url_for("officers.one_party", party=party), 303)
