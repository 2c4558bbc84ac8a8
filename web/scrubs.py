"""Pages of scrubs: what a telemarketer finds after sign-in, its history, one scrub while it runs and when it is done.

Rules of this room: everything is about the member's own party, and a scrub of another party is as one that does not
exist; a result streams out of its sealed file, and nothing of it is kept by browsers or proxies on the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
from flask import Response, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from werkzeug.wrappers import Response as WerkzeugResponse

from registry import quotas, scrubjobs, scrubkeeping
from registry.calllists.calllist import CallList, restored
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.quotas import Balance
from registry.scrubjobs import OPEN, ScrubJob
from registry.scrubreminders import due_reminders
from registry.times import to_micros
from web import guard, principals, scrubwords
from web.api.arriving import work_folder
from web.api.scrubresults import lines_of, whole
from web.current import registry_of
from web.parties import actor, own_party, room
from web.people import Page
from web.scrubwords import VERDICTS
from web.tables import asked

blueprint = room("scrubs", __name__)

STATES = ("uploading", "waiting", "running", "done", "failed", "cancelled", "deleted")
_ROWS = 50
_NEWEST = 5
_LOOKED_AT = 100
_OF_COLUMNS = frozenset({"no_number_column", "two_number_columns", "no_such_column"})  # they are chosen on a page


def _register(setup: BlueprintSetupState) -> None:
    setup.app.jinja_env.globals.update(
        scrub_state=scrubwords.state_of, scrub_reason=scrubwords.scrub_reason, scrub_verdict=scrubwords.verdict_of,
        scrub_problem=scrubwords.scrub_problem, principal=_principal,
    )
    setup.app.jinja_env.filters.update(in_days=scrubwords.in_days, seconds=scrubwords.seconds)


blueprint.record_once(_register)


def _principal(principal: str) -> str:
    return principals.name_of(own_party(), principal)


def own_job(scrub: str) -> ScrubJob:
    """A scrub of the member's party. Raises NotFoundError no_such_scrub."""
    return scrubjobs.job_of(registry_of().store, party=own_party().party, scrub=scrub)


# what there is


@blueprint.get("/party/scrubs")
@guard.member("see_scrubs")
def overview() -> Page:
    """What runs, what ends soon, what came out last."""
    registry, party = registry_of(), own_party().party
    jobs = scrubjobs.jobs_of(registry.store, party=party, limit=_LOOKED_AT)
    return render_template(
        "scrub/overview.html", running=[_shown(job) for job in jobs if job.state in OPEN],
        newest=[job for job in jobs if job.state not in OPEN][:_NEWEST],
        ending=_ending(jobs), now=registry.clock.now(), balance=_balance(),
    )


@blueprint.get("/party/balance")
@guard.member("see_scrubs")
def balance() -> Page:
    """What may still be asked for, and how it is counted."""
    return render_template("scrub/balance.html", balance=_balance())


def _balance() -> Balance:
    registry = registry_of()
    return quotas.balance(registry.store, registry.clock, registry.settings, own_party())


def _ending(jobs: Iterable[ScrubJob]) -> list[ScrubJob]:
    """Scrubs whose answers end soon, or ended some days ago, and that were not made again; the first to end first."""
    registry, party = registry_of(), own_party().party
    now, settings = registry.clock.now(), registry.settings.scrubs
    lately = now - timedelta(days=settings.remind_days)
    ended = [
        job for job in jobs
        if job.valid_until is not None and lately <= job.valid_until <= now and not job.sandbox
        and job.state in ("done", "deleted") and not registry.store.scrub_jobs.repeated(job)
    ]  # fmt: skip
    ended.sort(key=lambda job: job.valid_until or now)
    return [*ended, *due_reminders(registry.store, registry.clock, settings, party=party)]


@blueprint.get("/party/scrubs/history")
@guard.member("see_scrubs")
def history() -> Page:
    """All scrubs, newest first, by state and campaign."""
    registry, party = registry_of(), own_party().party
    seen = asked(state=STATES, texts=("campaign",), places=("before",))
    rows = registry.store.scrub_jobs.of_party(
        party, before=seen.places["before"] or 1 << 62, limit=_ROWS + 1, state=seen["state"],
        campaign=seen["campaign"],
    )
    return render_template(
        "scrub/history.html", rows=rows[:_ROWS], seen=seen,
        older=to_micros(rows[_ROWS - 1].created) if len(rows) > _ROWS else None,
        states=[(state, scrubwords.state_word(state)) for state in STATES],
        campaigns=[(name, name) for name in registry.store.scrub_jobs.campaigns(party, limit=_LOOKED_AT)],
    )


# one scrub


@blueprint.get("/party/scrubs/<scrub>")
@guard.member("see_scrubs")
def one(scrub: str) -> Page:
    """One scrub: how far it is, or what came of it."""
    job = own_job(scrub)
    if job.state == "uploading":
        return redirect(url_for("scrubasking.ask", scrub=scrub), 303)
    if job.state in OPEN:
        return render_template("scrub/progress.html", job=job, shown=_shown(job))
    if job.lines and job.state in ("done", "deleted"):
        return render_template("scrub/result.html", job=job, **_result(job))
    kept = job.state == "failed" and bool(registry_of().store.scrub_jobs.parts(scrub))
    return render_template("scrub/ended.html", job=job, kept=kept, choose=job.problem in _OF_COLUMNS)


