"""The page of one report at the centre: what was said, how it was judged, who answers, what was done, what may be done.

Rules of this room: callers are masked, texts are shown without numbers, who reported is nowhere (rules 90, 115); who
only reads gets no forms; what stands against a step is said on the page.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import centre, evidencefiles
from registry.access import may
from registry.centre import ACTIONS
from registry.errors import RegistryError
from registry.handling import Handling, of_reference
from registry.handlingmoves import moves_from
from registry.keys import FIRST_EPOCH
from registry.peoplesreports import MISSING
from registry.resources import LINKS, Chain, chain_at
from registry.sealing import unseal_one, unseal_text
from web import centrewords, guard, reportwords
from web.api.desk import tools
from web.cases import names_of
from web.centre import desks, named
from web.centreforms import CentreAnswerForm, last_seen, seen_of
from web.current import registry_of
from web.officers import room
from web.parties import actor
from web.people import Page
from web.shownreports import ShownReport, shown, trace_of

blueprint = room("centrefiles", __name__)


@blueprint.get("/officer/reports/<reference>")
@guard.member("see_reports")
def one(reference: str) -> Page:
    """One report."""
    return _page(of_reference(registry_of().store, reference), CentreAnswerForm(formdata=None)), 200


def _page(found: Handling, form: CentreAnswerForm) -> str:
    registry = registry_of()
    store, parties = registry.store, registry.store.parties.all()
    row = store.centre.shown(found.reference)
    assert row is not None
    report, chain = shown(row), _chain(found)
    beyond = store.peoples_reports.one(found.source, found.source_id) or {}
    printing = request.args.get("print") == "1"
    possible = {made.action for made in moves_from(found.state, "centre")}
    takes = may(actor(), "take_reports") and not printing
    form.seen.data = seen_of(found)
    return render_template(
        "centre/one.html", found=found, report=report, traced=trace_of(report), words=centrewords, printing=printing,
        now=registry.clock.now(), moves=store.handling.moves(found.source, found.source_id),
        names=named(parties) | names_of() | _enterprises(found, chain), chain=chain, links=LINKS, beyond=beyond,
        kind=reportwords.HARASSMENT.get(beyond.get("kind") or "", ""),
        province=reportwords.PROVINCES.get(found.province),
        files=evidencefiles.files_of(store, found), told=_told(found), alike=_alike(report),
        actions=[action for action in ACTIONS if action in possible] if takes else [],
        answers=takes and bool(possible & {"find_violation", "measure", "feed_back"}), form=form,
        seen=seen_of(found), missing=reportwords.MISSING, desks=desks(parties),
    )  # fmt: skip


def _chain(found: Handling) -> Chain | None:
    """Who answered for the caller at that time, as the register of number resources knows it now."""
    registry = registry_of()
    if found.caller is None:
        return None
    caller = unseal_one(registry.keys.at_rest, found.caller)
    return chain_at(registry.store, registry.keys, registry.plan, caller, found.at)


def _enterprises(found: Handling, chain: Chain | None) -> dict[str, str]:
    ids = {found.provider, found.content, *((chain.provider, chain.content) if chain else ())} - {""}
    return {name: each.name for name, each in registry_of().store.enterprises.these(ids).items()}


def _alike(report: ShownReport) -> ShownReport | None:
    """The newest other report with nearly the same text, to stand beside it."""
    row = registry_of().store.centre.alike(report.row["cluster"], report.reference)
    return shown(row) if row else None


def _told(found: Handling) -> str:
    """What the person is told, as it was written."""
    key = registry_of().keys.derive("at-rest", "report", FIRST_EPOCH)
    return unseal_text(key, found.answer) if found.answer else ""


@blueprint.post("/officer/reports/<reference>/do/<action>")
@guard.member("take_reports")
def act(reference: str, action: str) -> Response:
    """Make one move of a report."""
    form = request.form
    try:
        centre.act(
            tools(), actor=actor(), reference=reference, action=action, note=form.get("note", ""),
            desk=form.get("desk", ""), missing=[name for name in form.getlist("missing") if name in MISSING],
            seen=last_seen(),
        )  # fmt: skip
    except RegistryError as error:
        if error.code == "no_such_report":
            raise
        flash(centrewords.said(error), "warn")
    else:
        flash(_("Done. It stands in the timeline."), "ok")
    return redirect(url_for("centrefiles.one", reference=reference), 303)


@blueprint.post("/officer/reports/<reference>/answer")
@guard.member("take_reports")
def answer(reference: str) -> Page:
    """Find, measure and feed back in the centre's own name."""
    found, form = of_reference(registry_of().store, reference), CentreAnswerForm()
    if form.validate():
        try:
            centre.answer(tools(), actor=actor(), reference=reference, said=form.answer(), seen=last_seen())
        except RegistryError as error:
            form.finding.errors = [centrewords.said(error)]
        else:
            flash(_("The report is answered."), "ok")
            return redirect(url_for("centrefiles.one", reference=reference), 303)
    return _page(of_reference(registry_of().store, found.reference), form), 422
