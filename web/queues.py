"""Pages of a party's desk: the reports that wait for its answer, answered one by one, many at once, or by a CSV file.

Rules of this room: everything is about the member's own party; nothing shows who reported or was called (rule 90), the
caller is whole only where it has to be answered for (ADR 31); a file comes back with the same columns, and what it
leaves empty stays unanswered.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from registry import deskwork
from registry.deskwork import COLUMNS, MOST, OPEN, STATES, Answer, DeskReport
from registry.errors import InvalidInputError, RegistryError
from registry.preferences import Category, Channel
from registry.readers import read
from registry.readers.rows import Row
from registry.times import iso, to_micros
from web import guard
from web.api.desk import tools
from web.api.desk_messages import slug_of
from web.current import registry_of
from web.deskforms import FINDINGS, AnswerForm
from web.labels import CATEGORIES, CHANNELS
from web.parties import actor, own_party, room
from web.people import Page
from web.tables import asked

blueprint = room("queues", __name__)

_ROWS = 50
_ANSWER = ("reference", "finding", "measure", "text")
HANDLING: dict[str, tuple[str, Any]] = {  # state -> colour, words
    "submitted": ("warn", lazy_gettext("Received")),
    "returned": ("warn", lazy_gettext("Sent back for completion")),
    "accepted": ("warn", lazy_gettext("Accepted")),
    "forwarded": ("warn", lazy_gettext("Waits for an answer")),
    "violation": ("stop", lazy_gettext("Violation found")),
    "unfounded": ("ok", lazy_gettext("No violation found")),
    "not_ours": ("warn", lazy_gettext("Not theirs")),
    "measured": ("stop", lazy_gettext("Measure taken")),
    "fed_back": ("ok", lazy_gettext("Answered")),
    "told": ("ok", lazy_gettext("Person told")),
    "reopened": ("warn", lazy_gettext("Opened again")),
    "appealed": ("warn", lazy_gettext("Objected to")),
    "closed": ("ok", lazy_gettext("Closed")),
}
_PROBLEMS = {
    "bad_finding": lazy_gettext("Please choose what you found."),
    "no_measure": lazy_gettext("Please say which measure you took."),
    "no_text": lazy_gettext("What the person is told has 2 to 500 characters."),
    "no_such_report": lazy_gettext("This report is not on your desk."),
    "no_such_move": lazy_gettext("This report was answered before."),
}


def _register(setup: BlueprintSetupState) -> None:
    setup.app.jinja_env.globals.update(
        handling_state=lambda state: HANDLING[state], finding_word=lambda word: dict(FINDINGS)[word],
        desk_category=lambda place: CATEGORIES[Category(place)] if place >= 0 else "–",
        desk_channel=lambda place: CHANNELS[Channel(place)],
    )


blueprint.record_once(_register)


def problem_of(error: RegistryError) -> str:
    """Why an answer was not taken, in words of the page's language."""
    return str(_PROBLEMS.get(error.code, error.detail))


@blueprint.get("/party/desk")
@guard.member("work_desk")
def overview() -> Page:
    """The desk, what is due first on top; by state, or only what is late."""
    registry, party = registry_of(), own_party().party
    seen = asked(state=STATES, only=("late",), places=("after",))
    after = min(seen.places["after"] or 0, 100_000)
    rows = deskwork.queue_of(
        tools(), party, states=(seen["state"],) if seen["state"] else OPEN, late=bool(seen["only"]), after=after,
        limit=_ROWS + 1,
    )
    counts = registry.store.handling.desk_counts(party, at=to_micros(registry.clock.now()))
    return render_template(
        "party/desk.html", rows=rows[:_ROWS], seen=seen, more=after + _ROWS if len(rows) > _ROWS else None,
        after=after, counts=counts, open=sum(counts.get(state, 0) for state in OPEN), open_states=OPEN,
        states=[(state, HANDLING[state][1]) for state in STATES], form=AnswerForm(),
    )  # fmt: skip


@blueprint.route("/party/desk/<reference>", methods=["GET", "POST"])
@guard.member("work_desk")
def one(reference: str) -> Page:
    """One report, and its answer."""
    party, form, status = own_party().party, AnswerForm(), 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                deskwork.answer(tools(), desk=party, actor=actor(), reference=reference, said=form.answer())
            except RegistryError as error:
                form.finding.errors = [problem_of(error)]
            else:
                flash(_("The report is answered."), "ok")
                return redirect(url_for("queues.overview"), 303)
    found = deskwork.opened(tools(), party, reference, actor=actor())
    return render_template("party/desk_one.html", report=found, form=form, open=found.state in OPEN), status


@blueprint.post("/party/desk/answers")
@guard.member("work_desk")
def many() -> Page:
    """Answer the ticked reports alike."""
    form, ticked = AnswerForm(), request.form.getlist("reference")[:_ROWS]
    if not ticked or not form.validate():
        flash(_("Tick reports, and say what you found."), "warn")
        return redirect(url_for("queues.overview"), 303)
    return _told([(reference, form.answer()) for reference in ticked])


@blueprint.get("/party/desk.csv")
@guard.member("work_desk")
def download() -> Response:
    """All open reports as CSV, with empty columns for the answers."""
    headers = {"Content-Disposition": 'attachment; filename="desk.csv"'}
    return Response(_csv(own_party().party), mimetype="text/csv", headers=headers)


def _csv(party: str) -> list[str]:
    """The lines of the file; read at once, because what is answered meanwhile leaves the desk."""
    rows = deskwork.fetched(tools(), party, actor=actor())
    return ["\ufeff" + _line(COLUMNS), *(_line(_cells(each)) for each in rows)]


def _cells(found: DeskReport) -> tuple[object, ...]:
    return (
        found.reference, found.state, iso(found.at), iso(found.received), iso(found.due) if found.due else "",
        found.late, found.kind, Channel(found.channel).slug, slug_of(found.category) or "", found.mode,
        found.caller.text.lstrip("+") if found.caller else "hidden", found.class_, found.finding, "", "",
    )  # fmt: skip


def _line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


@blueprint.post("/party/desk/file")
@guard.member("work_desk")
def upload() -> Page:
    """Answers from a CSV file; rows without a finding are left alone."""
    file = request.files.get("file")
    if file is None or not file.filename:
        flash(_("Please choose a file."), "warn")
        return redirect(url_for("queues.overview"), 303)
    try:
        answers = list(_answers(read(file.stream, format="csv", columns=frozenset(COLUMNS))))
    except InvalidInputError:
        flash(_("This is not a CSV file with the columns reference, finding, measure, text."), "warn")
        return redirect(url_for("queues.overview"), 303)
    return _told(answers[:MOST])


def _answers(rows: Any) -> Iterator[tuple[str, Answer]]:
    for row in rows:
        if isinstance(row, Row):
            said = {name: str(row.fields.get(name) or "").strip() for name in _ANSWER}
            if said["finding"]:
                yield said["reference"][:12], Answer(said["finding"], said["measure"], said["text"])


def _told(answers: list[tuple[str, Answer]]) -> Page:
    """Make answers, and say what became of them."""
    results = deskwork.answer_many(tools(), desk=own_party().party, actor=actor(), answers=answers)
    refused = [(each, _PROBLEMS.get(each.error, each.detail)) for each in results if each.error]
    return render_template("party/desk_told.html", taken=len(results) - len(refused), refused=refused)
