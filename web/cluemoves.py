"""What officers do with batches of clues, and the page on which a department fetches its package.

Rules of this room:
- Each form goes through its use case, which asks whether the role may; what stands against it is said on the page.
- A code is shown once, and comes back in the body of a form alone; an address holds neither a code nor a number.
- An upload is read as it comes and lies nowhere (`uploading.py`); what became of each of its rows is said.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from registry import clueanswers, cluemaking, clues, cluework, limits
from registry.clueanswers import Answer, Told
from registry.cluemaking import Office
from registry.clues import Batch
from registry.errors import InvalidInputError, NotFoundError, RegistryError
from registry.times import local
from web import cluewords, guard, once
from web.current import address_of, registry_of
from web.officers import room
from web.parties import actor
from web.people import Page
from web.uploading import upload_of

MOST_BYTES = 8 * 1024 * 1024
_FETCHES_AN_HOUR = 20  # of one address
_SHOWN = 200  # refused answers on a page
blueprint = room("cluemoves", __name__)
public = Blueprint("cluefetching", __name__)

Form = Mapping[str, Any]


def office() -> Office:
    """With what clues are made and packed."""
    registry = registry_of()
    return Office(
        registry.store, registry.clock, registry.keys, registry.receipt_keys, registry.settings.numbers.zone
    )


@blueprint.post("/officer/clues/<batch>/do/<what>")
@(guard.member("propose") | guard.member("work_cases") | guard.member("decide"))
def act(batch: str, what: str) -> Response:
    """Do something about a batch; what it is decides who may (asked in the use case)."""
    if what not in _ACTS:
        raise NotFoundError("There is no such action.", code="not_found")
    try:
        _ACTS[what](batch, request.form)
    except NotFoundError as error:
        if error.code == "no_such_batch":
            raise
        flash(cluewords.said(error), "warn")
    except RegistryError as error:
        flash(cluewords.said(error), "warn")
    else:
        flash(_("Done. It stands in the timeline."), "ok")
    return redirect(url_for("clues.one", batch=batch), 303)


def _assign(batch: str, form: Form) -> None:
    cluework.assign(office(), actor=actor(), batch=batch, department=form.get("department", ""), reason=_why(form))


def _review(batch: str, form: Form) -> None:
    cluework.review(*_at(), actor=actor(), batch=batch, note=_why(form))


def _discard(batch: str, form: Form) -> None:
    cluework.discard(*_at(), actor=actor(), batch=batch, reason=_why(form))


def _send(batch: str, form: Form) -> None:
    _tell(cluework.send(*_at(), actor=actor(), batch=batch, way=form.get("way", ""), reason=_why(form)))


def _link(batch: str, form: Form) -> None:
    _tell(cluework.link(*_at(), actor=actor(), batch=batch, reason=_why(form)))


def _tell(sent: cluework.Sent) -> None:
    if sent.code:
        once.hand_over(f"code-{sent.batch.batch}", sent.code)


def _receive(batch: str, form: Form) -> None:
    cluework.receive(
        *_at(), actor=actor(), batch=batch, at=_day(form.get("date", "")), receiver=form.get("receiver", ""),
        file_number=form.get("file_number", ""),
    )


def _day(text: str) -> datetime:
    """The end of a local day, or now where that is today. Raises InvalidInputError bad_date."""
    registry = registry_of()
    zone, now = registry.settings.numbers.zone, registry.clock.now()
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInputError("This is no date.", code="bad_date") from error
    if day == local(now, zone).date():
        return now
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)) - timedelta(seconds=1)


_ACTS: Mapping[str, Callable[[str, Form], None]] = {
    "assign": _assign, "review": _review, "discard": _discard, "send": _send, "link": _link, "receive": _receive,
}  # fmt: skip


def _at() -> tuple[Any, Any]:
    registry = registry_of()
    return registry.store, registry.clock


def _why(form: Form) -> str:
    return str(form.get("reason", ""))


@blueprint.post("/officer/clues/<batch>/package")
@guard.member("decide")
def download(batch: str) -> Response:
    """The package, for whoever hands it over; what for stands in the trail."""
    try:
        found, content = cluework.download(office(), actor=actor(), batch=batch, reason=_why(request.form))
    except NotFoundError:
        raise
    except RegistryError as error:
        flash(cluewords.said(error), "warn")
        return redirect(url_for("clues.one", batch=batch), 303)
    return _file(found, content)


def _file(batch: Batch, content: bytes) -> Response:
    answer = Response(content, mimetype="application/zip")
    name = f"clues-{batch.quarter}-{batch.department}-{batch.batch}.zip"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


# answers of departments


@blueprint.post("/officer/clues/<batch>/answers")
@guard.member("work_cases")
def answers(batch: str) -> Page:
    """The same answer for the chosen clues, or for all that it can be given to."""
    form = request.form
    result, to, note = (form.get(name, "").strip() for name in ("result", "department", "note"))
    chosen = list(dict.fromkeys(form.getlist("clue")))[:1000]
    if form.get("which") == "all":
        return _told(batch, lambda: clueanswers.answer_all(
            *_at(), actor=actor(), batch=batch, result=result, department=to, note=note))  # fmt: skip
    if not chosen:
        flash(_("Choose some clues first."), "warn")
        return redirect(url_for("clues.one", batch=batch), 303)
    given = [Answer(clue, result, to, note) for clue in chosen]
    return _told(batch, lambda: clueanswers.answer(*_at(), actor=actor(), batch=batch, answers=given))


@blueprint.post("/officer/clues/<batch>/file")
@guard.member("work_cases")
def upload(batch: str) -> Page:
    """The answers of a department from the file that it sent back; what became of each row."""

    def taken() -> tuple[Told, ...]:
        file, held = upload_of(MOST_BYTES), bytearray()
        for piece in file.pieces:
            held += piece
        given = clueanswers.read_answers(io.BytesIO(bytes(held)))
        return clueanswers.answer(*_at(), actor=actor(), batch=batch, answers=given)

    return _told(batch, taken)


def _told(batch: str, take: Callable[[], tuple[Told, ...]]) -> Page:
    """Take answers; where all were taken back to the batch, else a page of those that were not."""
    try:
        told = take()
    except NotFoundError:
        raise
    except RegistryError as error:
        flash(cluewords.said(error), "warn")
        return redirect(url_for("clues.one", batch=batch), 303)
    refused = [each for each in told if each.error is not None]
    taken = len(told) - len(refused)
    flash(ngettext("%(num)d answer was taken.", "%(num)d answers were taken.", taken), "ok" if taken else "warn")
    if not refused:
        return redirect(url_for("clues.one", batch=batch), 303)
    return render_template(
        "clues/told.html", batch=clues.batch_of(registry_of().store, batch), refused=refused[:_SHOWN],
        count=len(refused), words=cluewords,
    )  # fmt: skip


# what somebody refers


@blueprint.post("/officer/clues/refer")
@guard.member("propose")
def refer() -> Response:
    """Refer a case to a department, that of its industry unless one is named."""
    form = request.form
    try:
        clues.refer(*_at(), actor=actor(), reason=_why(form), case_id=form.get("case", "").strip().lower()[:40],
                    department=form.get("department", ""))  # fmt: skip
    except RegistryError as error:
        flash(cluewords.said(error), "warn")
    else:
        flash(_("It waits for the department's next package."), "ok")
    if form.get("from") == "case":
        return redirect(url_for("casefiles.one", case_id=form.get("case", "-")), 303)
    return redirect(url_for("clues.overview"), 303)


@blueprint.post("/officer/clues/addendum")
@guard.member("propose")
def addendum() -> Response:
    """Pack what waits for a department now."""
    try:
        made = cluemaking.make_addendum(office(), actor=actor(), department=request.form.get("department", ""))
    except RegistryError as error:
        flash(cluewords.said(error), "warn")
        return redirect(url_for("clues.overview"), 303)
    return redirect(url_for("clues.one", batch=made.batch), 303)


# the department


@public.route("/clues/<batch>", methods=["GET", "POST"])
@guard.public
def fetch(batch: str) -> Page:
    """A department fetches its package by the code that it was told, and signs for it."""
    wrong = ""
    if request.method == "POST":
        registry, form = registry_of(), request.form
        try:
            limits.spend(
                registry.store, registry.clock, name="clue-fetch", most=_FETCHES_AN_HOUR, per_s=3600,
                subject=limits.address_subject(registry.keys, address_of()),
            )
            return _file(*cluework.fetch(
                office(), batch=batch, code=form.get("code", ""), receiver=form.get("receiver", ""),
                file_number=form.get("file_number", ""),
            ))  # fmt: skip
        except RegistryError as error:
            wrong = cluewords.said(error)
    page = render_template("clues/fetch.html", batch=batch, wrong=wrong, given=request.form)
    return page, 422 if wrong else 200
