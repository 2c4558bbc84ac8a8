"""Pages of fines against oneself: what is intended and why, a hearing that is asked for, a statement, the decision.

Rules of this room: everything is about the member's own party; another's fine is as one that does not exist; what a
notice or a decision says is what the office's paper says, word by word.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import finedefence
from registry.errors import ConflictError, InvalidInputError
from registry.fining import Penalty
from web import finewords, guard
from web.current import registry_of
from web.finedesk import must_have, shown
from web.parties import actor, own_party, room
from web.people import Page

blueprint = room("fines", __name__)


@blueprint.get("/party/fines")
@guard.member("see_own_party")
def overview() -> Page:
    """Fines against the own enterprise, newest first."""
    registry = registry_of()
    return render_template(
        "party/fines.html", fines=finedefence.against(registry.store, own_party().party), words=finewords,
        now=registry.clock.now(),
    )


@blueprint.get("/party/fines/<penalty>")
@guard.member("see_own_party")
def one(penalty: str) -> Page:
    """One fine, with what one can do about it."""
    return render_template("party/fine.html", **shown(_mine(penalty)))


@blueprint.get("/party/fines/<penalty>/paper/<any(notice, decision):which>")
@guard.member("see_own_party")
def paper(penalty: str, which: str) -> Page:
    """Notice or decision, to print."""
    found = _mine(penalty)
    must_have(found, which)
    return render_template("party/fine_paper.html", which=which, **shown(found))


@blueprint.post("/party/fines/<penalty>/<any(hearing, statement):what>")
@guard.member("work_desk")
def answer(penalty: str, what: str) -> Response:
    """Ask for a hearing, or write."""
    office, found = registry_of().fines, _mine(penalty)
    try:
        if what == "hearing":
            finedefence.ask_hearing(office, actor=actor(), penalty=found.penalty)
            flash(_("You asked to be heard. Nothing is decided before the hearing."), "ok")
        else:
            finedefence.state(office, actor=actor(), penalty=found.penalty, text=request.form.get("text", ""))
            flash(_("What you wrote was taken down and is read before the decision."), "ok")
    except (ConflictError, InvalidInputError) as error:
        flash(finewords.said(error), "warn")
    return redirect(url_for("fines.one", penalty=penalty), 303)


def _mine(penalty: str) -> Penalty:
    return finedefence.of_party(registry_of().store, own_party().party, penalty)
