"""The page on which people see whether their number is marked in the open data, and say that the mark is wrong.

Rules of this room: the number is the one that was proved, and is shown masked.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from registry import markappeals, opendata
from registry.errors import RegistryError, SignInRequiredError
from web import guard
from web.current import registry_of
from web.people import Page, masked, own_number, to_sign_in

blueprint = Blueprint("marking", __name__)
blueprint.register_error_handler(SignInRequiredError, to_sign_in)


@blueprint.route("/my-number/mark", methods=["GET", "POST"])
@guard.person
def mine() -> Page:
    """The mark on the proved number, and its appeals."""
    registry, number = registry_of(), own_number()
    zone = registry.settings.numbers.zone
    if request.method == "POST":
        try:
            state = markappeals.appeal(registry.store, registry.clock, registry.keys, number=number)
        except RegistryError:
            flash(_("It was not taken: there is no mark, an appeal is waiting, or there were too many today."), "warn")
        else:
            done = state == markappeals.CLEARED
            flash(_("The mark is gone.") if done else _("Your appeal was taken. An officer decides."), "ok")
        return redirect(url_for("marking.mine"), 303)
    appeals = markappeals.of_number(registry.store, registry.keys, number, zone=zone)
    return render_template(
        "my_mark.html", masked=masked(number), appeals=appeals, fewest=opendata.FEWEST,
        mark=opendata.mark_of(registry.store, registry.keys, number, zone=zone),
        waits=any(each.state == markappeals.WAITING for each in appeals),
    )
