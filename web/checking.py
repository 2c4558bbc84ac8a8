"""The quick check: up to ten numbers on a page, each with its answer, why, under which rule, until when.

Rules of this room: numbers travel in the body of a form alone and stand in the page that answers it, nowhere else; the
answers are those of the API and of scrubs.
"""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from registry import scrubjobs
from registry.checks import Checked
from registry.errors import InvalidInputError, NotAllowedError, TooManyError, UnavailableError
from web import guard, principals
from web.current import checker_of, registry_of
from web.parties import actor, own_party, room
from web.people import Page, status_of
from web.scrubforms import QuickForm

blueprint = room("checking", __name__)


@blueprint.route("/party/check", methods=["GET", "POST"])
@guard.member("scrub")
def quick() -> Page:
    """Ask, and the answers beneath."""
    form, status = QuickForm(), 200
    form.offer(principals.choices_of(own_party()))
    found: Checked | None = None
    if request.method == "GET":
        _as_last(form)
    elif not form.validate():
        status = 422
    else:
        try:
            found = checker_of().check(actor=actor(), ask=form.ask(country=_country()), numbers=form.typed)
        except (InvalidInputError, TooManyError, UnavailableError) as error:
            form.blame(error)
            status = status_of(error)
        except NotAllowedError as error:
            form.blame(error)
            status = 403
    shown: Any = list(zip(form.typed, found.answers)) if found else []
    return render_template("scrub/quick.html", form=form, found=found, shown=shown), status


def _as_last(form: QuickForm) -> None:
    last = scrubjobs.jobs_of(registry_of().store, party=own_party().party, limit=1)
    if last:
        form.show(last[0].ask)


def _country() -> str:
    return registry_of().settings.numbers.country
