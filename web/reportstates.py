"""Pages on which a person follows an own report: each step in plain words until the last measure that came of it, what
is next; completing, evidence.

Rules of this room: an address holds a reference, which opens nothing to anybody but who proved the number; evidence is
taken in as it comes (`uploading`) and is never shown in a page, only handed out as a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO

from flask import Blueprint, flash, redirect, render_template, send_file, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import consequences, evidencefiles, peoplesreports
from registry.errors import ConflictError, InvalidInputError, SignInRequiredError
from registry.evidencefiles import EvidenceFile
from registry.handlingmoves import moves_from
from registry.sealing import unseal_one
from registry.times import from_micros
from web import cluewords, guard, labels, measurewords
from web.api.arriving import work_folder
from web.current import registry_of
from web.people import Page, masked, own_number, to_sign_in
from web.reportforms import MissingForm, TurnForm
from web.reporting import blame, tools_of
from web.reportwords import (
    CASE_STEPS,
    HARASSMENT,
    MEASURE_STEPS,
    MISSING,
    NEXT,
    PROBLEMS,
    PROVINCES,
    STATES,
    STEPS,
    TURNS,
)
from web.uploading import upload_of

blueprint = Blueprint("reportstates", __name__)
blueprint.register_error_handler(SignInRequiredError, to_sign_in)

_SANDBOX = "sandbox; default-src 'none'"


@blueprint.get("/my-reports/<reference>")
@guard.person
def one(reference: str) -> Page:
    """How an own report stands."""
    return _page(reference)


def _page(reference: str, *, form: MissingForm | None = None, problem: str = "", status: int = 200) -> Page:
    registry = registry_of()
    own = peoplesreports.own_report(tools_of(), reference=reference, reporter=own_number())
    found = own.handling
    colour, word = STATES[found.state]
    came = consequences.of_report(registry.store, found)
    page = render_template(
        "my_report.html", own=own, mode=labels.word("mode", found.mode), found=found, colour=colour, word=word,
        problem=problem, form=form or MissingForm(formdata=None),
        turn=TurnForm(formdata=None), masked=masked(own_number()), most=evidencefiles.MOST_BYTES,
        caller=unseal_one(registry.keys.at_rest, found.caller).masked if found.caller else _("Hidden number"),
        kind=HARASSMENT.get(own.kind, ""), province=PROVINCES.get(own.province, ""), next=NEXT[found.state],
        missing=[MISSING[name] for name in own.missing], lacks=own.missing,
        steps=sorted(_steps(own, came), key=lambda step: step[1]), measures=came.measures, words=measurewords,
        turns=[(made.action, TURNS[made.action]) for made in moves_from(found.state, "person") if made.action in TURNS],
        files=evidencefiles.files_of(registry.store, found), room=evidencefiles.MOST_FILES,
    )  # fmt: skip
    return page, status


def _steps(own: peoplesreports.Own, came: consequences.Consequences) -> Iterator[tuple[str, datetime]]:
    """What happened to a report, in words, with its moment: its own moves, those of its case, of measures, and what
    other departments got and did."""
    for move in own.moves:
        yield str(STEPS.get(move["action"], move["action"])), from_micros(move["at"])
    for step in came.steps:
        if step.measure is None:
            yield str(CASE_STEPS[step.action]), step.at
        else:
            yield str(MEASURE_STEPS[step.action]) % {"what": measurewords.MEASURES[step.measure.kind]}, step.at
    for row in registry_of().store.clues.told_of("report", own.handling.source, own.handling.source_id):
        to = cluewords.department(row["department"])
        if row["sent"]:
            yield _("Handed to: %(department)s", department=to), from_micros(row["sent"])
        if row["outcome"]:
            yield f"{to}{_(': ')}{cluewords.RESULTS[row['outcome']]}", from_micros(row["settled"])


@blueprint.post("/my-reports/<reference>/complete")
@guard.person
def complete(reference: str) -> Page:
    """Give what was missing."""
    registry, form = registry_of(), MissingForm()
    if form.validate():
        try:
            peoplesreports.complete(
                tools_of(), reference=reference, reporter=own_number(), actor=guard.actor_of_request(),
                country=registry.settings.numbers.country, caller=form.caller.data or "",
                description=form.description.data or "", consent=form.consent.data, shelf=registry.shelf,
            )
        except ConflictError as error:
            flash(str(PROBLEMS[error.code]), "warn")
            return redirect(url_for("reportstates.one", reference=reference), 303)
        except InvalidInputError as error:
            blame(form, error)
        else:
            flash(_("Thank you. Your report is complete now."), "ok")
            return redirect(url_for("reportstates.one", reference=reference), 303)
    return _page(reference, form=form, status=422)


@blueprint.post("/my-reports/<reference>/<action>")
@guard.person
def turn(reference: str, action: str) -> Page:
    """Have a report looked at again, say that one appealed, or close it."""
    form = TurnForm()
    if action in TURNS and form.validate():
        try:
            peoplesreports.turn(
                tools_of(), reference=reference, reporter=own_number(), actor=guard.actor_of_request(), action=action,
                note=form.note.data or "",
            )
        except ConflictError as error:
            flash(str(PROBLEMS[error.code]), "warn")
        else:
            flash(_("That is on record."), "ok")
    else:
        flash(_("That could not be done."), "warn")
    return redirect(url_for("reportstates.one", reference=reference), 303)


# evidence


@blueprint.post("/my-reports/<reference>/evidence")
@guard.person
def add_evidence(reference: str) -> Page:
    """Take a picture or sound in; the form's token is looked at as the body comes (`uploading`)."""
    registry = registry_of()
    found = peoplesreports.own_report(tools_of(), reference=reference, reporter=own_number()).handling
    try:
        upload = upload_of(evidencefiles.MOST_BYTES + 1)
        evidencefiles.add(
            registry.store, registry.keys, registry.clock, registry.shelf, work_folder(), found=found,
            source=upload.pieces,
        )
    except (InvalidInputError, ConflictError) as error:
        status = 413 if error.code in ("too_large", "evidence_too_large") else 422
        return _page(reference, form=MissingForm(formdata=None), problem=str(PROBLEMS[error.code]), status=status)
    flash(_("The file is with your report."), "ok")
    return redirect(url_for("reportstates.one", reference=reference), 303)


@blueprint.get("/my-reports/<reference>/evidence/<file>")
@guard.person
def own_evidence(reference: str, file: str) -> Response:
    """The own evidence, as a file."""
    registry = registry_of()
    found = peoplesreports.own_report(tools_of(), reference=reference, reporter=own_number()).handling
    made, content = evidencefiles.content_of(
        registry.store, registry.keys, registry.clock, registry.shelf, found=found, file=file,
        actor=guard.actor_of_request(),
    )  # fmt: skip
    return handed_out(made, content)


def handed_out(made: EvidenceFile, content: bytes) -> Response:
    """A file of evidence as an answer: never shown in a page, and nothing in it can run."""
    answer = send_file(BytesIO(content), made.type, as_attachment=True, download_name=made.name, max_age=0)
    answer.headers["Content-Security-Policy"] = _SANDBOX
    answer.headers["Cache-Control"] = "no-store"
    return answer

