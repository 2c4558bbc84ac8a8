"""The officers' page of alarms: carriers whose lists were weakened, differ or are late; an officer sees to a finding.

Rules of this room: the carrier is named; what weakened a refusal stays on top until an officer says what came of it.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import findings, guardalarms
from registry.alarms import Alarm, alarms
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, SignInRequiredError
from registry.guardalarms import GuardAlarm
from web import figures, guard, menus
from web.current import registry_of
from web.forms import SeenForm
from web.parties import actor, refused, to_sign_in
from web.people import Page

blueprint = Blueprint("alarms", __name__)
blueprint.register_error_handler(SignInRequiredError, to_sign_in)
blueprint.register_error_handler(NotAllowedError, refused)
blueprint.context_processor(lambda: menus.shown(menus.OFFICE, actor))

_FINDINGS = 100


def ringing() -> tuple[Alarm, ...]:
    """The alarms of this moment."""
    registry = registry_of()
    return alarms(registry.store, registry.clock, lag_minutes=registry.settings.publish.lag_alarm_minutes)


def waiting() -> tuple[GuardAlarm, ...]:
    """Alarms about what telemarketers ask for, which wait for an officer."""
    return guardalarms.open_alarms(registry_of().store)


@blueprint.get("/officer/alarms")
@guard.member("see_overview")
def page() -> Page:
    """The alarms, and the newest findings."""
    registry = registry_of()
    return render_template(
        "officer/alarms.html", alarms=ringing(), guessing=waiting(), called=figures.names(registry),
        findings=registry.store.findings.newest(limit=_FINDINGS), form=SeenForm(),
    )


@blueprint.post("/officer/alarms/<finding>")
@guard.member("settle_alarms")
def see(finding: str) -> Response:
    """An officer has seen a finding, and says what came of it."""
    registry, form = registry_of(), SeenForm()
    note = form.note.data or "" if form.validate() else ""
    try:
        findings.see(registry.store, registry.clock, finding=finding, note=note, actor=actor().name)
    except InvalidInputError:
        flash(_("Please say what came of it."), "warn")
    except ConflictError:
        flash(_("Somebody has seen to this already."), "warn")
    else:
        flash(_("The alarm is settled."), "ok")
    return redirect(url_for("alarms.page"), 303)
