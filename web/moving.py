"""Officers' pages of numbers that move: events that are held and what is decided about them, resellers and blocks.

Rules of this room: numbers are shown masked; both sides of a conflict are named with what each said; a decision needs
its reason.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import numberevents, parties, resellers
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.parties import Party
from web import figures, guard
from web.current import registry_of
from web.forms import choices
from web.movingforms import BlockForm, DecisionForm, ResellerForm
from web.officers import room
from web.parties import actor
from web.people import Page

_ROWS = 50
blueprint = room("moving", __name__)


@blueprint.get("/officer/number-events")
@guard.member("decide_events")
def held() -> Page:
    """Events that wait for an officer, oldest first."""
    registry = registry_of()
    after = min(max(0, request.args.get("after", 0, int)), 10**9)
    found = numberevents.held(registry.store, registry.keys, registry.plan, limit=_ROWS + 1, after=after)
    return render_template(
        "officer/held.html", events=found[:_ROWS], more=after + _ROWS if len(found) > _ROWS else None,
        counts=registry.store.number_events.counts(), called=figures.names(registry),
    )


@blueprint.route("/officer/number-events/<event>", methods=["GET", "POST"])
@guard.member("decide_events")
def decide(event: str) -> Page:
    """One event with what stands against it, and the officer's word about it."""
    registry = registry_of()
    found = numberevents.one(registry.store, registry.keys, registry.plan, event)
    form, status = DecisionForm(), 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                numberevents.decide(
                    registry.store, registry.clock, registry.keys, registry.plan, registry.settings, event=event,
                    accept=form.decision.data == "accept", note=form.note.data or "", actor=actor().name,
                )
            except (InvalidInputError, ConflictError) as error:
                form.blame(error, "note" if error.code == "no_reason" else "")
            else:
                done = form.decision.data == "accept"
                flash(_("The event was carried out.") if done else _("The event was refused."), "ok")
                return redirect(url_for("moving.held"), 303)
    return render_template("officer/decide.html", event=found, form=form, called=figures.names(registry)), status


# resellers


@blueprint.route("/officer/parties/<party>/reseller", methods=["GET", "POST"])
@guard.member("manage_parties")
def reseller(party: str) -> Page:
    """In whose network a carrier resells, how it follows, and its blocks of numbers."""
    registry = registry_of()
    found = parties.get_party(registry.store, party)
    form = _form(found)
    if request.method == "GET":
        form.host.data, form.follows.data = found.host, found.follows
        return _shown(found, form, BlockForm(formdata=None)), 200
    if form.validate():
        try:
            resellers.set_reseller(
                registry.store, registry.clock, party=party, host=form.host.data or "", follows=form.follows.data,
                actor=actor().name,
            )
        except (InvalidInputError, ConflictError, NotFoundError) as error:
            form.blame(error, "host")
        else:
            flash(_("It follows so from the next edition on."), "ok")
            return redirect(url_for("moving.reseller", party=party), 303)
    return _shown(found, form, BlockForm(formdata=None)), 422


@blueprint.route("/officer/parties/<party>/blocks", methods=["GET", "POST"])
@guard.member("manage_parties")
def add_block(party: str) -> Page:
    """One block of numbers more."""
    registry = registry_of()
    found = parties.get_party(registry.store, party)
    if request.method == "GET":
        return redirect(url_for("moving.reseller", party=party), 303)
    form = BlockForm()
    if form.validate():
        try:
            (line,) = resellers.add_blocks(
                registry.store, registry.clock, registry.plan, reseller=party, prefixes=[(1, form.prefix.data or "")],
                actor=actor().name,
            )
            if line.reason:
                raise InvalidInputError(line.detail, code=line.reason)
        except InvalidInputError as error:
            form.blame(error, "prefix")
        else:
            flash(_("The block was added. Registered numbers in it are being moved."), "ok")
            return redirect(url_for("moving.reseller", party=party), 303)
    shown = _form(found, fresh=True)
    shown.host.data, shown.follows.data = found.host, found.follows
    return _shown(found, shown, form), 422


@blueprint.post("/officer/parties/<party>/blocks/<prefix>/remove")
@guard.member("manage_parties")
def remove_block(party: str, prefix: str) -> Response:
    """One block of numbers less."""
    registry = registry_of()
    resellers.remove_block(
        registry.store, registry.clock, reseller=party, prefix=prefix, actor=actor().name
    )
    flash(_("The block was removed. Its numbers go back to the host network."), "ok")
    return redirect(url_for("moving.reseller", party=party), 303)


def _form(party: Party, *, fresh: bool = False) -> ResellerForm:
    """The form of a carrier's host, with the carriers that may be one."""
    form = ResellerForm(formdata=None) if fresh else ResellerForm()
    hosts = [
        each for each in registry_of().store.parties.all()
        if each.kind == "carrier" and not each.host and each.party != party.party and not each.sandbox
    ]  # fmt: skip
    named = [(each.party, figures.name_of(each)) for each in hosts]
    form.host.choices = choices(("", _("None: a network of its own")), *named)
    return form


def _shown(party: Party, form: ResellerForm, block_form: BlockForm) -> str:
    blocks = resellers.blocks_of(registry_of().store, party.party)
    return render_template(
        "officer/reseller.html", party=party, form=form, block_form=block_form, blocks=blocks
    )