def _result(job: ScrubJob) -> dict[str, Any]:
    """What the page of a result shows of it."""
    registry = registry_of()
    took = (job.finished - job.started).total_seconds() if job.finished and job.started else None
    return {
        "verdicts": job.verdicts(), "reasons": scrubwords.reasons_of(job), "took": took,
        "sentence": scrubwords.sentence_of_reasons(job), "now": registry.clock.now(),
        "kept_hours": registry.settings.scrubs.kept_hours, "remind_days": registry.settings.scrubs.remind_days,
        "there": job.state == "done",
        "receipt_url": url_for("receipts.one", scrub=job.scrub) if job.receipt else "",
    }


@blueprint.get("/party/scrubs/<scrub>/progress")
@guard.member("see_scrubs")
def progress(scrub: str) -> WerkzeugResponse:
    """How far a scrub is, for the script of its page."""
    return Response(msgspec.json.encode(_shown(own_job(scrub))), mimetype="application/json")


def _shown(job: ScrubJob) -> dict[str, Any]:
    """How far a scrub is, in words of the page's language."""
    registry = registry_of()
    open_ = job.state in OPEN
    return {
        "scrub": job.scrub, "name": job.ask.campaign or job.name, "state": job.state,
        "colour": scrubwords.state_of(job)[0], "word": scrubwords.state_of(job)[1],
        "sentence": scrubwords.what_happens(job, _ahead(job)) if open_ else "",
        "percent": int(100 * job.share), "lines": scrubwords.lines_read(job),
        "left": scrubwords.time_left(job, registry.clock.now()), "ended": not open_,
        "runs": job.state == "running",
    }


def _ahead(job: ScrubJob) -> int:
    """How many scrubs may have their turn before one that waits."""
    if job.state != "waiting" or job.lane != "usual" or job.submitted is None:
        return 0
    waiting = registry_of().store.scrub_jobs.in_states(("waiting",), limit=_LOOKED_AT)
    return sum(
        1 for each in waiting
        if each.lane == "usual" and each.scrub != job.scrub and (each.submitted or each.created) < job.submitted
    )  # fmt: skip


@blueprint.post("/party/scrubs/<scrub>/cancel")
@guard.member("scrub")
def cancel(scrub: str) -> Page:
    """Stop it."""
    registry = registry_of()
    try:
        scrubjobs.cancel(registry.store, registry.clock, job=own_job(scrub), actor=actor())
    except ConflictError as error:
        flash(scrubwords.scrub_problem(error.code), "warn")
    else:
        flash(_("The check was stopped."), "ok")
    return redirect(url_for("scrubs.one", scrub=scrub), 303)


@blueprint.post("/party/scrubs/<scrub>/again")
@guard.member("scrub")
def again(scrub: str) -> Page:
    """Check the same list again; with `ask` what it is asked for is chosen first."""
    registry, ask_first = registry_of(), "ask" in request.form
    try:
        made = scrubkeeping.again(
            registry.store, registry.clock, registry.settings.scrubs, registry.shelf, registry.keys, work_folder(),
            actor=actor(), job=own_job(scrub), submit=not ask_first,
        )
    except (ConflictError, InvalidInputError, NotFoundError) as error:
        if error.code == "no_such_scrub":
            raise
        flash(scrubwords.scrub_problem(error.code), "warn")
        return redirect(url_for("scrubs.one", scrub=scrub), 303)
    return redirect(url_for("scrubs.one", scrub=made.scrub), 303)


@blueprint.post("/party/scrubs/<scrub>/delete")
@guard.member("scrub")
def delete(scrub: str) -> Page:
    """Delete the list and the result at once; figures and receipt stay."""
    registry = registry_of()
    scrubkeeping.delete(registry.store, registry.clock, registry.shelf, job=own_job(scrub), actor=actor())
    flash(_("The files were deleted."), "ok")
    return redirect(url_for("scrubs.one", scrub=scrub), 303)


# the result


@blueprint.get("/party/scrubs/<scrub>/result")
@guard.member("see_scrubs")
def download(scrub: str) -> WerkzeugResponse:
    """The result, whole or the lines of one verdict, in the format in which the list came."""
    registry, job = registry_of(), own_job(scrub)
    try:
        scrubjobs.must_have_result(job)
    except ConflictError:
        flash(scrubwords.scrub_problem("not_done"), "warn")
        return redirect(url_for("scrubs.one", scrub=scrub), 303)
    only, found = asked(only=tuple(VERDICTS))["only"], restored(job.found)
    answer = lines_of(job, found, only) if only else whole(job, found)
    if answer.status_code in (200, 206):
        scrubjobs.picked_up(registry.store, registry.clock, registry.settings.scrubs, job=job)
    answer.headers.set("Content-Disposition", "attachment", filename=_file_name(job, found, only))
    return answer


def _file_name(job: ScrubJob, found: CallList, only: str) -> str:
    """A name that is safe anywhere: ASCII letters, digits and dashes."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in job.name.rpartition(".")[0])
    stem = "-".join(part for part in plain.split("-") if part)[:40] or "call-list"
    return f"{stem}-{only or 'checked'}.{found.ending}"
