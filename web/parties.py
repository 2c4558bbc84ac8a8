"""What pages of a party's members stand on, and two of them: the quarantine and the keys.

Rules of this room: everything is about the member's own party, taken from the session and never from the address; a
secret is shown once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import keydelivery, parties, quarantine
from registry.access import SCOPES_OF, Actor
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, SignInRequiredError
from registry.numberevents import ABOUT
from registry.parties import Party
from registry.times import from_micros
from web import figures, guard, keyages, menus, once, problems
from web.current import registry_of
from web.forms import DiscardForm, FixForm, KeyForm, choices
from web.labels import word
from web.movingforms import EventFixForm
from web.people import Page
from web.refusals import field_of

_ROWS = 50


@dataclass(frozen=True)
class RecipientKey:
    """A carrier's public key on a page: since when it is there, its age in days, what two people compare of it."""

    since: datetime
    days: int
    fingerprint: str


def to_sign_in(_error: Exception) -> Response:
    """Nobody has signed in yet: do that, and come back."""
    return redirect(url_for("members.sign_in", next=request.path if request.method == "GET" else None), 303)


def refused(error: NotAllowedError) -> Any:
    """Who still owes the second factor is asked for it; all others are refused."""
    if error.code == "second_factor_needed":
        return redirect(url_for("members.second", next=request.path if request.method == "GET" else None), 303)
    return problems.refuse(error)


def actor() -> Actor:
    """The member who asks."""
    return guard.actor_of_request()


def own_party() -> Party:
    """The party of the member who asks. Raises SignInRequiredError."""
    found = actor().party
    if found is None:
        raise SignInRequiredError("Please sign in first.", code="sign_in_member")
    return found


def room(name: str, import_name: str) -> Blueprint:
    """A blueprint of pages for members of a party: who has not signed in does so first, templates get the menu."""
    made = Blueprint(name, import_name)
    made.register_error_handler(SignInRequiredError, to_sign_in)
    made.register_error_handler(NotAllowedError, refused)
    made.context_processor(_frame)
    return made


def _frame() -> dict[str, Any]:
    found = actor().party
    return {"party_name": figures.name_of(found) if found else "", **menus.shown(menus.PARTY, actor)}


blueprint = room("parties", __name__)


# quarantine


@blueprint.get("/party/quarantine")
@guard.member("send_reports")
def quarantined() -> Page:
    """Rows that wait for a fix, oldest first."""
    registry, party = registry_of(), own_party().party
    after = request.args.get("after", 0, int)
    rows = quarantine.rows_of(
        registry.store, registry.keys, source=party, limit=_ROWS + 1, after=min(max(0, after), 10**9)
    )
    return render_template(
        "party/quarantine.html", rows=rows[:_ROWS], more=after + _ROWS if len(rows) > _ROWS else None,
        reasons=quarantine.reasons(registry.store, source=party),
    )


@blueprint.route("/party/quarantine/<name>", methods=["GET", "POST"])
@guard.member("send_reports")
def fix(name: str) -> Page:
    """Correct one row and take it in again."""
    registry, party = registry_of(), own_party().party
    held = quarantine.row_of(registry.store, registry.keys, source=party, name=name)
    about_events = held.about == ABOUT
    form: FixForm | EventFixForm = EventFixForm() if about_events else FixForm()
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                result = quarantine.release(
                    registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source=party,
                    kind="carrier", name=name, corrected=form.fields(), country=registry.settings.numbers.country,
                    actor=actor().name, shelf=registry.shelf, zone=registry.settings.numbers.zone,
                )
            except (InvalidInputError, ConflictError) as error:
                form.blame(error, field_of(error.code))
            else:
                taken = result.result == "accepted"
                if about_events:
                    flash(_("The event was taken in.") if taken else _("We had this event already."), "ok")
                else:
                    flash(_("The row was taken in and judged.") if taken else _("We had this report already."), "ok")
                return redirect(url_for("parties.quarantined"), 303)
    else:
        form.show(held.fields or {})
    return render_template("party/fix.html", form=form, row=held, discard=DiscardForm()), status


@blueprint.post("/party/quarantine/<name>/discard")
@guard.member("send_reports")
def discard(name: str) -> Response:
    """Set one row aside for good."""
    registry, form = registry_of(), DiscardForm()
    if not form.validate():
        flash(_("Please say why the row is discarded."), "warn")
        return redirect(url_for("parties.fix", name=name), 303)
    quarantine.discard(
        registry.store, registry.clock, source=own_party().party, name=name, note=form.note.data or "",
        actor=actor().name,
    )
    flash(_("The row was discarded."), "ok")
    return redirect(url_for("parties.quarantined"), 303)


# keys


def key_form(party: Party) -> KeyForm:
    """The form for a new key of a party, with the scopes that its kind may have, and the sandbox where it has one."""
    form = KeyForm()
    if party.kind != "telemarketer":
        del form.sandbox
    form.scopes.choices = choices(*((scope, word("scope", scope)) for scope in SCOPES_OF[party.kind]))
    return form


def issued(form: KeyForm, party: Party) -> bool:
    """Issue the key that a form asks for, to be shown once; False where it is refused, which the form then says."""
    registry = registry_of()
    try:
        _id, secret = parties.issue_key(
            registry.store, registry.clock, party=party.party, scopes=form.scopes.data or (),
            label=form.label.data or "", sandbox="sandbox" in form and bool(form.sandbox.data), actor=actor().name,
        )
    except InvalidInputError as error:
        form.blame(error, "scopes")
        return False
    once.hand_over("key", secret)
    return True


@blueprint.route("/party/keys", methods=["GET", "POST"])
@guard.member("manage_own_keys")
def keys() -> Page:
    """API keys: all of them, and a new one."""
    registry, party = registry_of(), own_party()
    form, status = key_form(party), 200
    if request.method == "POST":
        status = 422
        if form.validate() and issued(form, party):
            return redirect(url_for("parties.keys"), 303)
    seen = keyages.asked_of_keys()
    found = keyages.aged(parties.keys_of(registry.store, party.party), seen, registry.clock.now())
    page = render_template(
        "party/keys.html", form=form, seen=seen, keys=found, secret=once.take("key"),
        carrier=party.kind == "carrier", recipient=_recipient(party),
        epochs=keyages.aged_epochs(registry) if party.kind == "carrier" else (),
    )
    return page, status


def _recipient(party: Party) -> RecipientKey | None:
    """The public key that a carrier handed in."""
    registry = registry_of()
    known = registry.store.feeds.key(party.party)
    if known is None:
        return None
    since = from_micros(known[1])
    return RecipientKey(since, (registry.clock.now() - since).days, keydelivery.fingerprint(known[0]))


@blueprint.post("/party/keys/<key>/revoke")
@guard.member("manage_own_keys")
def revoke(key: str) -> Response:
    """Revoke one of the party's own keys."""
    registry = registry_of()
    parties.revoke_key(
        registry.store, registry.clock, api_key=key, party=own_party().party, actor=actor().name
    )
    flash(_("The key is revoked. It stopped working at once."), "ok")
    return redirect(url_for("parties.keys"), 303)
